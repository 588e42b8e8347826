// Steps of optimizers: the tensors of all parameters become one list of contiguous runs, which the
// threads share without regard to where one parameter ends.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "autograd/autograd.h"
#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/kernels/convert_half.h"
#include "cpu/kernels/optim.h"
#include "cpu/thread_pool.h"
#include "impl_optim.h"

namespace flambeau {

namespace {

// The tensors that belong to one parameter, laid out alike; `factors` are those of the kernel.
struct Run {
  void* tensors[kStepTensors] = {};
  int64_t n = 0;       // real numbers
  int64_t before = 0;  // ... in the runs before this one
  DType dtype = DType::Float32;
  const double* factors = nullptr;
};

// A tensor whose layout is not the parameter's is computed in a copy and written back.
struct CopyBack { Tensor target, copy; };

using StepTable = Kernel<void(void* const*, int64_t, const double*, unsigned)>;

struct Step {
  const char* op;
  const StepTable& f32;
  const StepTable& f64;
  unsigned flags;
  unsigned reads, writes;  // bit k: tensor k of a parameter
  const TensorList* lists[kStepTensors];
};

DType real_parts(DType t) { return t == DType::Complex128 ? DType::Float64 : to_real(t); }

void check_step(const Step& step) {
  static const char* const roles[] = {"parameters", "gradients", "state tensors", "state tensors",
                                      "state tensors"};
  const TensorList& params = *step.lists[0];
  for (int k = 0; k < kStepTensors; ++k) {
    if (!step.lists[k]) continue;
    const TensorList& list = *step.lists[k];
    FB_CHECK(list.size() == params.size(), step.op, "(): expected as many ", roles[k],
             " as parameters, got ", list.size(), " and ", params.size());
    for (size_t i = 0; i < list.size(); ++i) {
      const Tensor& t = list[i];
      FB_CHECK(t.defined(), step.op, "(): number ", i, " of the ", roles[k], " is None");
      const Tensor& p = params[i];
      if (k == 0) {
        FB_CHECK(is_differentiable(p.dtype()), step.op,
                 "(): parameters must be of a floating or "
                 "complex type, got ",
                 name(p.dtype()));
      }
      FB_CHECK(t.sizes() == p.sizes(), step.op, "(): number ", i, " of the ", roles[k],
               " has shape ", t.sizes(), ", its parameter ", p.sizes());
      FB_CHECK(t.dtype() == p.dtype() && t.device() == p.device(), step.op, "(): number ", i,
               " of the ", roles[k], " is ", name(t.dtype()), ", its parameter ", name(p.dtype()),
               "; both must have the same type and device");
      if (step.writes >> k & 1) {
        FB_CHECK(!has_internal_overlap(t), step.op, "(): number ", i, " of the ", roles[k],
                 " has several elements in one place; clone() it first");
      }
    }
  }
}

void mark_written(const TensorList& list) {
  for (const Tensor& t : list) bump_version(t);
}

// The runs of all parameters that have elements. Layouts that differ go through `copies`.
int64_t collect(const Step& step, const double* factors, size_t factor_stride,
                std::vector<Run>& runs, std::vector<CopyBack>& copies) {
  const TensorList& params = *step.lists[0];
  runs.reserve(params.size());
  int64_t total = 0;
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& p = params[i];
    if (p.numel() == 0 || p.is_meta()) continue;
    bool dense = true;
    if (!p.is_contiguous()) dense = is_dense(p.sizes(), p.strides());
    Run run;
    for (int k = 0; k < kStepTensors; ++k) {
      if (!step.lists[k]) continue;
      const Tensor& t = (*step.lists[k])[i];
      const bool fits =
          (p.is_contiguous() && t.is_contiguous()) || (dense && t.strides() == p.strides());
      if (fits) {
        run.tensors[k] = t.raw();
        continue;
      }
      // All copies have the parameter's layout, or are row-major where it has gaps.
      Tensor copy =
          dense ? empty_strided(p.sizes(), p.strides(), p.dtype()) : empty(p.sizes(), p.dtype());
      if (step.reads >> k & 1) copy_elements(copy, t, step.op);
      run.tensors[k] = copy.raw();
      copies.push_back({step.writes >> k & 1 ? t : Tensor(), copy});
    }
    run.n = p.numel() * (is_complex(p.dtype()) ? 2 : 1);
    run.dtype = real_parts(p.dtype());
    run.before = total;
    run.factors = factors + i * factor_stride;
    total += run.n;
    runs.push_back(run);
  }
  return total;
}

// Half types in blocks that fit the first-level cache.
void run_half(const Step& step, const Run& run, int64_t begin, int64_t end) {
  constexpr int64_t kBlock = 512;
  alignas(64) float buffers[kStepTensors][kBlock];
  void* tensors[kStepTensors] = {};
  for (int k = 0; k < kStepTensors; ++k) tensors[k] = run.tensors[k] ? buffers[k] : nullptr;
  const bool f16 = run.dtype == DType::Float16;
  for (int64_t i = begin; i < end; i += kBlock) {
    const int64_t n = std::min(kBlock, end - i);
    for (int k = 0; k < kStepTensors; ++k) {
      if (!run.tensors[k] || !(step.reads >> k & 1)) continue;
      const auto* x = static_cast<const uint16_t*>(run.tensors[k]) + i;
      f16 ? half_to_float(x, buffers[k], n) : bfloat16_to_float(x, buffers[k], n);
    }
    step.f32(tensors, n, run.factors, step.flags);
    for (int k = 0; k < kStepTensors; ++k) {
      if (!run.tensors[k] || !(step.writes >> k & 1)) continue;
      auto* x = static_cast<uint16_t*>(run.tensors[k]) + i;
      f16 ? float_to_half(buffers[k], x, n) : float_to_bfloat16(buffers[k], x, n);
    }
  }
}

void run_part(const Step& step, const Run& run, int64_t begin, int64_t end) {
  if (is_half(run.dtype)) return run_half(step, run, begin, end);
  const int64_t item = element_size(run.dtype);
  void* tensors[kStepTensors] = {};
  for (int k = 0; k < kStepTensors; ++k) {
    if (run.tensors[k]) tensors[k] = static_cast<char*>(run.tensors[k]) + begin * item;
  }
  (run.dtype == DType::Float64 ? step.f64 : step.f32)(tensors, end - begin, run.factors,
                                                      step.flags);
}

// True iff two parameters share memory: their steps must then follow each other.
bool runs_overlap(const std::vector<Run>& runs) {
  std::vector<std::pair<const char*, const char*>> spans;
  for (const Run& r : runs) {
    const auto* start = static_cast<const char*>(r.tensors[0]);
    spans.emplace_back(start, start + r.n * element_size(r.dtype));
  }
  std::sort(spans.begin(), spans.end());
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].first < spans[i - 1].second) return true;
  }
  return false;
}

