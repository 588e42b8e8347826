// layer_norm, rms_norm, group_norm, batch_norm and instance_norm: checks, layouts and statistics.
#include "ops/norm_support.h"

#include <cmath>

#include "autograd/autograd.h"
#include "core/allocator.h"
#include "core/blocking.h"
#include "cpu/iterate.h"
#include "cpu/kernels/norm.h"
#include "cpu/pointwise.h"
#include "impl_norm.h"
#include "ops/reduce_support.h"
#include "ops_norm.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_unary.h"

namespace flambeau {

Tensor parameter(const Tensor& t, DType dtype, int64_t n, double otherwise) {
  if (t.defined()) return contiguous(to_dtype(t, dtype));
  Tensor p = empty({n}, dtype);
  fill_elements(p, otherwise);
  return p;
}

Channels channels_of(const Tensor& x) {
  Channels c;
  c.count = x.dim() > 1 ? x.size(1) : 1;
  c.spread = x.numel() && c.count ? x.numel() / x.size(0) / c.count : 0;
  c.last = c.spread == 1 || (!x.is_contiguous() && is_channels_last(x.sizes(), x.strides()));
  c.rows = c.last && c.count ? x.numel() / c.count : 0;
  return c;
}

Tensor with_channels(const Tensor& x) {
  return x.is_contiguous() || is_channels_last(x.sizes(), x.strides()) ? x : contiguous(x);
}

namespace {

constexpr int64_t kHalfGroup = 4 * 1024;  // elements of half types that are widened together

Tensor narrowed(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor out = empty_like(t, dtype);
  copy_elements(out, t);
  return out;
}

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

Dims check_normalized(const Tensor& input, const Dims& shape, const Tensor& weight,
                      const Tensor& bias, const char* op) {
  FB_CHECK(!shape.empty(), op,
           "(): Expected normalized_shape to be at least 1-dimensional, i.e., "
           "containing at least one element, but got normalized_shape = ",
           shape);
  const int64_t lead = input.dim() - static_cast<int64_t>(shape.size());
  bool fits = lead >= 0;
  for (size_t i = 0; fits && i < shape.size(); ++i)
    fits = input.size(lead + static_cast<int64_t>(i)) == shape[i];
  FB_CHECK(fits, op, "(): Given normalized_shape=", shape, ", expected input with shape [*, ",
           shape, "], but got input of size", input.sizes());
  FB_CHECK(!weight.defined() || weight.sizes() == shape, op,
           "(): Expected weight to be of same "
           "shape as normalized_shape, but got weight of shape ",
           weight.defined() ? weight.sizes() : Dims(), " and normalized_shape = ", shape);
  FB_CHECK(!bias.defined() || bias.sizes() == shape, op,
           "(): Expected bias to be of same shape as "
           "normalized_shape, but got bias of shape ",
           bias.defined() ? bias.sizes() : Dims(), " and normalized_shape = ", shape);
  return shape;
}

void check_floating(const Tensor& input, const char* op) {
  FB_CHECK(is_floating(input.dtype()), op, "(): expects a floating point tensor, got ",
           name(input.dtype()));
}

// Rows of n halves go through floats that stay in the cache.
Tensor half_layer_norm(const Tensor& input, const float* weight, const float* bias, float* mean,
                       float* rstd, int64_t n, double eps, bool rms) {
  const Tensor x = contiguous(input);
  const DType type = x.dtype();
  const Tensor out = empty(x.sizes(), type);
  const ConvertFn widen = convert_fn(type, DType::Float32),
                  narrow = convert_fn(DType::Float32, type);
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(out.raw());
  const int64_t group = std::max<int64_t>(kHalfGroup / n, 1);
  BlockingRegion region(x.numel() >= kBlockingWork);
  parallel_for(x.numel() / n, std::max<int64_t>(kParallelGrain / 2 / n, 1),
               [&](int64_t begin, int64_t end) {
                 Workspace room(static_cast<size_t>(group * n) * sizeof(float));
                 auto* rows = room.as<float>();
                 for (int64_t r = begin; r < end; r += group) {
                   const int64_t count = std::min(group, end - r);
                   widen(from + r * n * 2, 2, rows, 4, count * n);
                   norm_rows_f32(rows, weight, bias, rows, rms ? nullptr : mean + r, rstd + r,
                                 count, n, eps, rms);
                   narrow(rows, 4, to + r * n * 2, 2, count * n);
                 }
               });
  return out;
}

void check_channel_parameter(const Tensor& t, int64_t channels, const char* what, const char* op) {
  FB_CHECK(!t.defined() || (t.dim() == 1 && t.numel() == channels), op, "(): ", what,
           " should contain ", channels, " elements not ", t.defined() ? t.numel() : 0);
}

}  // namespace

namespace impl {

std::tuple<Tensor, Tensor, Tensor> _layer_norm(const Tensor& input, const Tensor& weight,
                                               const Tensor& bias, int64_t ndim, double eps,
                                               bool rms) {
  const DType compute = wide(input.dtype());
  Dims lead(input.sizes().begin(), input.sizes().end() - ndim);
  int64_t n = 1;
  for (int64_t d = input.dim() - ndim; d < input.dim(); ++d) n *= input.size(d);
  Tensor mean = empty(rms ? Dims{0} : lead, compute, input.device());
  Tensor rstd = empty(lead, compute, input.device());
  if (input.is_meta()) return {empty(input.sizes(), input.dtype(), input.device()), mean, rstd};
  const Tensor w = weight.defined() ? contiguous(to_dtype(weight, compute)) : weight;
  const Tensor b = bias.defined() ? contiguous(to_dtype(bias, compute)) : bias;
  if (is_half(input.dtype()) && input.numel() != 0) {
    return {half_layer_norm(input, data_or_null<float>(w), data_or_null<float>(b),
                            mean.data<float>(), rstd.data<float>(), n, eps, rms),
            mean, rstd};
  }
  const Tensor x = contiguous(to_dtype(input, compute));
  Tensor out = empty(input.sizes(), compute);
  if (out.numel() != 0) {
    auto run = [&]<class T>(T* y, auto kernel) {
      const T *px = x.data<T>(), *pw = data_or_null<T>(w), *pb = data_or_null<T>(b);
      T *pm = mean.data<T>(), *ps = rstd.data<T>();
      BlockingRegion region(x.numel() >= kBlockingWork);
      parallel_for(x.numel() / n, std::max<int64_t>(kParallelGrain / 2 / n, 1),
                   [&](int64_t begin, int64_t end) {
                     kernel(px + begin * n, pw, pb, y + begin * n, rms ? nullptr : pm + begin,
                            ps + begin, end - begin, n, eps, rms);
                   });
    };
    if (compute == DType::Float64)
      run(out.data<double>(), norm_rows_f64);
    else
      run(out.data<float>(), norm_rows_f32);
  }
  return {narrowed(out, input.dtype()), mean, rstd};
}

Tensor layer_norm(const Tensor& input, const Dims& shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_floating(input, "layer_norm");
  check_normalized(input, shape, weight, bias, "layer_norm");
  return std::get<0>(
      ops::_layer_norm(input, weight, bias, static_cast<int64_t>(shape.size()), eps, false));
}

// The mean is that of z^2, not of |z|^2, as in PyTorch.
static Tensor complex_rms_norm(const Tensor& input, const Dims& shape, const Tensor& weight,
                               std::optional<double> eps) {
  Dims dims;
  for (size_t i = 0; i < shape.size(); ++i) dims.push_back(-1 - static_cast<int64_t>(i));
  const double tiny =
      input.dtype() == DType::Complex128 ? 2.220446049250313e-16 : 1.1920928955078125e-07;
  const Tensor mean = ops::mean(ops::mul(input, input), dims, true);
  const Tensor y =
      ops::mul(input, ops::rsqrt(ops::add(mean, number_tensor(Scalar(eps.value_or(tiny))))));
  return weight.defined() ? ops::mul(y, weight) : y;
}

Tensor rms_norm(const Tensor& input, const Dims& shape, const Tensor& weight,
                std::optional<double> eps) {
  if (!is_complex(input.dtype())) check_floating(input, "rms_norm");
  check_normalized(input, shape, weight, Tensor(), "rms_norm");
  if (is_complex(input.dtype())) return complex_rms_norm(input, shape, weight, eps);
  // The machine epsilon of the type that is computed in.
  const double tiny =
      input.dtype() == DType::Float64 ? 2.220446049250313e-16 : 1.1920928955078125e-07;
  const Tensor y = std::get<0>(ops::_layer_norm(
      input, weight, Tensor(), static_cast<int64_t>(shape.size()), eps.value_or(tiny), true));
  return y;
}

// ---- groups

std::tuple<Tensor, Tensor, Tensor> _group_norm(const Tensor& input, const Tensor& weight,
                                               const Tensor& bias, int64_t groups, double eps) {
  const DType compute = wide(input.dtype());
  const int64_t samples = input.size(0), channels = input.size(1);
  Tensor mean = empty({samples, groups}, compute, input.device());
  Tensor rstd = empty({samples, groups}, compute, input.device());
  if (input.is_meta()) return {empty(input.sizes(), input.dtype(), input.device()), mean, rstd};
  const Tensor x = contiguous(to_dtype(input, compute));
  Tensor out = empty(input.sizes(), compute);
  if (out.numel() != 0) {
    const int64_t row = x.numel() / samples / groups, per_group = channels / groups;
    const int64_t spread = row / per_group;
    const Tensor w = parameter(weight, compute, channels, 1),
                 b = parameter(bias, compute, channels, 0);
    const Tensor scratch = empty({3, samples * channels}, compute);
    auto run = [&]<class T>(T* y, auto stats, auto scale) {
      const T *px = x.data<T>(), *pw = w.data<T>(), *pb = b.data<T>();
      T *pm = mean.data<T>(), *ps = rstd.data<T>(), *run_mean = scratch.data<T>();
      T *run_scale = run_mean + samples * channels, *run_shift = run_scale + samples * channels;
      BlockingRegion region(x.numel() >= kBlockingWork);
      parallel_for(samples * groups, std::max<int64_t>(kParallelGrain / row, 1),
                   [&](int64_t begin, int64_t end) {
                     if (spread == 1) {  // no runs to scale alike
                       for (int64_t r = begin; r < end; ++r) {
                         const int64_t c = r % groups * per_group;
                         stats(px + r * row, pw + c, pb + c, y + r * row, pm + r, ps + r, 1, row,
                               eps, false);
                       }
                       return;
                     }
                     stats(px + begin * row, nullptr, nullptr, nullptr, pm + begin, ps + begin,
                           end - begin, row, eps, false);
                     for (int64_t r = begin * per_group; r < end * per_group; ++r) {
                       run_mean[r] = pm[r / per_group];
                       run_scale[r] = ps[r / per_group] * pw[r % channels];
                       run_shift[r] = pb[r % channels];
                     }
                     const int64_t first = begin * per_group;
                     scale(px + begin * row, run_mean + first, run_scale + first, run_shift + first,
                           y + begin * row, (end - begin) * per_group, spread);
                   });
    };
    if (compute == DType::Float64)
      run(out.data<double>(), norm_rows_f64, affine_runs_f64);
    else
      run(out.data<float>(), norm_rows_f32, affine_runs_f32);
  }
  return {narrowed(out, input.dtype()), mean, rstd};
}

Tensor group_norm(const Tensor& input, int64_t groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_floating(input, "group_norm");
  FB_CHECK(input.dim() >= 2,
           "group_norm(): Expected at least 2 dimensions for input tensor but "
           "received ",
           input.dim());
  FB_CHECK(groups > 0, "group_norm(): Expected num groups to be greater than 0, got ", groups);
  const int64_t channels = input.size(1);
  FB_CHECK(channels % groups == 0,
           "group_norm(): Expected number of channels in input to be "
           "divisible by num_groups, but got input of shape ",
           input.sizes(), " and num_groups=", groups);
  check_channel_parameter(weight, channels, "weight", "group_norm");
  check_channel_parameter(bias, channels, "bias", "group_norm");
  return std::get<0>(ops::_group_norm(input, weight, bias, groups, eps));
}

// ---- batches

static void moments_mean(const void* states, int64_t n, void* values, double) {
  for (int64_t i = 0; i < n; ++i)
    static_cast<double*>(values)[i] = static_cast<const Moments*>(states)[i].mean;
}
static void moments_var(const void* states, int64_t n, void* values, double) {
  for (int64_t i = 0; i < n; ++i) {
    const Moments& m = static_cast<const Moments*>(states)[i];
    static_cast<double*>(values)[i] = m.m2 / m.count;
  }
}

std::tuple<Tensor, Tensor, Tensor> _batch_norm(const Tensor& input, const Tensor& weight,
                                               const Tensor& bias, const Tensor& running_mean,
                                               const Tensor& running_var, bool training,
                                               double eps) {
  const DType compute = wide(input.dtype());
  const int64_t channels = input.size(1);
  Tensor mean = empty({channels}, compute, input.device());
  Tensor var = empty({channels}, compute, input.device());
  if (input.is_meta()) return {empty_like(input), mean, var};
  const Tensor source = with_channels(input);
  if (training && input.numel() != 0) {
    Dims shape(input.dim(), 1);
    shape[1] = channels;
    const Dims strides = contiguous_strides(shape);
    const FoldResult results[] = {{alias(mean, shape, strides, 0), moments_mean, DType::Float64},
                                  {alias(var, shape, strides, 0), moments_var, DType::Float64}};
    const uint64_t all = (uint64_t{1} << input.dim()) - 1;
    fold(FoldOp::Moments, source, all & ~uint64_t{2}, compute, 0, results, 2);
  } else if (training) {
    fill_elements(mean, 0);
    fill_elements(var, 0);
  } else {
    copy_elements(mean, running_mean);
    copy_elements(var, running_var);
  }
  const Tensor x = laid_out_like(source, source, compute);
  Tensor out = empty_like(x);
  if (out.numel() != 0) {
    const Channels c = channels_of(x);
    const Tensor w = parameter(weight, compute, channels, 1),
                 b = parameter(bias, compute, channels, 0);
    Tensor scales = empty({channels}, compute);
    auto run = [&]<class T>(T* y, auto by_runs, auto by_columns) {
      const T *px = x.data<T>(), *pm = mean.data<T>(), *pb = b.data<T>();
      T* scale = scales.data<T>();
      for (int64_t i = 0; i < channels; ++i)
        scale[i] =
            static_cast<T>(w.data<T>()[i] / std::sqrt(static_cast<double>(var.data<T>()[i]) + eps));
      for_channels(
          x, c,
          [&](int64_t at, int64_t count) {
            by_columns(px + at, pm, scale, pb, y + at, count, channels);
          },
          [&](int64_t at, int64_t channel, int64_t count) {
            by_runs(px + at, pm + channel, scale + channel, pb + channel, y + at, count, c.spread);
          });
    };
    if (compute == DType::Float64)
      run(out.data<double>(), affine_runs_f64, affine_columns_f64);
    else
      run(out.data<float>(), affine_runs_f32, affine_columns_f32);
  }
  return {narrowed(out, input.dtype()), mean, var};
}

static void move_running(const Tensor& running, const Tensor& batch, double momentum,
                         double scale) {
  if (!running.defined()) return;
  GradMode off(false);
  const Tensor now =
      ops::mul(to_dtype(batch, running.dtype()), number_tensor(Scalar(momentum * scale)));
  ops::add_(ops::mul_(running, number_tensor(Scalar(1 - momentum))), now);
}

Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps) {
  check_floating(input, "batch_norm");
  FB_CHECK(input.dim() >= 2,
           "batch_norm(): expected at least 2 dimensions, (N, C, *), got input of "
           "size ",
           input.sizes());
  FB_CHECK_VALUE(!training || eps > 0, "batch_norm eps must be positive during training, but got ",
                 eps);
  const int64_t channels = input.size(1);
  check_channel_parameter(running_mean, channels, "running_mean", "batch_norm");
  check_channel_parameter(running_var, channels, "running_var", "batch_norm");
  check_channel_parameter(weight, channels, "weight", "batch_norm");
  check_channel_parameter(bias, channels, "bias", "batch_norm");
  FB_CHECK(training || (running_mean.defined() && running_var.defined()),
           "batch_norm(): running_mean and running_var must be defined in evaluation mode");
  const double count = channels ? static_cast<double>(input.numel() / channels) : 0;
  FB_CHECK_VALUE(!training || count != 1 || input.numel() == 0,
                 "Expected more than 1 value per channel when training, got input size ",
                 input.sizes());
  auto [y, mean, var] = ops::_batch_norm(input, weight, bias, training ? Tensor() : running_mean,
                                         training ? Tensor() : running_var, training, eps);
  if (training && !input.is_meta() && input.numel() != 0) {
    move_running(running_mean, detach(mean), momentum, 1);
    move_running(running_var, detach(var), momentum, count / std::max(count - 1, 1.0));
  }
  return y;
}

Tensor instance_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, bool use_input_stats,
                     double momentum, double eps) {
  check_floating(input, "instance_norm");
  FB_CHECK(input.dim() >= 3,
           "instance_norm(): expected at least 3 dimensions, (N, C, *), got input "
           "of size ",
           input.sizes());
  if (!use_input_stats)
    return ops::batch_norm(input, running_mean, running_var, weight, bias, false, momentum, eps);
  const int64_t samples = input.size(0), channels = input.size(1);
  const int64_t spread = input.numel() && channels ? input.numel() / samples / channels : 0;
  FB_CHECK_VALUE(spread != 1, "Expected more than 1 spatial element when training, got input size ",
                 input.sizes());
  check_channel_parameter(weight, channels, "weight", "instance_norm");
  check_channel_parameter(bias, channels, "bias", "instance_norm");
  check_channel_parameter(running_mean, channels, "running_mean", "instance_norm");
  check_channel_parameter(running_var, channels, "running_var", "instance_norm");
  auto [y, mean, rstd] = ops::_group_norm(input, weight, bias, channels, eps);
  if ((running_mean.defined() || running_var.defined()) && !input.is_meta() && input.numel() != 0) {
    GradMode off(false);
    Dims inner;
    for (int64_t d = 2; d < input.dim(); ++d) inner.push_back(d);
    move_running(running_mean, ops::mean(detach(mean), Dims{0}), momentum, 1);
    move_running(running_var, ops::mean(ops::_var(detach(input), inner, 1.0, false), Dims{0}),
                 momentum, 1);
  }
  return y;
}

}  // namespace impl
}  // namespace flambeau
