// Losses: reductions of element-wise errors, and negative log-likelihoods of class numbers.
#include "cpu/kernels/softmax.h"

#include <atomic>
#include <cmath>

#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/pointwise.h"
#include "cpu/thread_pool.h"
#include "impl_loss.h"
#include "ops/axis.h"
#include "ops/grad_helpers.h"
#include "ops_compare.h"
#include "ops_index.h"
#include "ops_loss.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"
#include "ops_softmax.h"
#include "ops_unary.h"

namespace flambeau {

namespace {

void check_reduction(const std::string& r) {
  FB_CHECK_VALUE(r == "none" || r == "mean" || r == "sum", r,
                 " is not a valid value for reduction");
}

Tensor reduced(const Tensor& loss, const std::string& reduction) {
  if (reduction == "mean") return ops::mean(loss);
  return reduction == "sum" ? ops::sum(loss) : loss;
}

Tensor number(double v) { return number_tensor(Scalar(v)); }

}  // namespace

namespace impl {

Tensor mse_loss(const Tensor& input, const Tensor& target, const std::string& reduction) {
  check_reduction(reduction);
  return reduced(ops::_squared_error(input, target), reduction);
}
Tensor l1_loss(const Tensor& input, const Tensor& target, const std::string& reduction) {
  check_reduction(reduction);
  if (is_complex(promote(input.dtype(), target.dtype())))
    return reduced(ops::abs(ops::sub(input, target)), reduction);
  return reduced(ops::_absolute_error(input, target), reduction);
}
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, const std::string& reduction,
                      double beta) {
  check_reduction(reduction);
  FB_CHECK(beta >= 0, "smooth_l1_loss does not support negative values for beta.");
  if (beta == 0) return l1_loss(input, target, reduction);
  return reduced(ops::_smooth_l1(input, target, beta), reduction);
}
Tensor huber_loss(const Tensor& input, const Tensor& target, const std::string& reduction,
                  double delta) {
  check_reduction(reduction);
  FB_CHECK(delta > 0, "huber_loss does not support non-positive values for delta.");
  return reduced(ops::_huber(input, target, delta), reduction);
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                            const std::string& reduction) {
  check_reduction(reduction);
  FB_CHECK_VALUE(input.sizes() == target.sizes(), "Using a target size (", target.sizes(),
                 ") that is different to the input size (", input.sizes(),
                 ") is deprecated. Please "
                 "ensure they have the same size.");
  if (!input.is_meta() && input.numel() != 0) {
    GradMode off(false);
    FB_CHECK(item(ops::amin(input)).to_double() >= 0 && item(ops::amax(input)).to_double() <= 1,
             "binary_cross_entropy(): all elements of input should be between 0 and 1");
  }
  const Tensor loss = ops::_bce(input, target);
  return reduced(weight.defined() ? ops::mul(loss, weight) : loss, reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const Tensor& weight, const std::string& reduction,
                                        const Tensor& pos_weight) {
  check_reduction(reduction);
  FB_CHECK_VALUE(input.sizes() == target.sizes(), "Target size (", target.sizes(),
                 ") must be the same as input size (", input.sizes(), ")");
  const Tensor loss = pos_weight.defined() ? ops::_bce_logits_weighted(input, target, pos_weight)
                                           : ops::_bce_logits(input, target);
  return reduced(weight.defined() ? ops::mul(loss, weight) : loss, reduction);
}

Tensor kl_div(const Tensor& input, const Tensor& target, const std::string& reduction,
              bool log_target) {
  const bool per_sample = reduction == "batchmean";
  if (!per_sample) check_reduction(reduction);
  const Tensor loss = log_target ? ops::_kl_log(input, target) : ops::_kl(input, target);
  if (!per_sample) return reduced(loss, reduction);
  const double n = input.dim() ? static_cast<double>(input.size(0)) : 1;
  return ops::div(ops::sum(loss), number(n));
}

}  // namespace impl

// ---- class numbers

namespace {

constexpr int64_t kSampleBlock = 4096;  // samples whose losses are summed together
constexpr int64_t kSampleGrain = 4 * kSampleBlock;

// Where the classes of (N, C, *) or (C,) lie, and the targets as checked int64 in row-major order.
struct Classes {
  Axis axis;
  DType compute;
  Tensor target, weight;
  int64_t ignore, counted = 0;  // `counted` samples are not ignored