// Calls f(run, begin, end) for parts that together are the elements [begin, end) of all runs.
template <class F>
void for_parts(const std::vector<Run>& runs, int64_t begin, int64_t end, F&& f) {
  auto run = std::upper_bound(runs.begin(), runs.end(), begin,
                              [](int64_t at, const Run& r) { return at < r.before; }) -
             1;
  for (; run != runs.end() && run->before < end; ++run) {
    f(*run, std::max<int64_t>(begin - run->before, 0), std::min(end - run->before, run->n));
  }
}

void execute(const Step& step, const double* factors, size_t factor_stride) {
  std::vector<Run> runs;
  std::vector<CopyBack> copies;
  const int64_t total = collect(step, factors, factor_stride, runs, copies);
  if (total <= kParallelGrain || runs_overlap(runs)) {
    for (const Run& run : runs) run_part(step, run, 0, run.n);
  } else {
    BlockingRegion region(total >= kBlockingWork);
    parallel_for(total, kParallelGrain, [&](int64_t begin, int64_t end) {
      for_parts(runs, begin, end,
                [&](const Run& run, int64_t from, int64_t to) { run_part(step, run, from, to); });
    });
  }
  for (const CopyBack& c : copies) {
    if (c.target.defined()) copy_elements(c.target, c.copy, step.op);
  }
  for (int k = 0; k < kStepTensors; ++k) {
    if (step.lists[k] && step.writes >> k & 1) mark_written(*step.lists[k]);
  }
}

// Adds one to a counter and returns it.
double advance(const Tensor& step, const char* op) {
  FB_CHECK(step.defined() && step.numel() == 1, op, "(): a step counter must have one element");
  FB_CHECK(step.dtype() == DType::Float32 || step.dtype() == DType::Float64, op,
           "(): a step counter must be float32 or float64, got ", name(step.dtype()));
  if (step.is_meta()) return 1;
  if (step.dtype() == DType::Float32) return *step.data<float>() += 1;
  return *step.data<double>() += 1;
}

void check_counters(const TensorList& params, const TensorList& steps, const char* op) {
  FB_CHECK(steps.size() == params.size(), op,
           "(): expected as many step counters as parameters, "
           "got ",
           steps.size(), " and ", params.size());
}

}  // namespace

