// The error function and its complement.
#pragma once
#include "cpu/vec_math/exp_log.h"

namespace flambeau::FB_ISA {

// An odd polynomial below 0.97; beyond it 1 - erfc, where log erfc is a polynomial and erfc < 0.18
// leaves the errors of its exponential behind.
FB_VEC vfloat erf(vfloat x) {
  const vfloat a = abs(x), z = a * a;
  const vfloat tail = poly(z, -0.376126379f, 0.112837836f, -0.0268654767f, 0.00522113126f,
                           -0.000848525146f, 0.000112730348f, -9.68424956e-06f);
  const vfloat near = mad(a, mad(z, tail, vfloat(0.128379167f)), a);
  const vfloat t = min_or_second(vfloat(3.95f), a);
  const vfloat log_erfc =
      t * poly(t, -1.12855422f, -0.635639429f, -0.105166718f, 0.0224679746f, -0.00270220591f,
               -9.52666596e-05f, 9.89851105e-05f, -1.55508351e-05f, 8.78072797e-07f);
  const vfloat far = 1.0f - exp_bounded(log_erfc);
  return copysign(where(a < 0.97f, near, far), x);
}
// e^(a^2) erfc(a) is a polynomial of (a - 3) / (a + 3) to 2^-34.
inline vfloat erfc(vfloat x) {
  return through_double(x, [](vdouble v) {
    const vdouble a = min_or_second(vdouble(10.6), abs(v));
    const vdouble t = (a - 3.0) / (a + 3.0);
    const vdouble p = poly(t, 0.17900115118141649, -0.32623356015044508, 0.24560380187926018,
                           -0.15011593083902774, 0.071665830710006817, -0.024392585361232604,
                           0.0042691979726607668, 0.00070832391292113741, -0.00059723029491787379,
                           4.331222198107093e-05, 6.3885901962776822e-05, -9.6576391934754564e-06,
                           -6.7352386650562873e-06);
    const vdouble y = exp_short(-(a * a)) * p;
    return where(v < 0, 2.0 - y, y);
  });
}
// e^(a^2) erfc(a) for 0 <= a <= 28.
FB_VEC vdouble erfcx_positive(vdouble a) {
  return poly((a - 4.0) / (a + 4.0), 0.136999457625061389, -0.25906804876017165,
              0.218719678918265245, -0.164257816697308103, 0.108963177398883451,
              -0.0631078156397654968, 0.0312990565191974985, -0.0128439460309618655,
              0.00406026361780622795, -0.000799126816746876679, -0.000021761678911169256,
              0.0000789831962471834167, -0.0000225562186164444065, -1.90325401931230675e-6,
              2.94506252231410987e-6, -4.08635804049933668e-7, -2.85053351694286461e-7,
              9.59998754709076283e-8, 2.6490110301142773e-8, -1.49343882081538913e-8,
              -3.11367478175083425e-9, 1.57656805366077654e-9, 4.36232801532978086e-10);
}
// erf(a) for 0 <= a < 1.
FB_VEC vdouble erf_near(vdouble a) {
  const vdouble z = a * a;
  const vdouble p = poly(z, 0.128379167095512574, -0.376126389031837475, 0.112837916709548531,
                         -0.0268661706450723347, 0.00522397762477712963, -0.000854832697859325695,
                         0.000120553310330744821, -0.0000149255934408372681, 1.64609720354017843e-6,
                         -1.63500189142482305e-7, 1.46578463911540989e-8, -1.13655603933452333e-9,
                         5.94511129703684154e-11);
  return mad(a, p, a);
}
inline vdouble erf(vdouble x) {
  const vdouble a = abs(x), near = erf_near(a);
  const vdouble t = min_or_second(vdouble(6.0), a);
  const vdouble far = 1.0 - exp_bounded(-(t * t)) * erfcx_positive(t);
  return copysign(where(a < 1.0, near, far), x);
}
inline vdouble erfc(vdouble x) {
  return map_lanes(x, [](double a) { return __builtin_erfc(a); });
}

}  // namespace flambeau::FB_ISA
