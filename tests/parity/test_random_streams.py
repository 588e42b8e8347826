"""The CPU random stream: for one seed, the same numbers as torch.

Integers and orders are equal; floats agree to 1e-6 relative. Sizes lie on both sides of 16, where
torch's normal distribution changes its method, and of multiples of it.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the oracle comes with the extra `parity` only")

import torch

import flambeau

from .convert import DTYPES, to_flambeau, to_torch

SIZES = (0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 100, 255, 256, 257, 1000, 4099)
FLOATS = (torch.float32, torch.float64)
ALL_FLOATS = (*FLOATS, torch.float16, torch.bfloat16)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
SEEDS = (0, 1, 42, 2**31, 2**63 - 1, -5)


def same(ours, theirs):
    ours = to_torch(ours)
    exact = not theirs.is_floating_point() and not theirs.is_complex()
    half = theirs.dtype in (torch.float16, torch.bfloat16)
    torch.testing.assert_close(ours, theirs, rtol=0 if exact or half else 1e-6, atol=0)


def both(function, seed=11, repeat=2):
    """Calls function(library) on both sides, `repeat` times without a new seed."""
    torch.manual_seed(seed)
    flambeau.manual_seed(seed)
    for _ in range(repeat):
        same(function(flambeau), function(torch))


def ids(dtype):
    return str(dtype).removeprefix("torch.")


def of(lib, dtype):
    return dtype if lib is torch else DTYPES[dtype]


@pytest.mark.parametrize("dtype", ALL_FLOATS, ids=ids)
@pytest.mark.parametrize("n", SIZES)
def test_creation(n, dtype):
    for name in ("rand", "randn"):
        both(lambda lib, name=name: getattr(lib, name)(n, dtype=of(lib, dtype)))


@pytest.mark.parametrize("seed", SEEDS)
def test_seeds(seed):
    both(lambda lib: lib.rand(20), seed)
    both(lambda lib: lib.randn(5), seed)
    both(lambda lib: lib.randint(0, 1000, (9,)), seed)


@pytest.mark.parametrize("dtype", (torch.complex64, torch.complex128), ids=ids)
@pytest.mark.parametrize("n", (0, 1, 7, 8, 9, 16, 100))
def test_complex(n, dtype):
    both(lambda lib: lib.view_as_real(lib.rand(n, dtype=of(lib, dtype))))
    both(lambda lib: lib.view_as_real(lib.randn(n, dtype=of(lib, dtype))))


@pytest.mark.parametrize("dtype", INTEGERS, ids=ids)
@pytest.mark.parametrize("n", SIZES)
def test_randint(n, dtype):
    both(lambda lib: lib.randint(-7 if dtype != torch.uint8 else 0, 93, (n,), dtype=of(lib, dtype)))


@pytest.mark.parametrize(
    "low, high",
    [
        (0, 2),
        (0, 2**31),
        (0, 2**32),
        (0, 2**32 + 1),
        (-(2**62), 2**62),
        (0, 2**63 - 1),
        (-(2**63), 2**63 - 1),
        (5, 6),
    ],
)
def test_randint_ranges(low, high):
    both(lambda lib: lib.randint(low, high, (37,)))


@pytest.mark.parametrize("n", (0, 1, 2, 3, 10, 100, 1000, 20011, 40000))
def test_randperm(n):
    both(lambda lib: lib.randperm(n))
    both(lambda lib: lib.randperm(n, generator=lib.Generator().manual_seed(3)))


@pytest.mark.parametrize("n", SIZES)
def test_bernoulli(n):
    both(lambda lib: lib.bernoulli(lib.full((n,), 0.3)))
    both(lambda lib: lib.bernoulli(lib.linspace(0, 1, n, dtype=lib.float64)))
    both(lambda lib: lib.empty(n).bernoulli_(0.7))
    both(lambda lib: lib.empty(n, dtype=lib.int64).bernoulli_(0.7))
    both(lambda lib: lib.empty(n, dtype=lib.bool).bernoulli_(lib.full((n,), 0.4)))


@pytest.mark.parametrize("dtype", ALL_FLOATS, ids=ids)
@pytest.mark.parametrize("n", SIZES)
def test_in_place(n, dtype):
    def empty(lib):
        return lib.empty(n, dtype=of(lib, dtype))

    both(lambda lib: empty(lib).uniform_())
    both(lambda lib: empty(lib).uniform_(-3, 5))
    both(lambda lib: empty(lib).normal_())
    both(lambda lib: empty(lib).normal_(2.5, 0.1))


@pytest.mark.parametrize(
    "name, args",
    [
        ("exponential_", (1.5,)),
        ("geometric_", (0.3,)),
        ("cauchy_", (1.0, 2.0)),
        ("log_normal_", (0.5, 0.25)),
        ("random_", ()),
        ("random_", (10,)),
        ("random_", (-5, 100)),
    ],
)
@pytest.mark.parametrize("dtype", FLOATS, ids=ids)
def test_distributions_in_place(name, args, dtype):
    for n in (1, 15, 16, 40):
        both(lambda lib, n=n: getattr(lib.empty(n, dtype=of(lib, dtype)), name)(*args))


def test_normal_of_tensors():
    both(lambda lib: lib.normal(lib.arange(20.0), lib.linspace(0.1, 2, 20)))
    both(lambda lib: lib.normal(2.0, lib.linspace(0.1, 2, 7)))
    both(lambda lib: lib.normal(lib.arange(7.0), 3.0))
    both(lambda lib: lib.normal(1.0, 2.0, (3, 4)))


@pytest.mark.parametrize("shape", [(4, 6), (16,), (3, 5, 7)])
def test_strided_results(shape):
    """Memory that is not contiguous is filled in the order of torch's iterator."""
    for name in ("uniform_", "normal_", "bernoulli_", "random_"):
        both(lambda lib, name=name: getattr(lib.zeros(*shape, 2)[..., 0], name)())
        both(
            lambda lib, name=name: getattr(
                lib.zeros(*shape).permute(*range(len(shape) - 1, -1, -1)), name
            )()
        )


