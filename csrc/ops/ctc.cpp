// Connectionist temporal classification (Graves et al. 2006).
#include "cpu/kernels/ctc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "autograd/engine.h"
#include "autograd/grad_mode.h"
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"
#include "impl_loss.h"
#include "ops/axis.h"
#include "ops/grad_norm.h"
#include "ops_convert.h"
#include "ops_create.h"
#include "ops_index.h"
#include "ops_join.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau {

namespace {

constexpr int64_t kCellsPerThread = 2048;  // states times steps worth a thread's attention

// The labels of all samples, checked, with blanks before, between and after them.
struct Lattice {
  int64_t batch, states, padded, width;
  std::vector<int64_t> classes;        // (batch, padded)
  std::vector<int64_t> steps, labels;  // of each sample
  const int64_t* path(int64_t n) const { return classes.data() + n * padded; }
  int64_t states_of(int64_t n) const { return 2 * labels[static_cast<size_t>(n)] + 1; }
  // Whether state s can follow state s - 2.
  bool skips(int64_t n, int64_t s) const {
    return s >= 2 && s % 2 && path(n)[s] != path(n)[0] && path(n)[s] != path(n)[s - 2];
  }

  Lattice(const Tensor& x, const Tensor& targets, const Tensor& input_lengths,
          const Tensor& target_lengths, int64_t blank)
      : batch(x.size(1)) {
    steps = lengths("input_lengths", input_lengths);
    labels = lengths("target_lengths", target_lengths);
    int64_t longest = 0, total = 0;
    for (size_t n = 0; n < labels.size(); ++n) {
      FB_CHECK(steps[n] >= 0 && steps[n] <= x.size(0),
               "Expected input_lengths to have value at most ", x.size(0), ", but got value ",
               steps[n]);
      FB_CHECK(labels[n] >= 0, "ctc_loss: target_lengths must not be negative");
      FB_CHECK(labels[n] <= targets.numel(), "ctc_loss: expected targets to have at least ",
               labels[n], " labels, but got ", targets.sizes());
      longest = std::max(longest, labels[n]), total += labels[n];
    }
    check_targets(targets, longest, total);
    states = 2 * longest + 1;
    padded = (states + kCtcVector - 1) / kCtcVector * kCtcVector;
    width = kCtcLead + padded + kCtcVector;
    classes.assign(static_cast<size_t>(batch * padded), blank);
    const Tensor dense = contiguous(to_dtype(targets, DType::Int64));
    const int64_t* from = dense.data<int64_t>();
    for (int64_t n = 0; n < batch; ++n) {
      const int64_t count = labels[static_cast<size_t>(n)];
      for (int64_t i = 0; i < count; ++i) {
        FB_CHECK(from[i] >= 0 && from[i] < x.size(2), "ctc_loss: labels must be between 0 and ",
                 x.size(2) - 1);
        classes[static_cast<size_t>(n * padded + 2 * i + 1)] = from[i];
      }
      from += dense.dim() == 2 ? dense.size(1) : count;
    }
  }

 private:
  std::vector<int64_t> lengths(const char* what, const Tensor& given) const {
    const Tensor dense = contiguous(to_dtype(given, DType::Int64));
    FB_CHECK(dense.numel() == batch, "ctc_loss: ", what, " must be of size batch_size = ", batch,
             ", but got ", dense.numel());
    const int64_t* p = dense.data<int64_t>();
    return std::vector<int64_t>(p, p + batch);
  }
  void check_targets(const Tensor& targets, int64_t longest, int64_t total) const {
    FB_CHECK(targets.dim() == 1 || targets.dim() == 2,
             "ctc_loss: targets must be 1D or 2D, but got ", targets.dim(), "D");
    if (targets.dim() == 2) {
      FB_CHECK(targets.size(0) == batch && targets.size(1) >= longest,
               "ctc_loss: expected targets to have size at least (", batch, ", ", longest,
               "), but got ", targets.sizes());
    } else {
      FB_CHECK(targets.numel() == total, "ctc_loss: the concatenated targets hold ",
               targets.numel(), " labels, but target_lengths add up to ", total);
    }
  }
};

// What the kernels need of sample n; `gate` keeps its numbers.
template <class T>
CtcSample<T> sample_of(const Lattice& a, const Tensor& x, int64_t n, std::vector<T>& gate) {
  gate.assign(static_cast<size_t>(a.width), T(kCtcImpossible));
  for (int64_t s = 0; s < a.states_of(n); ++s)
    if (a.skips(n, s)) gate[static_cast<size_t>(s)] = std::numeric_limits<T>::infinity();
  return {x.data<T>() + n * x.size(2),     a.batch * x.size(2), a.path(n), gate.data(),
          a.steps[static_cast<size_t>(n)], a.states_of(n),      a.width};
}

// -log of all ways, which end in the last label or the blank behind it; inf where there is none.
template <class T>
double total(const Lattice& a, int64_t n, const T* alpha) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const int64_t steps = a.steps[static_cast<size_t>(n)], states = a.states_of(n);
  if (steps == 0) return states == 1 ? 0 : kNone;
  const T* last = alpha + (steps - 1) * a.width + kCtcLead + states;
  const double end = last[-1], label = states > 1 ? static_cast<double>(last[-2]) : kCtcImpossible;
  const double top = std::max(end, label);
  if (std::isnan(end) || std::isnan(label)) return end + label;
  const double nll = -(top + std::log1p(std::exp(std::min(end, label) - top)));
  return nll > -kCtcImpossible / 2 ? kNone : nll;
}

