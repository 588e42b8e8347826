#include "ops/grad_norm.h"

#include <cmath>

#include "cpu/kernels/norm.h"
#include "ops/grad_helpers.h"
#include "ops/norm_support.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau::grad {

namespace {

constexpr int64_t kFoldedRows = 32;  // rows whose float sums are added up before they go to double

Tensor narrowed(const Tensor& t, DType dtype) {
  if (!t.defined() || t.dtype() == dtype) return t;
  Tensor out = empty_like(t, dtype);
  copy_elements(out, t);
  return out;
}

Tensor from_doubles(const std::vector<double>& v, int64_t begin, const Dims& sizes, DType dtype) {
  Tensor t = empty(sizes, dtype);
  visit_floating(dtype, "norm", [&]<class T>() {
    for (int64_t i = 0; i < t.numel(); ++i)
      t.data<T>()[i] = T(static_cast<compute_t<T>>(v[static_cast<size_t>(begin + i)]));
  });
  return t;
}

// ---- compositions of operators, for gradients of gradients

// What is normalised, seen as `shape` with statistics over `dims`.
struct Normalised {
  Tensor xhat, rstd;
  Dims shape, dims;
};

Normalised normalised(const Tensor& x, const Dims& shape, const Dims& dims, double eps, bool rms) {
  const Tensor v = ops::reshape(x, shape);
  const Tensor centre = rms ? v : ops::sub(v, ops::mean(v, dims, true));
  const Tensor var = ops::mean(ops::mul(centre, centre), dims, true);
  const Tensor rstd = ops::rsqrt(ops::add(var, number_tensor(Scalar(eps))));
  return {ops::mul(centre, rstd), rstd, shape, dims};
}

// rstd (gw - mean(gw) - xhat mean(gw xhat)); `gw` has any shape of the same elements.
Tensor input_grad(const Normalised& n, const Tensor& gw, bool rms) {
  const Tensor g = ops::reshape(gw, n.shape);
  const Tensor along = ops::mul(n.xhat, ops::mean(ops::mul(g, n.xhat), n.dims, true));
  const Tensor rest = rms ? g : ops::sub(g, ops::mean(g, n.dims, true));
  return ops::mul(n.rstd, ops::sub(rest, along));
}

// The gradients once xhat is known; `w` broadcasts against g, `over` are the dimensions that the
// parameters lack.
TensorList assembled(const Node& node, const Tensor& g, const Tensor& xhat, const Tensor& dx,
                     const Tensor& weight, bool has_bias, const Dims& over, const Dims& sizes) {
  TensorList result(3);
  result[0] = dx;
  auto summed = [&](const Tensor& t) {
    return ops::reshape(over.empty() ? t : ops::sum(t, over), sizes);
  };
  if (weight.defined() && node.wants(1)) result[1] = summed(ops::mul(g, xhat));
  if (has_bias && node.wants(2)) result[2] = summed(g);
  return result;
}

Dims range(int64_t begin, int64_t end) {
  Dims dims;
  for (int64_t d = begin; d < end; ++d) dims.push_back(d);
  return dims;
}

Dims all_but_channels(const Tensor& x) {
  Dims dims{0};
  for (int64_t d = 2; d < x.dim(); ++d) dims.push_back(d);
  return dims;
}

Tensor per_channel(const Tensor& t, const Tensor& x) {
  Dims shape(x.dim(), 1);
  shape[1] = x.size(1);
  return ops::reshape(t, shape);
}

}  // namespace

TensorList layer_norm_grad(const Node& node, const Tensor& g, const Tensor& x, const Tensor& weight,
                           bool has_bias, int64_t ndim, double eps, bool rms) {
  const Dims dims = range(x.dim() - ndim, x.dim());
  const Normalised n = normalised(x, x.sizes(), dims, eps, rms);
  const Tensor gw = weight.defined() ? ops::mul(g, weight) : g;
  return assembled(node, g, n.xhat, input_grad(n, gw, rms), weight, has_bias,
                   range(0, x.dim() - ndim), Dims(x.sizes().end() - ndim, x.sizes().end()));
}

TensorList group_norm_grad(const Node& node, const Tensor& g, const Tensor& x, const Tensor& weight,
                           bool has_bias, int64_t groups, double eps) {
  const Dims shape{x.size(0), groups, x.numel() ? x.numel() / x.size(0) / groups : 0};
  const Normalised n = normalised(x, shape, {2}, eps, false);
  const Tensor gw = weight.defined() ? ops::mul(g, per_channel(weight, x)) : g;
  const Tensor dx = ops::reshape(input_grad(n, gw, false), x.sizes());
  return assembled(node, g, ops::reshape(n.xhat, x.sizes()), dx, weight, has_bias,
                   all_but_channels(x), {x.size(1)});
}

