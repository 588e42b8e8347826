// Random tensors: the fills of cpu/random.h, in the order in which tensors lie in memory.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "cpu/random.h"
#include "impl_random.h"
#include "ops/layout.h"
#include "ops_create.h"
#include "ops_pointwise.h"
#include "ops_random.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

Generator& chosen(Generator* generator) { return generator ? *generator : default_generator(); }

// `like` seen with its dimensions in the order of t's memory, outermost first.
Tensor in_memory_order(const Tensor& t, const Tensor& like) {
  Dims order(static_cast<size_t>(t.dim())), sizes, strides;
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return t.stride(a) > t.stride(b); });
  for (int64_t d : order) {
    sizes.push_back(like.size(d));
    strides.push_back(like.stride(d));
  }
  return alias(like, sizes, strides, like.offset());
}

// Fills the elements in the order of memory: fill(pointer, n) writes a contiguous buffer.
template <class F>
void fill_tensor(const Tensor& t, F fill) {
  if (t.is_meta() || t.numel() == 0) return;
  if (is_dense(t.sizes(), t.strides())) return fill(t.raw(), t.numel());
  const Tensor window = in_memory_order(t, t);
  const Tensor buffer = flambeau::empty(window.sizes(), t.dtype());
  fill(buffer.raw(), buffer.numel());
  copy_elements(window, buffer, "random");
}

Tensor expand_for(const Tensor& t, const Dims& shape) {
  GradMode off(false);
  return ops::expand(t, shape);
}

Tensor like(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
            std::optional<MemoryFormat> format) {
  return empty_in_format(self, dtype.value_or(self.dtype()), device.value_or(self.device()),
                         format.value_or(MemoryFormat::Preserve));
}

Tensor fresh(const Dims& size, DType dtype, std::optional<Device> device, const char* op) {
  return flambeau::empty(size, dtype, device.value_or(kCpu), op);
}

void check_probability(double p, const char* op) {
  FB_CHECK(p >= 0 && p <= 1, op, " expects p to be in [0, 1], but got p=", p);
}

}  // namespace

// ---- in place

void uniform_(const Tensor& self, double from, double to, Generator* generator) {
  fill_tensor(self, [&](void* p, int64_t n) {
    fill_uniform(chosen(generator), self.dtype(), p, n, from, to);
  });
}

void normal_(const Tensor& self, double mean, double std, Generator* generator) {
  FB_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
  fill_tensor(self, [&](void* p, int64_t n) {
    fill_normal(chosen(generator), self.dtype(), p, n, mean, std, self.is_contiguous());
  });
}

void random_(const Tensor& self, Generator* generator) {
  fill_tensor(self,
              [&](void* p, int64_t n) { fill_random(chosen(generator), self.dtype(), p, n); });
}
void random_to_(const Tensor& self, int64_t to, Generator* generator) {
  random_from_(self, 0, to, generator);
}
void random_from_(const Tensor& self, int64_t from, std::optional<int64_t> to,
                  Generator* generator) {
  FB_CHECK(!to || from < *to, "random_ expects 'from' to be less than 'to', but got from=", from,
           " >= to=", to.value_or(0));
  fill_tensor(self, [&](void* p, int64_t n) {
    if (to)
      fill_randint(chosen(generator), self.dtype(), p, n, from, *to);
    else
      fill_randint_from(chosen(generator), self.dtype(), p, n, from);
  });
}

