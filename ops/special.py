"""Special functions: error, gamma, Bessel and normal distribution functions. Names that begin with
special_ are functions of the module `special`. Formulas: dlmf.nist.gov."""

from tools.opgen.table import FLOATING, INT_TO_FLOAT, S, T, op

UNARY = "function method inplace out"
_TWO_OVER_SQRT_PI, _HALF_SQRT_PI = "1.1283791670955126", "0.886226925452758"


NO_GRADIENT = "not given; tensors that need one are refused"
_GAMMA = [S(T((3, 4), 0.5, 4, grad=False), T((3, 4), 0.5, 4)), S(T((3,), 15, 40, grad=False), T((3,), 15, 40))]


def _special(name, grad, doc, ref, variants="function out", *, expr=None, **fields):
    """A function of one real number."""
    op(f"{name}(Tensor self) -> Tensor", "pointwise", expr=expr or f"{name}(self)", dtypes=FLOATING,
       promote=INT_TO_FLOAT, grad={"self": grad}, variants=variants, ref=ref, doc=doc, **fields)


# ---- error function

_special("erf", f"g * {_TWO_OVER_SQRT_PI} * exp(-(self * self))", "The error function.",
         "scipy.special.erf(self)", UNARY, aliases=("special_erf",))
_special("erfc", f"g * -{_TWO_OVER_SQRT_PI} * exp(-(self * self))", "1 - erf(x), accurate for large x.",
         "scipy.special.erfc(self)", UNARY, aliases=("special_erfc",))
_special("erfinv", f"g * {_HALF_SQRT_PI} * exp(y * y)", "The inverse of erf.",
         "scipy.special.erfinv(self)", UNARY, domain=(-0.9, 0.9), aliases=("special_erfinv",))
_special("special_erfcx", f"g * (2 * self * y - {_TWO_OVER_SQRT_PI})", "exp(x^2) erfc(x).",
         "scipy.special.erfcx(self)", expr="erfcx(self)")
_special("special_ndtr", "g * 0.3989422804014327 * exp(self * self * -0.5)",
         "The distribution function of the standard normal distribution.",
         "scipy.special.ndtr(self)", expr="ndtr(self)")
_special("special_ndtri", "g * 2.5066282746310002 * exp(y * y * 0.5)", "The inverse of ndtr.",
         "scipy.special.ndtri(self)", expr="ndtri(self)", domain=(0.05, 0.95))
_special("special_log_ndtr",
         "g * 0.7978845608028654 / special_erfcx(self * -0.7071067811865476)", "log(ndtr(x)).",
         "scipy.special.log_ndtr(self)", expr="log_ndtr(self)")

# ---- gamma function

_special("lgamma", "g * digamma(self)", "The logarithm of |Gamma(x)|.", "scipy.special.gammaln(self)",
         UNARY, domain=(0.2, 5), aliases=("special_gammaln",))
_special("digamma", "g * polygamma(1, self)", "The derivative of lgamma.",
         "scipy.special.digamma(self)", UNARY, domain=(0.2, 5),
         aliases=("special_digamma", "special_psi"))
op("polygamma(int n, Tensor self) -> Tensor", "pointwise", expr="polygamma(n, self)", dtypes=FLOATING,
   promote=INT_TO_FLOAT, check="check_polygamma", grad={"self": "g * polygamma(n + 1, self)"},
   variants="function out", aliases=("special_polygamma",), ref="scipy.special.polygamma(n, self)",
   samples=[S(1, T((3, 4), 0.5, 5)), S(0, T((3,), 0.5, 5)), S(3, T((3,), 0.5, 5))],
   doc="The derivative of order n of digamma. Raises RuntimeError for n < 0.")
op("polygamma.method(Tensor self, int n) -> Tensor", "composite", body="polygamma(n, self)",
   variants="method inplace", samples=[], public=False, doc="The derivative of order n of digamma.")
op("mvlgamma(Tensor self, int p) -> Tensor", "composite", dtypes=FLOATING, variants=UNARY,
   aliases=("special_multigammaln",), samples=[S(T((3, 4), 2, 5), 3)], gradcheck=True,
   ref="numpy.vectorize(lambda v: scipy.special.multigammaln(float(v), p))(self)",
   doc="The logarithm of the multivariate gamma function of dimension p.")
op("special_zeta(Operand self, Operand other) -> Tensor", "pointwise", expr="zeta(self, other)",
   dtypes=FLOATING, promote=INT_TO_FLOAT, check="check_zeta",
   grad={"other": "-(g * self * special_zeta(self + 1, other))"}, variants="function out",
   ref="scipy.special.zeta(self, other)",
   samples=[S(T((3, 4), 1.5, 4, grad=False), T((3, 4), 0.5, 3))],
   doc="The Hurwitz zeta function: the sum of (k + other)^-self over k >= 0. Raises "
       "NotImplementedError for gradients with respect to `self`.")

op("igamma(Tensor self, Tensor other) -> Tensor", "pointwise", expr="gammainc(self, other)",
   dtypes=FLOATING, check="check_igamma",
   grad={"other": "g * exp((self - 1) * log(other) - other - lgamma(self))"}, variants=UNARY,
   aliases=("special_gammainc",), ref="scipy.special.gammainc(self, other)", samples=_GAMMA,
   doc="The regularised lower incomplete gamma function P(self, other). Raises NotImplementedError "
       "for gradients with respect to `self`.")
op("igammac(Tensor self, Tensor other) -> Tensor", "pointwise", expr="gammaincc(self, other)",
   dtypes=FLOATING, check="check_igamma",
   grad={"other": "-(g * exp((self - 1) * log(other) - other - lgamma(self)))"}, variants=UNARY,
   aliases=("special_gammaincc",), ref="scipy.special.gammaincc(self, other)", samples=_GAMMA,
   doc="The regularised upper incomplete gamma function, 1 - igamma.")

