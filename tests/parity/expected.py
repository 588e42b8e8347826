"""Differences from torch that are known, each with its reason.

An entry names operators (shell patterns over the table's names), aspects and dtypes (None: any),
and a regular expression that the failure's text must match. An entry that nothing matches any more
fails the run, so that this file holds only what is true. `full` entries concern samples that the
subset leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    operators: tuple[str, ...]
    match: str
    reason: str
    aspects: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] | None = None
    table: str = "operators"
    full: bool = False


def _e(
    operators: str,
    match: str,
    reason: str,
    aspects: str = "",
    dtypes: str = "",
    table: str = "operators",
    full: bool = False,
) -> Expected:
    return Expected(
        tuple(operators.split()),
        match,
        reason,
        tuple(aspects.split(", ")) if aspects else None,
        tuple(dtypes.split()) if dtypes else None,
        table,
        full,
    )


# Rounding of float32 that no tolerance of the table covers, with the factor beside PyTorch's own.
_ORDER = "float32: the sums are taken in another order; the largest error, measured against double "

EXPECTED: list[Expected] = [
    # ---- arguments and errors
    _e(
        "addbmm",
        "output with shape .* doesn't match the broadcast shape",
        "In place, an operator never resizes its tensor: `addbmm_` raises where PyTorch's changes "
        "the shape of `self`.",
        "in-place",
    ),
    _e(
        "aminmax gather multinomial complex",
        "no error; torch: RuntimeError: (Expected out tensor to have dtype|multinomial expects Long"
        "|Expected object of scalar type)",
        "`out=` may have any type that the result can be cast to, for every operator; PyTorch's "
        "operator asks for one type.",
        "errors",
    ),
    _e(
        "masked_select gather take cat kthvalue",
        "no error; torch: RuntimeError: unsupported operation: some elements of the input",
        "`out=` may share memory with an input: the result is computed apart and then written.",
        "errors",
    ),
    _e(
        "cat stack hstack vstack dstack column_stack",
        "can't be cast to the desired output type Long\\) instead of TypeError",
        "A result that cannot be cast into `out=` raises RuntimeError for every operator; in "
        "PyTorch this family raises TypeError.",
        "out",
    ),
    _e(
        "normal normal.number_mean nanmean nansum",
        "can't be cast to the desired output type Long\\) instead of NotImplementedError",
        "A result that cannot be cast into `out=` raises RuntimeError; PyTorch raises "
        "NotImplementedError as it looks for a kernel of that type.",
        "out",
    ),
    _e(
        "linspace linspace.tensor_overload logspace logspace.tensor_overload",
        "must be Number, not flambeau.Tensor",
        "Bounds that are tensors of one or more dimensions raise TypeError, as any argument of a "
        "wrong kind does; PyTorch raises RuntimeError.",
        "errors",
    ),
    _e(
        "narrow_copy",
        "IndexError \\(narrow\\(\\): Dimension out of range",
        "A dimension out of range raises IndexError, as in `narrow`; PyTorch's narrow_copy raises "
        "RuntimeError.",
        "errors",
    ),
    _e(
        "nn.functional.batch_norm",
        "expected at least 2 dimensions, \\(N, C, \\*\\), got input of size \\[0\\]",
        "An input of one dimension has no channels and is refused; PyTorch accepts it when it is "
        "empty.",
    ),
    # ---- what is free by definition
    _e(
        "sort argsort topk kthvalue mode",
        "(\\[1\\]|result|out): values differ",
        "Which one of equal elements is named: sort and topk keep their order, mode takes the "
        "last; PyTorch leaves the choice open.",
    ),
    _e(
        "cholesky linalg.cholesky linalg.cholesky_ex",
        "gradient 0: values differ",
        "The gradient of a complex matrix is hermitian, as the matrix is; PyTorch's has an "
        "anti-hermitian part besides, which no change of a hermitian matrix can see.",
        "grad, double grad",
        "complex128",
    ),
    _e(
        "cholesky_inverse cholesky_solve",
        "gradient [01]: values differ",
        "The gradient is zero in the triangle of the factor that is not read; PyTorch's is not.",
        "grad, double grad",
    ),
    # ---- where PyTorch's value is the less accurate one
    _e(
        "special.bessel_j0 special.bessel_y1",
        "values differ",
        "Accurate to 1e-15 in double precision; PyTorch's are wrong by up to 9e-7 (checked with "
        "SciPy).",
        "forward, out",
        "float64",
    ),
    _e(
        "special.ndtr",
        "values differ",
        "Left of -5 the tail is computed by erfc and keeps its digits; PyTorch's 1 + erf gives 0 "
        "there, in double precision too.",
        "forward, out",
        "bfloat16",
    ),
    _e(
        "special.log_ndtr",
        "gradient 0: values differ",
        "float32: within 0.2 roundings of the largest gradient (PyTorch: 26), but not nearer to "
        "the double result at every single element.",
        "grad",
        "float32",
        full=True,
    ),
    _e(
        "polygamma.* special.polygamma.*",
        "values differ",
        "At the poles (whole numbers up to 0) the value is infinite; PyTorch gives finite numbers.",
        dtypes="int8 int16",
        full=True,
    ),
    _e(
        "nn.functional.interpolate.bilinear nn.functional.interpolate.bicubic "
        "nn.functional.upsample_bilinear",
        "values differ",
        "Images of uint8 are interpolated in float and rounded once; PyTorch's weights are fixed-"
        "point numbers, and its results up to 28 levels from the exact ones.",
        "forward",
        "uint8",
        full=True,
    ),
    _e(
        "nn.functional.local_response_norm",
        "values differ",
        "The mean of squares of integers is taken in float; PyTorch truncates it.",
        "forward, strided",
        "int64",
    ),
    _e(
        "matrix_exp",
        "values differ: .*nan",
        "Half types are computed in double and rounded once; PyTorch overflows on the way and "
        "gives NaN.",
        "forward, method",
        "float16 bfloat16",
        full=True,
    ),
    _e(
        "cov",
        "aweights=float32.*values differ",
        "Weights of float32 for data of double precision: the divisor, a difference of sums of "
        "weights, is computed in double; PyTorch's in float32.",
        "forward, method, grad, double grad",
        "float64 complex128",
        full=True,
    ),
    _e(
        "as_strided_scatter",
        "gradient 0: values differ",
        "The gradient of `self` is zero in the window that `src` overwrites and one outside; "
        "PyTorch's is the reverse.",
        "grad, double grad",
    ),
    _e(
        "linalg.norm.subgradients_at_zero",
        "second gradient 0: values differ: .*nan",
        "The second gradient of a norm at zero is 0; PyTorch's is NaN.",
        "double grad",
    ),
    # ---- other conventions
    _e(
        "nn.functional.ctc_loss",
        "gradient 0: values differ",
        "The gradient is the derivative with respect to log_probs; PyTorch's presumes that they "
        "come from log_softmax and is that of what went into it. Behind log_softmax both agree.",
        "grad, double grad",
    ),
    _e(
        "nn.CTCLoss",
        "gradient 0: values differ",
        "As nn.functional.ctc_loss: the derivative with respect to log_probs themselves.",
        "grad",
        table="modules",
    ),
    _e(
        "einsum",
        "dtype u?int[0-9]+ instead of int64",
        "A contraction has the type of its operands; PyTorch's einsum of a single operand sums "
        "small integers in int64.",
        "forward",
        full=True,
    ),
    _e(
        "linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve",
        "LDL factorisations are not implemented",
        "LDL factorisations are not implemented and raise NotImplementedError.",
    ),
    _e(
        "logcumsumexp",
        "not implemented for 'Complex",
        "logcumsumexp of complex numbers is not implemented and raises NotImplementedError.",
    ),
    _e(
        "nextafter",
        "not implemented for '(Half|BFloat16)'",
        "nextafter of half types is not implemented and raises NotImplementedError: half types are "
        "computed in float, whose next number is another.",
        full=True,
    ),
    _e(
        "complex view_as_complex",
        "Half",
        "complex32, the type of the result, does not exist here; a RuntimeError names what does.",
        "forward",
        "float16",
        full=True,
    ),
    _e(
        "index_reduce.prod",
        "second gradient 0: values differ",
        "Second gradients of products with several zero factors lack the terms that go through two "
        "of these factors.",
        "double grad",
        full=True,
    ),
    # ---- rounding
    _e(
        "nn.functional.conv_transpose3d",
        "values differ",
        _ORDER + "precision, is 1.8 (result) and 4 (gradients) roundings of the largest element; "
        "PyTorch: 0.9 and 3.7.",
        "forward, strided, grad",
        "float32",
    ),
    _e(
        "pow",
        "gradient 0: values differ",
        _ORDER + "precision, is half a rounding of the largest element, as in PyTorch, but single "
        "elements are farther from it.",
        "grad",
        "float32",
        full=True,
    ),
    _e(
        "cov",
        "gradient 1: values differ",
        "float32: the gradient of weights that cancels to zero keeps rounding errors of 3e-5 where "
        "its terms are of the order of hundreds.",
        "grad",
        "float32",
        full=True,
    ),
    _e(
        "linalg.eig",
        "gradient 0: values differ",
        "float32: the gradient solves a system with the eigenvectors, whose rounding errors are 83 "
        "of the largest element's; PyTorch: 10.",
        "grad",
        "float32",
        full=True,
    ),
    _e(
        "nn.functional.scaled_dot_product_attention",
        "gradient [01]: values differ",
        _ORDER
        + "precision, is 0.6 to 1.9 times that of PyTorch over forty draws, 1.1 times on average.",
        "grad",
        "float32",
        full=True,
    ),
    _e(
        "linalg.lstsq linalg.lstsq.grad_oriented linalg.svd svd nn.functional.grid_sample",
        "gradient [01]: values differ",
        _ORDER + "precision, is up to 1.6 times that of PyTorch.",
        "grad",
        "float32",
        full=True,
    ),
    _e(
        "nn.functional.embedding_bag nn.functional.binary_cross_entropy_with_logits",
        "values differ",
        "Half types: rows limited by max_norm and losses multiplied by a weight are rounded to the "
        "type before they are added (1.3 and 1.8 roundings; PyTorch: 1.0 and 0.8).",
        "forward",
        "float16 bfloat16",
        full=True,
    ),
    _e(
        "nn.functional.multi_head_attention_forward",
        "values differ",
        "Samples with scores of hundreds, whose softmax multiplies the rounding errors of the "
        "projections: 3 to 5 times the error of PyTorch.",
        "forward",
        "float16 float32",
        full=True,
    ),
    _e(
        "LBFGS",
        r"state\[0\]\[2\]\[99\]: values differ",
        "The last curvature of a run that has converged comes from the difference of nearly equal "
        "gradients: rounding errors.",
        "state",
        "float32",
        table="optimizers",
    ),
    _e(
        "LBFGS",
        "float instead of int",
        "The step length of a line search is always a float; PyTorch keeps the int 1 when the "
        "first trial is taken.",
        "state",
        table="optimizers",
    ),
]
