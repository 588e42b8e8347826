// Sine, cosine, tangent and their inverses.
#pragma once
#include "cpu/vec_math/basic.h"

namespace flambeau::FB_ISA {

// ---------------------------------------------------------------- reduction by pi/2

// |x| = q pi/2 + r with |r| <= pi/4; the low two bits of `quadrant` are those of q.
struct ReducedFloat {
  vint32 quadrant;
  vfloat r;
};
struct ReducedDouble {
  vint64 quadrant;
  vdouble r;
};

// Beyond these the parts of pi/2 below no longer suffice and each lane asks the C library.
inline constexpr float kTrigLimitFloat = 32768.0f;
inline constexpr double kTrigLimitDouble = 524288.0;

// pi/2 in three parts with fused products, whose first difference is exact.
FB_VEC ReducedDouble reduce_trig_fused(vdouble ax) {
  const vdouble magic = 0x1.8p52;
  const vdouble t = mad(ax, vdouble(0.6366197723675814), magic);
  const vdouble q = t - magic;
  vdouble r = mad(q, vdouble(-1.5707963267948966), ax);
  r = mad(q, vdouble(-6.123233995736766e-17), r);
  r = mad(q, vdouble(1.4973849048591698e-33), r);
  return {bits(t), r};
}
// 33 bits of pi/2 times q is exact without a fused product; 86 bits in all are ample for floats.
FB_VEC ReducedDouble reduce_trig_for_float(vdouble ax) {
  const vdouble magic = 0x1.8p52;
  const vdouble t = ax * 0.6366197723675814 + magic;
  const vdouble q = t - magic;
  const vdouble r = (ax - q * 1.5707963267341256) - q * 6.077100506506192e-11;
  return {bits(t), r};
}
FB_VEC ReducedFloat reduce_trig(vfloat ax) {
  if constexpr (kHasFma) {
    const vfloat magic = 0x1.8p23f;
    const vfloat t = mad(ax, vfloat(0.636619747f), magic);
    const vfloat q = t - magic;
    vfloat r = mad(q, vfloat(-1.57079637f), ax);
    r = mad(q, vfloat(4.37113883e-08f), r);
    r = mad(q, vfloat(1.71512451e-15f), r);
    return {bits(t), r};
  } else {
    const ReducedDouble low = reduce_trig_for_float(low_double(ax));
    const ReducedDouble high = reduce_trig_for_float(high_double(ax));
    vint32 quadrant;
    for (int i = 0; i < vdouble::lanes; ++i) {
      quadrant.v[i] = static_cast<int32_t>(low.quadrant.v[i]);
      quadrant.v[i + vdouble::lanes] = static_cast<int32_t>(high.quadrant.v[i]);
    }
    return {quadrant, narrow(low.r, high.r)};
  }
}

// ---------------------------------------------------------------- polynomials on [-pi/4, pi/4]

FB_VEC vfloat sin_reduced(vfloat r) {
  const vfloat z = r * r;
  return mad(r * z, poly(z, -0.166666538f, 0.00833214913f, -0.000195136206f), r);
}
FB_VEC vfloat cos_reduced(vfloat r) {
  const vfloat z = r * r;
  return mad(z * z, poly(z, 0.0416666456f, -0.00138873002f, 2.44312596e-05f),
             mad(z, vfloat(-0.5f), vfloat(1)));
}
FB_VEC vdouble sin_tail(vdouble z) {
  return poly(z, -0.1666666666666663, 0.0083333333333218285, -0.00019841269829348426,
              2.7557313534936125e-06, -2.5050733817610922e-08, 1.5895399507616885e-10);
}
FB_VEC vdouble cos_tail(vdouble z) {
  return poly(z, 0.041666666666666623, -0.0013888888888876976, 2.4801587290893243e-05,
              -2.7557314684070683e-07, 2.0875760657026884e-09, -1.1361273709966394e-11);
}
FB_VEC vdouble sin_reduced(vdouble r) {
  const vdouble z = r * r;
  return mad(r * z, sin_tail(z), r);
}
FB_VEC vdouble cos_reduced(vdouble r) {
  const vdouble z = r * r;
  return mad(z * z, cos_tail(z), mad(z, vdouble(-0.5), vdouble(1)));
}

// Odd quadrants swap the two polynomials; quadrants 2 and 3 change the sign.
template <class T, class R>
FB_VEC Vec<T> sin_of(const R& a, Vec<T> x) {
  using I = BitsOf<T>;
  const Vec<T> y = where((a.quadrant & I(1)) == I(0), sin_reduced(a.r), cos_reduced(a.r));
  const I flip = (a.quadrant << (8 * sizeof(T) - 2)) & sign_bit<T>();
  return xorsign(bit_cast<Vec<T>>(bits(y) ^ flip), x);
}
template <class T, class R>
FB_VEC Vec<T> cos_of(const R& a) {
  using I = BitsOf<T>;
  const Vec<T> y = where((a.quadrant & I(1)) == I(0), cos_reduced(a.r), sin_reduced(a.r));
  const I flip = ((a.quadrant + I(1)) << (8 * sizeof(T) - 2)) & sign_bit<T>();
  return bit_cast<Vec<T>>(bits(y) ^ flip);
}
FB_VEC vdouble tan_of(const ReducedDouble& a, vdouble x) {
  const Mask<8> odd = (a.quadrant & vint64(1)) != vint64(0);
  const vdouble s = sin_reduced(a.r), c = cos_reduced(a.r);
  return xorsign(where(odd, -c, s) / where(odd, s, c), x);
}

// ---------------------------------------------------------------- sin, cos, tan

[[gnu::noinline, gnu::cold]] inline vfloat sin_lanes(vfloat x) {
  return map_lanes(x, [](float a) { return static_cast<float>(__builtin_sin(a)); });
}
[[gnu::noinline, gnu::cold]] inline vfloat cos_lanes(vfloat x) {
  return map_lanes(x, [](float a) { return static_cast<float>(__builtin_cos(a)); });
}
[[gnu::noinline, gnu::cold]] inline vfloat tan_lanes(vfloat x) {
  return map_lanes(x, [](float a) { return static_cast<float>(__builtin_tan(a)); });
}
[[gnu::noinline]] inline vdouble sin_lanes(vdouble x) {
  return map_lanes(x, [](double a) { return __builtin_sin(a); });
}
[[gnu::noinline]] inline vdouble cos_lanes(vdouble x) {
  return map_lanes(x, [](double a) { return __builtin_cos(a); });
}

FB_VEC vfloat sin(vfloat x) {
  const vfloat ax = abs(x);
  if (any(!(ax <= kTrigLimitFloat))) [[unlikely]]
    return sin_lanes(x);
  return sin_of(reduce_trig(ax), x);
}
FB_VEC vfloat cos(vfloat x) {
  const vfloat ax = abs(x);
  if (any(!(ax <= kTrigLimitFloat))) [[unlikely]]
    return cos_lanes(x);
  return cos_of<float>(reduce_trig(ax));
}
inline vfloat tan(vfloat x) {
  if (any(!(abs(x) <= kTrigLimitFloat))) [[unlikely]]
    return tan_lanes(x);
  return through_double(x, [](vdouble a) { return tan_of(reduce_trig_for_float(abs(a)), a); });
}
FB_VEC vdouble sin(vdouble x) {
  const vdouble ax = abs(x);
  if (!kHasFma || any(!(ax <= kTrigLimitDouble))) [[unlikely]]
    return sin_lanes(x);
  return sin_of(reduce_trig_fused(ax), x);
}
FB_VEC vdouble cos(vdouble x) {
  const vdouble ax = abs(x);
  if (!kHasFma || any(!(ax <= kTrigLimitDouble))) [[unlikely]]
    return cos_lanes(x);
  return cos_of<double>(reduce_trig_fused(ax));
}
[[gnu::noinline]] inline vdouble tan_lanes(vdouble x) {
  return map_lanes(x, [](double a) { return __builtin_tan(a); });
}
// What rounding r loses counts twice in a tangent, and is carried along.
inline vdouble tan(vdouble x) {
  const vdouble ax = abs(x);
  if (!kHasFma || any(!(ax <= kTrigLimitDouble))) [[unlikely]]
    return tan_lanes(x);
  const vdouble t = mad(ax, vdouble(0.6366197723675814), vdouble(0x1.8p52)), q = t - 0x1.8p52;
  const vdouble middle = -6.123233995736766e-17;
  const vdouble near = mad(q, vdouble(-1.5707963267948966), ax), r = mad(q, middle, near);
  const vdouble low = mad(q, vdouble(1.4973849048591698e-33), mad(q, middle, near - r));
  const vdouble z = r * r, first = mad(z, vdouble(-0.5), vdouble(1));
  const vdouble lost = mad(z, vdouble(-0.5), 1.0 - first);
  const vdouble sine = r + mad(r * z, sin_tail(z), low * first);
  const vdouble cosine = first + (mad(z * z, cos_tail(z), lost) - low * r);
  const Mask<8> odd = (bits(t) & vint64(1)) != vint64(0);
  return xorsign(where(odd, -cosine, sine) / where(odd, sine, cosine), x);
}

// ---------------------------------------------------------------- inverses

// atan2 to 45 bits: the ratio of the smaller to the larger, brought below tan(pi/8) by
// atan(t) = pi/4 + atan((t - 1) / (t + 1)).
FB_VEC vdouble atan2_for_float(vdouble y, vdouble x) {
  const vdouble ax = abs(x), ay = abs(y);
  vdouble large = max_or_second(ax, ay), small = min_or_second(ax, ay);
  const Mask<8> equal = large == small;  // 0/0 and inf/inf among them
  small = where(equal, where(small == 0, vdouble(0), vdouble(1)), small);
  large = where(equal, vdouble(1), large);
  const Mask<8> upper = small > 0.41421356237309503 * large;
  const vdouble t = where(upper, small - large, small) / where(upper, small + large, large);
  const vdouble z = t * t;
  const vdouble p = poly(z, -0.33333333331680665, 0.19999999682864364, -0.14285693442603942,
                         0.11110445978825412, -0.090790821710782274, 0.075681210890986117,
                         -0.058894268482311593, 0.030869089537871399);
  vdouble a = mad(t * z, p, t) + where(upper, vdouble(0.78539816339744831), vdouble(0));
  a = where(ay > ax, 1.5707963267948966 - a, a);
  a = where(signbit(x), 3.1415926535897931 - a, a);
  return where(isnan(x) | isnan(y), kNaN<double>, copysign(a, y));
}
inline vfloat atan2(vfloat y, vfloat x) {
  return through_double(y, x, [](vdouble a, vdouble b) { return atan2_for_float(a, b); });
}
inline vfloat atan(vfloat x) {
  return through_double(x, [](vdouble a) { return atan2_for_float(a, 1.0); });
}
// A polynomial up to 1/2, and the half-angle formula asin a = pi/2 - 2 asin sqrt((1 - a) / 2)
// beyond.
FB_VEC vfloat asin_tail(vfloat z) {
  return poly(z, 0.166666633912878354, 0.0750035097271786675, 0.0445412264322463679,
              0.031632475169192264, 0.0150284978051908345, 0.036764587913442969);
}
FB_VEC vdouble asin_tail(vdouble z) {
  return poly(z, 0.16666666666666669, 0.07499999999998433, 0.04464285714635543,
              0.030381944138531247, 0.02237217294214989, 0.017352392720869973, 0.013971212973552933,
              0.011479177415184906, 0.01032281435018578, 0.005457506718640358, 0.01740087944269402,
              -0.014851887071247204, 0.028757851367421566);
}
template <class T>
struct Asin {
  using V = Vec<T>;
  // pi/2 in two parts
  static constexpr T kHigh = static_cast<T>(1.5707963267948966);
  static constexpr T kLow = sizeof(T) == 4 ? T(-4.37113883e-8) : T(6.123233995736766e-17);
  Mask<sizeof(T)> far;
  V s, cube, p, angle;  // angle = s + cube p: asin |x|, or asin sqrt((1 - |x|) / 2)