  Classes(const Dims& sizes, DType dtype, const Tensor& target, const Tensor& weight,
          int64_t ignore)
      : compute(wide(dtype)), target(contiguous(to_dtype(target, DType::Int64))), ignore(ignore) {
    const size_t at = sizes.size() > 1 ? 1 : 0;
    axis = {at ? sizes[0] : 1, sizes[at], 1};
    for (size_t d = at + 1; d < sizes.size(); ++d) axis.inner *= sizes[d];
    if (weight.defined()) this->weight = contiguous(to_dtype(weight, DType::Float64));
    check_targets();
  }
  // Counts what is not ignored on the way.
  void check_targets() {
    const int64_t* t = target.data<int64_t>();
    const int64_t n = target.numel();
    std::atomic<int64_t> ignored = 0, wrong = 0;
    parallel_for(n, kSampleGrain, [&](int64_t begin, int64_t end) {
      int64_t skipped = 0, outside = 0;
      for (int64_t i = begin; i < end; ++i) {
        skipped += t[i] == ignore;
        outside += static_cast<uint64_t>(t[i]) >= static_cast<uint64_t>(axis.n);
      }
      const bool ignorable = static_cast<uint64_t>(ignore) >= static_cast<uint64_t>(axis.n);
      ignored += skipped, wrong += outside - (ignorable ? skipped : 0);
    });
    counted = n - ignored;
    for (int64_t i = 0; wrong; ++i)
      FB_CHECK_INDEX(allowed(t[i]), "Target ", t[i], " is out of bounds.");
  }
  bool allowed(int64_t t) const {
    return t == ignore || static_cast<uint64_t>(t) < static_cast<uint64_t>(axis.n);
  }
  int64_t samples() const { return axis.outer * axis.inner; }
  bool counts(int64_t i) const { return target.data<int64_t>()[i] != ignore; }
  // Calls f(i, place, weight) for the samples of [begin, end) that are not ignored: the place of
  // the target in a row-major input.
  template <class F>
  void each(int64_t begin, int64_t end, const F& f) const {
    if (begin >= end) return;
    const int64_t* t = target.data<int64_t>();
    const double* w = weight.defined() ? weight.data<double>() : nullptr;
    const int64_t inner = axis.inner, skip = (axis.n - 1) * inner;
    int64_t column = begin % inner, at = begin / inner * axis.n * inner + column;
    for (int64_t i = begin; i < end; ++i) {
      if (t[i] != ignore) f(i, at + t[i] * inner, w ? w[t[i]] : 1.0);
      ++at;
      if (++column == inner) column = 0, at += skip;
    }
  }
  // The sum of f, as of each(), over the samples, and that of their weights: of blocks, so that
  // threads may share them.
  struct Sums { double f = 0, weight = 0; };
  template <class F>
  Sums sum_of(const F& f) const {
    const int64_t n = samples(), blocks = (n + kSampleBlock - 1) / kSampleBlock;
    std::vector<Sums> sums(static_cast<size_t>(blocks));
    parallel_for(blocks, 4, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        Sums sum;
        each(b * kSampleBlock, std::min(n, (b + 1) * kSampleBlock),
             [&](int64_t i, int64_t place, double w) {
               sum.f += f(i, place, w);
               sum.weight += w;
             });
        sums[static_cast<size_t>(b)] = sum;
      }
    });
    Sums total;
    for (const Sums& sum : sums) total.f += sum.f, total.weight += sum.weight;
    return total;
  }
};

void check_classes(const Tensor& input, const Tensor& target, const Tensor& weight,
                   const std::string& reduction, const char* op) {
  check_reduction(reduction);
  FB_CHECK(input.dim() > 0, op, "(): expected an input of (N, C, *) or (C,), got a 0-d tensor");
  FB_CHECK(is_floating(input.dtype()), op, "(): expects a floating point input, got ",
           name(input.dtype()));
  FB_CHECK(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8, op,
           "(): expected target dtype to be Long or Byte, but got ", type_name(target.dtype()));
  Dims expected = input.sizes();
  if (input.dim() == 1)
    expected.clear();
  else
    expected.erase(1);
  const bool one = input.dim() == 1 && target.dim() == 1 && target.numel() == 1;
  FB_CHECK_VALUE(input.dim() == 1 || target.dim() == 0 || target.size(0) == input.size(0),
                 "Expected input batch_size (", input.size(0), ") to match target batch_size (",
                 target.dim() ? target.size(0) : 0, ").");
  FB_CHECK(one || target.sizes() == expected, op, "(): Expected target size ", expected, ", got ",
           target.sizes());
  const int64_t classes = input.size(input.dim() == 1 ? 0 : 1);
  FB_CHECK(!weight.defined() || weight.dtype() == input.dtype(), op, "(): expected scalar type ",
           type_name(input.dtype()), " for weight but found ",
           weight.defined() ? type_name(weight.dtype()) : "", "; convert it to the input's");
  FB_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes), op,
           "(): weight tensor should be defined either for all ", classes,
           " classes or no classes "
           "but got weight tensor of shape: ",
           weight.defined() ? weight.sizes() : Dims());
}