# ---- Bessel functions

_special("i0", "g * special_i1(self)", "The modified Bessel function of order 0.",
         "scipy.special.i0(self)", UNARY, aliases=("special_i0", "special_modified_bessel_i0"))
_special("special_i0e", "g * (special_i1e(self) - sgn(self) * y)", "exp(-|x|) i0(x).",
         "scipy.special.i0e(self)", expr="i0e(self)")
_special("special_i1", "g * (i0(self) - where(self == 0, 0.5, y / where(self == 0, 1, self)))",
         "The modified Bessel function of order 1.", "scipy.special.i1(self)", expr="i1(self)",
         aliases=("special_modified_bessel_i1",))
_special("special_i1e", "g * (special_i0e(self) - where(self == 0, 0.5, y * (sgn(self) "
         "+ 1 / where(self == 0, 1, self))))",
         "exp(-|x|) i1(x).", "scipy.special.i1e(self)", expr="i1e(self)")

for _name, _ref, _domain, _words in (
        ("bessel_j0", "j0", (-9, 9), "of the first kind of order 0"),
        ("bessel_j1", "j1", (-9, 9), "of the first kind of order 1"),
        ("bessel_y0", "y0", (0.5, 9), "of the second kind of order 0"),
        ("bessel_y1", "y1", (0.5, 9), "of the second kind of order 1"),
        ("modified_bessel_k0", "k0", (0.1, 9), "of the second kind of order 0, modified"),
        ("modified_bessel_k1", "k1", (0.1, 9), "of the second kind of order 1, modified"),
        ("scaled_modified_bessel_k0", "k0e", (0.1, 9), "exp(x) times the modified one of the second "
         "kind of order 0"),
        ("scaled_modified_bessel_k1", "k1e", (0.1, 9), "exp(x) times the modified one of the second "
         "kind of order 1")):
    op(f"special_{_name}(Tensor self) -> Tensor", "pointwise", expr=f"{_name}(self)", dtypes=FLOATING,
       promote=INT_TO_FLOAT, check="check_constant", grad=NO_GRADIENT, variants="function out",
       ref=f"scipy.special.{_ref}(self)", domain=_domain, doc=f"The Bessel function {_words}.")
op("special_spherical_bessel_j0(Tensor self) -> Tensor", "pointwise", expr="spherical_bessel_j0(self)",
   dtypes=FLOATING, promote=INT_TO_FLOAT, check="check_constant", grad=NO_GRADIENT,
   variants="function out", ref="scipy.special.spherical_jn(0, numpy.abs(self))", domain=(0.1, 9),
   doc="The spherical Bessel function of the first kind of order 0, sin(x) / x.")

# ---- polynomials

for _name, _term, _ref in (
        ("chebyshev_polynomial_t", "chebyshev_t", "eval_chebyt({n}, self)"),
        ("chebyshev_polynomial_u", "chebyshev_u", "eval_chebyu({n}, self)"),
        ("chebyshev_polynomial_v", "chebyshev_v", None),
        ("chebyshev_polynomial_w", "chebyshev_w", None),
        ("shifted_chebyshev_polynomial_t", "shifted_chebyshev_t", "eval_sh_chebyt({n}, self)"),
        ("shifted_chebyshev_polynomial_u", "shifted_chebyshev_u", "eval_sh_chebyu({n}, self)"),
        ("shifted_chebyshev_polynomial_v", "shifted_chebyshev_v", None),
        ("shifted_chebyshev_polynomial_w", "shifted_chebyshev_w", None),
        ("hermite_polynomial_h", "hermite_h", "eval_hermite({n}, self)"),
        ("hermite_polynomial_he", "hermite_he", "eval_hermitenorm({n}, self)"),
        ("laguerre_polynomial_l", "laguerre_l", "eval_laguerre({n}, self)"),
        ("legendre_polynomial_p", "legendre_p", "eval_legendre({n}, self)")):
    op(f"special_{_name}(Operand self, Operand n) -> Tensor", "pointwise", expr=f"{_term}(self, n)",
       dtypes=FLOATING, promote=INT_TO_FLOAT, check="check_constants", grad=NO_GRADIENT,
       variants="function out", ref=_ref and "scipy.special." + _ref.format(n="numpy.asarray(n, int)"),
       samples=[S(T((3, 4), 0, 1), 3), S(T((3, 4), 0, 1), 0), S(T((3, 4), 0, 1), 7)],
       test_dtypes=FLOATING,  # SciPy wants whole degrees and real points
       doc="The polynomial of the name, of degree `n`, at `self`.")

# ---- logarithms

_special("special_entr", "g * (-log(self) - 1)", "-x log(x), 0 at 0 and -inf below.",
         "scipy.special.entr(self)", domain=(0.1, 3),
         expr="where(isnan(self), self, where(self > 0, -self * log(self), where(self == 0, 0, -inf)))")
op("special_xlog1py(Operand self, Operand other) -> Tensor", "pointwise",
   expr="where(isnan(other), other, where(self == 0, 0, self * log1p(other)))", dtypes=FLOATING,
   promote=INT_TO_FLOAT,
   grad={"self": "where((self == 0) & (other <= -1), 0, g * log1p(other))",
         "other": "g * self / (other + 1)"},
   variants="function out", ref="scipy.special.xlog1py(self, other)",
   samples=[S(T((3, 4)), T((3, 4), -0.5, 3)), S(T((3,)), 2)],
   doc="self * log1p(other), 0 where `self` is 0, NaN where `other` is NaN.")