  FB_VEC explicit Asin(V x) {
    const V a = abs(x);
    far = a > V(T(0.5));
    const V half = (T(1) - a) * T(0.5);
    const V z = where(far, half, a * a);
    s = where(far, sqrt(half), a), cube = s * z, p = asin_tail(z);
    angle = mad(cube, p, s);
  }
  FB_VEC V sine(V x) const {
    const V beyond = (kHigh - T(2) * s) - mad(T(2) * cube, p, V(-kLow));
    return copysign(where(far, beyond, angle), x);
  }
  FB_VEC V cosine(V x) const {
    const V twice = T(2) * angle, near = kHigh - (copysign(angle, x) - kLow);
    return where(far, where(x < T(0), 2 * kHigh - (twice - 2 * kLow), twice), near);
  }
};
FB_VEC vfloat asin(vfloat x) { return Asin<float>(x).sine(x); }
FB_VEC vfloat acos(vfloat x) { return Asin<float>(x).cosine(x); }
FB_VEC vdouble asin(vdouble x) { return Asin<double>(x).sine(x); }
FB_VEC vdouble acos(vdouble x) { return Asin<double>(x).cosine(x); }

[[gnu::noinline]] inline vdouble atan2_lanes(vdouble y, vdouble x) {
  return map_lanes(y, x, [](double a, double b) { return __builtin_atan2(a, b); });
}
// As for float with what the sum, the difference and the quotient round off carried along. Numbers
// whose sums or residues leave the range go by lanes.
inline vdouble atan2(vdouble y, vdouble x) {
  if constexpr (!kHasFma) return atan2_lanes(y, x);
  const vdouble ax = abs(x), ay = abs(y);
  vdouble large = max_or_second(ax, ay), small = min_or_second(ax, ay);
  const Mask<8> equal = large == small;
  small = where(equal, where(small == 0, vdouble(0), vdouble(1)), small);
  large = where(equal, vdouble(1), large);
  if (!all((large < 0x1p1000) & (large > 0x1p-900) & !isnan(x))) [[unlikely]]
    return atan2_lanes(y, x);
  const Mask<8> upper = small > 0.41421356237309503 * large;
  const vdouble difference = small - large, sum = small + large;
  const vdouble top = where(upper, difference, small), bottom = where(upper, sum, large);
  const vdouble top_low = where(upper, small - (difference + large), vdouble(0));
  const vdouble bottom_low = where(upper, small - (sum - large), vdouble(0));
  const vdouble t = top / bottom, z = t * t;
  const vdouble low = (fma(-t, bottom, top) + (top_low - t * bottom_low)) / bottom;
  const vdouble p =
      poly(z, -0.3333333333333333, 0.19999999999995516, -0.14285714284665682, 0.11111111015187018,
           -0.0909090457530649, 0.07692183125376892, -0.06664510525508936, 0.05858140904866328,
           -0.050854078345894844, 0.03923044778479309, -0.019175404711104935);
  const vdouble tail = mad(t * z, p, low);
  const vdouble quarter = 0.7853981633974483, half = 1.5707963267948966,
                low_half = 6.123233995736766e-17;
  vdouble a = where(upper, quarter + (t + (tail + 0.5 * low_half)), t + tail);
  a = where(ay > ax, half - (a - low_half), a);
  a = where(signbit(x), 2.0 * half - (a - 2.0 * low_half), a);
  return copysign(a, y);
}
inline vdouble atan(vdouble x) { return atan2(x, vdouble(1)); }

}  // namespace flambeau::FB_ISA