TensorList batch_norm_grad(const Node& node, const Tensor& g, const Tensor& x, const Tensor& weight,
                           bool has_bias, const Tensor& mean, const Tensor& var, bool training,
                           double eps) {
  const Dims over = all_but_channels(x);
  const Tensor gw = weight.defined() ? ops::mul(g, per_channel(weight, x)) : g;
  if (training) {
    const Normalised n = normalised(x, x.sizes(), over, eps, false);
    return assembled(node, g, n.xhat, input_grad(n, gw, false), weight, has_bias, over,
                     {x.size(1)});
  }
  const Tensor rstd = per_channel(ops::rsqrt(ops::add(detach(var), number_tensor(Scalar(eps)))), x);
  const Tensor xhat = ops::mul(ops::sub(x, per_channel(detach(mean), x)), rstd);
  return assembled(node, g, xhat, ops::mul(gw, rstd), weight, has_bias, over, {x.size(1)});
}

// ---- fused

TensorList layer_norm_grad_fast(const Node& node, const Tensor& g_, const Tensor& x_,
                                const Tensor& weight, const Tensor& mean, const Tensor& rstd,
                                int64_t ndim, bool rms) {
  TensorList result(3);
  const DType compute = wide(x_.dtype());
  if (x_.is_meta()) return {empty_like(x_), weight, weight};
  const Tensor x = contiguous(to_dtype(x_, compute)), g = contiguous(to_dtype(g_, compute));
  const Tensor w = weight.defined() ? contiguous(to_dtype(weight, compute)) : weight;
  const bool want_w = weight.defined() && node.wants(1), want_b = node.wants(2);
  const Dims shape(x.sizes().end() - ndim, x.sizes().end());
  const int64_t n = product(shape), rows = n ? x.numel() / n : 0;
  if (node.wants(0)) result[0] = empty(x.sizes(), compute);

  // The rows of a part are a function of the sizes alone, and the parts are added up in order.
  const int64_t part = std::max<int64_t>(kFoldedRows, (rows + 31) / 32);
  const int64_t parts = rows ? (rows + part - 1) / part : 0;
  std::vector<double> sums(static_cast<size_t>(want_w || want_b ? 2 * n * parts : 0), 0.0);
  auto run = [&]<class T>(T* dx, auto kernel) {
    const T *px = x.data<T>(), *pg = g.data<T>(), *pw = w.defined() ? w.data<T>() : nullptr;
    const T *pm = mean.data<T>(), *ps = rstd.data<T>();
    BlockingRegion region(x.numel() >= kBlockingWork);
    const int64_t grain = std::max<int64_t>(kParallelGrain / 2 / std::max<int64_t>(n * part, 1), 1);
    parallel_for(parts, grain, [&](int64_t begin, int64_t end) {
      std::vector<T> local(static_cast<size_t>(want_w || want_b ? 2 * n : 0));
      for (int64_t p = begin; p < end; ++p) {
        for (int64_t r = p * part; r < std::min(rows, (p + 1) * part); r += kFoldedRows) {
          const int64_t count = std::min({kFoldedRows, rows - r, (p + 1) * part - r});
          std::fill(local.begin(), local.end(), T(0));
          kernel(pg + r * n, px + r * n, pw, rms ? nullptr : pm + r, ps + r,
                 dx ? dx + r * n : nullptr, want_w ? local.data() : nullptr,
                 want_b ? local.data() + n : nullptr, count, n, rms);
          for (size_t i = 0; i < local.size(); ++i)
            sums[static_cast<size_t>(2 * n * p) + i] += local[i];
        }
      }
    });
  };
  if (x.numel() != 0) {
    if (compute == DType::Float64)
      run(result[0].defined() ? result[0].data<double>() : nullptr, norm_rows_grad_f64);
    else
      run(result[0].defined() ? result[0].data<float>() : nullptr, norm_rows_grad_f32);
  }
  for (int64_t p = 1; p < parts; ++p)
    for (size_t i = 0; i < static_cast<size_t>(2 * n) && !sums.empty(); ++i)
      sums[i] += sums[static_cast<size_t>(2 * n * p) + i];
  if (sums.empty()) sums.resize(static_cast<size_t>(2 * n), 0.0);
  if (want_w) result[1] = from_doubles(sums, 0, shape, weight.dtype());
  if (want_b) result[2] = from_doubles(sums, n, shape, weight.defined() ? weight.dtype() : compute);
  result[0] = narrowed(result[0], x_.dtype());
  return result;
}