// The losses `loss_of(i, place, weight)` of all samples, reduced. The total weight, which counts
// where they are, is the given one or left in *total.
template <class F>
Tensor collect(const Classes& c, const Tensor& target, DType dtype, const std::string& reduction,
               const double* given, double* total, const F& loss_of) {
  if (reduction == "none") {
    Tensor out = empty(target.sizes(), dtype);
    if (c.counted < c.samples()) fill_elements(out, 0);
    visit_floating(dtype, "nll_loss", [&]<class T>() {
      T* to = out.data<T>();
      parallel_for(c.samples(), kSampleGrain, [&](int64_t begin, int64_t end) {
        c.each(begin, end, [&](int64_t i, int64_t place, double w) {
          to[i] = T(static_cast<compute_t<T>>(loss_of(i, place, w)));
        });
      });
    });
    return out;
  }
  const auto sum = c.sum_of(loss_of);
  *total = given ? *given : sum.weight;
  return scalar_tensor(reduction == "mean" ? sum.f / *total : sum.f, dtype);
}

Tensor nll(const Tensor& input, const Tensor& target, const Tensor& weight, int64_t ignore,
           const std::string& reduction, const double* given_total, double* total) {
  const Classes c(input.sizes(), input.dtype(), target, weight, ignore);
  const Tensor x = contiguous(input);
  return visit_floating(x.dtype(), "nll_loss", [&]<class T>() {
    const T* p = x.data<T>();
    return collect(
        c, target, x.dtype(), reduction, given_total, total,
        [p](int64_t, int64_t place, double w) { return -w * static_cast<double>(p[place]); });
  });
}

Tensor meta_loss(const Tensor& input, const Tensor& target, const std::string& reduction) {
  return empty(reduction == "none" ? target.sizes() : Dims(), input.dtype(), input.device());
}

}  // namespace

namespace impl {

std::tuple<Tensor, Tensor> _nll_loss(const Tensor& input, const Tensor& target,
                                     const Tensor& weight, int64_t ignore_index,
                                     const std::string& reduction) {
  if (input.is_meta())
    return {meta_loss(input, target, reduction), empty({}, DType::Float64, input.device())};
  double total = 0;
  Tensor loss = nll(input, target, weight, ignore_index, reduction, nullptr, &total);
  return {loss, scalar_tensor(total, DType::Float64)};
}

Tensor _nll_loss_of(const Tensor& input, const Tensor& target, const Tensor& weight,
                    int64_t ignore_index, const std::string& reduction, const Tensor& total) {
  if (input.is_meta()) return meta_loss(input, target, reduction);
  const double given = item(total).to_double();
  double used = 0;
  return nll(input, target, weight, ignore_index, reduction, &given, &used);
}

Tensor _nll_loss_grad(const Tensor& scale, const Tensor& target, const Tensor& weight,
                      int64_t ignore_index, const std::string& reduction, const Tensor& total,
                      const Dims& sizes) {
  Tensor out = empty(sizes, scale.dtype(), scale.device(), "nll_loss");
  if (out.is_meta()) return out;
  const Classes c(sizes, scale.dtype(), target, weight, ignore_index);
  fill_elements(out, 0);
  const Tensor g = contiguous(scale);
  const double by = reduction == "mean" ? 1 / item(total).to_double() : 1;
  visit_floating(out.dtype(), "nll_loss", [&]<class T>() {
    const T* from = g.data<T>();
    T* to = out.data<T>();
    const bool single = reduction != "none";
    parallel_for(c.samples(), kSampleGrain, [&](int64_t begin, int64_t end) {
      c.each(begin, end, [&](int64_t i, int64_t place, double w) {
        const double gi = static_cast<double>(from[single ? 0 : i]);
        to[place] = T(static_cast<compute_t<T>>(-w * gi * by));
      });
    });
  });
  return out;
}

Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                int64_t ignore_index, const std::string& reduction) {
  check_classes(input, target, weight, reduction, "nll_loss");
  return std::get<0>(ops::_nll_loss(input, target, weight, ignore_index, reduction));
}

