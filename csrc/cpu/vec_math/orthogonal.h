// Orthogonal polynomials of degree n at x, by their recurrences (dlmf.nist.gov, 18.9), one lane at
// a time in double. Degrees are truncated to whole numbers; a negative one gives 0, one beyond
// 100,000 NaN: the recurrence would have lost its digits, and must come to an end.
#pragma once
#include "cpu/vec_math/special.h"

namespace flambeau::FB_ISA {
namespace lane {

// next(k, x, p_k, p_{k-1}) gives p_{k+1}.
template <class F>
inline double polynomial(double x, double n, double first, F next) {
  if (n != n || x != x || n > 1e5) return kNaN<double>;
  if (n <= -1) return 0;
  if (n < 1) return 1;
  double before = 1, p = first;
  for (double k = 1; k + 1 <= n && before == before; ++k) {
    const double after = next(k, p, before);
    before = p;
    p = after;
  }
  return p;
}
inline double chebyshev(double x, double n, double first) {
  return polynomial(x, n, first, [x](double, double p, double q) { return 2 * x * p - q; });
}
inline double chebyshev_t(double x, double n) { return chebyshev(x, n, x); }
inline double chebyshev_u(double x, double n) { return chebyshev(x, n, 2 * x); }
inline double chebyshev_v(double x, double n) { return chebyshev(x, n, 2 * x - 1); }
inline double chebyshev_w(double x, double n) { return chebyshev(x, n, 2 * x + 1); }
inline double shifted_chebyshev_t(double x, double n) { return chebyshev_t(2 * x - 1, n); }
inline double shifted_chebyshev_u(double x, double n) { return chebyshev_u(2 * x - 1, n); }
inline double shifted_chebyshev_v(double x, double n) { return chebyshev_v(2 * x - 1, n); }
inline double shifted_chebyshev_w(double x, double n) { return chebyshev_w(2 * x - 1, n); }
inline double hermite_h(double x, double n) {
  return polynomial(x, n, 2 * x,
                    [x](double k, double p, double q) { return 2 * x * p - 2 * k * q; });
}
inline double hermite_he(double x, double n) {
  return polynomial(x, n, x, [x](double k, double p, double q) { return x * p - k * q; });
}
inline double laguerre_l(double x, double n) {
  return polynomial(x, n, 1 - x, [x](double k, double p, double q) {
    return ((2 * k + 1 - x) * p - k * q) / (k + 1);
  });
}
inline double legendre_p(double x, double n) {
  return polynomial(x, n, x, [x](double k, double p, double q) {
    return ((2 * k + 1) * x * p - k * q) / (k + 1);
  });
}

}  // namespace lane

FB_SPECIAL2(chebyshev_t)
FB_SPECIAL2(chebyshev_u)
FB_SPECIAL2(chebyshev_v)
FB_SPECIAL2(chebyshev_w)
FB_SPECIAL2(shifted_chebyshev_t)
FB_SPECIAL2(shifted_chebyshev_u)
FB_SPECIAL2(shifted_chebyshev_v)
FB_SPECIAL2(shifted_chebyshev_w)
FB_SPECIAL2(hermite_h)
FB_SPECIAL2(hermite_he)
FB_SPECIAL2(laguerre_l)
FB_SPECIAL2(legendre_p)

}  // namespace flambeau::FB_ISA
