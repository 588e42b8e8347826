"""Random operators: one seed gives the numbers that PyTorch 2.13 gives, whatever the layout.

The numbers were printed by PyTorch after ``manual_seed(7)``; ``W`` is arange(1, 13) as (3, 4).
"""

import numpy as np
import pytest

import flambeau as fb
import flambeau.nn.functional as F

STREAMS = [
    (lambda w: fb.rand(4), [0.53492254, 0.198803186, 0.659211695, 0.656890273]),
    (lambda w: fb.rand(3, dtype=fb.float64), [0.27938043, 0.273693714, 0.862092961]),
    (lambda w: fb.rand(3, dtype=fb.float16), [0.53515625, 0.198852539, 0.659179688]),
    (lambda w: fb.rand(2, dtype=fb.complex64).real, [0.53492254, 0.659211695]),
    (lambda w: fb.randn(5), [-0.146795094, 0.786141276, 0.94682163, -1.114344, 1.69079018]),
    (
        lambda w: fb.randn(17)[12:],
        [-2.0614779, 0.674100697, -1.32334578, -1.35976899, -0.866701603],
    ),
    (lambda w: fb.randint(0, 100, (5,)), [15, 92, 21, 86, 83]),
    (lambda w: fb.randperm(6), [3, 0, 1, 5, 2, 4]),
    (lambda w: fb.zeros(4).uniform_(-2, 3), [0.674612701, -1.00598407, 1.29605842, 1.28445137]),
    (lambda w: fb.zeros(4).normal_(1, 2), [0.706409812, 2.57228255, 2.89364314, -1.228688]),
    (lambda w: fb.zeros(4).exponential_(2.0), [0.163821965, 0.159891739, 0.990587711, 0.534558415]),
    (lambda w: fb.zeros(4).geometric_(0.3), [4, 4, 1, 2]),
    (lambda w: fb.zeros(3).cauchy_(), [-0.830555797, -0.861203074, 2.16189218]),
    (lambda w: fb.zeros(3).log_normal_(), [2.02670193, 13.0956821, 18.0589828]),
    (lambda w: fb.zeros(6).bernoulli_(0.4), [1, 1, 0, 0, 0, 0]),
    (lambda w: fb.bernoulli(w / 13)[:2].flatten()[:6], [0, 0, 0, 0, 1, 1]),
    (lambda w: fb.zeros(3).random_(), [8974492, 3335306, 11059538]),
    (lambda w: fb.zeros(3, dtype=fb.int16).random_(), [28847, 25796, 16921]),
    (lambda w: fb.zeros(3, dtype=fb.int64).random_(5, 50), [5, 27, 21]),
    (lambda w: fb.multinomial(w, 2).flatten(), [1, 3, 2, 3, 3, 2]),
    (lambda w: fb.multinomial(w[0], 5, True), [1, 1, 3, 3, 3]),
    (lambda w: fb.poisson(w).flatten()[:6], [0, 4, 4, 1, 1, 3]),
    (lambda w: fb.binomial(w, w / 13).flatten()[:6], [0, 0, 2, 1, 3, 1]),
    (lambda w: fb.normal(w, 1.0).flatten()[:4], [0.853204906, 2.7861414, 3.94682169, 2.88565588]),
    (lambda w: fb.normal(0.0, w).flatten()[:4], [-0.146795094, 1.57228255, 2.84046483, -4.457376]),
    (lambda w: F.dropout(w, 0.5, True).flatten(), [2, 4, 0, 0, 0, 0, 14, 0, 0, 0, 22, 24]),
    (lambda w: fb.feature_dropout(w, 0.5, True).flatten(), [2, 4, 0, 0, 0, 0, 14, 0, 0, 0, 22, 24]),
    (
        lambda w: fb.randn_like(w.t()).flatten(),
        [
            -0.146795094,
            1.69079018,
            0.138172656,
            0.786141276,
            -0.894827902,
            -1.68219852,
            0.94682163,
            -0.355625033,
            0.317678303,
            -1.114344,
            1.23238575,
            0.132806972,
        ],
    ),
]


def base():
    return fb.arange(1.0, 13.0).reshape(3, 4)


@pytest.mark.parametrize("i", range(len(STREAMS)))
def test_stream(i):
    draw, expected = STREAMS[i]
    fb.manual_seed(7)
    np.testing.assert_allclose(np.asarray(draw(base()).double()), expected, rtol=3e-6)


@pytest.mark.parametrize("i", range(len(STREAMS)))
def test_results_do_not_depend_on_threads(i):
    threads, results = fb.get_num_threads(), []
    try:
        for n in (1, 3):
            fb.set_num_threads(n)
            fb.manual_seed(3)
            results.append(np.asarray(STREAMS[i][0](base())))
    finally:
        fb.set_num_threads(threads)
    np.testing.assert_array_equal(*results)


def test_strided_outputs_are_filled_in_the_order_of_memory():
    fb.manual_seed(0)
    plain = fb.zeros(4, 6).uniform_()
    fb.manual_seed(0)
    turned = fb.zeros(4, 6).t().uniform_()
    assert (turned.t() == plain).all()
    fb.manual_seed(0)
    whole = fb.zeros(4, 6)
    whole[:, ::2].uniform_()
    assert (whole[:, 1::2] == 0).all()
    assert (whole[:, ::2].flatten() == plain.flatten()[:12]).all()


