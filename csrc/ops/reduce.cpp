#include "cpu/copy.h"
#include "impl_reduce.h"

namespace flambeau::impl {

Tensor sum(const Tensor& self, const std::optional<Dims>& dim, bool keepdim, std::optional<DType> dtype) {
  const Dims dims = wrap_dims(dim.value_or(Dims()), self.dim(), "sum", true);
  const DType out_dtype = dtype.value_or(is_integral(self.dtype()) ? DType::Int64 : self.dtype());
  Dims kept = self.sizes(), strides(self.dim()), result;
  for (int64_t d : dims) kept[d] = 1;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (keepdim || std::find(dims.begin(), dims.end(), d) == dims.end()) result.push_back(kept[d]);
  }
  Tensor out = empty(kept, out_dtype, self.device(), "sum");
  if (!out.is_meta()) {
    fill_elements(out, 0);
    const Tensor in = contiguous(to_dtype(self, out_dtype));
    visit_dtype(out_dtype, [&]<class T>() {
      const Dims os = out.strides();
      for (int64_t i = 0; i < in.numel(); ++i) {
        int64_t r = i, o = 0;
        for (int64_t d = in.dim() - 1; d >= 0; --d) {
          const int64_t c = r % in.size(d);
          r /= in.size(d);
          if (kept[d] != 1) o += c * os[d];
        }
        T& to = out.data<T>()[o];
        to = static_cast<T>(static_cast<compute_t<T>>(to) + static_cast<compute_t<T>>(in.data<T>()[i]));
      }
    });
  }
  return alias(out, result, contiguous_strides(result), 0);
}

Tensor any(const Tensor& self) {
  Tensor out = scalar_tensor(false, DType::Bool, self.device());
  if (out.is_meta()) return out;
  const Tensor in = contiguous(to_dtype(self, DType::Bool));
  bool found = false;
  for (int64_t i = 0; i < in.numel(); ++i) found |= in.data<bool>()[i];
  *out.data<bool>() = found;
  return out;
}

}  // namespace flambeau::impl
