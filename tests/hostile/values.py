"""Values that hostile calls are made of. A call is Python source over the names of NAMESPACE."""

from __future__ import annotations

import zlib

import numpy as np

import flambeau as fb

DTYPES = (
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
    "complex64",
    "complex128",
)


def A(shape, dtype="float32", low=-2.0, high=2.0, grad=False):
    """A tensor of reproducible values in [low, high)."""
    rng = np.random.default_rng(zlib.crc32(repr((shape, dtype, low, high)).encode()))
    u = low + rng.random(shape) * (high - low)
    if dtype == "bool":
        u = u < (low + high) / 2
    elif dtype.startswith("complex"):
        u = u + 1j * u[..., ::-1] if u.ndim else u + 1j * u
    elif dtype in ("uint8", "int8", "int16", "int32", "int64"):
        u = np.floor(np.abs(u) if dtype == "uint8" else u)
    x = _owned(u, dtype)
    return x.requires_grad_() if grad and (x.is_floating_point() or x.is_complex()) else x


def F(shape, dtype, *values):
    """A tensor filled with the given values in turn: NaN, infinities, extreme integers."""
    n = int(np.prod(shape))
    return _owned(
        np.array(
            [values[i % len(values)] for i in range(n)], dtype if dtype != "bfloat16" else "float32"
        ).reshape(shape),
        dtype,
    )


def _owned(array, dtype):
    """A tensor whose memory is flambeau's, so that it may be resized."""
    if dtype == "bfloat16":
        return fb.from_numpy(np.asarray(array, dtype="float32")).to(fb.bfloat16)
    return fb.from_numpy(np.ascontiguousarray(array, dtype=dtype).reshape(np.shape(array))).clone()


def expanded(x):
    """The first element of every dimension, repeated without memory of its own."""
    return x[tuple(slice(0, 1) for _ in range(x.ndim))].expand(x.shape)


def reversed_strides(x):
    """The same values in memory of the reverse order of dimensions."""
    order = list(range(x.ndim - 1, -1, -1))
    return x.permute(order).contiguous().permute(order)


def every_second(x):
    """The same values with gaps between them."""
    return fb.stack([x, x], -1)[..., 0]


def meta(x):
    return fb.empty(tuple(x.shape), dtype=x.dtype, device="meta")


NAMESPACE = {
    "fb": fb,
    "np": np,
    "A": A,
    "F": F,
    "expanded": expanded,
    "meta": meta,
    "reversed_strides": reversed_strides,
    "every_second": every_second,
    "nan": float("nan"),
    "inf": float("inf"),
    "F_": fb.nn.functional,
}