std::tuple<Tensor, Tensor, Tensor> _cross_entropy(const Tensor& input, const Tensor& target,
                                                  const Tensor& weight, int64_t ignore_index,
                                                  const std::string& reduction) {
  const DType compute = wide(input.dtype());
  const int64_t dim = input.dim() > 1 ? 1 : 0;
  if (input.is_meta()) {
    return {meta_loss(input, target, reduction), empty(target.sizes(), compute, input.device()),
            empty({}, DType::Float64, input.device())};
  }
  const Classes c(input.sizes(), input.dtype(), target, weight, ignore_index);
  const Tensor x = contiguous(input);
  const Tensor lse = contiguous(ops::logsumexp(to_dtype(detach(x), compute), Dims{dim}, false));
  double total = 0;
  Tensor loss = visit_floating(x.dtype(), "cross_entropy", [&]<class T>() {
    const T* p = x.data<T>();
    const auto* l = lse.data<compute_t<T>>();
    return collect(c, target, x.dtype(), reduction, nullptr, &total,
                   [=](int64_t i, int64_t place, double w) {
                     return w * static_cast<double>(l[i] - static_cast<compute_t<T>>(p[place]));
                   });
  });
  return {loss, lse, scalar_tensor(total, DType::Float64)};
}

static Tensor of_probabilities(const Tensor& input, const Tensor& target, const Tensor& weight,
                               const std::string& reduction, double smoothing) {
  const int64_t dim = input.dim() > 1 ? 1 : 0;
  FB_CHECK(input.sizes() == target.sizes(),
           "cross_entropy(): Expected floating point type target "
           "with class probabilities to have the shape of the input ",
           input.sizes(), ", got ", target.sizes());
  const int64_t classes = input.size(dim);
  Tensor t = target;
  if (smoothing > 0)
    t = ops::add(ops::mul(t, number(1 - smoothing)),
                 number(smoothing / static_cast<double>(classes)));
  Tensor terms = ops::mul(ops::log_softmax(input, dim), t);
  if (weight.defined()) {
    Dims shape(input.dim(), 1);
    shape[dim] = classes;
    terms = ops::mul(terms, ops::reshape(weight, shape));
  }
  const Tensor loss = ops::neg(ops::sum(terms, Dims{dim}));
  if (reduction != "mean") return reduced(loss, reduction);
  return ops::div(ops::sum(loss),
                  number(static_cast<double>(input.numel() / std::max<int64_t>(classes, 1))));
}

// (1 - smoothing) nll + smoothing / C times the weighted sum over all classes.
static Tensor smoothed(const Tensor& input, const Tensor& target, const Tensor& weight,
                       int64_t ignore_index, const std::string& reduction, double smoothing) {
  const int64_t dim = input.dim() > 1 ? 1 : 0, classes = input.size(dim);
  const Tensor logp = ops::log_softmax(input, dim);
  auto [nll, total] = ops::_nll_loss(logp, target, weight, ignore_index, reduction);
  Tensor terms = logp;
  if (weight.defined()) {
    Dims shape(input.dim(), 1);
    shape[dim] = classes;
    terms = ops::mul(logp, ops::reshape(weight, shape));
  }
  const Tensor all = ops::neg(ops::sum(terms, Dims{dim}));
  const Tensor smooth = ops::masked_fill(
      all, ops::reshape(ops::eq(target, number_tensor(Scalar(ignore_index))), all.sizes()),
      Scalar(0));
  Tensor extra = reduction == "none" ? ops::reshape(smooth, target.sizes()) : ops::sum(smooth);
  if (reduction == "mean") extra = ops::div(extra, detach(ops::_to_copy(total, extra.dtype())));
  return ops::add(ops::mul(nll, number(1 - smoothing)),
                  ops::mul(extra, number(smoothing / static_cast<double>(classes))));
}

Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                     int64_t ignore_index, const std::string& reduction, double label_smoothing) {
  check_reduction(reduction);
  FB_CHECK(label_smoothing >= 0 && label_smoothing <= 1,
           "cross_entropy(): label_smoothing must be "
           "between 0.0 and 1.0. Got: ",
           label_smoothing);
  if (is_floating(target.dtype())) {
    FB_CHECK(input.dim() > 0 && is_floating(input.dtype()),
             "cross_entropy(): expected a floating "
             "point input of (N, C, *) or (C,)");
    FB_CHECK(ignore_index < 0, "ignore_index is not supported for floating point target");
    return of_probabilities(input, target, weight, reduction, label_smoothing);
  }
  check_classes(input, target, weight, reduction, "cross_entropy");
  if (label_smoothing > 0)
    return smoothed(input, target, weight, ignore_index, reduction, label_smoothing);
  return std::get<0>(ops::_cross_entropy(input, target, weight, ignore_index, reduction));
}

}  // namespace impl

