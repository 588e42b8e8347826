#include "cpu/kernels/ctc.h"

#include "cpu/vec_math/exp_log.h"

namespace flambeau::FB_ISA {
namespace ctc {

template <class T>
FB_VEC Vec<T> impossible() {
  return T(kCtcImpossible);
}

// log(e^a + e^b + e^c): the largest counts as one.
template <class T>
FB_VEC Vec<T> log_sum(Vec<T> a, Vec<T> b, Vec<T> c) {
  const Vec<T> high = maximum(a, b), low = min_or_second(a, b);
  const Vec<T> top = maximum(high, c), middle = min_or_second(high, c);
  return top + log(exp(low - top) + exp(middle - top) + T(1));
}

template <class T>
FB_VEC Vec<T> emission(const T* log_probs, const int64_t* classes) {
  Vec<T> r;
  for (int i = 0; i < Vec<T>::lanes; ++i) r.set(i, log_probs[classes[i]]);
  return max_or_second(impossible<T>(), r);
}

template <class T>
void forward(const CtcSample<T>& q, T* alpha) {
  constexpr int L = Vec<T>::lanes;
  for (int64_t i = 0; i < q.width; ++i) alpha[i] = T(kCtcImpossible);
  for (int64_t s = 0; s < 2 && s < q.states; ++s) {
    const T p = q.log_probs[q.classes[s]];
    alpha[kCtcLead + s] = p < T(kCtcImpossible) ? T(kCtcImpossible) : p;
  }
  for (int64_t t = 1; t < q.steps; ++t) {
    const T *before = alpha, *p = q.log_probs + t * q.step;
    alpha += q.width;
    for (int64_t i = 0; i < kCtcLead; ++i) alpha[i] = T(kCtcImpossible);
    for (int64_t s = 0; s < q.states; s += L) {
      const Vec<T> jump = min_or_second(load(q.gate + s), load(before + s));
      const Vec<T> ways = log_sum(load(before + s + 2), load(before + s + 1), jump);
      store(alpha + kCtcLead + s,
            max_or_second(impossible<T>(), ways + emission(p, q.classes + s)));
    }
  }
}

// One step's states: their shares of all ways, and `ahead` = log of the ways on from them, the
// step's own probability included.
template <class T>
FB_VEC void meet(const CtcSample<T>& q, int64_t t, const T* alpha, const T* beta, T nll, T* share,
                 T* ahead) {
  const T* p = q.log_probs + t * q.step;
  for (int64_t s = 0; s < q.states; s += Vec<T>::lanes) {
    const Vec<T> b = load(beta + s);
    store(share + s, exp(load(alpha + t * q.width + kCtcLead + s) + b + nll));
    store(ahead + s, b + emission(p, q.classes + s));
  }
}

template <class T>
void backward(const CtcSample<T>& q, const T* alpha, T nll, T scale, int64_t last_states,
              T* scratch, T* grad) {
  T *share = scratch, *ahead = share + q.width, *beta = ahead + q.width;
  for (int64_t i = 0; i < 3 * q.width; ++i) scratch[i] = T(kCtcImpossible);
  for (int64_t s = q.states - last_states; s < q.states; ++s) beta[s] = 0;
  for (int64_t t = q.steps - 1; t >= 0; --t) {
    meet(q, t, alpha, beta, nll, share, ahead);
    T* to = grad + t * q.step;
    T blank = 0;
    for (int64_t s = 1; s < q.states; s += 2) {
      blank += share[s - 1];
      to[q.classes[s]] -= scale * share[s];
    }
    to[q.classes[0]] -= scale * (blank + share[q.states - 1]);
    for (int64_t i = q.states; i < q.width; ++i) ahead[i] = T(kCtcImpossible);
    for (int64_t s = 0; s < q.states; s += Vec<T>::lanes) {
      const Vec<T> jump = min_or_second(load(q.gate + s + 2), load(ahead + s + 2));
      const Vec<T> ways = log_sum(load(ahead + s), load(ahead + s + 1), jump);
      store(beta + s, max_or_second(impossible<T>(), ways));
    }
    for (int64_t s = q.states; s < q.width; ++s) beta[s] = T(kCtcImpossible);
  }
}

}  // namespace ctc

#define FB_DEFINE_CTC(S, T)                                                                       \
  void ctc_forward_##S(const CtcSample<T>& sample, T* alpha) { ctc::forward(sample, alpha); }     \
  void ctc_backward_##S(const CtcSample<T>& sample, const T* alpha, T nll, T scale,               \
                        int64_t last_states, T* scratch, T* grad) {                               \
    ctc::backward(sample, alpha, nll, scale, last_states, scratch, grad);                         \
  }
FB_DEFINE_CTC(f32, float)
FB_DEFINE_CTC(f64, double)
#undef FB_DEFINE_CTC

}  // namespace flambeau::FB_ISA