void exponential_(const Tensor& self, double lambd, Generator* generator) {
  FB_CHECK(lambd > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambd);
  fill_tensor(self, [&](void* p, int64_t n) {
    fill_exponential(chosen(generator), self.dtype(), p, n, lambd);
  });
}
void geometric_(const Tensor& self, double p, Generator* generator) {
  FB_CHECK(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
  fill_tensor(self, [&](void* out, int64_t n) {
    fill_geometric(chosen(generator), self.dtype(), out, n, p);
  });
}
void cauchy_(const Tensor& self, double median, double sigma, Generator* generator) {
  FB_CHECK(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  fill_tensor(self, [&](void* p, int64_t n) {
    fill_cauchy(chosen(generator), self.dtype(), p, n, median, sigma);
  });
}
void log_normal_(const Tensor& self, double mean, double std, Generator* generator) {
  FB_CHECK(std > 0, "log_normal_ expects std > 0.0, but found std=", std);
  fill_tensor(self, [&](void* p, int64_t n) {
    fill_log_normal(chosen(generator), self.dtype(), p, n, mean, std);
  });
}

void _fill_bernoulli_(const Tensor& self, double p, Generator* generator) {
  check_probability(p, "bernoulli_");
  fill_tensor(self, [&](void* out, int64_t n) {
    fill_bernoulli(chosen(generator), self.dtype(), out, n, p);
  });
}

void _fill_bernoulli_tensor_(const Tensor& self, const Tensor& p, Generator* generator) {
  FB_CHECK(is_floating(p.dtype()),
           "bernoulli_(): expected a floating point probability tensor, got ", name(p.dtype()));
  if (self.is_meta()) return;
  const Tensor wide = expand_for(p, self.sizes());
  const Tensor dense = contiguous(in_memory_order(self, wide));
  fill_tensor(self, [&](void* out, int64_t n) {
    fill_bernoulli_p(chosen(generator), self.dtype(), out, dense.dtype(), dense.raw(), n);
  });
}

Tensor bernoulli_(const Tensor& self, double p, Generator* generator) {
  return ops::_fill_bernoulli_(self, p, generator);
}
Tensor bernoulli__tensor(const Tensor& self, const Tensor& p, Generator* generator) {
  return ops::_fill_bernoulli_tensor_(self, p, generator);
}

// ---- new tensors

Tensor rand(const Dims& size, Generator* generator, std::optional<DType> dtype,
            std::optional<Device> device) {
  Tensor out = fresh(size, dtype.value_or(default_dtype()), device, "rand");
  uniform_(out, 0, 1, generator);
  return out;
}
Tensor randn(const Dims& size, Generator* generator, std::optional<DType> dtype,
             std::optional<Device> device) {
  Tensor out = fresh(size, dtype.value_or(default_dtype()), device, "randn");
  normal_(out, 0, 1, generator);
  return out;
}
Tensor randint(int64_t high, const Dims& size, Generator* generator, std::optional<DType> dtype,
               std::optional<Device> device) {
  return randint_low(0, high, size, generator, dtype, device);
}
Tensor randint_low(int64_t low, int64_t high, const Dims& size, Generator* generator,
                   std::optional<DType> dtype, std::optional<Device> device) {
  Tensor out = fresh(size, dtype.value_or(DType::Int64), device, "randint");
  random_from_(out, low, high, generator);
  return out;
}
Tensor randperm(int64_t n, Generator* generator, std::optional<DType> dtype,
                std::optional<Device> device) {
  FB_CHECK(n >= 0, "n must be non-negative, got", n);
  Tensor out = fresh({n}, dtype.value_or(DType::Int64), device, "randperm");
  if (!out.is_meta()) fill_randperm(chosen(generator), out.dtype(), out.raw(), n);
  return out;
}
Tensor rand_like(const Tensor& self, Generator* generator, std::optional<DType> dtype,
                 std::optional<Device> device, std::optional<MemoryFormat> format) {
  Tensor out = like(self, dtype, device, format);
  uniform_(out, 0, 1, generator);
  return out;
}
Tensor randn_like(const Tensor& self, Generator* generator, std::optional<DType> dtype,
                  std::optional<Device> device, std::optional<MemoryFormat> format) {
  Tensor out = like(self, dtype, device, format);
  normal_(out, 0, 1, generator);
  return out;
}
Tensor randint_like(const Tensor& self, int64_t high, Generator* generator,
                    std::optional<DType> dtype, std::optional<Device> device,
                    std::optional<MemoryFormat> format) {
  return randint_like_low(self, 0, high, generator, dtype, device, format);
}
Tensor randint_like_low(const Tensor& self, int64_t low, int64_t high, Generator* generator,
                        std::optional<DType> dtype, std::optional<Device> device,
                        std::optional<MemoryFormat> format) {
  Tensor out = like(self, dtype, device, format);
  random_from_(out, low, high, generator);
  return out;
}

// ---- normal() of tensors: a standard normal, scaled and shifted

namespace {

void check_std(const Tensor& std) {
  FB_CHECK(!is_complex(std.dtype()), "normal expects standard deviation to be non-complex");
  if (std.is_meta() || std.numel() == 0) return;
  GradMode off(false);
  const Tensor dense = contiguous(to_dtype(std, DType::Float64));
  const auto* p = dense.data<double>();
  FB_CHECK(std::all_of(p, p + dense.numel(), [](double v) { return v >= 0; }),
           "normal expects all elements of std >= 0.0");
}

}  // namespace

Tensor normal_tensors(const Tensor& mean, const Tensor& std, Generator* generator) {
  check_std(std);
  const Dims shape = broadcast_shapes(mean.sizes(), std.sizes(), "normal");
  Tensor out = flambeau::empty(shape, promote(mean.dtype(), std.dtype()), mean.device(), "normal");
  GradMode off(false);
  normal_(out, 0, 1, generator);
  ops::mul_(out, std);
  return ops::add_(out, mean);
}
Tensor normal_mean(const Tensor& mean, double std, Generator* generator) {
  Tensor out = flambeau::empty(mean.sizes(), mean.dtype(), mean.device(), "normal");
  GradMode off(false);
  normal_(out, 0, std, generator);
  return ops::add_(out, mean);
}
Tensor normal_std(double mean, const Tensor& std, Generator* generator) {
  check_std(std);
  Tensor out = flambeau::empty(std.sizes(), std.dtype(), std.device(), "normal");
  GradMode off(false);
  normal_(out, 0, 1, generator);
  ops::mul_(out, std);
  return ops::add_(out, number_tensor(mean));
}
Tensor normal_size(double mean, double std, const Dims& size, Generator* generator,
                   std::optional<DType> dtype, std::optional<Device> device) {
  Tensor out = fresh(size, dtype.value_or(default_dtype()), device, "normal");
  normal_(out, mean, std, generator);
  return out;
}

// ---- draws with parameters of their own

Tensor bernoulli(const Tensor& self, Generator* generator) {
  Tensor out = flambeau::empty(self.sizes(), self.dtype(), self.device(), "bernoulli");
  _fill_bernoulli_tensor_(out, self, generator);
  return out;
}
Tensor bernoulli_p(const Tensor& self, double p, Generator* generator) {
  Tensor out = flambeau::empty(self.sizes(), self.dtype(), self.device(), "bernoulli");
  _fill_bernoulli_(out, p, generator);
  return out;
}

Tensor multinomial_op(const Tensor& self, int64_t num_samples, bool replacement,
                      Generator* generator) {
  FB_CHECK(is_floating(self.dtype()),
           "multinomial only supports floating-point dtypes for input, got: ", name(self.dtype()));
  FB_CHECK(self.dim() == 1 || self.dim() == 2, "prob_dist must be 1 or 2 dim: multinomial got ",
           self.dim(), " dimensions");
  FB_CHECK(num_samples > 0, "cannot sample n_sample <= 0 samples: multinomial got ", num_samples);
  const int64_t n = self.sizes().back(), rows = self.dim() == 2 ? self.size(0) : 1;
  FB_CHECK(n < int64_t{1} << 24, "number of categories cannot exceed 2^24: multinomial got ", n);
  FB_CHECK(replacement || num_samples <= n,
           "cannot sample n_sample > prob_dist.size(-1) samples "
           "without replacement: multinomial got ",
           num_samples, " samples of ", n);
  Dims sizes = self.sizes();
  sizes.back() = num_samples;
  Tensor out = flambeau::empty(sizes, DType::Int64, self.device(), "multinomial");
  if (out.is_meta() || out.numel() == 0) return out;
  FB_CHECK(n > 0, "multinomial(): cannot sample from no categories");
  const Tensor dense = contiguous(self);
  multinomial(chosen(generator), self.dtype(), dense.raw(), rows, n, num_samples, replacement,
              out.data<int64_t>());
  return out;
}

Tensor poisson(const Tensor& self, Generator* generator) {
  Tensor out = flambeau::empty_like(self);
  if (out.is_meta() || out.numel() == 0) return out;
  const Tensor rates = contiguous(in_memory_order(out, self));
  fill_tensor(out, [&](void* p, int64_t n) {
    fill_poisson(chosen(generator), self.dtype(), rates.raw(), p, n);
  });
  return out;
}

Tensor binomial(const Tensor& count, const Tensor& prob, Generator* generator) {
  FB_CHECK(count.dtype() == prob.dtype() && is_floating(prob.dtype()),
           "binomial only supports "
           "floating-point dtypes that agree, got ",
           name(count.dtype()), " and ", name(prob.dtype()));
  const Dims shape = broadcast_shapes(count.sizes(), prob.sizes(), "binomial");
  Tensor out = flambeau::empty(shape, prob.dtype(), prob.device(), "binomial");
  if (out.is_meta() || out.numel() == 0) return out;
  const Tensor counts = contiguous(expand_for(count, shape)),
               p = contiguous(expand_for(prob, shape));
  fill_binomial(chosen(generator), prob.dtype(), counts.raw(), p.raw(), out.raw(), out.numel());
  return out;
}

Tensor _sample_dirichlet(const Tensor& self, Generator* generator) {
  const Tensor g = ops::_standard_gamma(self, generator);
  return ops::div(g, ops::sum(g, Dims{-1}, true));
}

// ---- dropout

namespace {

// 1 / (1 - p) as a division in the tensor's type gives it.
double kept_scale(double p, DType dtype) {
  return visit_floating(dtype, "dropout", [&]<class T>() -> double {
    using C = compute_t<T>;
    return static_cast<double>(static_cast<C>(T(C(1) / static_cast<C>(1 - p))));
  });
}

Tensor drop(const Tensor& self, double p, bool train, bool inplace, bool channels, const char* op) {
  FB_CHECK_VALUE(p >= 0 && p <= 1, op, " probability has to be between 0 and 1, but got ", p);
  if (p == 0 || !train || self.numel() == 0) return self;
  if (p == 1) {
    const Tensor zero = number_tensor(0.0);
    return inplace ? ops::mul_(self, zero) : ops::mul(self, zero);
  }
  const Tensor mask = ops::_bernoulli_mask(self, 1 - p, channels);
  const double scale = kept_scale(p, self.dtype());
  return inplace ? ops::_masked_scale_(self, mask, scale) : ops::_masked_scale(self, mask, scale);
}

}  // namespace

Tensor _bernoulli_mask(const Tensor& self, double p, bool channels, Generator* generator) {
  check_probability(p, "bernoulli_");
  if (!channels) {
    Tensor mask = flambeau::empty_like(self, DType::Bool);
    _fill_bernoulli_(mask, p, generator);
    return mask;
  }
  FB_CHECK(self.dim() >= 2, "Feature dropout requires at least 2 dimensions in the input");
  Dims sizes(self.sizes().begin(), self.sizes().begin() + 2);
  sizes.resize(static_cast<size_t>(self.dim()), 1);
  Tensor mask = flambeau::empty(sizes, DType::Bool, self.device(), "dropout");
  _fill_bernoulli_(mask, p, generator);
  return mask;
}

Tensor dropout(const Tensor& self, double p, bool training, bool inplace) {
  return drop(self, p, training, inplace, false, "dropout");
}
Tensor dropout_(const Tensor& self, double p, bool train) {
  return drop(self, p, train, true, false, "dropout");
}
Tensor feature_dropout(const Tensor& self, double p, bool train) {
  return drop(self, p, train, false, true, "dropout");
}
Tensor feature_dropout_(const Tensor& self, double p, bool train) {
  return drop(self, p, train, true, true, "dropout");
}

}  // namespace flambeau::impl