namespace grad {

namespace {

// What each sample's loss counts for in the result, times g: the sizes of `target`.
Tensor shares(const Classes& c, const Tensor& target, const Tensor& g, const std::string& reduction,
              const Tensor& total) {
  Tensor w = empty(target.sizes(), c.compute);
  fill_elements(w, 0);
  const double by = reduction == "mean" ? 1 / item(total).to_double() : 1;
  visit_floating(c.compute, "cross_entropy", [&]<class T>() {
    T* to = w.data<T>();
    c.each(0, c.samples(), [&](int64_t i, int64_t, double weight) {
      to[i] = T(static_cast<compute_t<T>>(weight * by));
    });
  });
  return ops::mul(g, w);
}

}  // namespace

Tensor cross_entropy_grad(const Tensor& g, const Tensor& x, const Tensor& target,
                          const Tensor& weight, int64_t ignore_index, const std::string& reduction,
                          const Tensor& total) {
  const int64_t dim = x.dim() > 1 ? 1 : 0;
  const Classes c(x.sizes(), x.dtype(), target, weight, ignore_index);
  Dims lined = x.sizes();
  lined[dim] = 1;
  const Tensor share = ops::reshape(shares(c, target, g, reduction, total), lined);
  Tensor safe = clone_elements(c.target);
  for (int64_t i = 0; i < safe.numel(); ++i)
    if (!c.counts(i)) safe.data<int64_t>()[i] = 0;  // its share is zero
  const Tensor hit = ops::_place(share, ops::reshape(safe, lined), dim, x.size(dim), true);
  return ops::sub(ops::mul(ops::softmax(x, dim), share), hit);
}

Tensor cross_entropy_grad_fast(const Tensor& g, const Tensor& x_, const Tensor& target,
                               const Tensor& weight, int64_t ignore_index,
                               const std::string& reduction, const Tensor& lse,
                               const Tensor& total) {
  if (x_.is_meta()) return empty_like(x_);
  const Classes c(x_.sizes(), x_.dtype(), target, weight, ignore_index);
  const Tensor share =
      contiguous(to_dtype(shares(c, target, to_dtype(g, c.compute), reduction, total), c.compute));
  const Tensor x = contiguous(to_dtype(x_, c.compute));
  Tensor dx = empty(x.sizes(), c.compute);
  auto run = [&]<class T>(T* y, auto rows, auto columns) {
    const T *px = x.data<T>(), *l = lse.data<T>(), *s = share.data<T>();
    const Axis& a = c.axis;
    BlockingRegion region(x.numel() >= kBlockingWork / 2);
    parallel_for(a.outer, std::max<int64_t>(8 * 1024 / std::max<int64_t>(a.n * a.inner, 1), 1),
                 [&](int64_t begin, int64_t end) {
                   if (a.inner == 1) {
                     rows(px + begin * a.n, l + begin, s + begin, y + begin * a.n, end - begin,
                          a.n);
                   } else {
                     for (int64_t o = begin; o < end; ++o)
                       columns(px + o * a.n * a.inner, l + o * a.inner, s + o * a.inner,
                               y + o * a.n * a.inner, a.n, a.inner, a.inner);
                   }
                   c.each(begin * a.inner, end * a.inner,
                          [&](int64_t i, int64_t place, double) { y[place] -= s[i]; });
                   for (int64_t i = begin * a.inner; i < end * a.inner; ++i) {
                     if (c.counts(i)) continue;
                     for (int64_t k = 0; k < a.n; ++k)  // 0 * inf would be NaN
                       y[(i / a.inner * a.n + k) * a.inner + i % a.inner] = 0;
                   }
                 });
  };
  if (dx.numel() != 0) {
    if (c.compute == DType::Float64)
      run(dx.data<double>(), exp_shifted_rows_f64, exp_shifted_columns_f64);
    else
      run(dx.data<float>(), exp_shifted_rows_f32, exp_shifted_columns_f32);
  }
  return to_dtype(dx, x_.dtype());
}

}  // namespace grad
}  // namespace flambeau
