#include "ops/dropout_mask.h"

#include "cpu/copy.h"
#include "cpu/random.h"
#include "cpu/thread_pool.h"

namespace flambeau {

void draw_dropout_mask(const Tensor& mask, double p) {
  if (mask.is_meta() || mask.numel() == 0) return;
  if (p >= 1) return fill_elements(mask, 0);
  // A dense layout is filled in the order of memory.
  fill_bernoulli(default_generator(), mask.dtype(), mask.raw(), mask.numel(), 1 - p);
  visit_floating(mask.dtype(), "dropout", [&]<class T>() {
    const auto keep = static_cast<compute_t<T>>(1 - p);
    T* m = mask.data<T>();
    parallel_for(mask.numel(), 16384, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        m[i] = static_cast<T>(static_cast<compute_t<T>>(m[i]) / keep);
    });
  });
}

Tensor dropout_mask(const Tensor& like, double p) {
  Tensor mask = empty_like(like);
  draw_dropout_mask(mask, p);
  return mask;
}

}  // namespace flambeau
