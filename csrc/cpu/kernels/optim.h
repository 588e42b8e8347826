// One step of an optimizer over contiguous runs: a single pass over the parameter, its gradient and
// its state.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

inline constexpr int kStepTensors = 5;  // parameter, gradient, and up to three of state
inline constexpr int kStepFactors = 8;

// What a step does, beyond its factors.
inline constexpr unsigned kStepMaximize = 1;
inline constexpr unsigned kStepDecay = 2;      // weight decay is not zero
inline constexpr unsigned kStepDecoupled = 4;  // ... and multiplies the parameter
inline constexpr unsigned kStepMomentum = 8;
inline constexpr unsigned kStepFirst = 16;  // SGD: the buffer is written, not read
inline constexpr unsigned kStepNesterov = 32;
inline constexpr unsigned kStepLargest = 64;  // AMSGrad
inline constexpr unsigned kStepCentered = 128;

// tensors[0] the parameter, [1] the gradient (only read), then the state. Factors, in double:
//   SGD      lr, momentum, 1 - dampening, weight decay                     state: buffer
//   Adam     lr / c1, 1 - beta1, beta2, 1 - beta2, sqrt(c2), eps, weight decay or 1 - lr * decay
//                                                       state: mean, mean square, its largest
//   RMSprop  lr, alpha, 1 - alpha, eps, weight decay, momentum  state: mean square, mean, buffer
//   Adagrad  lr, weight decay, eps                                  state: sum of squares
//   Adadelta lr, weight decay, eps, rho, 1 - rho        state: mean square, that of the steps
//   Adamax   lr / c1, weight decay, eps, 1 - beta1, beta2           state: mean, largest
//   NAdam    factor of g, weight decay, eps, 1 - beta1, beta2, 1 - beta2, c2, factor of the mean
//                                                       state: mean, mean square
//   RAdam    factor, weight decay, eps, 1 - beta1, beta2, 1 - beta2, 1 if rectified, else 0
//                                                       state: mean, mean square
// with c the corrections for averages that start at zero. Decoupled decay is 1 - lr * decay.
using StepKernel = void (*)(void* const* tensors, int64_t n, const double* factors, unsigned flags);

#define FB_STEP_KERNELS(name)                                                                    \
  FB_KERNEL(void, name##_f32, (void* const* tensors, int64_t n, const double* factors,           \
                               unsigned flags));                                                 \
  FB_KERNEL(void, name##_f64, (void* const* tensors, int64_t n, const double* factors,           \
                               unsigned flags))
FB_STEP_KERNELS(sgd_step);
FB_STEP_KERNELS(adam_step);
FB_STEP_KERNELS(rmsprop_step);
FB_STEP_KERNELS(adagrad_step);
FB_STEP_KERNELS(adadelta_step);
FB_STEP_KERNELS(adamax_step);
FB_STEP_KERNELS(nadam_step);
FB_STEP_KERNELS(radam_step);
FB_STEP_KERNELS(scale_step);  // tensors[0] *= factors[0]
#undef FB_STEP_KERNELS

// The sum of |x|^p, p > 0, computed in double; for p = infinity the largest |x|, NaN if one is.
FB_KERNEL(double, norm_power_f32, (const float* x, int64_t n, double p));
FB_KERNEL(double, norm_power_f64, (const double* x, int64_t n, double p));

}  // namespace flambeau
