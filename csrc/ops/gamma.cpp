// Gamma samples and how they move with their shape parameter (implicit reparameterisation,
// Figurnov, Mohamed and Mnih 2018): dz/da = -(dF/da) / (dF/dz) of the distribution function F(z;
// a).
#include <cmath>

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/random.h"
#include "cpu/thread_pool.h"
#include "impl_random.h"

namespace flambeau::impl {

namespace {

constexpr double kTiny = 1e-16;

// Recurrence up to 6, then the asymptotic series.
double digamma(double x) {
  double shift = 0;
  for (; x < 6; ++x) shift -= 1 / x;
  const double q = 1 / (x * x);
  return shift + std::log(x) - 0.5 / x -
         q * (1 / 12.0 - q * (1 / 120.0 - q * (1 / 252.0 - q * (1 / 240.0 - q * (1 / 132.0)))));
}

// z below a + 1: F = z^a e^-z / Gamma(a) * sum of s_n, s_0 = 1 / a, s_{n+1} = s_n z / (a + n + 1);
// each s_n carries its own derivative by a, ln z - digamma(a + n + 1).
double by_series(double a, double z) {
  double term = 1 / a, slope = std::log(z) - digamma(a) - 1 / a;
  double sum = term * slope, size = term;
  for (int64_t n = 1; n < 100000; ++n) {
    const double next = a + static_cast<double>(n);
    term *= z / next;
    slope -= 1 / next;
    sum += term * slope;
    size += term;
    if (term * std::abs(slope) < kTiny * std::abs(sum) && term < kTiny * size) break;
  }
  return -z * sum;
}

// Larger z: 1 - F = z^a e^-z / Gamma(a) * h, h the continued fraction 1 / (z + 1 - a - 1 (1 - a) /
// (z + 3 - a - 2 (2 - a) / ...)), evaluated by Lentz's method together with its derivative by a.
double by_fraction(double a, double z) {
  double b = z + 1 - a, db = -1;
  double c = 1e300, dc = 0;
  double d = 1 / b, dd = -db * d * d;
  double h = d, dh = dd;
  for (int64_t i = 1; i < 100000; ++i) {
    const double k = static_cast<double>(i);
    const double an = -k * (k - a), dan = k;
    b += 2;
    const double bottom = an * d + b, dbottom = dan * d + an * dd + db;
    d = 1 / bottom;
    dd = -dbottom * d * d;
    const double dc_next = dan / c - an * dc / (c * c) + db;
    c = b + an / c;
    dc = dc_next;
    const double factor = c * d, dfactor = dc * d + c * dd;
    dh = dh * factor + h * dfactor;
    h *= factor;
    if (std::abs(factor - 1) < kTiny && std::abs(dfactor) < kTiny) break;
  }
  return z * (dh + h * (std::log(z) - digamma(a)));
}

// Large shapes: Wilson and Hilferty's cube of a normal n, z = a (1 - 1 / 9a + n / 3 sqrt a)^3.
double by_normal(double a, double z) {
  const double c = std::cbrt(z / a), root = std::sqrt(a);
  const double n = 3 * root * (c - 1 + 1 / (9 * a));
  return c * c * c + 3 * a * c * c * (1 / (9 * a * a) - n / (6 * a * root));
}

double sample_slope(double a, double z) {
  if (std::isnan(a) || std::isnan(z) || a <= 0 || z < 0) return std::nan("");
  if (z == 0) return 0;
  if (a > 1e6) return by_normal(a, z);
  return z < a + 1 ? by_series(a, z) : by_fraction(a, z);
}

}  // namespace

Tensor _standard_gamma(const Tensor& self, Generator* generator) {
  FB_CHECK(is_floating(self.dtype()), "_standard_gamma(): expects a floating point tensor, got ",
           name(self.dtype()));
  Tensor out = flambeau::empty(self.sizes(), self.dtype(), self.device(), "_standard_gamma");
  if (out.is_meta() || out.numel() == 0) return out;
  const Tensor alphas = contiguous(self);
  fill_standard_gamma(generator ? *generator : default_generator(), self.dtype(), alphas.raw(),
                      out.raw(), out.numel());
  return out;
}

Tensor _standard_gamma_grad(const Tensor& self, const Tensor& output) {
  FB_CHECK(self.sizes() == output.sizes() && self.dtype() == output.dtype(),
           "_standard_gamma_grad(): the samples must have the sizes and type of the shapes");
  Tensor out = flambeau::empty(self.sizes(), self.dtype(), self.device(), "_standard_gamma_grad");
  if (out.is_meta() || out.numel() == 0) return out;
  const Tensor a = contiguous(to_dtype(self, DType::Float64)),
               z = contiguous(to_dtype(output, DType::Float64));
  const Tensor slopes = flambeau::empty(self.sizes(), DType::Float64);
  const auto *pa = a.data<double>(), *pz = z.data<double>();
  auto* to = slopes.data<double>();
  {
    BlockingRegion region(out.numel() >= 1024);
    parallel_for(out.numel(), 256, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = sample_slope(pa[i], pz[i]);
    });
  }
  copy_elements(out, slopes, "_standard_gamma_grad");
  return out;
}

}  // namespace flambeau::impl
