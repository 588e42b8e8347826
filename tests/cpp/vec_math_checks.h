// Accuracy, special values and speed of csrc/cpu/vec_math.h and kernels/convert_half.h for one
// instruction set, FB_ISA of the including file. The reference is the C library in long double.
//
// FLAMBEAU_TEST_STRIDE=n  tries every n-th float (40009 unless given; 1009 takes half a minute)
// FLAMBEAU_TEST_SPEED=1   prints elements per second as well
#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#if defined(FB_TEST_TARGET_AVX2)
// After the standard headers, whose inline functions the linker may keep for every processor.
#pragma GCC target("avx2,fma,f16c")
#endif

#include "cpu/complex_math.h"
#include "cpu/kernels/convert_half.h"
#include "cpu/vec_math.h"
#include "cpu/vec_math/integer.h"
#include "testing.h"

namespace flambeau::FB_ISA {
namespace {

using Real = long double;
int failures = 0;
bool verbose() { return std::getenv("FLAMBEAU_TEST_STRIDE") != nullptr; }

void check(bool ok, const char* what) {
  if (!ok) {
    std::fprintf(stderr, "FAILED  %s\n", what);
    ++failures;
  }
}
#define CHECK(cond) check((cond), #cond)

// The distance in units of the last place of T at the reference.
template <class T>
double ulp_error(T got, Real want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : INFINITY;
  const T rounded = static_cast<T>(want);
  if (got == rounded) return std::isinf(rounded) ? 0 : 0.5;
  if (std::isnan(got)) return INFINITY;
  const int digits = sizeof(T) == 4 ? 24 : 53, lowest = sizeof(T) == 4 ? -149 : -1074;
  // An infinity counts as the next number after the largest.
  const Real top = std::ldexp(Real(1), sizeof(T) == 4 ? 128 : 1024);
  const Real g = std::isinf(got) ? std::copysign(top, Real(got)) : Real(got);
  const Real w = std::isinf(want) || std::fabs(want) > top ? std::copysign(top, want) : want;
  int exponent;
  std::frexp(w, &exponent);
  exponent = w == 0 ? lowest : std::max(exponent - digits, lowest);
  return static_cast<double>(std::fabs(g - w) / std::ldexp(Real(1), exponent));
}

uint64_t random_state = 88172645463325252ull;
uint64_t random_bits() {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}
template <class T, class B>
T from_bits(B b) {
  T x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}

// Every stride-th float, and random doubles of all sizes with more of them near 1.
template <class T>
std::vector<T> sweep(uint32_t stride) {
  std::vector<T> x;
  if constexpr (sizeof(T) == 4) {
    for (uint64_t b = 0; b < (1ull << 32); b += stride) x.push_back(from_bits<float>(uint32_t(b)));
  } else {
    const int64_t n = (1ll << 32) / stride / 4;
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t b = random_bits();
      x.push_back(from_bits<double>(b));
      x.push_back((double(b >> 11) * 0x1p-53 - 0.5) * (i % 3 == 0 ? 4 : i % 3 == 1 ? 60 : 1500));
    }
  }
  const double special[] = {0.0,
                            -0.0,
                            1,
                            -1,
                            INFINITY,
                            -INFINITY,
                            NAN,
                            1e-320,
                            -1e-320,
                            1e-40,
                            88.72284,
                            88.72283,
                            -87.33655,
                            -103.97208,
                            -103.97,
                            709.782712893384,
                            -745.1332191019411,
                            -745.2,
                            0.5,
                            2,
                            3.4028235e38,
                            1.1754944e-38,
                            1e308};
  for (double s : special) x.push_back(static_cast<T>(s));
  while (x.size() % Vec<T>::lanes) x.push_back(T(1));
  return x;
}

template <class T, class F, class R>
void measure(const char* name, F f, R reference, double bound, const std::vector<T>& xs) {
  double worst = 0;
  T at = 0;
  using V = Vec<T>;
  for (size_t i = 0; i < xs.size(); i += V::lanes) {
    const V y = f(load(&xs[i]));
    for (int j = 0; j < V::lanes; ++j) {
      const Real want = reference(Real(xs[i + j]));
      double e = ulp_error<T>(y[j], want);
      // The sign of zero counts where the reference has one.
      if (want == 0 && y[j] == 0 && std::signbit(want) != std::signbit(y[j])) e = INFINITY;
      if (e > worst) worst = e, at = xs[i + j];
    }
  }
  const bool ok = worst <= bound;
  if (!ok || verbose())
    std::printf("%-7s %-12s %-6s max %8.3f ulp at %.9g\n", ok ? "" : "FAILED", name,
                sizeof(T) == 4 ? "float" : "double", worst, double(at));
  failures += !ok;
}

template <class T, class F, class R>
void measure2(const char* name, F f, R reference, double bound, int count) {
  double worst = 0;
  T at[2] = {};
  using V = Vec<T>;
  const double special[] = {0.0,    -0.0,     1,    -1,       2,         -2,  3,
                            -3,     0.5,      -0.5, INFINITY, -INFINITY, NAN, 1e-40,
                            -1e-40, 16777217, 1e30, -1e30,    1e-30};
  constexpr int k = sizeof special / sizeof *special;
  for (int i = -k * k; i < count; ++i) {
    V x, y;
    for (int j = 0; j < V::lanes; ++j) {
      T a, b;
      const uint64_t r = random_bits();
      if (i < 0) {
        a = T(special[(i + k * k) / k]), b = T(special[(i + k * k) % k]);
      } else if (i % 4 == 1) {
        a = std::fabs(from_bits<float>(uint32_t(r) & 0x7f7fffffu)), b = T(int64_t(r) * 0x1p-56);
      } else if (i % 2) {
        a = T(std::ldexp(double(r >> 40), int(r % 90) - 69)), b = T(int64_t(r) * 0x1p-57);
      } else {
        a = from_bits<float>(uint32_t(r)), b = from_bits<float>(uint32_t(r >> 32));
      }
      x.set(j, a), y.set(j, b);
    }
    const V z = f(x, y);
    for (int j = 0; j < V::lanes; ++j) {
      const Real want = reference(Real(x[j]), Real(y[j]));
      double e = ulp_error<T>(z[j], want);
      if (want == 0 && z[j] == 0 && std::signbit(want) != std::signbit(z[j])) e = INFINITY;
      if (e > worst) worst = e, at[0] = x[j], at[1] = y[j];
    }
  }
  const bool ok = worst <= bound;
  if (!ok || verbose())
    std::printf("%-7s %-12s %-6s max %8.3f ulp at %.9g, %.9g\n", ok ? "" : "FAILED", name,
                sizeof(T) == 4 ? "float" : "double", worst, double(at[0]), double(at[1]));
  failures += !ok;
}

Real sigmoid_reference(Real x) { return 1 / (1 + expl(-x)); }
Real round_reference(Real x) { return nearbyintl(x); }
Real rsqrt_reference(Real x) { return 1 / sqrtl(x); }
Real remainder_reference(Real x, Real y) {
  const Real r = fmodl(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

template <class T>
void accuracy(uint32_t stride) {
  using V = Vec<T>;
  const std::vector<T> xs = sweep<T>(stride);
#define MEASURE(name, reference, bound)                                                     \
  measure<T>(#name, [](V x) { return name(x); }, [](Real x) { return Real(reference(x)); }, \
             bound, xs)
  MEASURE(exp, expl, 2);
  MEASURE(exp2, exp2l, 2);
  MEASURE(expm1, expm1l, 2);
  MEASURE(log, logl, 2);
  MEASURE(log2, log2l, 2);
  MEASURE(log10, log10l, 2);
  MEASURE(log1p, log1pl, 2);
  MEASURE(sin, sinl, 2);
  MEASURE(cos, cosl, 2);
  MEASURE(tan, tanl, 2);
  MEASURE(asin, asinl, 2);
  MEASURE(acos, acosl, 2);
  MEASURE(atan, atanl, 2);
  MEASURE(sinh, sinhl, 2);
  MEASURE(cosh, coshl, 2);
  MEASURE(tanh, tanhl, 2);
  MEASURE(asinh, asinhl, 2);
  MEASURE(acosh, acoshl, 2);
  MEASURE(atanh, atanhl, 2);
  MEASURE(sigmoid, sigmoid_reference, 2);
  MEASURE(erf, erfl, 2);
  MEASURE(erfc, erfcl, sizeof(T) == 4 ? 2 : 8);  // double: the C library's own error
  MEASURE(sqrt, sqrtl, 0.5);
  MEASURE(rsqrt, rsqrt_reference, 1.5);
  MEASURE(floor, floorl, 0.5);
  MEASURE(ceil, ceill, 0.5);
  MEASURE(round, round_reference, 0.5);
  MEASURE(trunc, truncl, 0.5);
  MEASURE(abs, fabsl, 0.5);
#undef MEASURE
  const int pairs = int((1ll << 32) / stride / 16);
#define MEASURE2(name, reference, bound) \
  measure2<T>(#name, [](V x, V y) { return name(x, y); }, \
              [](Real x, Real y) { return Real(reference(x, y)); }, bound, pairs)
  MEASURE2(pow, powl, 2);
  MEASURE2(atan2, atan2l, 2);
  MEASURE2(hypot, hypotl, 2);
  MEASURE2(fmod, fmodl, 0.5);
  MEASURE2(remainder, remainder_reference, 0.5);
  MEASURE2(copysign, copysignl, 0.5);
#undef MEASURE2
}

bool same(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}
bool near(double got, double want, double relative = 1e-14) {
  return std::fabs(got - want) <= relative * std::fabs(want);
}

template <class T>
void vectors() {
  using V = Vec<T>;
  constexpr int n = V::lanes;
  const T nan = kNaN<T>, inf = kInf<T>;
  CHECK(same(maximum(V(nan), V(1))[0], NAN) && same(maximum(V(1), V(nan))[0], NAN));
  CHECK(same(minimum(V(nan), V(1))[0], NAN) && same(minimum(V(1), V(nan))[0], NAN));
  CHECK(same(fmaximum(V(nan), V(1))[0], 1) && same(fmaximum(V(1), V(nan))[0], 1));
  CHECK(same(fminimum(V(nan), V(1))[0], 1) && same(fminimum(V(1), V(nan))[0], 1));
  CHECK(same(maximum(nan, T(1)), NAN) && same(maximum(T(1), nan), NAN));
  CHECK(same(fminimum(nan, T(1)), 1) && same(fminimum(T(1), nan), 1));
  CHECK(same(V(-0.0)[0], -0.0) && same((-V(0))[0], -0.0));
  CHECK(all(isnan(V(nan))) && !any(isnan(V(inf))) && all(isinf(V(-inf))) && !any(isfinite(V(inf))));
  CHECK(same(sign(V(-3))[0], -1) && same(sign(V(nan))[0], NAN) && sign(V(0))[0] == 0);
  CHECK(same(floor_divide(V(7), V(-2))[0], -4) && same(floor_divide(V(-7), V(2))[0], -4));
  CHECK(same(floor_divide(V(1), V(0))[0], INFINITY) && same(floor_divide(V(0), V(0))[0], NAN));
  CHECK(floor_divide(V(1), V(0.1))[0] == 9);  // as Python: 0.1 is a little more than a tenth
  CHECK(same(fma(V(3), V(4), V(5))[0], 17));

  // Reductions, and NaN in any lane.
  V x = iota<T>() + 1;
  CHECK(reduce_add(x) == n * (n + 1) / 2 && reduce_max(x) == n && reduce_min(x) == 1);
  for (int i = 0; i < n; ++i) {
    V y = x;
    y.set(i, nan);
    CHECK(std::isnan(reduce_max(y)) && std::isnan(reduce_min(y)));
  }
  // Tails touch nothing beyond them.
  T in[2 * n], out[2 * n];
  for (int i = 0; i < 2 * n; ++i) in[i] = T(i + 1);
  for (int count = 0; count <= n; ++count) {
    for (T& o : out) o = -1;
    const V y = load_n(in + 1, count, T(9));
    store_n(out + 1, y, count);
    CHECK(out[0] == -1);
    for (int i = 0; i < n; ++i) CHECK(y[i] == (i < count ? in[i + 1] : T(9)));
    for (int i = 0; i < n; ++i) CHECK(out[i + 1] == (i < count ? in[i + 1] : T(-1)));
  }
  CHECK(load_strided(in, 2)[1] == 3 && load_strided(in + 3, -1, 2)[1] == 3);
  bool flags[n];
  store_bool(flags, x > 1);
  CHECK(!flags[0] && flags[1] && all(load_bool<T>(flags) == (x > 1)));

  // One expression for vectors and single numbers, with literals of other types.
  auto elu = [](auto v, auto alpha) { return where(v > 0, v, alpha * (exp(v) - 1)); };
  for (double v : {-2.0, 0.0, 3.0}) CHECK(elu(V(v), V(0.1))[0] == elu(T(v), T(0.1)));
  auto mixed = [](auto v) {
    return where(((v >= -1) & !(v > 1)) | isnan(v), 0.25 * v, maximum(minimum(v, 2), -2));
  };
  for (double v : {-5.0, -1.0, 0.5, 1.5, 7.0}) CHECK(mixed(V(v))[0] == mixed(T(v)));
  CHECK(where(V(1) > 0, 1, 0)[0] == 1);
}

void whole_numbers() {
  const int64_t lowest = INT64_MIN;
  CHECK(remainder(int64_t(-7), int64_t(3)) == 2 && remainder(int64_t(7), int64_t(-3)) == -2);
  CHECK(fmod(int64_t(-7), int64_t(3)) == -1 && floor_divide(int64_t(-7), int64_t(3)) == -3);
  CHECK(fmod(lowest, int64_t(-1)) == 0 && floor_divide(lowest, int64_t(-1)) == lowest);
  CHECK(floor_divide(int32_t(INT32_MIN), int32_t(-1)) == INT32_MIN);
  CHECK(remainder(int8_t(-128), int8_t(-1)) == 0 && fmod(uint8_t(7), uint8_t(4)) == 3);
  CHECK(remainder(int64_t(5), int64_t(0)) == 0 && trunc_divide(int64_t(-7), int64_t(2)) == -3);
  CHECK(pow(int64_t(3), int64_t(13)) == 1594323 && pow(int64_t(-2), int64_t(3)) == -8);
  CHECK(pow(int32_t(2), int32_t(-1)) == 0 && pow(int32_t(-1), int32_t(-3)) == -1);
  CHECK(abs(int32_t(-5)) == 5 && abs(lowest) == lowest && sign(int64_t(-9)) == -1);
  CHECK(where(int64_t(3) > 2, int64_t(7), 1) == 7 && maximum(int64_t(3), 4) == 4);
  CHECK(abs(vint32(-5))[0] == 5 && sign(vint64(-5))[1] == -1 && maximum(vint32(2), 3)[2] == 3);
  CHECK(where(vint32(3) > 2, vint32(1), 0)[0] == 1 && (vint32(-8) >> 1)[3] == -4);
  CHECK(to_int32(vfloat(-2.7f))[0] == -2 && to_float(vint32(7))[3] == 7);
  CHECK(to_int64(vdouble(-2.7))[1] == -2 && to_double(vint64(1ll << 40))[0] == 0x1p40);
}

// Vectors of int32 and int64 divide as single numbers do, also where quotients wrap.
template <class T>
void whole_quotients() {
  using V = Vec<T>;
  const T edge[] = {
      0, 1, -1, 2, -2, 7, -7, std::numeric_limits<T>::max(), std::numeric_limits<T>::min()};
  bool same_quotients = true;
  for (int i = 0; i < 20000; ++i) {
    V x, y;
    for (int j = 0; j < V::lanes; ++j) {
      const uint64_t r = random_bits();
      x.set(j, r % 3 ? edge[r / 3 % 9] : static_cast<T>(r >> (r % 50)));
      y.set(j, r % 5 ? static_cast<T>(static_cast<int64_t>(r) >> (r % 61)) : edge[r / 5 % 9]);
      if (y[j] == 0) y.set(j, 1);  // the operators refuse it
    }
    const V a = trunc_divide(x, y), b = fmod(x, y), c = floor_divide(x, y), d = remainder(x, y);
    for (int j = 0; j < V::lanes; ++j) {
      same_quotients &= a[j] == trunc_divide(x[j], y[j]) && b[j] == fmod(x[j], y[j]);
      same_quotients &= c[j] == floor_divide(x[j], y[j]) && d[j] == remainder(x[j], y[j]);
    }
  }
  CHECK(same_quotients);
}

void special_functions() {
  for (double power = 1, n = 0; n < 23; power *= 10, ++n) CHECK(log10(power) == n);
  for (int n = -1074; n < 1024; ++n) CHECK(log2(std::ldexp(1.0, n)) == n);
  CHECK(same(ndtri(0.0), -INFINITY) && same(ndtri(1.0), INFINITY) && std::isnan(ndtri(-0.1)));
  CHECK(near(ndtri(0.2), -0.84162123357291442) && near(ndtri(1e-41), -13.481860193554806));
  // Values from 50-digit arithmetic.
  CHECK(near(digamma(1.0), -0.57721566490153286) && near(digamma(-1.5), 0.70315664064524319));
  CHECK(near(digamma(1e-5), -100000.57719921567) && near(digamma(1e3), 6.9072551956488121));
  CHECK(std::isnan(digamma(-2.0)));
  CHECK(same(digamma(0.0), -INFINITY) && same(digamma(-0.0), INFINITY));
  CHECK(near(trigamma(1.0), 1.6449340668482264) && near(trigamma(-0.5), 8.9348022005446793));
  CHECK(near(polygamma(2.0, 3.5), -0.10820405164172740, 1e-13));
  CHECK(near(polygamma(3.0, -1.25), 1558.2209125348506, 1e-13));
  CHECK(near(zeta(2.5, 0.75), 2.4915423855119352, 1e-13));
  CHECK(near(zeta(1.0001, 1.0), 10000.577222947539, 1e-11));
  CHECK(near(lgamma(0.5), 0.57236494292470009) && near(lgamma(-0.5), 1.2655121234846454));
  CHECK(near(i0(1.0), 1.2660658777520083) && near(i1(1.0), 0.56515910399248503));
  CHECK(near(i0e(50.0), 0.056561626647454193) && near(i1e(-50.0), -0.055993123892895400));
  CHECK(near(i0(21.999), 306393500.52218160, 1e-13) && near(i0(22.001), 306992779.83158283, 1e-13));
  CHECK(near(erfcx(1.0), 0.42758357615580701) && near(erfcx(30.0), 0.018795888861416751));
  CHECK(near(erfcx(24.9), 0.022639987776049506, 1e-13) && same(erfcx(INFINITY), 0));
  CHECK(near(ndtri(1e-300), -37.047096299361199) && near(ndtri(0.9), 1.2815515655446004));
  CHECK(near(log_ndtr(-40.0), -804.60844201375379) && near(log_ndtr(2.0), -0.023012909328963488));
  CHECK(same(erfinv(1.0), INFINITY) && same(erfinv(-1.0), -INFINITY) && std::isnan(erfinv(1.5)));
  CHECK(same(erfinv(-0.0), -0.0) && erfinv(vfloat(0.5f))[0] == erfinv(0.5f));
  CHECK(near(digamma(-1e-20), 1e20) && near(trigamma(-1e-20), 1e40));
  CHECK(same(i0(-INFINITY), INFINITY) && same(i1(-INFINITY), -INFINITY) && same(i0e(INFINITY), 0));
  CHECK(same(lgamma(-3.0), INFINITY) && same(lgamma(-INFINITY), INFINITY) && lgamma(1.0) == 0);
  CHECK(near(ndtri(1e-40f), -13.3109217741, 1e-7) && same(ndtri(0.0f), -INFINITY));
  // A neighbour with a formula or a case of its own changes nothing.
  for (float other : {-2.5f, -INFINITY, kNaN<float>, 0.0f, 1e30f}) {
    vfloat x = iota<float>() * 0.37f + 0.11f, y = x;
    y.set(0, other);
    for (int i = 1; i < vfloat::lanes; ++i) {
      CHECK(lgamma(x)[i] == lgamma(y)[i] && digamma(x)[i] == digamma(y)[i]);
      CHECK(trigamma(x)[i] == trigamma(y)[i] && i1(x)[i] == i1(y)[i]);
      CHECK(polygamma(vfloat(1), x)[i] == trigamma(x)[i]);
    }
  }
  for (int base = 2; base < 200; ++base)
    for (double power = base, n = 1; power < 0x1p53; power *= base, ++n)
      CHECK(pow(double(base), n) == power);
  double worst = 0;
  for (int i = 1; i < 200000; ++i) {
    const double x = i < 100000 ? i * 1e-5 : std::ldexp(1.0, -(i % 300)) * (i * 5e-6);
    const double y = erfinv(x);
    // The residual, measured as a relative error of y.
    const Real residual = y < 0.4 ? erfl(y) - x : (1 - Real(x)) - erfcl(y);
    const Real error = residual * expl(Real(y) * y) * 0.886226925452758L / y;
    worst = std::max(worst, std::fabs(double(error)));
  }
  if (verbose()) std::printf("        erfinv       double max %.2g relative\n", worst);
  CHECK(worst < 5e-16);
}

void complex_functions() {
  using C = std::complex<double>;
  const C z(0.3, -1.7), w(-2.5, 0.4);
  auto close = [](C a, C b) { return std::abs(a - b) <= 1e-14 * std::abs(b); };
  CHECK(close(exp(z), std::exp(z)) && close(log(w), std::log(w)) && close(sqrt(w), std::sqrt(w)));
  CHECK(close(tanh(z), std::tanh(z)) && close(asin(w), std::asin(w)) && close(tan(z), std::tan(z)));
  CHECK(close(pow(z, w), std::pow(z, w)) && close(mul(z, w), z * w) && close(div(z, w), z / w));
  CHECK(close(sigmoid(z), 1.0 / (1.0 + std::exp(-z))) && close(sigmoid(C(-800, 1)), C(0, 0)));
  CHECK(close(log1p(z), std::log(1.0 + z)) && close(expm1(w), std::exp(w) - 1.0));
  CHECK(close(log1p(C(1e-18, 1e-20)), C(1e-18, 1e-20)) && close(expm1(C(1e-18, 0)), C(1e-18, 0)));
  CHECK(close(pow(C(0, 0), C(0, 0)), C(1, 0)) && close(pow(C(0, 0), C(2, 1)), C(0, 0)));
  CHECK(abs(C(3, 4)) == 5 && abs(C(INFINITY, NAN)) == INFINITY && angle(C(-1, 0)) > 3.14159);
  CHECK(sgn(C(0, 0)) == C(0, 0) && close(sgn(C(3, 4)), C(0.6, 0.8)));
  CHECK(close(log10(C(1000, 0)), C(3, 0)) && close(exp2(C(3, 0)), C(8, 0)));
}

// Nearest half, ties to even, by comparing with all of them.
void half_conversions(uint32_t stride) {
  std::vector<uint16_t> all(65536 + 3);
  for (int i = 0; i < 65539; ++i) all[i] = uint16_t(i);
  std::vector<float> f(all.size());
  std::vector<uint16_t> back(all.size());
  half_to_float(all.data(), f.data(), int64_t(all.size()));
  float_to_half(f.data(), back.data(), int64_t(all.size()));
  bool exact = true, round_trip = true, nan_kept = true;
  for (int i = 0; i < 65536; ++i) {
    const int e = (i >> 10) & 31, m = i & 1023;
    const double magnitude = e == 31  ? INFINITY
                             : e == 0 ? std::ldexp(m, -24)
                                      : std::ldexp(1024 + m, e - 25);
    const double v = i & 0x8000 ? -magnitude : magnitude;
    const bool nan = e == 31 && m != 0;
    exact &= nan ? std::isnan(f[i]) : same(f[i], v);
    round_trip &= nan ? back[i] == (i | 0x200) : back[i] == i;
  }
  check(exact, "half_to_float is exact");
  check(round_trip, "float_to_half(half_to_float(x)) == x");
  bool nearest = true, brain_nearest = true;
  for (uint64_t b = 0; b < (1ull << 32); b += stride) {
    const uint32_t w = uint32_t(b);  // as it is, and with few bits left so that ties occur
    const float x[8] = {from_bits<float>(w),
                        from_bits<float>(w & 0xffffe000u),
                        from_bits<float>(w & 0xfffff000u),
                        from_bits<float>(w & 0xffff8000u),
                        65520.0f,
                        65519.996f,
                        0x1p-25f,
                        0x1.000002p-25f};
    uint16_t h[8], tail[8], brain[8];
    float_to_half(x, h, 8);
    for (int j = 0; j < 8; ++j) float_to_half(x + j, tail + j, 1);
    float_to_bfloat16(x, brain, 8);
    for (int j = 0; j < 8; ++j) {
      nearest &= h[j] == tail[j];
      float up;
      bfloat16_to_float(&brain[j], &up, 1);
      if (std::isnan(x[j])) {
        nan_kept &= (h[j] & 0x7fff) > 0x7c00 && std::isnan(up);
        nan_kept &= std::signbit(up) == std::signbit(x[j]) && (h[j] >> 15) == std::signbit(x[j]);
        continue;
      }
      const uint32_t bits = from_bits<uint32_t>(x[j]), low = bits & 0xffff;
      const uint32_t down = bits >> 16;
      const bool goes_up = low > 0x8000 || (low == 0x8000 && (down & 1));
      brain_nearest &= brain[j] == down + goes_up;
      const double a = std::fabs(double(x[j]));
      if (a < 65520) {
        const double step = std::ldexp(1.0, a < 0x1p-14 ? -24 : std::ilogb(a) - 10);
        nearest &= same(f[h[j]], std::copysign(nearbyint(a / step) * step, double(x[j])));
      } else {
        nearest &= (h[j] & 0x7fff) == 0x7c00;
      }
    }
  }
  check(nearest, "float_to_half rounds to nearest even, in blocks and tails");
  check(brain_nearest, "float_to_bfloat16 rounds to nearest even");
  check(nan_kept, "halves keep NaN and its sign");
}

template <class T, class F>
void speed(const char* name, F f) {
  constexpr int n = 16384;  // in and out fit the second-level cache
  alignas(64) static T x[n], y[n];
  for (int i = 0; i < n; ++i) x[i] = T((i % 1000) * 0.01 + 0.01);
  double best = 1e9;
  for (int round = 0; round < 40; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int repeat = 0; repeat < 10; ++repeat) {
      for (int i = 0; i < n; i += Vec<T>::lanes) store(y + i, f(load(x + i)));
      asm volatile("" ::: "memory");  // each repetition counts
    }
    const std::chrono::duration<double> t = std::chrono::steady_clock::now() - start;
    best = std::min(best, t.count());
  }
  std::printf("        %-12s %-6s %6.2f Gelem/s\n", name, sizeof(T) == 4 ? "float" : "double",
              10.0 * n / best * 1e-9);
}
template <class T>
void speeds() {
  using V = Vec<T>;
#define SPEED(name) speed<T>(#name, [](V x) { return name(x); })
  SPEED(abs);
  SPEED(sqrt);
  SPEED(exp);
  SPEED(exp2);
  SPEED(expm1);
  SPEED(log);
  SPEED(log2);
  SPEED(log1p);
  SPEED(tanh);
  SPEED(sigmoid);
  SPEED(sin);
  SPEED(cos);
  SPEED(tan);
  SPEED(erf);
  SPEED(erfc);
  SPEED(atan);
  SPEED(sinh);
  SPEED(asinh);
  SPEED(round);
  speed<T>("pow", [](V x) { return pow(x, V(1.7)); });
  speed<T>("fmod", [](V x) { return fmod(x, V(1.7)); });
#undef SPEED
}

void test_vec_math() {
  const char* text = std::getenv("FLAMBEAU_TEST_STRIDE");
  const long given = text ? std::strtol(text, nullptr, 10) : 40009;
  EXPECT_IN(given > 0 && given < INT32_MAX, "FLAMBEAU_TEST_STRIDE=%s", text);
  const uint32_t stride = static_cast<uint32_t>(given);
  vectors<float>();
  vectors<double>();
  whole_numbers();
  whole_quotients<int32_t>();
  whole_quotients<int64_t>();
  special_functions();
  complex_functions();
  half_conversions(stride * 4 + 1);
  accuracy<float>(stride);
  accuracy<double>(stride);
  if (std::getenv("FLAMBEAU_TEST_SPEED")) {
    speeds<float>();
    speeds<double>();
  }
  EXPECT_IN(failures == 0, "%d checks of the vectors", failures);
}

}  // namespace
}  // namespace flambeau::FB_ISA