template <class F>
void each_sample(const Lattice& a, const Tensor& x, F&& f) {
  const int64_t cells = std::max<int64_t>(1, a.states * x.size(0));
  BlockingRegion region(a.batch * cells >= kBlockingWork / 4);
  parallel_for(a.batch, std::max<int64_t>(1, kCellsPerThread / cells),
               [&](int64_t begin, int64_t end) {
                 for (int64_t n = begin; n < end; ++n) f(n);
               });
}

Tensor wide_dense(const Tensor& x) { return contiguous(to_dtype(detach(x), wide(x.dtype()))); }

template <class F>
void visit_wide(const Tensor& x, F&& f) {
  if (x.dtype() == DType::Float64)
    f.template operator()<double>(ctc_forward_f64, ctc_backward_f64);
  else
    f.template operator()<float>(ctc_forward_f32, ctc_backward_f32);
}

}  // namespace

namespace impl {

std::tuple<Tensor, Tensor> _ctc_loss(const Tensor& log_probs, const Tensor& targets,
                                     const Tensor& input_lengths, const Tensor& target_lengths,
                                     int64_t blank, bool zero_infinity) {
  FB_CHECK(log_probs.dim() == 3 && is_floating(log_probs.dtype()),
           "ctc_loss: log_probs must be floating point of (T, N, C), got ", log_probs.sizes());
  FB_CHECK(blank >= 0 && blank < log_probs.size(2), "blank must be in label range");
  const int64_t steps = log_probs.size(0), batch = log_probs.size(1);
  if (log_probs.is_meta() || targets.is_meta()) {
    return {empty({batch}, log_probs.dtype(), kMeta), empty({0}, DType::Float32, kMeta)};
  }
  const Tensor x = wide_dense(log_probs);
  const Lattice a(x, targets, input_lengths, target_lengths, blank);
  const Tensor alpha = empty({batch, steps, a.width}, x.dtype(), kCpu, "ctc_loss");
  const Tensor nll = empty({batch}, x.dtype());
  visit_wide(x, [&]<class T>(auto forward, auto) {
    T *ways = alpha.data<T>(), *out = nll.data<T>();
    each_sample(a, x, [&](int64_t n) {
      std::vector<T> gate;
      const CtcSample<T> sample = sample_of<T>(a, x, n, gate);
      T* mine = ways + n * steps * a.width;
      if (sample.steps) forward(sample, mine);
      const double loss = total(a, n, mine);
      out[n] = static_cast<T>(zero_infinity && std::isinf(loss) ? 0 : loss);
    });
  });
  return {to_dtype(nll, log_probs.dtype()), alpha};
}

}  // namespace impl

