// Resampling along one dimension: a sparse matrix, few weights in a row.
#pragma once
#include <cstdint>
#include <vector>

namespace flambeau {

enum class Resampling : uint8_t { Nearest, NearestExact, Linear, Cubic, Lanczos };

struct ResampleOptions {
  Resampling mode = Resampling::Nearest;
  bool align_corners = false;
  double scale = 0;        // output size / input size as the user gave it; 0: from the sizes
  bool antialias = false;  // widen the filter when shrinking
  bool in_double = false;  // positions are computed in float otherwise, as for float images
};

// Output j is the sum of weight[i] * input[index[i]] for i in [first[j], first[j + 1]).
struct ResampleTable {
  std::vector<int64_t> first, index;
  std::vector<double> weight;
};
ResampleTable resample_table(int64_t in, int64_t out, const ResampleOptions& options);

// x: (outer, in, inner), y: (outer, out, inner), both dense.
template <class T>
void resample(const ResampleTable& t, int64_t outer, int64_t in, int64_t inner, const T* x, T* y);
template <class T>
void resample_adjoint(const ResampleTable& t, int64_t outer, int64_t in, int64_t inner, const T* y,
                      T* x);

}  // namespace flambeau
