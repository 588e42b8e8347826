// What generated entry points need besides the operators themselves.
#pragma once
#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "ops/grad_helpers.h"
#include "ops/op_types.h"

// The kernels of a pointwise operator, one table per instruction set.
#if defined(__x86_64__)
#define FB_DECLARE_TABLES(name)                              \
  namespace baseline { extern const PointwiseFn name[]; }    \
  namespace avx2 { extern const PointwiseFn name[]; }
#define FB_TABLES(name) {baseline::name, avx2::name}
#else
#define FB_DECLARE_TABLES(name) namespace baseline { extern const PointwiseFn name[]; }
#define FB_TABLES(name) {baseline::name, baseline::name}
#endif

namespace flambeau {

// Integer division: a zero among the divisors raises before anything is computed.
void refuse_zero_divisor(const char* op, const Tensor& self, const Tensor& other);
void refuse_out_with_grad(const char* op, bool wanted);
// Computes into `out`, which is resized to the broadcast shape as prepare_out() does.
void pointwise_out(const PointwiseOp& op, const Tensor* const* inputs, const Scalar* params,
                   const Tensor& out);
void store_out(const Tensor& out, const Tensor& result, const char* op);
// The value of a composite that is about to be copied into `self`: shape and type must allow it.
const Tensor& in_place_value(const Tensor& self, const Tensor& result, const char* op);
// The in-place form of an operator that computes into a new tensor: shapes must agree.
void in_place_result(const Tensor& self, const Tensor& result, const char* op);

// Notes the first device among tensors and lists of tensors; undefined ones have none.
class DeviceCheck {
 public:
  explicit DeviceCheck(const char* op) : op_(op) {}
  void add(const Tensor& t) {
    if (!t.defined()) return;
    if (!first_)
      first_ = &t;
    else if (t.device() != first_->device())
      fail(t);
  }
  void add(const TensorList& list) {
    for (const Tensor& t : list) add(t);
  }

 private:
  [[noreturn]] void fail(const Tensor& t) const;

  const char* op_;
  const Tensor* first_ = nullptr;
};

template <class... Tensors>
void check_same_device(const char* op, const Tensors&... tensors) {
  DeviceCheck check(op);
  (check.add(tensors), ...);
}

}  // namespace flambeau