TensorList group_norm_grad_fast(const Node& node, const Tensor& g_, const Tensor& x_,
                                const Tensor& weight, const Tensor& mean, const Tensor& rstd,
                                int64_t groups) {
  TensorList result(3);
  const DType compute = wide(x_.dtype());
  if (x_.is_meta()) return {empty_like(x_), weight, weight};
  const Tensor x = contiguous(to_dtype(x_, compute)), g = contiguous(to_dtype(g_, compute));
  const int64_t samples = x.size(0), channels = x.size(1), runs = samples * channels;
  const int64_t per_group = groups ? channels / groups : 0;  // no groups: no channels
  const int64_t spread = x.numel() ? x.numel() / runs : 0;
  const Tensor w = parameter(weight, compute, channels, 1);
  std::vector<double> sums(static_cast<size_t>(2 * runs), 0.0);
  Tensor dx;
  if (node.wants(0)) dx = empty(x.sizes(), compute);
  auto run = [&]<class T>(T* to, auto add_up, auto scale) {
    const T *px = x.data<T>(), *pg = g.data<T>(), *pw = w.data<T>();
    const T *pm = mean.data<T>(), *ps = rstd.data<T>();
    std::vector<T> means(static_cast<size_t>(runs)), a(means), b(means), c(means);
    BlockingRegion region(x.numel() >= kBlockingWork);
    const int64_t group_size = spread * per_group;
    parallel_for(samples * groups, std::max<int64_t>(kParallelGrain / group_size, 1),
                 [&](int64_t begin, int64_t end) {
                   const int64_t first = begin * per_group, last = end * per_group;
                   for (int64_t r = first; r < last; ++r) means[r] = pm[r / per_group];
                   add_up(pg + first * spread, px + first * spread, &means[first], &sums[2 * first],
                          last - first, spread);
                   if (!to) return;
                   for (int64_t q = begin; q < end; ++q) {
                     double of_g = 0, of_gx = 0;
                     for (int64_t r = q * per_group; r < (q + 1) * per_group; ++r) {
                       of_g += sums[2 * r] * pw[r % channels];
                       of_gx += sums[2 * r + 1] * pw[r % channels];
                     }
                     const double s = ps[q], n = static_cast<double>(group_size);
                     for (int64_t r = q * per_group; r < (q + 1) * per_group; ++r) {
                       a[r] = static_cast<T>(s * pw[r % channels]);
                       b[r] = static_cast<T>(-s * s * s * of_gx / n);
                       c[r] = static_cast<T>(-s * of_g / n);
                     }
                   }
                   scale(pg + first * spread, px + first * spread, &means[first], &a[first],
                         &b[first], &c[first], to + first * spread, last - first, spread);
                 });
  };
  if (x.numel() != 0) {
    if (compute == DType::Float64)
      run(dx.defined() ? dx.data<double>() : nullptr, grad_sums_runs_f64, affine_grad_runs_f64);
    else
      run(dx.defined() ? dx.data<float>() : nullptr, grad_sums_runs_f32, affine_grad_runs_f32);
  }
  if (node.wants(1) || node.wants(2)) {
    std::vector<double> totals(static_cast<size_t>(2 * channels), 0.0);
    const Tensor scale = to_dtype(rstd, DType::Float64);
    for (int64_t r = 0; r < runs; ++r) {
      const auto c = static_cast<size_t>(r % channels);
      totals[c] += sums[2 * r + 1] * scale.data<double>()[r / per_group];
      totals[c + channels] += sums[2 * r];
    }
    const DType type = weight.defined() ? weight.dtype() : x_.dtype();
    if (node.wants(1)) result[1] = from_doubles(totals, 0, {channels}, type);
    if (node.wants(2)) result[2] = from_doubles(totals, channels, {channels}, type);
  }
  result[0] = narrowed(dx, x_.dtype());
  return result;
}