namespace impl {

void _sgd_step(const TensorList& params, const TensorList& grads, const TensorList& buffers,
               double lr, double momentum, double dampening, double weight_decay, bool nesterov,
               bool maximize, bool first) {
  const bool has_buffers = !buffers.empty();
  const unsigned flags = (maximize ? kStepMaximize : 0) | (weight_decay != 0 ? kStepDecay : 0) |
                         (has_buffers ? kStepMomentum : 0) | (first ? kStepFirst : 0) |
                         (nesterov ? kStepNesterov : 0);
  const Step step{"_sgd_step",
                  sgd_step_f32,
                  sgd_step_f64,
                  flags,
                  first ? 3u : 7u,
                  has_buffers ? 5u : 1u,
                  {&params, &grads, has_buffers ? &buffers : nullptr}};
  check_step(step);
  const double factors[kStepFactors] = {lr, momentum, 1 - dampening, weight_decay};
  execute(step, factors, 0);
}

void _adam_step(const TensorList& params, const TensorList& grads, const TensorList& exp_avgs,
                const TensorList& exp_avg_sqs, const TensorList& max_exp_avg_sqs,
                const TensorList& steps, double lr, double beta1, double beta2, double eps,
                double weight_decay, bool decoupled, bool amsgrad, bool maximize) {
  const unsigned flags = (maximize ? kStepMaximize : 0) | (weight_decay != 0 ? kStepDecay : 0) |
                         (decoupled ? kStepDecoupled : 0) | (amsgrad ? kStepLargest : 0);
  const Step step{"_adam_step",
                  adam_step_f32,
                  adam_step_f64,
                  flags,
                  31,
                  amsgrad ? 29u : 13u,
                  {&params, &grads, &exp_avgs, &exp_avg_sqs, amsgrad ? &max_exp_avg_sqs : nullptr}};
  check_step(step);
  check_counters(params, steps, step.op);
  std::vector<double> factors(params.size() * kStepFactors);
  double last = -1;
  for (size_t i = 0; i < params.size(); ++i) {
    double* f = &factors[i * kStepFactors];
    const double t = advance(steps[i], step.op);
    if (i && t == last) {
      std::copy(f - kStepFactors, f, f);
      continue;
    }
    last = t;
    const double values[] = {lr / (1 - std::pow(beta1, t)),
                             1 - beta1,
                             beta2,
                             1 - beta2,
                             std::sqrt(1 - std::pow(beta2, t)),
                             eps,
                             decoupled ? 1 - lr * weight_decay : weight_decay};
    std::copy(std::begin(values), std::end(values), f);
  }
  mark_written(steps);
  execute(step, factors.data(), kStepFactors);
}

void _rmsprop_step(const TensorList& params, const TensorList& grads, const TensorList& square_avgs,
                   const TensorList& grad_avgs, const TensorList& momentum_buffers,
                   const TensorList& steps, double lr, double alpha, double eps,
                   double weight_decay, double momentum, bool maximize) {
  const bool centered = !grad_avgs.empty(), has_buffers = !momentum_buffers.empty();
  const unsigned flags = (maximize ? kStepMaximize : 0) | (weight_decay != 0 ? kStepDecay : 0) |
                         (centered ? kStepCentered : 0) | (has_buffers ? kStepMomentum : 0);
  const Step step{"_rmsprop_step",
                  rmsprop_step_f32,
                  rmsprop_step_f64,
                  flags,
                  31,
                  5u | (centered ? 8 : 0) | (has_buffers ? 16 : 0),
                  {&params, &grads, &square_avgs, centered ? &grad_avgs : nullptr,
                   has_buffers ? &momentum_buffers : nullptr}};
  check_step(step);
  check_counters(params, steps, step.op);
  for (const Tensor& t : steps) advance(t, step.op);
  mark_written(steps);
  const double factors[kStepFactors] = {lr, alpha, 1 - alpha, eps, weight_decay, momentum};
  execute(step, factors, 0);
}

void _rule_step(int64_t number, const TensorList& params, const TensorList& grads,
                const TensorList& first, const TensorList& second,
                const std::vector<double>& factors, bool decoupled, bool maximize) {
  struct Rule {
    const StepTable &f32, &f64;
    size_t factors;
    bool two_states;
  };
  static constexpr Rule rules[] = {{adagrad_step_f32, adagrad_step_f64, 3, false},
                                   {adadelta_step_f32, adadelta_step_f64, 5, true},
                                   {adamax_step_f32, adamax_step_f64, 5, true},
                                   {nadam_step_f32, nadam_step_f64, 8, true},
                                   {radam_step_f32, radam_step_f64, 7, true}};
  FB_CHECK(number >= 0 && number < static_cast<int64_t>(std::size(rules)),
           "_rule_step(): unknown rule ", number);
  const Rule& rule = rules[number];
  FB_CHECK(factors.size() == params.size() * rule.factors, "_rule_step(): expected ", rule.factors,
           " factors for each of ", params.size(), " parameters, got ", factors.size());
  bool decays = false;
  for (size_t i = 1; i < factors.size(); i += rule.factors)
    decays |= factors[i] != (decoupled ? 1 : 0);
  const unsigned flags =
      (maximize ? kStepMaximize : 0) | (decays ? kStepDecay : 0) | (decoupled ? kStepDecoupled : 0);
  const Step step{"_rule_step",
                  rule.f32,
                  rule.f64,
                  flags,
                  rule.two_states ? 15u : 7u,
                  rule.two_states ? 13u : 5u,
                  {&params, &grads, &first, rule.two_states ? &second : nullptr}};
  check_step(step);
  execute(step, factors.data(), rule.factors);
}

Tensor _total_norm(const TensorList& tensors, double p) {
  FB_CHECK(!tensors.empty(), "_total_norm(): needs at least one tensor");
  FB_CHECK(p > 0, "_total_norm(): the order must be positive, got ", p);
  constexpr int64_t kBlock = 16 * 1024;
  DType dtype = to_real(tensors[0].dtype());
  std::vector<Tensor> kept;
  struct Block {
    const void* x;
    DType dtype;
    int64_t n;
  };
  std::vector<Block> blocks;
  int64_t total = 0;
  bool meta = false;
  for (const Tensor& t : tensors) {
    FB_CHECK(is_differentiable(t.dtype()),
             "_total_norm(): expects floating or complex tensors, got ", name(t.dtype()));
    dtype = promote(dtype, to_real(t.dtype()));
    meta |= t.is_meta();
  }
  Tensor out = empty({}, dtype, tensors[0].device());
  if (meta) return out;
  for (const Tensor& t : tensors) {
    Tensor x = is_dense(t.sizes(), t.strides()) ? t : contiguous(t);
    // |z|^2 = re^2 + im^2: only the Euclidean norm may look at the parts alone.
    if (is_complex(x.dtype()) && p != 2) {
      Tensor magnitude = empty(x.sizes(), to_real(x.dtype()));
      for (int64_t i = 0; i < x.numel(); ++i) {
        if (x.dtype() == DType::Complex64) {
          magnitude.data<float>()[i] = std::abs(x.data<Complex64>()[i]);
        } else {
          magnitude.data<double>()[i] = std::abs(x.data<Complex128>()[i]);
        }
      }
      x = magnitude;
    }
    if (is_half(x.dtype())) x = to_dtype(x, DType::Float32);
    const DType real = real_parts(x.dtype());
    const int64_t n = x.numel() * (is_complex(x.dtype()) ? 2 : 1);
    for (int64_t i = 0; i < n; i += kBlock) {
      blocks.push_back(
          {static_cast<char*>(x.raw()) + i * element_size(real), real, std::min(kBlock, n - i)});
    }
    total += n;
    kept.push_back(std::move(x));
  }
  std::vector<double> parts(blocks.size());
  {
    BlockingRegion region(total >= kBlockingWork);
    parallel_for(static_cast<int64_t>(blocks.size()), total <= 4 * kBlock ? parts.size() : 2,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     const Block& b = blocks[i];
                     parts[i] = b.dtype == DType::Float64
                                    ? norm_power_f64(static_cast<const double*>(b.x), b.n, p)
                                    : norm_power_f32(static_cast<const float*>(b.x), b.n, p);
                   }
                 });
  }
  double sum = 0;
  if (std::isinf(p)) {
    for (double v : parts) sum = v != v || v > sum ? v : sum;
    for (double v : parts)
      if (v != v) sum = v;
  } else {
    for (double v : parts) sum += v;
    if (p == 2)
      sum = std::sqrt(sum);
    else if (p != 1)
      sum = std::pow(sum, 1 / p);
  }
  store_scalar(out.raw(), dtype, Scalar(sum));
  return out;
}

