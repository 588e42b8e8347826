#include "ops/linalg_support.h"

#include "cpu/copy.h"
#include "cpu/pointwise.h"

namespace flambeau {

void check_matrix(const Tensor& a, const char* op, bool square, const char* name) {
  FB_CHECK(a.dim() >= 2, op, ": The input tensor ", name, " must have at least 2 dimensions.");
  FB_CHECK(a.dtype() == DType::Float32 || a.dtype() == DType::Float64 || is_complex(a.dtype()), op,
           ": Expected a floating point or complex tensor as input. Got ", type_name(a.dtype()),
           is_half(a.dtype()) ? " (half types have no LAPACK; convert to float32)" : "");
  FB_CHECK(!square || rows(a) == columns(a), op, ": ", name,
           " must be batches of square matrices, but they are ", rows(a), " by ", columns(a),
           " matrices");
  // LAPACK counts in 32 bits, elements of workspaces too.
  FB_CHECK(rows(a) < 46340 && columns(a) < 46340, op, ": matrices of ", rows(a), " by ", columns(a),
           " are too large for LAPACK");
}

void check_same(const Tensor& a, const Tensor& b, const char* op) {
  FB_CHECK(a.dtype() == b.dtype(), op,
           ": Expected A and B to have the same dtype, but found A of type ", type_name(a.dtype()),
           " and B of type ", type_name(b.dtype()), " instead");
}

Dims batch_of(const Tensor& a) { return Dims(a.sizes().begin(), a.sizes().end() - 2); }

Dims with_batch(const Dims& batch, std::initializer_list<int64_t> sizes) {
  Dims all = batch;
  all.append(sizes.begin(), sizes.end());
  return all;
}

Tensor empty_columns(const Dims& sizes, DType dtype, Device device, const char* op) {
  Dims strides = contiguous_strides(sizes);
  const size_t n = sizes.size();
  strides[n - 2] = 1;
  strides[n - 1] = std::max<int64_t>(1, sizes[n - 2]);
  return empty_strided(sizes, strides, dtype, device, op);
}

Tensor copy_columns(const Tensor& a, const char* op) {
  Tensor copy = empty_columns(a.sizes(), a.dtype(), a.device(), op);
  if (!copy.is_meta()) copy_elements(copy, a, op);
  return copy;
}

Tensor expand_batch(const Tensor& a, const Dims& batch) {
  Dims sizes = with_batch(batch, {rows(a), columns(a)}), strides(sizes.size());
  const size_t extra = sizes.size() - a.sizes().size();
  for (size_t d = extra; d < sizes.size(); ++d) {
    const auto own = static_cast<int64_t>(d - extra);
    strides[d] = a.size(own) == sizes[d] ? a.stride(own) : 0;
  }
  return alias(a, sizes, strides, a.offset());
}

int64_t batch_count(const Tensor& a) {
  int64_t n = 1;
  for (int64_t d = 0; d < a.dim() - 2; ++d) n *= a.size(d);
  return n;
}

void check_infos(const Tensor& infos, const char* op, const char* what) {
  if (infos.is_meta()) return;
  const int32_t* info = infos.data<int32_t>();
  for (int64_t i = 0; i < infos.numel(); ++i) {
    FB_CHECK(info[i] == 0, op, ": ", infos.dim() ? str("(Batch element ", i, "): ") : std::string(),
             what, " (error code: ", info[i], ").");
  }
}

}  // namespace flambeau
