// The lattice of connectionist temporal classification: alignments of one sample's labels with its
// steps, in logarithms, vectors along the states.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

inline constexpr double kCtcImpossible = -1e30;  // log 0, finite so that differences are numbers
inline constexpr int64_t kCtcLead = 2;           // impossible states before the first of a row
inline constexpr int64_t kCtcVector = 8;         // rows are whole vectors, and one more

// Rows of `width` numbers begin with kCtcLead impossible states; `padded` is the number of states
// rounded up to kCtcVector, and width >= kCtcLead + padded + kCtcVector.
template <class T>
struct CtcSample {
  const T* log_probs;      // of the sample's first step
  int64_t step;            // to the next step's
  const int64_t* classes;  // of the padded states
  const T* gate;           // per state and two more: inf where the state two before leads to it
  int64_t steps, states, width;
};

// alpha[t * width + kCtcLead + s]: all ways to state s at step t, for t < steps (at least one).
FB_KERNEL(void, ctc_forward_f32, (const CtcSample<float>& sample, float* alpha));
FB_KERNEL(void, ctc_forward_f64, (const CtcSample<double>& sample, double* alpha));
// grad[t * step + c] -= scale times the share of the ways that are in class c at step t. `scratch`
// holds three rows.
FB_KERNEL(void, ctc_backward_f32,
          (const CtcSample<float>& sample, const float* alpha, float nll, float scale,
           int64_t last_states, float* scratch, float* grad));
FB_KERNEL(void, ctc_backward_f64,
          (const CtcSample<double>& sample, const double* alpha, double nll, double scale,
           int64_t last_states, double* scratch, double* grad));

}  // namespace flambeau