def test_a_generator_of_ones_own_leaves_the_shared_one_alone():
    fb.manual_seed(1)
    expected = fb.rand(3)
    fb.manual_seed(1)
    own = fb.Generator().manual_seed(5)
    first = fb.rand(3, generator=own)
    assert (fb.rand(3) == expected).all()
    assert (fb.rand(3, generator=own.manual_seed(5)) == first).all()


def test_state_can_be_kept_and_set():
    fb.manual_seed(3)
    state = fb.get_rng_state()
    numbers = fb.rand(5)
    with fb.random.fork_rng():
        fb.rand(100)
    more = fb.rand(2)
    fb.set_rng_state(state)
    assert (fb.rand(5) == numbers).all() and (fb.rand(2) == more).all()
    assert fb.initial_seed() == 3
    with pytest.raises(RuntimeError, match="size"):
        fb.set_rng_state(fb.zeros(3, dtype=fb.uint8))


def test_dropout_keeps_the_mean_and_its_gradient_the_mask():
    x = fb.ones(100_000, requires_grad=True)
    y = F.dropout(x, 0.25)
    assert abs(y.mean().item() - 1) < 0.01
    y.sum().backward()
    assert (x.grad == y.detach()).all()
    assert F.dropout(x, 0.25, training=False) is x
    assert (F.dropout(x, 1.0) == 0).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        F.dropout(x, 1.5)
    z = fb.ones(8)
    assert F.dropout(z, 0.5, inplace=True) is z


def test_gamma_samples_follow_their_shape():
    # With the sample's quantile held fixed, dz/da is the slope of the quantile function.
    from scipy.special import gammaincinv

    for a in (0.1, 0.5, 2.0, 5.0, 20.0, 300.0, 1e5):
        for p in (0.01, 0.3, 0.5, 0.9, 0.999):
            z, h = gammaincinv(a, p), a * 1e-5
            slope = (gammaincinv(a + h, p) - gammaincinv(a - h, p)) / (2 * h)
            ours = fb._C._standard_gamma_grad(
                fb.tensor([a], dtype=fb.float64), fb.tensor([z], dtype=fb.float64)
            )
            assert abs(ours.item() - slope) <= 1e-5 * abs(slope), (a, p)
    shape = fb.tensor([0.5, 3.0], requires_grad=True)
    (g,) = fb.autograd.grad(fb._C._standard_gamma(shape).sum(), shape, create_graph=True)
    with pytest.raises(NotImplementedError, match="_standard_gamma"):
        g.sum().backward()


BAD = [
    (lambda: fb.rand(3, dtype=fb.int64), RuntimeError, "floating"),
    (lambda: fb.randint(0, (3,)), RuntimeError, "less than"),
    (lambda: fb.randint(5, 3, (3,)), RuntimeError, "less than"),
    (lambda: fb.randperm(-1), RuntimeError, "non-negative"),
    (lambda: fb.normal(0.0, -1.0, (3,)), RuntimeError, "std"),
    (lambda: fb.zeros(3).uniform_(1, 0), RuntimeError, "uniform_"),
    (lambda: fb.zeros(3).exponential_(-1), RuntimeError, "lambda"),
    (lambda: fb.zeros(3).geometric_(1), RuntimeError, r"\(0, 1\)"),
    (lambda: fb.zeros(3).cauchy_(0, -1), RuntimeError, "sigma"),
    (lambda: fb.zeros(3).bernoulli_(1.5), RuntimeError, r"\[0, 1\]"),
    (lambda: fb.bernoulli(fb.full((3,), 2.0)), RuntimeError, "p_in"),
    (lambda: fb.bernoulli(fb.ones(3, dtype=fb.int64)), RuntimeError, "floating"),
    (lambda: fb.multinomial(fb.ones(3), 4), RuntimeError, "without replacement"),
    (lambda: fb.multinomial(fb.zeros(3), 1), RuntimeError, "sum"),
    (lambda: fb.multinomial(fb.ones(2, 2, 2), 1), RuntimeError, "1 or 2 dim"),
    (lambda: fb.poisson(fb.full((3,), -1.0)), RuntimeError, "poisson"),
    (lambda: fb.zeros(3).expand(2, 3).normal_(), RuntimeError, "single memory location"),
    (lambda: fb.zeros(3, requires_grad=True).normal_(), RuntimeError, "leaf Variable"),
    (lambda: fb.rand(2, generator=3), TypeError, "Generator"),
    (lambda: fb.manual_seed(1 << 64), RuntimeError, "Overflow"),
]


@pytest.mark.parametrize("i", range(len(BAD)))
def test_bad_input(i):
    call, error, text = BAD[i]
    with pytest.raises(error, match=text):
        call()


def test_meta_tensors_draw_nothing():
    fb.manual_seed(0)
    first = fb.rand(2)
    fb.manual_seed(0)
    assert fb.rand(4, device="meta").shape == (4,)
    assert (fb.rand(2) == first).all()
