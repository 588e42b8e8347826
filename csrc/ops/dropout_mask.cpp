#include "ops/dropout_mask.h"

#include "cpu/copy.h"
#include "cpu/random.h"

namespace flambeau {

Tensor dropout_mask(const Tensor& like, double p) {
  Tensor mask = empty_like(like);
  if (mask.is_meta() || mask.numel() == 0) return mask;
  if (p >= 1) {
    fill_elements(mask, 0);
    return mask;
  }
  // A dense layout is filled in the order of memory.
  fill_bernoulli(default_generator(), mask.dtype(), mask.raw(), mask.numel(), 1 - p);
  visit_floating(mask.dtype(), "dropout", [&]<class T>() {
    const auto keep = static_cast<compute_t<T>>(1 - p);
    T* m = mask.data<T>();
    for (int64_t i = 0; i < mask.numel(); ++i)
      m[i] = static_cast<T>(static_cast<compute_t<T>>(m[i]) / keep);
  });
  return mask;
}

}  // namespace flambeau
