"""Hostile calls of what stands outside the operator table: indexing, construction, interchange."""

from __future__ import annotations

_INDICES = (
    "0",
    "-1",
    "5",
    "-7",
    "2**63-1",
    "-2**63",
    "2**64",
    "1.5",
    "nan",
    "'x'",
    "None",
    "...",
    "(..., ...)",
    "True",
    "(0, 0, 0, 0)",
    "slice(None, None, 0)",
    "slice(None, None, -1)",
    "slice(2**63-1, -2**63)",
    "slice(-2**63, 2**63-1, 2**63-1)",
    "slice(5, 1)",
    "slice('a', None)",
    "[0, 1]",
    "[0, 9]",
    "[-1, -5]",
    "[]",
    "[[0, 1], [1, 0]]",
    "[[0, 1], [1]]",
    "A((2, 3), 'bool')",
    "A((3, 2), 'bool')",
    "A((0,), 'int64')",
    "F((3,), 'int64', 2**63-1)",
    "F((3,), 'int64', -2**63)",
    "F((3,), 'int64', 2)",
    "F((1,), 'uint8', 1)",
    "F((2,), 'int32', -3)",
    "A((2,))",
    "meta(A((2,), 'int64'))",
    "(A((2,), 'int64', 0, 2), slice(None))",
    "(slice(None), F((2,), 'int64', 3))",
    "(None,) * 70",
    "(A((2, 1), 'int64', 0, 2), A((5,), 'int64', 0, 3))",
    "(A((2,), 'int64', 0, 2), A((3,), 'int64', 0, 3))",
    "np.array([0, 1])",
    "np.array([9])",
    "np.array(['a'])",
    "(True, False)",
    "range(2)",
    "{}",
)
_TARGETS = (
    "A((2, 3))",
    "A((2, 3), 'int64')",
    "A(())",
    "A((0, 3))",
    "A((2, 3), grad=True)",
    "expanded(A((2, 3)))",
    "meta(A((2, 3)))",
    "A((2, 3), 'bool')",
)
_STORED = (
    "1",
    "nan",
    "A((3,))",
    "A((7,))",
    "A((2, 3), 'complex64')",
    "'x'",
    "None",
    "[1, 2, 3]",
    "A((0,))",
    "meta(A((2, 3)))",
    "2**64",
    "1j",
    "np.ones((2, 3))",
)

CALLS: list[str] = []
for _target in _TARGETS:
    CALLS += [f"{_target}[{index}]" for index in _INDICES]
for _i, _index in enumerate(_INDICES):
    for _j, _stored in enumerate(_STORED):
        CALLS.append(f"({_TARGETS[(_i + _j) % len(_TARGETS)]}).__setitem__({_index}, {_stored})")

