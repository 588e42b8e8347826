#include "ops/op_support.h"

#include <atomic>

#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {

void refuse_zero_divisor(const char* op, const Tensor& self, const Tensor& other) {
  if (!is_integral(self.dtype()) || !is_integral(other.dtype()) || other.is_meta()) return;
  if (self.numel() == 0) return;
  const Tensor dense = contiguous(other);
  const bool found = visit_dtype(dense.dtype(), [&]<class T>() {
    const T* p = dense.data<T>();
    std::atomic<bool> zero = false;
    parallel_for(dense.numel(), kParallelGrain, [&](int64_t begin, int64_t end) {
      bool any = false;  // without a branch, so that the compiler makes vectors of it
      for (int64_t i = begin; i < end; ++i) any |= p[i] == T(0);
      if (any) zero.store(true, std::memory_order_relaxed);
    });
    return zero.load();
  });
  FB_CHECK(!found, op, "(): ZeroDivisionError: integer division or modulo by zero");
}

void refuse_out_with_grad(const char* op, bool wanted) {
  FB_CHECK(!wanted, op,
           "(): functions with out=... arguments don't support automatic "
           "differentiation, but one of the arguments requires grad.");
}

void pointwise_out(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params,
                   const Tensor& out) {
  Dims sizes = (*inputs[0]).sizes();
  for (int i = 1; i < op.inputs; ++i) sizes = broadcast_shapes(sizes, inputs[i]->sizes(), op.name);
  if (out.sizes() != sizes) prepare_out(out, sizes, out.dtype(), op.name);
  pointwise(op, inputs, params, &out);
  bump_version(out);
}

void store_out(const Tensor& out, const Tensor& result, const char* op) {
  prepare_out(out, result.sizes(), result.dtype(), op);
  copy_elements(out, result, op);
  bump_version(out);
}

const Tensor& in_place_value(const Tensor& self, const Tensor& result, const char* op) {
  FB_CHECK(self.sizes() == result.sizes(), op, "(): output with shape ", self.sizes(),
           " doesn't match the broadcast shape ", result.sizes());
  FB_CHECK(can_cast(result.dtype(), self.dtype()), op, "(): result type ", name(result.dtype()),
           " can't be cast to the desired output type ", name(self.dtype()));
  return result;
}

void in_place_result(const Tensor& self, const Tensor& result, const char* op) {
  copy_elements(self, in_place_value(self, result, op), op);
}

void DeviceCheck::fail(const Tensor& t) const {
  flambeau::fail(ErrorKind::Runtime, op_,
                 "(): Expected all tensors to be on the same device, but found "
                 "at least two devices, ",
                 first_->device(), " and ", t.device(), "!");
}

}  // namespace flambeau