TensorList batch_norm_grad_fast(const Node& node, const Tensor& g_, const Tensor& x_,
                                const Tensor& weight, const Tensor& mean, const Tensor& var,
                                bool training, double eps) {
  TensorList result(3);
  const DType compute = wide(x_.dtype());
  if (x_.is_meta()) return {empty_like(x_), weight, weight};
  const Tensor source = with_channels(x_);
  const Tensor x = laid_out_like(source, source, compute), g = laid_out_like(g_, x, compute);
  const Channels c = channels_of(x);
  const int64_t channels = x.size(1);
  const Tensor w = parameter(weight, compute, channels, 1);
  Tensor dx;
  if (node.wants(0)) dx = empty_like(x);
  std::vector<double> totals(static_cast<size_t>(2 * channels), 0.0);
  auto run = [&]<class T>(T* to, auto sum_runs, auto sum_columns, auto scale_runs,
                          auto scale_columns) {
    const T *px = x.data<T>(), *pg = g.data<T>(), *pm = mean.data<T>();
    std::optional<BlockingRegion> region(x.numel() >= kBlockingWork);
    if (c.last) {
      const int64_t part = std::max<int64_t>(64, (c.rows + 31) / 32),
                    parts = (c.rows + part - 1) / part;
      std::vector<double> sums(static_cast<size_t>(2 * channels * parts), 0.0);
      parallel_for(parts, std::max<int64_t>(kParallelGrain / (part * channels), 1),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t p = begin; p < end; ++p)
                       for (int64_t r = p * part; r < std::min(c.rows, (p + 1) * part); r += 64)
                         sum_columns(
                             pg + r * channels, px + r * channels, pm, &sums[2 * channels * p],
                             std::min({int64_t{64}, c.rows - r, (p + 1) * part - r}), channels);
                   });
      for (int64_t p = 0; p < parts; ++p)
        for (int64_t i = 0; i < 2 * channels; ++i) totals[i] += sums[2 * channels * p + i];
    } else {
      const int64_t runs = x.numel() / c.spread;
      std::vector<double> sums(static_cast<size_t>(2 * runs));
      parallel_for(runs, std::max<int64_t>(kParallelGrain / c.spread, 1),
                   [&](int64_t begin, int64_t end) {
                     while (begin < end) {
                       const int64_t channel = begin % channels;
                       const int64_t stop = std::min(end, begin - channel + channels);
                       sum_runs(pg + begin * c.spread, px + begin * c.spread, pm + channel,
                                &sums[2 * begin], stop - begin, c.spread);
                       begin = stop;
                     }
                   });
      for (int64_t r = 0; r < runs; ++r) {
        totals[r % channels] += sums[2 * r];
        totals[channels + r % channels] += sums[2 * r + 1];
      }
    }
    region.reset();
    if (!to) return;
    std::vector<T> a(static_cast<size_t>(channels)), b(a), shift(a);
    const double n = static_cast<double>(x.numel() / channels);
    for (int64_t i = 0; i < channels; ++i) {
      const double s = 1 / std::sqrt(static_cast<double>(var.data<T>()[i]) + eps),
                   scale = s * w.data<T>()[i];
      a[i] = static_cast<T>(scale);
      b[i] = static_cast<T>(training ? -scale * s * s * totals[channels + i] / n : 0);
      shift[i] = static_cast<T>(training ? -scale * totals[i] / n : 0);
    }
    for_channels(
        x, c,
        [&](int64_t at, int64_t count) {
          scale_columns(pg + at, px + at, pm, a.data(), b.data(), shift.data(), to + at, count,
                        channels);
        },
        [&](int64_t at, int64_t channel, int64_t count) {
          scale_runs(pg + at, px + at, pm + channel, &a[channel], &b[channel], &shift[channel],
                     to + at, count, c.spread);
        });
  };
  if (x.numel() != 0) {
    if (compute == DType::Float64)
      run(dx.defined() ? dx.data<double>() : nullptr, grad_sums_runs_f64, grad_sums_columns_f64,
          affine_grad_runs_f64, affine_grad_columns_f64);
    else
      run(dx.defined() ? dx.data<float>() : nullptr, grad_sums_runs_f32, grad_sums_columns_f32,
          affine_grad_runs_f32, affine_grad_columns_f32);
  }
  const DType type = weight.defined() ? weight.dtype() : x_.dtype();
  if (node.wants(1)) {
    const Tensor v = to_dtype(var, DType::Float64);
    std::vector<double> dw(static_cast<size_t>(channels));
    for (int64_t i = 0; i < channels; ++i)
      dw[i] = totals[channels + i] / std::sqrt(v.data<double>()[i] + eps);
    result[1] = from_doubles(dw, 0, {channels}, type);
  }
  if (node.wants(2)) result[2] = from_doubles(totals, 0, {channels}, type);
  result[0] = narrowed(dx, x_.dtype());
  return result;
}

}  // namespace flambeau::grad
