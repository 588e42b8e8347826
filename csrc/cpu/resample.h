// Resampling of images: along each dimension a sparse matrix, few weights in a row.
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
  int64_t in = 0;
  std::vector<int64_t> first{0}, index;
  std::vector<double> weight;

  int64_t out() const { return static_cast<int64_t>(first.size()) - 1; }
};
ResampleTable resample_table(int64_t in, int64_t out, const ResampleOptions& options);
ResampleTable transposed(const ResampleTable& t);

// x: (outer, in..., inner), y: (outer, out..., inner), both dense, with a table for each of the
// dimensions between.
template <class T>
void resample(const std::vector<ResampleTable>& tables, int64_t outer, int64_t inner, const T* x,
              T* y);

}  // namespace flambeau