def test_like_forms():
    for name in ("rand_like", "randn_like"):
        both(lambda lib, name=name: getattr(lib, name)(lib.zeros(3, 17)))
    both(lambda lib: lib.randint_like(lib.zeros(3, 17), 5))
    both(lambda lib: lib.randint_like(lib.zeros(3, 17, dtype=lib.int64), -4, 5))


@pytest.mark.parametrize("replacement", (True, False))
def test_multinomial(replacement):
    weights = torch.tensor([[0.1, 3.0, 0.5, 2.0, 1.0, 0.7], [5.0, 0.1, 0.2, 0.0, 4.0, 2.0]])
    for w in (weights, weights.double(), weights[0]):
        both(
            lambda lib, w=w: lib.multinomial(
                w if lib is torch else to_flambeau(w), 4, replacement=replacement
            )
        )
        both(
            lambda lib, w=w: lib.multinomial(
                w if lib is torch else to_flambeau(w), 1, replacement=replacement
            )
        )


@pytest.mark.parametrize(
    "name",
    ("dropout", "alpha_dropout", "feature_alpha_dropout", "dropout1d", "dropout2d", "dropout3d"),
)
def test_dropout(name):
    shape = {"dropout1d": (2, 5, 9), "dropout3d": (2, 5, 3, 3, 2)}.get(name, (2, 5, 3, 4))
    for dtype in FLOATS:
        both(
            lambda lib, dtype=dtype: getattr(lib.nn.functional, name)(
                lib.ones(*shape, dtype=of(lib, dtype)), 0.4, True
            )
        )
    for n in SIZES:
        if name == "dropout":
            both(lambda lib, n=n: lib.nn.functional.dropout(lib.ones(n), 0.5))


def test_rrelu_and_gumbel():
    x = torch.linspace(-2, 2, 33)
    both(lambda lib: lib.nn.functional.rrelu(x if lib is torch else to_flambeau(x), training=True))
    both(lambda lib: lib.nn.functional.gumbel_softmax(x if lib is torch else to_flambeau(x)))


# ---- layers

