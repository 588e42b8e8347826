#include "cpu/kernels/optim.h"

#include "cpu/vec_math.h"

// Placed after a lambda's parameters: vectors must not travel through memory.
#define FB_LAMBDA __attribute__((always_inline))

namespace flambeau::FB_ISA {

namespace {

// Applies `step` to whole vectors and to the rest, lanes beyond which are neither read nor written.
// `step` gets the values of all tensors and changes them; bit k of `reads`, `writes` is tensor k.
template <class T, class Step>
FB_VEC void run_step(void* const* tensors, int64_t n, unsigned reads, unsigned writes, Step step) {
  using V = Vec<T>;
  T* t[kStepTensors];
  for (int k = 0; k < kStepTensors; ++k) t[k] = static_cast<T*>(tensors[k]);
  int64_t i = 0;
  V v[kStepTensors] = {};
  for (; i + V::lanes <= n; i += V::lanes) {
    for (int k = 0; k < kStepTensors; ++k)
      if (reads >> k & 1) v[k] = load(t[k] + i);
    step(v);
    for (int k = 0; k < kStepTensors; ++k)
      if (writes >> k & 1) store(t[k] + i, v[k]);
  }
  if (i == n) return;
  for (int k = 0; k < kStepTensors; ++k)
    if (reads >> k & 1) v[k] = load_n(t[k] + i, n - i);
  step(v);
  for (int k = 0; k < kStepTensors; ++k)
    if (writes >> k & 1) store_n(t[k] + i, v[k], n - i);
}

// Calls f with the flag as a compile-time constant.
template <class F>
FB_VEC void with_constant(bool flag, F f) {
  if (flag)
    f(std::true_type{});
  else
    f(std::false_type{});
}

template <class T>
FB_VEC void sgd(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V minus_lr = V(-k[0]), momentum = V(k[1]), share = V(k[2]), decay = V(k[3]);
  with_constant(flags & kStepMomentum, [&](auto has_buffer) {
    with_constant(flags & (kStepMaximize | kStepDecay | kStepFirst | kStepNesterov),
                  [&](auto rare) {
                    const unsigned reads = !has_buffer || (rare && flags & kStepFirst) ? 3 : 7;
                    run_step<T>(tensors, n, reads, has_buffer ? 5 : 1, [&](V* v) FB_LAMBDA {
                      V g = v[1];
                      if (rare && flags & kStepMaximize) g = -g;
                      if (rare && flags & kStepDecay) g = mad(v[0], decay, g);
                      if (has_buffer) {
                        if (rare && flags & kStepFirst)
                          v[2] = g;
                        else
                          v[2] = mad(g, share, v[2] * momentum);
                        g = rare && flags & kStepNesterov ? mad(v[2], momentum, g) : v[2];
                      }
                      v[0] = mad(g, minus_lr, v[0]);
                    });
                  });
  });
}

// m + weight * (g - m), from whichever end is nearer.
template <class T>
struct Lerp {
  Vec<T> weight;
  bool from_end;
  explicit Lerp(double w) : weight(0), from_end(!(static_cast<T>(w) < T(0.5))) {
    weight = Vec<T>(from_end ? static_cast<T>(w) - T(1) : static_cast<T>(w));
  }
  FB_VEC Vec<T> operator()(Vec<T> m, Vec<T> g) const {
    return mad(weight, g - m, from_end ? g : m);
  }
};

template <class T>
FB_VEC void adam(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V minus_step = V(-k[0]), beta2 = V(k[2]), share = V(k[3]), root = V(k[4]), eps = V(k[5]),
          decay = V(k[6]);
  const Lerp<T> average(k[1]);
  with_constant(flags & (kStepMaximize | kStepDecay), [&](auto rare) {
    with_constant(flags & kStepLargest, [&](auto largest) {
      run_step<T>(tensors, n, largest ? 31 : 15, largest ? 29 : 13, [&](V* v) FB_LAMBDA {
        V g = v[1];
        if (rare && flags & kStepMaximize) g = -g;
        if (rare && flags & kStepDecay) {
          if (flags & kStepDecoupled)
            v[0] = v[0] * decay;
          else
            g = mad(v[0], decay, g);
        }
        v[2] = average(v[2], g);
        v[3] = mad(share * g, g, v[3] * beta2);
        V square = v[3];
        if (largest) square = v[4] = maximum(v[4], v[3]);
        v[0] = v[0] + minus_step * v[2] / (sqrt(square) / root + eps);
      });
    });
  });
}

template <class T>
FB_VEC void rmsprop(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V minus_lr = V(-k[0]), alpha = V(k[1]), share = V(k[2]), eps = V(k[3]), decay = V(k[4]),
          momentum = V(k[5]);
  const Lerp<T> average(k[2]);
  const unsigned state = 4 | (flags & kStepCentered ? 8 : 0) | (flags & kStepMomentum ? 16 : 0);
  run_step<T>(tensors, n, 3 | state, 1 | state, [&](V* v) FB_LAMBDA {
    V g = v[1];
    if (flags & kStepMaximize) g = -g;
    if (flags & kStepDecay) g = mad(v[0], decay, g);
    v[2] = mad(share * g, g, v[2] * alpha);
    V variance = v[2];
    if (flags & kStepCentered) {
      v[3] = average(v[3], g);
      variance = mad(-v[3], v[3], variance);
    }
    const V root = sqrt(variance) + eps;
    if (flags & kStepMomentum) {
      v[4] = v[4] * momentum + g / root;
      v[0] = mad(v[4], minus_lr, v[0]);
    } else {
      v[0] = v[0] + minus_lr * g / root;
    }
  });
}

// The gradient as a rule wants it; a decoupled decay changes the parameter v[0] instead.
template <class T>
FB_VEC Vec<T> gradient(Vec<T>* v, Vec<T> decay, unsigned flags) {
  Vec<T> g = v[1];
  if (flags & kStepMaximize) g = -g;
  if (!(flags & kStepDecay)) return g;
  if (!(flags & kStepDecoupled)) return mad(v[0], decay, g);
  v[0] = v[0] * decay;
  return g;
}

template <class T>
FB_VEC void adagrad(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V minus_lr = V(-k[0]), decay = V(k[1]), eps = V(k[2]);
  run_step<T>(tensors, n, 7, 5, [&](V* v) FB_LAMBDA {
    const V g = gradient<T>(v, decay, flags);
    v[2] = mad(g, g, v[2]);
    v[0] = v[0] + minus_lr * g / (sqrt(v[2]) + eps);
  });
}

template <class T>
FB_VEC void adadelta(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V minus_lr = V(-k[0]), decay = V(k[1]), eps = V(k[2]), rho = V(k[3]), share = V(k[4]);
  run_step<T>(tensors, n, 15, 13, [&](V* v) FB_LAMBDA {
    const V g = gradient<T>(v, decay, flags);
    v[2] = mad(share * g, g, v[2] * rho);
    const V delta = sqrt(v[3] + eps) / sqrt(v[2] + eps) * g;
    v[3] = mad(share * delta, delta, v[3] * rho);
    v[0] = mad(delta, minus_lr, v[0]);
  });
}

template <class T>
FB_VEC void adamax(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V minus_step = V(-k[0]), decay = V(k[1]), eps = V(k[2]), beta2 = V(k[4]);
  const Lerp<T> average(k[3]);
  run_step<T>(tensors, n, 15, 13, [&](V* v) FB_LAMBDA {
    const V g = gradient<T>(v, decay, flags);
    v[2] = average(v[2], g);
    v[3] = maximum(v[3] * beta2, abs(g) + eps);
    v[0] = v[0] + minus_step * v[2] / v[3];
  });
}

template <class T>
FB_VEC void nadam(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V of_gradient = V(-k[0]), decay = V(k[1]), eps = V(k[2]), beta2 = V(k[4]), share = V(k[5]),
          correction = V(k[6]), of_mean = V(-k[7]);
  const Lerp<T> average(k[3]);
  run_step<T>(tensors, n, 15, 13, [&](V* v) FB_LAMBDA {
    const V g = gradient<T>(v, decay, flags);
    v[2] = average(v[2], g);
    v[3] = mad(share * g, g, v[3] * beta2);
    v[0] = v[0] + mad(of_gradient, g, of_mean * v[2]) / (sqrt(v[3] / correction) + eps);
  });
}

template <class T>
FB_VEC void radam(void* const* tensors, int64_t n, const double* k, unsigned flags) {
  using V = Vec<T>;
  const V minus_step = V(-k[0]), decay = V(k[1]), eps = V(k[2]), beta2 = V(k[4]), share = V(k[5]);
  const bool rectified = k[6] != 0;
  const Lerp<T> average(k[3]);
  run_step<T>(tensors, n, 15, 13, [&](V* v) FB_LAMBDA {
    const V g = gradient<T>(v, decay, flags);
    v[2] = average(v[2], g);
    v[3] = mad(share * g, g, v[3] * beta2);
    const V step = minus_step * v[2];
    v[0] = v[0] + (rectified ? step / (sqrt(v[3]) + eps) : step);
  });
}

template <class T, class F>
FB_VEC double sum_double(const T* x, int64_t n, F f) {
  constexpr int lanes = Vec<T>::lanes;
  vdouble sum[4] = {0, 0, 0, 0};
  int64_t i = 0;
  const auto add = [&](Vec<T> v, int at) FB_LAMBDA {
    if constexpr (sizeof(T) == 4) {
      sum[at] += f(low_double(v));
      sum[at + 1] += f(high_double(v));
    } else {
      sum[at] += f(v);
    }
  };
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    add(load(x + i), 0);
    add(load(x + i + lanes), 2);
  }
  for (; i < n; i += lanes) add(load_n(x + i, n - i), 0);
  return reduce_add((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

template <class T>
FB_VEC double norm_power(const T* x, int64_t n, double p) {
  using V = Vec<T>;
  if (p == 2) return sum_double(x, n, [](vdouble v) FB_LAMBDA { return v * v; });
  if (p == 1) return sum_double(x, n, [](vdouble v) FB_LAMBDA { return abs(v); });
  if (p == __builtin_inf()) {
    V most = V(0);
    for (int64_t i = 0; i < n; i += V::lanes) most = maximum(most, abs(load_n(x + i, n - i)));
    return reduce_max(most);
  }
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += __builtin_pow(__builtin_fabs(x[i]), p);
  return sum;
}

template <class T>
FB_VEC void scale(void* const* tensors, int64_t n, const double* k, unsigned) {
  const Vec<T> factor = Vec<T>(k[0]);
  run_step<T>(tensors, n, 1, 1, [&](Vec<T>* v) FB_LAMBDA { v[0] = v[0] * factor; });
}

}  // namespace

#define FB_STEP(name, rule)                                                                       \
  void name##_f32(void* const* t, int64_t n, const double* k, unsigned f) { rule<float>(t, n, k, f); } \
  void name##_f64(void* const* t, int64_t n, const double* k, unsigned f) { rule<double>(t, n, k, f); }
FB_STEP(sgd_step, sgd)
FB_STEP(adam_step, adam)
FB_STEP(rmsprop_step, rmsprop)
FB_STEP(adagrad_step, adagrad)
FB_STEP(adadelta_step, adadelta)
FB_STEP(adamax_step, adamax)
FB_STEP(nadam_step, nadam)
FB_STEP(radam_step, radam)
FB_STEP(scale_step, scale)
#undef FB_STEP

double norm_power_f32(const float* x, int64_t n, double p) { return norm_power(x, n, p); }
double norm_power_f64(const double* x, int64_t n, double p) { return norm_power(x, n, p); }

}  // namespace flambeau::FB_ISA