# Source of hostile values for each argument type of a signature.
INTS = (
    "-1",
    "0",
    "1",
    "-2",
    "7",
    "-100",
    "100",
    "2**31",
    "-2**31",
    "2**40",
    "2**62",
    "2**63-1",
    "-2**63",
    "2**63",
    "-2**64",
    "True",
    "1.5",
    "nan",
    "None",
    "'x'",
    "(1,)",
    "A(())",
)
INT_LISTS = (
    "()",
    "(0,)",
    "(-1,)",
    "(-2,)",
    "(1, 1, 1, 1)",
    "(0, 0)",
    "(3, -1)",
    "(-1, -1)",
    "(2**63-1,)",
    "(-2**63,)",
    "(2**62, 4)",
    "(2**31, 2**31, 2**31)",
    "(2**40, 2)",
    "(2**63-1, 2**63-1)",
    "(1,) * 70",
    "(2**64,)",
    "(0, 2**63-1)",
    "(1.5,)",
    "('a',)",
    "(None,)",
    "5",
    "-5",
    "2**62",
    "None",
    "'x'",
    "[]",
    "{}",
)
FLOATS = (
    "nan",
    "inf",
    "-inf",
    "0",
    "-1",
    "2",
    "0.5",
    "1e308",
    "-1e308",
    "1e-320",
    "10**400",
    "True",
    "1j",
    "None",
    "'x'",
    "A(())",
)
SCALARS = (*FLOATS, "2**63-1", "-2**63", "2**63", "-2**64", "1+2j", "complex(nan, inf)", "True")
BOOLS = ("True", "False", "None", "2", "'x'", "A(())")
STRINGS = (
    "''",
    "'none'",
    "'mean'",
    "'sum'",
    "'xyz'",
    "'a' * 5000",
    "'\\0'",
    "'é'",
    "None",
    "5",
    "'ij,jk->ik'",
    "'...'",
    "'reflect'",
    "'bicubic'",
)
TENSORS = (
    "A(())",
    "A((0,))",
    "A((3,))",
    "A((2, 3))",
    "A((0, 3))",
    "A((1, 0, 2))",
    "A((2, 3, 4))",
    "A((2, 3, 4, 5))",
    "A((1,) * 12)",
    "A((5, 1))",
    "A((2, 3), 'int64', -9, 9)",
    "A((4,), 'bool')",
    "A((2, 3), 'complex64')",
    "F((2, 3), 'float32', nan, inf, -inf)",
    "F((2, 3), 'int64', 2**63-1, -2**63, -1)",
    "F((3,), 'int64', 0)",
    "meta(A((2, 3)))",
    "expanded(A((2, 3)))",
    "None",
    "3",
    "2.5",
    "'x'",
    "[]",
    "[1.0, 2.0]",
    "{}",
    "np.ones(3)",
)
TENSOR_LISTS = (
    "[]",
    "()",
    "[None]",
    "[A((2, 3))]",
    "[A((2, 3)), A((3, 2))]",
    "A((2, 3))",
    "[A((2, 3))] * 100",
    "[A((0,)), A((2, 3))]",
    "[A(()), A(())]",
    "'x'",
    "None",
    "[1]",
    "[A((2, 3)), A((2, 3), 'int64'), A((2, 3), 'complex64')]",
    "[meta(A((2, 3))), A((2, 3))]",
)
DTYPE_VALUES = (*(f"fb.{d}" for d in DTYPES), "None", "'float32'", "float", "int", "5")
DEVICES = ("'cpu'", "'meta'", "'cuda'", "'cpu:5'", "'xyz'", "''", "None", "5", "fb.device('meta')")
FORMATS = ("fb.contiguous_format", "fb.preserve_format", "None", "5", "'x'")
BY_TYPE = {
    "Tensor": TENSORS,
    "Operand": TENSORS,
    "Tensor?": TENSORS,
    "Operand?": TENSORS,
    "Tensor[]": TENSOR_LISTS,
    "Tensor?[]": TENSOR_LISTS,
    "Scalar": SCALARS,
    "Scalar?": SCALARS,
    "int": INTS,
    "int?": INTS,
    "int[]": INT_LISTS,
    "int[]?": INT_LISTS,
    "float": FLOATS,
    "float?": FLOATS,
    "float[]": ("()", "(nan,)", "(inf, 1)", "(1e308, 0)", "(0.0,)", "'x'", "None", "2"),
    "float[]?": ("()", "(nan,)", "(0.0,)", "(1e308,)", "(-1.0,)", "'x'", "None", "2"),
    "bool": BOOLS,
    "bool?": BOOLS,
    "str": STRINGS,
    "str?": STRINGS,
    "DType": DTYPE_VALUES,
    "DType?": DTYPE_VALUES,
    "Device?": DEVICES,
    "Layout?": ("fb.strided", "None", "5"),
    "PinMemory": BOOLS,
    "RequiresGrad": BOOLS,
    "MemoryFormat": FORMATS,
    "MemoryFormat?": FORMATS,
    "Inplace": BOOLS,
    "Generator?": ("None", "fb.Generator()", "5", "'x'"),
}
EXTREMES = {
    "int64": ("2**63-1", "-2**63", "-1", "10**6"),
    "int32": ("2**31-1", "-2**31", "-1"),
    "float32": ("nan", "inf", "-inf", "3e38", "0.0"),
    "float64": ("nan", "inf", "-inf", "1e308"),
}
