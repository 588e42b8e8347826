"""How tensors print: each text is PyTorch's."""

import pytest

import flambeau as fb

NAN, INF = float("nan"), float("inf")


def text(tensor):
    """The printed form; the prefix of dtype names is the library's own."""
    return repr(tensor).replace("flambeau.", "torch.")


def t(*args, **kwargs):
    return fb.tensor(*args, **kwargs)


ROWS = [
    (lambda: t([]), "tensor([])"),
    (lambda: fb.empty(2, 0), "tensor([], size=(2, 0))"),
    (lambda: fb.empty(0, dtype=fb.int64), "tensor([], dtype=torch.int64)"),
    (lambda: fb.zeros(0, 3, requires_grad=True), "tensor([], size=(0, 3), requires_grad=True)"),
    (lambda: t(3.0), "tensor(3.)"),
    (lambda: t(3), "tensor(3)"),
    (lambda: t(True), "tensor(True)"),
    (lambda: t(1 + 2j), "tensor(1.+2.j)"),
    (lambda: t([1.0, 2.0]), "tensor([1., 2.])"),
    (lambda: t([1, 22, -3]), "tensor([ 1, 22, -3])"),
    (lambda: t([True, False]), "tensor([ True, False])"),
    (lambda: t([1.5, NAN, INF, -INF]), "tensor([1.5000,    nan,    inf,   -inf])"),
    (lambda: t([1.0, NAN]), "tensor([1., nan])"),
    (lambda: t([0.0, -0.0]), "tensor([0., -0.])"),
    (lambda: t([1e10, 1.0]), "tensor([1.0000e+10, 1.0000e+00])"),
    (lambda: t([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
    (lambda: t([1e8, 2e8]), "tensor([1.0000e+08, 2.0000e+08])"),
    (lambda: t([1000.0, 0.5]), "tensor([1.0000e+03, 5.0000e-01])"),
    (lambda: t(1e-8), "tensor(1.0000e-08)"),
    (lambda: t(123456789.0), "tensor(1.2346e+08)"),
    (lambda: t(0.1, dtype=fb.float64), "tensor(0.1000, dtype=torch.float64)"),
    (lambda: fb.ones(2, dtype=fb.float16), "tensor([1., 1.], dtype=torch.float16)"),
    (lambda: fb.ones(2, dtype=fb.bfloat16), "tensor([1., 1.], dtype=torch.bfloat16)"),
    (lambda: fb.ones(3, dtype=fb.uint8), "tensor([1, 1, 1], dtype=torch.uint8)"),
    (lambda: t([1 + 2j, 3.5 - 1e-9j]), "tensor([1.0000+2.0000e+00j, 3.5000-1.0000e-09j])"),
    (lambda: fb.ones(2, requires_grad=True), "tensor([1., 1.], requires_grad=True)"),
    (lambda: fb.ones(2, requires_grad=True) * 2, "tensor([2., 2.], grad_fn=<MulBackward0>)"),
    (lambda: fb.nn.Parameter(fb.ones(2)),
     "Parameter containing:\ntensor([1., 1.], requires_grad=True)"),
    (lambda: fb.zeros(2, 1, 3),
     "tensor([[[0., 0., 0.]],\n\n        [[0., 0., 0.]]])"),
    (lambda: fb.arange(30),
     "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
     "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])"),
    (lambda: fb.arange(2000.0),
     "tensor([0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 1.9970e+03, 1.9980e+03,\n"
     "        1.9990e+03])"),
    (lambda: fb.zeros(40, 30),
     "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n"
     "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
     "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
     "        ...,\n"
     "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
     "        [0., 0., 0.,  ..., 0., 0., 0.],\n"
     "        [0., 0., 0.,  ..., 0., 0., 0.]])"),
    (lambda: fb.full((8,), 0.123456, dtype=fb.float64),
     "tensor([0.1235, 0.1235, 0.1235, 0.1235, 0.1235, 0.1235, 0.1235, 0.1235],\n"
     "       dtype=torch.float64)"),
]  # fmt: skip


@pytest.mark.parametrize("make, expected", ROWS, ids=range(len(ROWS)))
def test_repr(make, expected):
    assert text(make()) == expected


@pytest.fixture
def options():
    yield fb.set_printoptions
    fb.set_printoptions(profile="default")


def test_precision_and_exponents(options):
    options(precision=2, sci_mode=True)
    assert text(t([1.234, 5.0])) == "tensor([1.23e+00, 5.00e+00])"
    assert text(t([0.0, NAN])) == "tensor([0., nan])"
    options(sci_mode=False)
    assert text(t([1e-3, 1e3])) == "tensor([   0.00, 1000.00])"


def test_abbreviation(options):
    options(threshold=5, edgeitems=1)
    assert text(fb.arange(6)) == "tensor([0,  ..., 5])"
    assert text(fb.arange(5)) == "tensor([0, 1, 2, 3, 4])"
    options(profile="full")
    assert "..." not in text(fb.arange(2000))
    options(profile="short")
    assert text(fb.arange(2001)) == "tensor([   0,    1,  ..., 1999, 2000])"


def test_line_width(options):
    options(linewidth=24)
    assert text(fb.arange(8)) == "tensor([0, 1, 2, 3, 4,\n        5, 6, 7])"


def test_default_dtype():
    fb.set_default_dtype(fb.float64)
    try:
        assert text(fb.ones(1)) == "tensor([1.])"
        assert text(fb.ones(1, dtype=fb.float32)) == "tensor([1.], dtype=torch.float32)"
        assert text(t([1j])) == "tensor([0.+1.j])"
    finally:
        fb.set_default_dtype(fb.float32)
