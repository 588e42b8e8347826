"""Views: memory is shared, geometry changes in place, histories follow, bad input raises."""

import numpy as np
import pytest

import flambeau as fb
import flambeau.nn.functional as F


def x():
    return fb.arange(24.0).reshape(2, 3, 4)


VIEWS = [
    lambda t: t.view(6, 4), lambda t: t.view(-1), lambda t: t.transpose(0, 2),
    lambda t: t.permute(2, 0, 1), lambda t: t.select(1, 2), lambda t: t.narrow(2, 1, 2),
    lambda t: t[:, ::2], lambda t: t.diagonal(0, 1, 2), lambda t: t.unfold(2, 2, 1),
    lambda t: t.expand(5, 2, 3, 4), lambda t: t.unsqueeze(1), lambda t: t.split(2, 1)[1],
    lambda t: t.unbind(2)[1], lambda t: t.chunk(2, 2)[0], lambda t: t.mT,
    lambda t: t.as_strided((2, 2), (1, 5), 3), lambda t: t.flatten(1), lambda t: t.movedim(0, -1),
    lambda t: t.view(fb.int32), lambda t: t.unflatten(2, (2, 2)), lambda t: t.tensor_split(2, 2)[1],
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(VIEWS)))
def test_views_share_memory(i):
    t = x()
    view = VIEWS[i](t)
    assert view.untyped_storage() == t.untyped_storage()
    version = t._version
    t.zero_()
    assert (view == 0).all() and view._version == version + 1


@pytest.mark.parametrize("i", range(len(VIEWS)))
def test_writes_through_a_view_are_differentiated(i):
    if i == 18:
        pytest.skip("bits read as integers have no derivative")
    a = x().double().requires_grad_()
    weight = fb.arange(24.0).reshape(2, 3, 4).double()
    # The elements that the view shows get doubled.
    t = a * 1
    view = VIEWS[i](t)
    if i == 9:  # expanded
        with pytest.raises(RuntimeError, match="single memory location"):
            view.mul_(2)
        return
    mask = x().double() * 0 + 1
    if i == 8:  # windows overlap: each element once
        view, seen = view[..., 0], VIEWS[i](mask)[..., 0]
    else:
        seen = VIEWS[i](mask)
    seen.fill_(2)
    view.mul_(2)
    (t * weight).sum().backward()
    np.testing.assert_array_equal(np.asarray(a.grad), np.asarray(mask * weight))


def test_parts_not_used_have_zero_gradients():
    a = x().double().requires_grad_()
    first, second = a.split(2, 2)
    (first * 3).sum().backward()
    expected = fb.zeros(2, 3, 4)
    expected[..., :2] = 3
    assert (a.grad == expected).all()
    a.grad = None
    a.unbind(1)[2].sum().backward()
    assert a.grad.sum() == 8 and (a.grad[:, 2] == 1).all()


def test_windows_that_overlap_add_their_gradients():
    a = fb.arange(5.0).requires_grad_()
    a.unfold(0, 3, 1).sum().backward()
    assert a.grad.tolist() == [1, 2, 3, 2, 1]
    a.grad = None
    a.as_strided((2, 3), (1, 1)).sum().backward()
    assert a.grad.tolist() == [1, 2, 2, 1, 0]


IN_PLACE = [
    (lambda t: t.unsqueeze_(1), lambda t: t.unsqueeze(1)),
    (lambda t: t.transpose_(0, 2), lambda t: t.transpose(0, 2)),
    (lambda t: t.swapaxes_(0, 1), lambda t: t.swapaxes(0, 1)),
    (lambda t: t.unsqueeze_(0).squeeze_(0), lambda t: t),
    (lambda t: t.as_strided_((2, 2), (1, 3), 1), lambda t: t.as_strided((2, 2), (1, 3), 1)),
]


@pytest.mark.parametrize("i", range(len(IN_PLACE)))
def test_geometry_changes_in_place(i):
    change, view = IN_PLACE[i]
    a, b = x().requires_grad_(), x().requires_grad_()
    t = a * 2
    assert change(t) is t
    expected = view(b * 2)
    assert t.shape == expected.shape and (t == expected).all()
    (t * t).sum().backward()
    (expected * expected).sum().backward()
    assert (a.grad == b.grad).all()
    with pytest.raises(RuntimeError, match="leaf Variable"):
        change(a)
    with fb.no_grad():
        assert change(a).shape == expected.shape


def test_resize_grows_the_storage():
    t = fb.arange(3.0)
    assert t.resize_(2, 5).shape == (2, 5) and t[0, :3].tolist() == [0, 1, 2]
    assert t.resize_((2,)).tolist() == [0, 1] and t.untyped_storage().nbytes() == 40
    with pytest.raises(RuntimeError, match="negative"):
        t.resize_(-1)
    with pytest.raises(RuntimeError, match="overflow"):
        t.resize_(1 << 40, 1 << 40)
    with pytest.raises(RuntimeError, match="require grad"):
        fb.zeros(2, requires_grad=True).resize_(3)