void _scale_(const TensorList& tensors, const Tensor& factor) {
  FB_CHECK(factor.numel() == 1, "_scale_(): the factor must have one element, got shape ",
           factor.sizes());
  for (const Tensor& t : tensors) {
    FB_CHECK(is_differentiable(t.dtype()), "_scale_(): expects floating or complex tensors, got ",
             name(t.dtype()));
    FB_CHECK(!has_internal_overlap(t),
             "_scale_(): a tensor has several elements in one place; "
             "clone() it first");
  }
  const double f = factor.is_meta() ? 1 : item(factor).to_double();
  const Step step{"_scale_", scale_step_f32, scale_step_f64, 0, 1, 1, {&tensors}};
  execute(step, &f, 0);
}

void _zero_(const TensorList& tensors) {
  for (const Tensor& t : tensors) {
    FB_CHECK(!has_internal_overlap(t),
             "_zero_(): a tensor has several elements in one place; "
             "clone() it first");
    if (t.numel() == 0 || t.is_meta()) continue;
    if (is_dense(t.sizes(), t.strides())) {
      std::memset(t.raw(), 0, static_cast<size_t>(t.numel() * t.itemsize()));
    } else {
      fill_elements(t, 0);
    }
  }
  mark_written(tensors);
}

}  // namespace impl
}  // namespace flambeau
