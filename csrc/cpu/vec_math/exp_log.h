// Exponentials, logarithms and powers.
//
// The polynomials here and in the other headers are minimax (Remez exchange, relative error of the
// function, below a tenth of a unit in the last place), made for this project in 60-digit
// arithmetic. Reductions follow Cody & Waite, Software Manual for the Elementary Functions (1980).
#pragma once
#include "cpu/vec_math/basic.h"

namespace flambeau::FB_ISA {

// ---------------------------------------------------------------- e^x, float

// x = n ln 2 + r with |r| <= ln 2 / 2. `shifted` holds n in its low bits (1.5 * 2^23 was added).
struct ExpFloat {
  vint32 shifted;
  vfloat r;
};
FB_VEC ExpFloat reduce_exp(vfloat x) {
  const vfloat magic = 0x1.8p23f;
  const vfloat t = mad(x, vfloat(1.44269502f), magic);
  const vfloat n = t - magic;
  vfloat r = mad(n, vfloat(-0.693145751953125f), x);  // 15 bits of ln 2: n times it is exact
  r = mad(n, vfloat(-1.42860677e-06f), r);
  return {bits(t), r};
}
// e^r - 1, to an absolute error of 2^-28 only
FB_VEC vfloat expm1_short(vfloat r) {
  const vfloat p =
      poly(r, 0.49999994f, 0.166665196f, 0.0416683964f, 0.00836879667f, 0.00138144474f);
  return mad(r * r, p, r);
}
FB_VEC vfloat exp_reduced(vfloat r) { return expm1_short(r) + 1.0f; }
// y 2^n for y near 1 and every n from -150 to 128: two factors, so that subnormals round once.
// Factors, and not sums of exponents, because those would turn a NaN into a number.
FB_VEC vfloat scale_wide(vfloat y, vint32 shifted) {
  const vint32 half = (shifted << 22) & vint32(static_cast<int32_t>(0xff800000u));
  const vint32 rest = (shifted << 23) - half;
  return y * bit_cast<vfloat>(half + (127 << 23)) * bit_cast<vfloat>(rest + (127 << 23));
}
// e^x for -87 <= x <= 88.
FB_VEC vfloat exp_bounded(vfloat x) {
  const ExpFloat e = reduce_exp(x);
  return exp_reduced(e.r) * bit_cast<vfloat>((e.shifted << 23) + (127 << 23));
}
FB_VEC vfloat exp(vfloat x) {
  const ExpFloat e = reduce_exp(clamp_const(x, -104.0f, 89.0f));
  return scale_wide(exp_reduced(e.r), e.shifted);
}
// 2^r for |r| <= 1/2
FB_VEC vfloat exp2_reduced(vfloat r) {
  const vfloat p = poly(r, 0.693147182f, 0.240226477f, 0.0555033199f, 0.00961843878f,
                        0.00133990042f, 0.000153532528f);
  return mad(r, p, vfloat(1));
}
FB_VEC vfloat exp2(vfloat x) {
  x = clamp_const(x, -150.5f, 128.5f);
  const vfloat magic = 0x1.8p23f;
  const vfloat t = x + magic;
  return scale_wide(exp2_reduced(x - (t - magic)), bits(t));
}
// 2^x for x <= 127. What would be subnormal is zero: there the bits of 2^n are those of zero.
FB_VEC vfloat exp2_below(vfloat x) {
  x = max_or_second(vfloat(-127.0f), x);
  const vfloat magic = 0x1.8p23f + 127.0f;
  const vfloat t = x + magic;
  return exp2_reduced(x - (t - magic)) * bit_cast<vfloat>(bits(t) << 23);
}
FB_VEC vfloat expm1(vfloat x) {
  const ExpFloat e = reduce_exp(clamp_const(x, -18.0f, 89.0f));
  const vfloat p = mad(
      e.r * e.r,
      poly(e.r, 0.5f, 0.166666657f, 0.0416663587f, 0.00833338965f, 0.00139407429f, 0.000198458714f),
      e.r);
  // 2^n p + (2^n - 1), halved so that n = 128 does not overflow.
  const vint32 n = e.shifted << 23;
  const vfloat s = bit_cast<vfloat>(n + (126 << 23));
  const vfloat y = mad(s, p, s - 0.5f) * 2.0f;
  return copysign(where(s == 0.5f, p, y), x);
}

// ---------------------------------------------------------------- e^x, double

struct ExpDouble {
  vint64 shifted;
  vdouble r;
};
FB_VEC ExpDouble reduce_exp(vdouble x) {
  const vdouble magic = 0x1.8p52;
  const vdouble t = mad(x, vdouble(1.4426950408889634), magic);
  const vdouble n = t - magic;
  vdouble r = mad(n, vdouble(-0.6931471803691238), x);  // 32 bits of ln 2
  r = mad(n, vdouble(-1.9082149292705877e-10), r);
  return {bits(t), r};
}
// e^(r + lost) - 1 - r for a tiny `lost`
FB_VEC vdouble expm1_tail(vdouble r, vdouble lost) {
  const vdouble p = poly(r, 0.5, 0.16666666666666677, 0.041666666666666505, 0.0083333333333215839,
                         0.001388888888896301, 0.00019841269886273805, 2.4801587171744764e-05,
                         2.7557244031466915e-06, 2.755740293059199e-07, 2.5109108813499258e-08,
                         2.0875358311772929e-09);
  return mad(r * r, p, lost);
}
FB_VEC vdouble expm1_reduced(vdouble r, vdouble lost = 0.0) { return r + expm1_tail(r, lost); }
FB_VEC vdouble scale_wide(vdouble y, vint64 shifted) {
  const vint64 half = (shifted << 51) & vint64(static_cast<int64_t>(0xfff0000000000000ull));
  const vint64 rest = (shifted << 52) - half;
  return y * bit_cast<vdouble>(half + (1023ll << 52)) * bit_cast<vdouble>(rest + (1023ll << 52));
}
// e^x for -708 <= x <= 709 to 2^-30, for results that become floats.
FB_VEC vdouble exp_short(vdouble x) {
  const ExpDouble e = reduce_exp(x);
  const vdouble p = poly(e.r, 0.50000000134624512, 0.16666666719008622, 0.041666464973797279,
                         0.0083332984799535728, 0.0013933643781159758, 0.00019899276557597568);
  return (mad(e.r * e.r, p, e.r) + 1.0) * bit_cast<vdouble>((e.shifted << 52) + (1023ll << 52));
}
// e^x for -708 <= x <= 709.
FB_VEC vdouble exp_bounded(vdouble x) {
  const ExpDouble e = reduce_exp(x);
  return (expm1_reduced(e.r) + 1.0) * bit_cast<vdouble>((e.shifted << 52) + (1023ll << 52));
}
FB_VEC vdouble exp(vdouble x) {
  const ExpDouble e = reduce_exp(clamp_const(x, -746.0, 710.0));
  return scale_wide(expm1_reduced(e.r) + 1.0, e.shifted);
}
FB_VEC vdouble exp2_reduced(vdouble r) { return expm1_reduced(r * 0.6931471805599453) + 1.0; }
FB_VEC vdouble exp2(vdouble x) {
  x = clamp_const(x, -1075.5, 1024.5);
  const vdouble magic = 0x1.8p52;
  const vdouble t = x + magic;
  return scale_wide(exp2_reduced(x - (t - magic)), bits(t));
}
FB_VEC vdouble exp2_below(vdouble x) {
  x = max_or_second(vdouble(-1023.0), x);
  const vdouble magic = 0x1.8p52 + 1023.0;
  const vdouble t = x + magic;
  return exp2_reduced(x - (t - magic)) * bit_cast<vdouble>(bits(t) << 52);
}
FB_VEC vdouble expm1(vdouble x) {
  const vdouble bounded = clamp_const(x, -40.0, 710.0);
  const ExpDouble e = reduce_exp(bounded);
  // Near n = 1 or -1 the terms cancel in part, and what rounding r lost would show.
  const vdouble n = bit_cast<vdouble>(e.shifted) - 0x1.8p52;
  const vdouble high = mad(n, vdouble(-0.6931471803691238), bounded);
  const vdouble lost = mad(n, vdouble(-1.9082149292705877e-10), high - e.r);
  const vdouble p = expm1_reduced(e.r, lost);
  const vdouble s = bit_cast<vdouble>((e.shifted << 52) + (1022ll << 52));
  const vdouble y = mad(s, p, s - 0.5) * 2.0;
  return copysign(where(s == 0.5, p, y), x);
}

// ---------------------------------------------------------------- log, float

// x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for normal x > 0.
struct LogFloat {
  vint32 exponent;  // n, shifted to the place of the exponent
  vfloat n, f;
};
FB_VEC LogFloat reduce_log(vfloat x) {
  const vint32 b = bits(x);
  const vint32 n = (b - vint32(0x3f3504f3)) >> 23;
  const vint32 exponent = n << 23;
  return {exponent, to_float(n), bit_cast<vfloat>(b - exponent) - 1.0f};
}
// (log(1 + f) - f) / f^2
FB_VEC vfloat log1p_tail(vfloat f) {
  return poly(f, -0.499999881f, 0.333333254f, -0.250015825f, 0.200019747f, -0.166090831f,
              0.141818225f, -0.132429838f, 0.129044607f, -0.0762182474f);
}
FB_VEC vfloat log_reduced(vfloat n, vfloat f) {
  vfloat q = f * f * log1p_tail(f);
  q = mad(n, vfloat(1.42860677e-06f), q);
  return mad(n, vfloat(0.693145751953125f), f + q);
}
FB_VEC vfloat log2_reduced(vfloat n, vfloat f) {
  const vfloat tail = poly(f, -0.721347332f, 0.480898231f, -0.360696584f, 0.288567483f,
                           -0.239618421f, 0.204600438f, -0.191055879f, 0.186172023f, -0.109959684f);
  const vfloat q = mad(f * f, tail, f * 1.92596303e-08f);  // log2(e) in two parts
  return mad(f, vfloat(1.44269502f), q) + n;
}
FB_VEC vfloat log10_reduced(vfloat n, vfloat f) {
  const vfloat tail =
      poly(f, -0.217147186f, 0.144764796f, -0.108580492f, 0.0868674666f, -0.0721323267f,
           0.061590869f, -0.0575135499f, 0.0560433641f, -0.0331011638f);
  vfloat q = mad(f * f, tail, f * -1.010305e-08f);  // log10(e) in two parts
  q = mad(n, vfloat(4.605039e-06f), q);             // log10(2) in two parts
  return mad(n, vfloat(0.301025390625f), mad(f, vfloat(0.434294492f), q));
}

// Zero, negative, subnormal, infinite or NaN: the reduction above does not hold.
template <class T>
FB_VEC Mask<sizeof(T)> log_is_special(Vec<T> x) {
  return !((x >= Vec<T>(kSmallestNormal<T>)) & (x < Vec<T>(kInf<T>)));
}
template <class T>
FB_VEC Vec<T> log_limits(Vec<T> x, Vec<T> y) {
  y = where(x == Vec<T>(kInf<T>), x, y);
  y = where(x == Vec<T>(0), Vec<T>(-kInf<T>), y);
  return where(x >= Vec<T>(0), y, Vec<T>(kNaN<T>));
}
#define FB_LOG(name, V, T, scale, power)                                              \
  [[gnu::noinline, gnu::cold]] inline V name##_full(V x) {                            \
    const auto tiny = x < kSmallestNormal<T>;                                         \
    const auto e = reduce_log(where(tiny, x * scale, x));                             \
    return log_limits(x, name##_reduced(where(tiny, e.n - T(power), e.n), e.f));      \
  }                                                                                   \
  FB_VEC V name(V x) {                                                                \
    if (any(log_is_special(x))) [[unlikely]] return name##_full(x);                   \
    const auto e = reduce_log(x);                                                     \
    return name##_reduced(e.n, e.f);                                                  \
  }
FB_LOG(log, vfloat, float, 0x1p25f, 25)
FB_LOG(log2, vfloat, float, 0x1p25f, 25)
FB_LOG(log10, vfloat, float, 0x1p25f, 25)

// 1 + x rounded to u, and what rounding lost, carried to the scale of f.
FB_VEC vfloat log1p(vfloat x) {
  const vfloat u = x + 1.0f;
  const vfloat lost = where(x < 1.0f, x - (u - 1.0f), 1.0f - (u - x));
  const LogFloat e = reduce_log(u);
  const vint32 exponent = where(e.n > 126.0f, vint32(126 << 23), e.exponent);
  const vfloat scale = bit_cast<vfloat>(vint32(127 << 23) - exponent);
  vfloat y = log_reduced(e.n, mad(lost, scale, e.f));
  if (any(!((x > -1.0f) & (x < kInf<float>)))) [[unlikely]]
    y = where(x < kInf<float>, log_limits(u, y), x);
  return copysign(y, x);
}

// ---------------------------------------------------------------- log, double

struct LogDouble {
  vint64 exponent;
  vdouble n, f;
};
FB_VEC LogDouble reduce_log(vdouble x) {
  // The exponent becomes a double through the low bits of 2^52: there is no 64-bit conversion.
  const vint64 b = bits(x);
  const vint64 offset = b - vint64(0x3fe6a09e667f3bcdll);
  const vint64 exponent = offset & vint64(static_cast<int64_t>(0xfff0000000000000ull));
  const vuint64 biased = bit_cast<vuint64>(offset + vint64(1023ll << 52)) >> 52;
  const vdouble n = bit_cast<vdouble>(biased | vuint64(0x4330000000000000ull)) - (0x1p52 + 1023);
  return {exponent, n, bit_cast<vdouble>(b - exponent) - 1.0};
}
// With s = f / (2 + f), log(1 + f) = 2 atanh(s) = f - f^2/2 + s (f^2/2 + 2 atanh(s) - 2 s).
FB_VEC vdouble log_reduced(vdouble n, vdouble f) {
  const vdouble s = f / (f + 2.0), z = s * s, half_square = 0.5 * f * f;
  const vdouble r =
      z * poly(z, 0.66666666666667351, 0.39999999999406988, 0.28571428744261879,
               0.22222198365232251, 0.18183575898217583, 0.15313735916893609, 0.147992752266174);
  const vdouble low = mad(s, half_square + r, n * 1.9082149292705877e-10);
  return mad(n, vdouble(0.6931471803691238), f - (half_square - low));
}
// log(1 + f) as a sum, of which `high` has so few bits that its products with numbers of 20 bits
// are exact.
struct LogParts { vdouble high, low; };
FB_VEC LogParts log_parts(vdouble f) {
  const vdouble s = f / (f + 2.0), z = s * s, half_square = 0.5 * f * f;
  const vdouble r =
      z * poly(z, 0.66666666666667351, 0.39999999999406988, 0.28571428744261879,
               0.22222198365232251, 0.18183575898217583, 0.15313735916893609, 0.147992752266174);
  const vint64 kept = static_cast<int64_t>(0xffffffff00000000ull);
  const vdouble high = bit_cast<vdouble>(bits(f - half_square) & kept);
  return {high, mad(s, half_square + r, (f - high) - half_square)};
}
FB_VEC vdouble log2_reduced(vdouble n, vdouble f) {
  const LogParts l = log_parts(f);
  const vdouble exact = l.high * 1.4426946640014648, sum = n + exact;
  const vdouble low = mad(l.high, vdouble(3.768874985636099e-07), l.low * 1.4426950408889634);
  return sum + (((n - sum) + exact) + low);
}
FB_VEC vdouble log10_reduced(vdouble n, vdouble f) {
  const LogParts l = log_parts(f);
  const vdouble exact = l.high * 0.4342944622039795, whole = n * 0.30102992057800293;
  const vdouble sum = whole + exact;
  const vdouble low = mad(l.high, vdouble(1.9699272335463627e-08), l.low * 0.4342944819032518);
  return sum + (((whole - sum) + exact) + mad(n, vdouble(7.508597826552624e-08), low));
}
FB_LOG(log, vdouble, double, 0x1p54, 54)
FB_LOG(log2, vdouble, double, 0x1p54, 54)
FB_LOG(log10, vdouble, double, 0x1p54, 54)
#undef FB_LOG

FB_VEC vdouble log1p(vdouble x) {
  const vdouble u = x + 1.0;
  const vdouble lost = where(x < 1.0, x - (u - 1.0), 1.0 - (u - x));
  const LogDouble e = reduce_log(u);
  const vint64 exponent = where(e.n > 1022.0, vint64(1022ll << 52), e.exponent);
  const vdouble scale = bit_cast<vdouble>(vint64(1023ll << 52) - exponent);
  vdouble y = log_reduced(e.n, mad(lost, scale, e.f));
  if (any(!((x > -1.0) & (x < kInf<double>)))) [[unlikely]]
    y = where(x < kInf<double>, log_limits(u, y), x);
  return copysign(y, x);
}

// ---------------------------------------------------------------- powers

// e^(y log|x|) in double has bits to spare for a float result. The cases are those of C99 annex F.
[[gnu::noinline]] inline vdouble pow_cases(vdouble x, vdouble y) {
  const vdouble ax = abs(x), half = y * 0.5;
  const Mask<8> whole = floor(y) == y;
  const Mask<8> odd = whole & (floor(half) != half);
  vdouble r = exp(y * log(ax));
  r = where(signbit(x) & odd, -r, r);
  r = where((x < 0) & (ax != kInf<double>)&!whole, kNaN<double>, r);
  return where((y == 0) | (x == 1) | ((x == -1) & isinf(y)), vdouble(1), r);
}
// Finite x > 0, both widened from float: x is normal, and e^150 is beyond float.
FB_VEC vdouble pow_positive(vdouble x, vdouble y) {
  const LogDouble l = reduce_log(x);
  return exp_bounded(clamp_const(y * log_reduced(l.n, l.f), -150.0, 150.0));
}
// log x as a sum of two floats, of normal x > 0: with s = f / (2 + f) it is n ln 2 + 2 atanh(s). An
// exact product leaves its rounding error to a fused multiply-add (Dekker 1971).
struct FloatPair { vfloat high, low; };
FB_VEC FloatPair log_pair(vfloat x) {
  const LogFloat e = reduce_log(x);
  const vfloat d = e.f + 2.0f, d_low = e.f - (d - 2.0f), inverse = 1.0f / d;
  const vfloat s = e.f * inverse, s_low = (fma(-s, d, e.f) - s * d_low) * inverse;
  const vfloat z = s * s, z_low = fma(s, s, -z) + 2.0f * s * s_low;
  // atanh(s) = s + s p
  const vfloat third = 0x1.555556p-2f, third_low = -0x1.555556p-27f;
  const vfloat p = z * third;
  vfloat p_low = fma(z, third, -p) + fma(z, third_low, z_low * third);
  p_low =
      fma(z * z, poly(z, 0.200000762294285112, 0.142735524724524709, 0.117096319168629994), p_low);
  const vfloat sp = s * p, sp_low = fma(s, p, -sp) + fma(s, p_low, s_low * p);
  const vfloat h = s + sp, h_low = ((s - h) + sp) + (s_low + sp_low);
  const vfloat whole = e.n * 0.693145751953125f, high = whole + 2.0f * h;
  const vfloat low = ((whole - high) + 2.0f * h) + fma(e.n, vfloat(1.42860677e-06f), 2.0f * h_low);
  return {high, low};
}
// x^y of normal x > 0 and finite y.
FB_VEC vfloat pow_normal(vfloat x, vfloat y) {
  const FloatPair l = log_pair(x);
  const vfloat t = y * l.high, bounded = clamp_const(t, -150.0f, 150.0f);
  const vfloat low = where(t == bounded, fma(y, l.high, -t) + y * l.low, vfloat(0));
  const ExpFloat e = reduce_exp(bounded);
  return scale_wide(exp_reduced(e.r + low), e.shifted);
}
inline vfloat pow(vfloat x, vfloat y) {
  const auto cases = [](vdouble a, vdouble b) { return pow_cases(a, b); };
  if constexpr (kHasFma) {
    const Mask<4> easy = (x >= kSmallestNormal<float>)&(x < kInf<float>)&(abs(y) < kInf<float>);
    const vfloat r = pow_normal(x, y);
    return all(easy) ? r : where(easy, r, through_double(x, y, cases));
  }
  if (all((x > 0.0f) & (x < kInf<float>)&(abs(y) < kInf<float>))) [[likely]]
    return through_double(x, y, [](vdouble a, vdouble b) { return pow_positive(a, b); });
  return through_double(x, y, cases);
}
// The same in doubles: the two parts of log x hold 2^-65 of it, as y log x may be 745.
struct DoublePair { vdouble high, low; };
FB_VEC DoublePair log_pair(vdouble x) {
  const LogDouble e = reduce_log(x);
  const vdouble d = e.f + 2.0, d_low = e.f - (d - 2.0), inverse = 1.0 / d;
  const vdouble s = e.f * inverse, s_low = (fma(-s, d, e.f) - s * d_low) * inverse;
  const vdouble z = s * s, z_low = fma(s, s, -z) + 2.0 * s * s_low;
  const vdouble third = 0x1.5555555555555p-2, third_low = 0x1.5555555555555p-56;
  const vdouble p = z * third;
  vdouble p_low = fma(z, third, -p) + fma(z, third_low, z_low * third);
  p_low = fma(
      z * z,
      poly(z, 0.2, 0.14285714285714685, 0.11111111110826934, 0.090909091678994622,
           0.076922974618179693, 0.066674033020474838, 0.058530949094471645, 0.05861811780422839),
      p_low);
  const vdouble sp = s * p, sp_low = fma(s, p, -sp) + fma(s, p_low, s_low * p);
  const vdouble h = s + sp, h_low = ((s - h) + sp) + (s_low + sp_low);
  const vdouble whole = e.n * 0.6931471803691238, high = whole + 2.0 * h;
  const vdouble low =
      ((whole - high) + 2.0 * h) + fma(e.n, vdouble(1.9082149292705877e-10), 2.0 * h_low);
  const vdouble sum = high + low;
  return {sum, (high - sum) + low};
}
// What the reduction and 1 + r round off is carried along, so that powers which are whole numbers
// come out exact.
FB_VEC vdouble pow_normal(vdouble x, vdouble y) {
  const DoublePair l = log_pair(x);
  const vdouble t = y * l.high, bounded = clamp_const(t, -746.0, 710.0);
  const vdouble low = where(t == bounded, fma(y, l.high, -t) + y * l.low, vdouble(0));
  const ExpDouble e = reduce_exp(bounded);
  const vdouble n = bit_cast<vdouble>(e.shifted) - 0x1.8p52;
  const vdouble high = fma(n, vdouble(-0.6931471803691238), bounded), r = e.r + low;
  const vdouble lost = fma(n, vdouble(-1.9082149292705877e-10), (high - r) + low);
  const vdouble sum = r + 1.0;
  return scale_wide(sum + (expm1_tail(r, mad(lost, r, lost)) + (r - (sum - 1.0))), e.shifted);
}
[[gnu::noinline]] inline vdouble pow_lanes(vdouble x, vdouble y) {
  return map_lanes(x, y, [](double a, double b) { return __builtin_pow(a, b); });
}
inline vdouble pow(vdouble x, vdouble y) {
  if constexpr (!kHasFma) return pow_lanes(x, y);
  const Mask<8> easy = (x >= kSmallestNormal<double>)&(x < kInf<double>)&(abs(y) < kInf<double>);
  const vdouble r = pow_normal(x, y);
  return all(easy) ? r : where(easy, r, pow_lanes(x, y));
}

}  // namespace flambeau::FB_ISA