BAD = [
    (lambda t: t.view(5), RuntimeError, "invalid for input of size 24"),
    (lambda t: t.view(-1, -1), RuntimeError, "only one dimension can be inferred"),
    (lambda t: t.transpose(0, 1).view(-1), RuntimeError, "Use .reshape"),
    (lambda t: t.select(0, 9), IndexError, "index 9 out of range"),
    (lambda t: t.select(9, 0), IndexError, "Dimension out of range"),
    (lambda t: t.narrow(0, 1, 5), RuntimeError, "exceeds dimension size"),
    (lambda t: t.narrow(0, 5, 1), IndexError, "start out of range"),
    (lambda t: t.split(0), RuntimeError, "split_size can only be 0"),
    (lambda t: t.split([1, 2]), RuntimeError, "sum exactly to 2"),
    (lambda t: t.chunk(0), RuntimeError, "greater than 0"),
    (lambda t: t.permute(0, 0, 1), RuntimeError, "duplicate dims"),
    (lambda t: t.expand(3, 3, 4), RuntimeError, "must match the existing size"),
    (lambda t: t.repeat(2), RuntimeError, "can not be smaller"),
    (lambda t: t.repeat(1 << 40, 1 << 40, 1), RuntimeError, "overflow"),
    (lambda t: t.unfold(0, 5, 1), RuntimeError, "maximum size"),
    (lambda t: t.diagonal(0, 1, 1), RuntimeError, "identical"),
    (lambda t: t.as_strided((9, 9), (9, 9)), RuntimeError, "out of bounds"),
    (lambda t: t.as_strided((2,), (1 << 62,)), RuntimeError, "overflow"),
    (lambda t: t.as_strided((2,), (1,), 1 << 62), RuntimeError, "overflow|out of bounds"),
    (lambda t: t.flip((0, 0)), RuntimeError, "multiple times"),
    (lambda t: t.roll((1, 2), (0,)), RuntimeError, "must align"),
    (lambda t: t.select(0, 0)[:, :3].view(fb.float64), RuntimeError, "must be divisible"),
    (lambda t: fb.cat([t, t[..., :1]]), RuntimeError, "must match except in dimension 0"),
    (lambda t: fb.cat([]), ValueError, "non-empty"),
    (lambda t: fb.stack([t, t[0]]), RuntimeError, "equal size"),
    (lambda t: F.pad(t, (5, 5), "reflect"), RuntimeError, "Padding size should be less"),
    (lambda t: F.pad(t, (5, 5), "circular"), RuntimeError, "more than once"),
    (lambda t: F.pad(t, (1,)), RuntimeError, "divisible by 2"),
    (lambda t: F.pad(t, (-9, 1)), RuntimeError, "negative output size"),
    (lambda t: F.pad(t, (1, 1), "round"), NotImplementedError, "padding mode"),
    (lambda t: F.pad(t, (1 << 62, 1 << 62)), RuntimeError, "overflow"),
    (lambda t: F.one_hot(t), RuntimeError, "LongTensor"),
    (lambda t: F.one_hot(fb.tensor([3]), 3), RuntimeError, "smaller than num_classes"),
    (lambda t: t.cuda(), RuntimeError, "CUDA"),
    (lambda t: t.repeat_interleave(fb.tensor([1, 2, 3])), RuntimeError, "same size"),
    (lambda t: fb.meshgrid(t), RuntimeError, "0D or 1D"),
]


@pytest.mark.parametrize("i", range(len(BAD)))
def test_bad_input(i):
    call, error, text = BAD[i]
    with pytest.raises(error, match=text):
        call(x())


def test_channels_last_is_kept():
    t = fb.rand(2, 3, 4, 5).contiguous(memory_format=fb.channels_last)
    for y in (t.clone(), t.double(), fb.zeros_like(t), fb.cat([t, t], 1), F.pad(t, (1, 1))):
        assert y.is_contiguous(memory_format=fb.channels_last)
    assert t.contiguous().is_contiguous()


def test_to_returns_what_already_fits():
    t = fb.ones(3)
    assert t.to(fb.float32) is t and t.to("cpu") is t and t.float() is t and t.to(t) is t
    assert t.to(fb.float32, copy=True) is not t
    assert t.to("cpu", fb.int64).dtype == fb.int64
    assert t.to("meta").is_meta
    with pytest.raises(RuntimeError, match="meta"):
        t.to("meta").to("cpu")
    assert t.type() == "torch.FloatTensor" and t.type("torch.LongTensor").dtype == fb.int64


def test_flip_and_roll_match_numpy_in_any_layout():
    rng = np.random.default_rng(0)
    for _ in range(200):
        ndim = rng.integers(1, 5)
        a = rng.integers(0, 100, rng.integers(1, 5, ndim)).astype(
            rng.choice(["u1", "i2", "f4", "c16"])
        )
        order = rng.permutation(ndim)
        t, a = fb.from_numpy(a.copy()).permute(*order.tolist()), a.transpose(order)
        dims = rng.permutation(ndim)[: rng.integers(0, ndim + 1)].tolist()
        np.testing.assert_array_equal(np.asarray(t.flip(dims)), np.flip(a, dims))
        if dims:
            shifts = rng.integers(-6, 7, len(dims)).tolist()
            np.testing.assert_array_equal(
                np.asarray(t.roll(shifts, dims)), np.roll(a, shifts, dims)
            )


def test_long_rows_are_moved_whole():
    a = np.arange(300 * 1100, dtype=np.float32).reshape(300, 1100)
    t = fb.from_numpy(a)
    for shift in (1, 3, 500, 1099):
        np.testing.assert_array_equal(np.asarray(t.roll(shift, 1)), np.roll(a, shift, 1))
    np.testing.assert_array_equal(np.asarray(t.flip(0)), a[::-1])
    np.testing.assert_array_equal(np.asarray(t.flip(1)), a[:, ::-1])
    np.testing.assert_array_equal(
        np.asarray(fb.cat([t, t[:, :7], t], 1)), np.hstack([a, a[:, :7], a])
    )
    for mode in ("reflect", "edge", "wrap"):
        ours = F.pad(t[None], (3, 5), {"edge": "replicate", "wrap": "circular"}.get(mode, mode))
        np.testing.assert_array_equal(np.asarray(ours)[0], np.pad(a, ((0, 0), (3, 5)), mode))