LAYERS = {
    "Linear": [(5, 3), (1, 1), (300, 7)],
    "Bilinear": [(3, 4, 5)],
    "Embedding": [(11, 5), (40, 16)],
    "EmbeddingBag": [(11, 5)],
    "Conv1d": [(4, 6, 3)],
    "Conv2d": [(3, 8, 3), (1, 2, (2, 5))],
    "Conv3d": [(2, 4, 2)],
    "ConvTranspose1d": [(4, 6, 3)],
    "ConvTranspose2d": [(4, 6, 3)],
    "ConvTranspose3d": [(2, 4, 2)],
    "RNN": [(5, 7), (5, 7, 2)],
    "LSTM": [(5, 7), (3, 4, 2)],
    "GRU": [(5, 7), (3, 4, 2)],
    "RNNCell": [(5, 7)],
    "LSTMCell": [(5, 7)],
    "GRUCell": [(5, 7)],
    "MultiheadAttention": [(8, 2)],
    "TransformerEncoderLayer": [(8, 2, 16)],
    "TransformerDecoderLayer": [(8, 2, 16)],
    "Transformer": [(8, 2, 1, 1, 16)],
    "BatchNorm2d": [(5,)],
    "LayerNorm": [(7,)],
    "GroupNorm": [(2, 4)],
    "InstanceNorm2d": [(3,)],
    "PReLU": [(4,)],
}


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")  # torch's own, of its encoder
@pytest.mark.parametrize("dtype", FLOATS, ids=ids)
@pytest.mark.parametrize("name", LAYERS)
def test_initial_parameters(name, dtype):
    for args in LAYERS[name]:
        torch.manual_seed(4)
        flambeau.manual_seed(4)
        theirs = getattr(torch.nn, name)(*args, dtype=dtype).state_dict()
        ours = getattr(flambeau.nn, name)(*args, dtype=DTYPES[dtype]).state_dict()
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            same(ours[key], value)
        same(flambeau.rand(3), torch.rand(3))  # as many numbers were drawn


@pytest.mark.parametrize(
    "name, args",
    [
        ("uniform_", (-1, 2)),
        ("normal_", (1, 3)),
        ("xavier_uniform_", ()),
        ("xavier_normal_", (2.0,)),
        ("kaiming_uniform_", ()),
        ("kaiming_normal_", ()),
        ("trunc_normal_", ()),
        ("sparse_", (0.3,)),
    ],
)
def test_initialisers(name, args):
    for shape in ((4, 3), (17, 33), (3, 5)):
        both(lambda lib, shape=shape: getattr(lib.nn.init, name)(lib.empty(*shape), *args))


def test_orthogonal():
    """In double: the factorisations of two LAPACKs differ by their rounding errors."""
    for shape in ((4, 3), (17, 33), (3, 5)):
        both(lambda lib, shape=shape: lib.nn.init.orthogonal_(lib.empty(*shape, dtype=lib.float64)))


# ---- data


@pytest.mark.parametrize("n, batch", [(10, 3), (100, 7), (1000, 64)])
def test_order_of_a_shuffled_loader(n, batch):
    def order(lib, generator=None):
        data = lib.utils.data.TensorDataset(lib.arange(n))
        loader = lib.utils.data.DataLoader(
            data, batch_size=batch, shuffle=True, generator=generator
        )
        epochs = [lib.cat([x for (x,) in loader]) for _ in range(2)]
        return lib.cat([*epochs, lib.randint(0, 10**6, (1,))])

    both(order)
    both(lambda lib: order(lib, lib.Generator().manual_seed(8)))


def test_samplers():
    def weighted(lib):
        sampler = lib.utils.data.WeightedRandomSampler(
            [0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 5, replacement=False
        )
        return lib.tensor(list(sampler))

    def split(lib):
        parts = lib.utils.data.random_split(range(20), [11, 9])
        return lib.tensor([i for p in parts for i in p.indices])

    both(weighted)
    both(split)
    both(
        lambda lib: lib.tensor(
            list(lib.utils.data.RandomSampler(range(12), replacement=True, num_samples=40))
        )
    )


# ---- state


def test_generator_state_goes_on():
    torch.manual_seed(6)
    flambeau.manual_seed(6)
    same(flambeau.randn(17), torch.randn(17))
    ours, theirs = flambeau.get_rng_state(), torch.get_rng_state()
    first = flambeau.randn(33)
    flambeau.set_rng_state(ours)
    assert flambeau.equal(flambeau.randn(33), first)
    torch.set_rng_state(theirs)
    flambeau.set_rng_state(to_flambeau(theirs))
    same(flambeau.randn(5), torch.randn(5))
    assert flambeau.initial_seed() == torch.initial_seed()


def test_odd_numbers_of_normals_are_kept_for_later():
    """A scalar normal leaves its second value to the next draw."""
    both(lambda lib: lib.cat([lib.randn(1), lib.rand(1), lib.randn(1), lib.randn(3)]), repeat=4)
    both(
        lambda lib: lib.cat([lib.randn(1, dtype=lib.float64), lib.randn(2, dtype=lib.float64)]),
        repeat=4,
    )