namespace grad {

Tensor ctc_grad_fast(const Tensor& g, const Tensor& log_probs, const Tensor& targets,
                     const Tensor& input_lengths, const Tensor& target_lengths, int64_t blank,
                     const Tensor& alpha) {
  if (log_probs.is_meta()) return empty_like(log_probs);
  const Tensor x = wide_dense(log_probs), gn = wide_dense(g);
  const Lattice a(x, targets, input_lengths, target_lengths, blank);
  const Tensor out = empty(x.sizes(), x.dtype());
  fill_elements(out, 0);
  visit_wide(x, [&]<class T>(auto, auto backward) {
    const T *ways = alpha.data<T>(), *scale = gn.data<T>();
    T* to = out.data<T>();
    each_sample(a, x, [&](int64_t n) {
      std::vector<T> gate, scratch(static_cast<size_t>(3 * a.width));
      const CtcSample<T> sample = sample_of<T>(a, x, n, gate);
      const T* mine = ways + n * x.size(0) * a.width;
      const double nll = total(a, n, mine);
      if (sample.steps == 0 || std::isinf(nll)) return;  // no way at all: nothing to improve
      backward(sample, mine, static_cast<T>(nll), scale[n], std::min<int64_t>(2, sample.states),
               scratch.data(), to + n * x.size(2));
    });
  });
  return to_dtype(out, log_probs.dtype());
}

namespace {

Tensor no_way(const Dims& sizes, const Tensor& like) {
  return ops::full(sizes, Scalar(kCtcImpossible), like.dtype());
}

// The loss of each sample composed of operators, impossible ones about 1e30.
Tensor composed(const Tensor& log_probs, const Lattice& a) {
  const Tensor x = ops::_to_copy(log_probs, wide(log_probs.dtype()));
  const int64_t n = a.batch, states = a.states;
  const Tensor path = empty({1, n, states}, DType::Int64), closed = empty({n, states}, DType::Bool);
  const Tensor ends = empty({n, states}, DType::Bool);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t s = 0; s < states; ++s) {
      const int64_t at = i * states + s, last = a.states_of(i) - 1;
      path.data<int64_t>()[at] = a.path(i)[s];
      closed.data<bool>()[at] = !a.skips(i, s);
      ends.data<bool>()[at] = s != last && (s != last - 1 || last == 0);
    }
  const Tensor floor = scalar_tensor(kCtcImpossible, x.dtype());
  const Tensor emit =
      ops::clamp_min(ops::gather(x, 2, ops::expand(path, Dims{x.size(0), n, states})), floor);
  const Tensor lead = no_way({n, 2}, x);
  // A virtual step before the first, where only the way into the first two states is open.
  Tensor alpha = no_way({n, states}, x);
  for (int64_t t = 0; t < x.size(0); ++t) {
    const Tensor e = ops::select(emit, 0, t);
    Tensor next;
    if (t == 0) {
      const Tensor rest = no_way({n, states}, x);
      next = states > 2
                 ? ops::cat({ops::narrow(e, 1, 0, 2), ops::narrow(rest, 1, 2, states - 2)}, 1)
                 : e;
    } else {
      const Tensor before = ops::cat({lead, alpha}, 1);
      const Tensor jump =
          ops::masked_fill(ops::narrow(before, 1, 0, states), closed, Scalar(kCtcImpossible));
      const Tensor ways =
          ops::logsumexp(ops::stack({alpha, ops::narrow(before, 1, 1, states), jump}, 0), Dims{0});
      next = ops::clamp_min(ops::add(ways, e), floor);
    }
    const Tensor over = empty({n, 1}, DType::Bool);
    for (int64_t i = 0; i < n; ++i) over.data<bool>()[i] = t >= a.steps[static_cast<size_t>(i)];
    alpha = ops::where(over, alpha, next);
  }
  return ops::neg(ops::logsumexp(ops::masked_fill(alpha, ends, Scalar(kCtcImpossible)), Dims{1}));
}

}  // namespace

Tensor ctc_grad(const Tensor& g, const Tensor& x, const Tensor& targets,
                const Tensor& input_lengths, const Tensor& target_lengths, int64_t blank) {
  if (x.is_meta()) return empty_like(x);
  const Lattice a(x, targets, input_lengths, target_lengths, blank);
  const Tensor nll = composed(x, a), none = empty({a.batch}, DType::Bool);
  const Tensor found = contiguous(to_dtype(detach(nll), DType::Float64));
  for (int64_t n = 0; n < a.batch; ++n)
    none.data<bool>()[n] = found.data<double>()[n] > -kCtcImpossible / 2;
  BackwardOptions options;
  options.retain_graph = options.create_graph = true, options.accumulate = false;
  const Tensor gn = ops::masked_fill(ops::_to_copy(g, nll.dtype()), none, Scalar(0));
  const Tensor dx = run_backward({nll}, {gn}, {x}, options)[0];
  return dx.defined() ? dx : ops::zeros_like(x);
}

}  // namespace grad
}  // namespace flambeau