CALLS += [
    # views with strides and offsets of their own
    *(
        f"A((4, 5)).as_strided({size}, {stride}, {offset})"
        for size in (
            "(2, 2)",
            "(2**31, 2**31)",
            "(0, 5)",
            "(-1, 2)",
            "(2**62, 2**62)",
            "(5,)",
            "()",
        )
        for stride in (
            "(1, 1)",
            "(2**62, 2**62)",
            "(-1, 1)",
            "(0, 0)",
            "(1,)",
            "(2**63-1, 1)",
            "()",
        )
        for offset in ("0", "19", "20", "2**63-1", "-1", "None")
    ),
    *(
        f"A((4, 6)).view({shape})"
        for shape in (
            "(-1,)",
            "(-1, -1)",
            "(0, -1)",
            "(2**62, 4)",
            "(5, 5)",
            "()",
            "fb.int8",
            "fb.float64",
            "fb.complex128",
            "fb.bool",
            "'x'",
            "(2**63-1,)",
            "(-2**63,)",
            "(24, 2**63-1, 0)",
        )
    ),
    *(f"A((5,), 'int8').view(fb.{d})" for d in ("int64", "float32", "bool", "complex64")),
    *(
        f"A((4, 6)).unfold({a})"
        for a in (
            "0, 2, 1",
            "0, 9, 1",
            "0, 2, 0",
            "0, -1, 1",
            "0, 2, -1",
            "9, 1, 1",
            "0, 2**63-1, 1",
            "0, 1, 2**63-1",
            "-3, 1, 1",
            "1, 0, 1",
        )
    ),
    # construction
    *(
        f"fb.tensor({v})"
        for v in (
            "[[1], [2, 3]]",
            "[1, 'x']",
            "[None]",
            "{}",
            "2**64",
            "[2**64]",
            "[10**400]",
            "[1, 2**63]",
            "[[[[]]]]",
            "[1j, None]",
            "object()",
            "b'abc'",
            "'abc'",
            "[[1, 2], 3]",
            "range(5)",
            "[float('nan')] * 5, dtype=fb.int64",
            "[1e300], dtype=fb.float32",
            "[2**40], dtype=fb.int8",
            "[-1], dtype=fb.uint8",
            "[inf], dtype=fb.int32",
            "1, dtype='x'",
            "1, device='cuda'",
            "np.array(['a'])",
            "np.array([object()])",
            "np.zeros((0, 2**40))",
            "A((2,)), dtype=fb.bool",
            "[A((2,)), A((3,))]",
            "[A(()), 1]",
            "[A((1,)), 1]",
        )
    ),
    *(
        f"fb.from_numpy({v})"
        for v in (
            "None",
            "[1]",
            "np.array(['a'])",
            "np.array([object()])",
            "np.ones(3)[::-1]",
            "np.ones(3).astype('>f4')",
            "np.zeros(2, dtype='datetime64[s]')",
            "np.float32(1)",
            "np.ones((2, 3)).T",
            "np.broadcast_to(np.ones(1), (3,))",
            "np.zeros((0, 3))",
            "np.zeros(3, dtype=np.longdouble)",
            "np.zeros(3, 'f4,i4')",
            "np.zeros(3, 'uint16')",
            "np.lib.stride_tricks.as_strided(np.zeros(9, 'u1')[1:], (1,), (8,)).view('u1')",
            "np.frombuffer(bytes(17), 'u1')[1:].view('f8')",
            "np.frombuffer(bytes(16), 'f8')",
        )
    ),
    *(
        f"fb.frombuffer({v})"
        for v in (
            "b'', dtype=fb.float32",
            "b'abc', dtype=fb.float32",
            "bytearray(8), dtype=fb.float32, count=3",
            "bytearray(8), dtype=fb.float32, offset=9",
            "bytearray(8), dtype=fb.float32, offset=-1",
            "bytearray(8), dtype=fb.float32, count=2**62",
            "bytearray(8), dtype=fb.int64, offset=1",
            "None, dtype=fb.int8",
            "bytearray(8), dtype=5",
            "bytearray(8), dtype=fb.int8, offset=2**63-1",
        )
    ),
    *(
        f"fb.from_dlpack({v})"
        for v in (
            "None",
            "5",
            "A((2, 3))",
            "np.ones(3)",
            "object()",
            "A((2, 3)).__dlpack__()",
            "np.array(['a'])",
        )
    ),
    *(
        f"fb.Tensor({v})"
        for v in ("2, 3", "[1, 2]", "-1", "2**62, 2**62", "'x'", "None", "A((2,))", "2.5", "")
    ),
    *(f"fb.Size({v})" for v in ("5", "['a']", "[2**64]", "[-1]", "[1.5]", "None", "()")),
    *(
        f"fb.device({v})"
        for v in (
            "''",
            "'cpu:'",
            "'cpu:-1'",
            "'cpu:99999999999999999999'",
            "5",
            "None",
            "'a' * 10000",
            "'cpu', 2**40",
            "'cpu', -5",
        )
    ),
    *(
        f"fb.Generator().manual_seed({v})"
        for v in ("2**64", "-2**63", "-2**64", "'x'", "None", "1.5")
    ),
    *(
        f"fb.Generator().set_state({v})"
        for v in (
            "A((3,))",
            "F((0,), 'uint8', 1)",
            "F((5056,), 'uint8', 255)",
            "F((16,), 'uint8', 255)",
            "None",
            "F((100000,), 'uint8', 255)",
            "meta(F((5056,), 'uint8', 0))",
        )
    ),
    # numbers, printing, protocols
    *(
        f"{f}(A({a}))"
        for f in (
            "int",
            "float",
            "bool",
            "complex",
            "len",
            "hash",
            "repr",
            "list",
            "iter",
            "np.asarray",
            "memoryview",
            "str",
            "format",
        )
        for a in (
            "()",
            "(1,)",
            "(2, 3)",
            "(0,)",
            "(1, 0)",
            "(), 'complex64'",
            "(), 'bfloat16'",
            "(2,), 'bool'",
        )
    ),
    *(
        f"{f}(meta(A((2, 3))))"
        for f in ("int", "float", "bool", "repr", "list", "np.asarray", "len")
    ),
    *(
        f"{f}(F((), 'float32', {v}))"
        for f in ("int", "float", "bool", "repr", "round")
        for v in ("nan", "inf", "-inf", "1e30")
    ),
    *(
        f"A((2, 3)).{m}"
        for m in (
            "to('xyz')",
            "to(5)",
            "to(None)",
            "to(fb.int8, 'x')",
            "to(A((2,), 'int8'))",
            "type('x')",
            "type(None)",
            "stride(9)",
            "size(-9)",
            "dim(1)",
            "data_ptr(1)",
            "item()",
            "tolist(1)",
            "backward()",
            "requires_grad_('x')",
            "register_hook(5)",
            "retain_grad()",
            "detach_(1)",
            "__setstate__(5)",
            "__setstate__(())",
            "__reduce_ex__(99)",
            "new_tensor([[1], [2, 3]])",
            "element_size(2)",
            "storage_offset(1)",
            "is_contiguous(memory_format=5)",
            "numpy(force='x')",
            "apply_(5)",
            "map_(5, 5)",
            "set_(A((2,), 'int8'))",
            "set_(5)",
            "resize_(2**62)",
            "resize_(-1)",
            "resize_(2**31, 2**31)",
            "expand(2**62, 2, 3)",
            "expand(-2, 3)",
            "expand(2, -1, 3)",
            "repeat(2**62, 4)",
            "repeat(-1, 1)",
            "__dlpack__(stream='x')",
            "__array__('x')",
            "__format__('x')",
            "untyped_storage().resize_(-1)",
        )
    ),
    *(
        f"A(()).__setattr__({v})"
        for v in (
            "'data', 5",
            "'data', None",
            "'grad', 5",
            "'grad', A((2,))",
            "'grad', A((), 'int64')",
            "'requires_grad', 'x'",
            "'_version', 5",
            "'shape', (1,)",
            "'grad_fn', None",
        )
    ),
    # gradients
    *(
        f"fb.autograd.grad({v})"
        for v in (
            "A((2, 3)), A((2, 3))",
            "[], []",
            "None, None",
            "(A((2,), grad=True) * 2), A((2,), grad=True)",
            "(A((2,), grad=True) * 2).sum(), 5",
            "5, 5",
            "(A((2,), grad=True) * 2).sum(), []",
            "(A((2,), grad=True) * 2), [], A((3,))",
        )
    ),
    *(
        f"(A((2, 3), grad=True) * 2).backward({v})"
        for v in (
            "",
            "5",
            "A((3,))",
            "A((2, 3), 'int64')",
            "A((2, 3), 'complex64')",
            "None",
            "meta(A((2, 3)))",
            "A((2, 3)), 'x', 5",
            "[A((2, 3))]",
        )
    ),
    "A((2, 3), 'int64').requires_grad_()",
    "A((3,), grad=True).add_(1)",
    "A((3,), grad=True)[0:1].zero_()",
    # files
    *(
        f"fb.load(__import__('io').BytesIO({v}))"
        for v in (
            "b''",
            "b'PK'",
            "b'PK\\x03\\x04' + bytes(100)",
            "b'\\x80\\x02}.'",
            "bytes(1000)",
            "b'PK\\x05\\x06' + bytes(18)",
            "b'\\x80\\x02cos\\nsystem\\n.'",
        )
    ),
    "fb.load('/nonexistent/file')",
    "fb.save(A((2,)), '/nonexistent/file')",
    "fb.save(A((2,)), None)",
    # services
    *(f"fb.set_num_threads({v})" for v in ("0", "-1", "2**40", "'x'", "None", "1.5")),
    *(f"fb.set_default_dtype({v})" for v in ("fb.int64", "5", "None", "'x'")),
    *(f"fb.promote_types({v})" for v in ("5, 5", "fb.int8", "fb.int8, None")),
    *(f"fb.can_cast({v})" for v in ("5, 5", "fb.int8", "fb.int8, None")),
    *(f"fb.result_type({v})" for v in ("5, 5", "fb.int8, 2", "A((2,)), None", "A((2,)), 'x'")),
    *(
        f"fb.{f}({v})"
        for f in ("finfo", "iinfo")
        for v in ("fb.bool", "5", "None", "fb.int8", "fb.float16")
    ),
    *(
        f"fb.broadcast_shapes({v})"
        for v in ("(2,), (3,)", "(-1,)", "5, 'x'", "(2**63-1,), (1,)", "")
    ),
]
