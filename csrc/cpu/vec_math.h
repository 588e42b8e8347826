// Mathematics on vectors and on single numbers, in one vocabulary.
//
// An expression of the operator table, such as `where(x > 0, x, alpha * (exp(x) - 1))`, compiles
// for V = vfloat and vdouble (x and alpha of type V) and for single float, double and integers.
//
//   infix        + - * /  unary -  and, on lanes of integers, & | ^ ~ << >>
//   comparisons  < <= > >= == !=     give a Mask (bool for single numbers)
//   on masks     & | ^ ! && || == !=   (&& and || evaluate both sides)
//   choice       where(mask, a, b)  maximum minimum (NaN if either is)  fmaximum fminimum (the
//                other if one is NaN)  clamp(x, low, high)
//   literals     ints and floats broadcast where they meet a vector. Among single numbers they
//                follow C++: `0.1 * x` with a float x is a double, so write V(0.1) in code that is
//                compiled for both.
//   classes      isnan isinf isfinite signbit
//   signs        abs sign copysign square
//   rounding     floor ceil round (ties to even) trunc frac
//   division     fmod (C) remainder (Python's %) floor_divide (Python's //) reciprocal
//   roots        sqrt rsqrt
//   fused        fma (one rounding everywhere)  mad (fused where that is one instruction)
//   exp, log     exp exp2 expm1 log log2 log10 log1p pow
//   angles       sin cos tan asin acos atan atan2
//   hyperbolic   sinh cosh tanh asinh acosh atanh sigmoid
//   error fn.    erf erfc erfinv erfcx ndtr log_ndtr ndtri
//   gamma        lgamma digamma trigamma polygamma(n, x) zeta(s, q) gammainc(a, x) gammaincc(a, x)
//   Bessel       i0 i0e i1 i1e, and those of vec_math/bessel.h
//   polynomials  those of vec_math/orthogonal.h
//   two numbers  power (pow with short cuts) hypot logaddexp logaddexp2 nextafter trunc_divide
//   integers     fmod remainder trunc_divide floor_divide pow on single integers
//
// A pointwise loop is
//   for (; i + V::lanes <= n; i += V::lanes) store(y + i, EXPR(load(x + i)));
//   if (i < n) store_n(y + i, EXPR(load_n(x + i, n - i)), n - i);
// and load_strided/store_strided serve where elements do not lie side by side.
//
// Errors of float and double are below 2 units in the last place, subnormals included (measured by
// tests/cpp/test_vec_math.cpp). In double, erfc, erfcx, ndtr, log_ndtr, zeta, polygamma and rare
// arguments of others ask the C library lane by lane.
#pragma once
#include "cpu/vec_math/basic.h"
#include "cpu/vec_math/bessel.h"
#include "cpu/vec_math/erf.h"
#include "cpu/vec_math/exp_log.h"
#include "cpu/vec_math/gamma.h"
#include "cpu/vec_math/gate.h"
#include "cpu/vec_math/hyperbolic.h"
#include "cpu/vec_math/incomplete_gamma.h"
#include "cpu/vec_math/orthogonal.h"
#include "cpu/vec_math/pair.h"
#include "cpu/vec_math/scalar.h"
#include "cpu/vec_math/special.h"
#include "cpu/vec_math/trig.h"
