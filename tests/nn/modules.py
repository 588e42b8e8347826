"""The table of modules: one row each, over which all properties of test_modules.py run.

A row names the class, its arguments, its inputs, and a reference: a function of (parameters and
buffers by name, *inputs), all NumPy arrays, that gives the (first) output.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from tests.nn import reference as r


@dataclass
class Input:
    """One input array. `batch` is the dimension that may become 0, None if there is none."""

    shape: tuple
    kind: str = "normal"
    high: int = 0
    batch: int | None = 0
    value: object = None

    def make(self, rng, empty: bool = False):
        if self.kind == "fixed":
            return np.array(self.value)
        shape = list(self.shape)
        if empty and self.batch is not None:
            shape[self.batch] = 0
        if self.kind == "normal":
            return rng.standard_normal(shape)
        if self.kind == "positive":
            return rng.uniform(0.2, 2.0, shape)
        if self.kind == "probability":
            return rng.uniform(0.05, 0.95, shape)
        if self.kind == "sign":
            return rng.choice([-1.0, 1.0], shape)
        if self.kind == "int":
            return rng.integers(0, self.high, shape)
        if self.kind == "log_softmax":
            return r.log_softmax(rng.standard_normal(shape))
        raise ValueError(self.kind)


def X(*shape, batch=0):
    return Input(shape, batch=batch)


def Pos(*shape):
    return Input(shape, "positive")


def Prob(*shape):
    return Input(shape, "probability")


def Sign(*shape):
    return Input(shape, "sign")


def Ints(high, *shape):
    return Input(shape, "int", high)


def Fixed(value):
    return Input((), "fixed", value=value)


@dataclass
class Row:
    cls: str
    args: tuple
    kwargs: dict
    inputs: tuple
    ref: object
    name: str
    zero_batch: bool = True
    gradcheck: bool = True
    flags: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.name


ROWS: list[Row] = []


def row(cls, *args, inputs, ref, tag="", zero_batch=True, gradcheck=True, **kwargs) -> None:
    name = cls + (f"-{tag}" if tag else "")
    ROWS.append(Row(cls, args, kwargs, tuple(inputs), ref, name, zero_batch, gradcheck))


# ---- linear maps ----
row("Identity", 7, unused=True, inputs=[X(2, 3)], ref=lambda p, x: x)
row("Linear", 3, 4, inputs=[X(2, 3)], ref=lambda p, x: x @ p["weight"].T + p["bias"])
row(
    "Linear",
    3,
    4,
    bias=False,
    tag="nobias",
    inputs=[X(2, 5, 3)],
    ref=lambda p, x: x @ p["weight"].T,
)
row(
    "Bilinear",
    3,
    4,
    2,
    inputs=[X(5, 3), X(5, 4)],
    ref=lambda p, a, b: np.einsum("ni,kij,nj->nk", a, p["weight"], b) + p["bias"],
)

# ---- shapes ----
row("Flatten", inputs=[X(2, 3, 4)], ref=lambda p, x: x.reshape(2, 12))
row("Unflatten", 1, (2, 3), inputs=[X(2, 6)], ref=lambda p, x: x.reshape(2, 2, 3))
row(
    "PixelShuffle",
    2,
    inputs=[X(2, 8, 3, 3)],
    ref=lambda p, x: x.reshape(2, 2, 2, 2, 3, 3).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 6, 6),
)
row(
    "PixelUnshuffle",
    2,
    inputs=[X(2, 2, 4, 6)],
    ref=lambda p, x: x.reshape(2, 2, 2, 2, 3, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 8, 2, 3),
)
row(
    "ChannelShuffle",
    2,
    inputs=[X(2, 6, 3, 3)],
    ref=lambda p, x: x.reshape(2, 2, 3, 3, 3).swapaxes(1, 2).reshape(2, 6, 3, 3),
)
row(
    "Unfold",
    2,
    inputs=[X(2, 1, 3, 3)],
    zero_batch=False,
    ref=lambda p, x: np.stack(
        [x[:, 0, i : i + 2, j : j + 2].reshape(2, 4) for i in range(2) for j in range(2)], -1
    ),
)
row(
    "Fold",
    (2, 3),
    (2, 2),
    inputs=[X(2, 4, 2)],
    zero_batch=False,
    ref=lambda p, x: np.stack(
        [
            np.array([[b[0, 0], b[1, 0] + b[0, 1], b[1, 1]], [b[2, 0], b[3, 0] + b[2, 1], b[3, 1]]])
            for b in x
        ]
    )[:, None],
)
row(
    "Upsample",
    scale_factor=2,
    inputs=[X(2, 3, 4, 4)],
    ref=lambda p, x: x.repeat(2, -1).repeat(2, -2),
)
row(
    "UpsamplingNearest2d",
    scale_factor=3,
    inputs=[X(2, 1, 2, 2)],
    ref=lambda p, x: x.repeat(3, -1).repeat(3, -2),
)
row(
    "UpsamplingBilinear2d",
    size=(3, 3),
    inputs=[X(1, 1, 2, 2)],
    ref=lambda p, x: np.einsum(
        "ih,nchw,jw->ncij", *(lambda m: (m, x, m))(np.array([[1, 0], [0.5, 0.5], [0, 1]]))
    ),
)

# ---- convolutions ----
CONV_SHAPES = {1: (2, 4, 7), 2: (2, 4, 6, 5), 3: (2, 4, 4, 3, 4)}
for d, shape in CONV_SHAPES.items():
    row(
        f"Conv{d}d",
        4,
        6,
        3,
        padding=1,
        inputs=[X(*shape)],
        ref=lambda p, x: r.conv(x, p["weight"], p["bias"], padding=1),
    )
    row(
        f"Conv{d}d",
        4,
        6,
        2,
        stride=2,
        groups=2,
        bias=False,
        tag="groups",
        inputs=[X(*shape)],
        ref=lambda p, x: r.conv(x, p["weight"], None, stride=2, groups=2),
    )
    row(
        f"ConvTranspose{d}d",
        4,
        6,
        3,
        stride=2,
        padding=1,
        output_padding=1,
        inputs=[X(*shape)],
        ref=lambda p, x: r.conv_transpose(x, p["weight"], p["bias"], 2, 1, 1),
    )
    row(
        f"ConvTranspose{d}d",
        4,
        6,
        2,
        groups=2,
        dilation=2,
        bias=False,
        tag="groups",
        inputs=[X(*shape)],
        ref=lambda p, x: r.conv_transpose(x, p["weight"], None, groups=2, dilation=2),
    )
row(
    "Conv2d",
    4,
    3,
    (3, 2),
    dilation=(1, 2),
    tag="dilated",
    inputs=[X(2, 4, 6, 5)],
    ref=lambda p, x: r.conv(x, p["weight"], p["bias"], dilation=(1, 2)),
)
row(
    "Conv2d",
    4,
    3,
    3,
    padding="same",
    tag="same",
    inputs=[X(2, 4, 6, 5)],
    ref=lambda p, x: r.conv(x, p["weight"], p["bias"], padding=1),
)
for mode in ("reflect", "replicate", "circular"):
    row(
        "Conv2d",
        4,
        3,
        3,
        padding=1,
        padding_mode=mode,
        tag=mode,
        inputs=[X(2, 4, 6, 5)],
        zero_batch=False,
        ref=lambda p, x, mode=mode: r.conv(r.pad(x, (1, 1, 1, 1), mode), p["weight"], p["bias"]),
    )

# ---- pooling ----
POOL_SHAPES = {1: (2, 3, 8), 2: (2, 3, 6, 5), 3: (2, 3, 4, 5, 4)}
for d, shape in POOL_SHAPES.items():
    row(f"MaxPool{d}d", 2, inputs=[X(*shape)], ref=lambda p, x: r.pool(x, r.largest, 2))
    row(
        f"MaxPool{d}d",
        3,
        stride=2,
        padding=1,
        tag="padded",
        inputs=[X(*shape)],
        ref=lambda p, x: r.pool(x, r.largest, 3, 2, 1, -np.inf),
    )
    row(
        f"AvgPool{d}d",
        3,
        stride=2,
        padding=1,
        inputs=[X(*shape)],
        ref=lambda p, x: r.pool(x, r.average, 3, 2, 1),
    )
    row(f"LPPool{d}d", 3, 2, inputs=[Pos(*shape)], ref=lambda p, x: r.pool(x, r.power_mean(3), 2))
    row(
        f"AdaptiveAvgPool{d}d",
        3,
        inputs=[X(*shape)],
        ref=lambda p, x: r.adaptive_pool(x, r.average, 3),
    )
    row(
        f"AdaptiveMaxPool{d}d",
        2,
        inputs=[X(*shape)],
        ref=lambda p, x: r.adaptive_pool(x, r.largest, 2),
    )

# ---- padding ----
for d, shape in POOL_SHAPES.items():
    w = (1, 2) * d
    row(
        f"ConstantPad{d}d", w, 1.5, inputs=[X(*shape)], ref=lambda p, x, w=w: r.pad(x, w, value=1.5)
    )
    row(f"ZeroPad{d}d", 1, inputs=[X(*shape)], ref=lambda p, x, d=d: r.pad(x, (1, 1) * d))
    for cls, mode in (
        ("ReflectionPad", "reflect"),
        ("ReplicationPad", "replicate"),
        ("CircularPad", "circular"),
    ):
        row(
            f"{cls}{d}d",
            w,
            inputs=[X(*shape)],
            zero_batch=False,
            ref=lambda p, x, w=w, mode=mode: r.pad(x, w, mode),
        )

# ---- normalisation ----
for d, shape in {1: (4, 3, 5), 2: (4, 3, 2, 5), 3: (4, 3, 2, 2, 3)}.items():
    axes = (0, *range(2, d + 2))
    row(
        f"BatchNorm{d}d",
        3,
        inputs=[X(*shape)],
        zero_batch=False,
        ref=lambda p, x, axes=axes: r.standardise(x, axes, 1e-5),
    )
    row(
        f"InstanceNorm{d}d",
        3,
        affine=True,
        inputs=[X(*shape)],
        zero_batch=False,
        ref=lambda p, x, axes=axes[1:]: r.standardise(x, axes, 1e-5),
    )
row(
    "BatchNorm1d",
    3,
    affine=False,
    track_running_stats=False,
    tag="plain",
    inputs=[X(4, 3)],
    zero_batch=False,
    ref=lambda p, x: r.standardise(x, 0, 1e-5),
)
row(
    "LayerNorm",
    5,
    inputs=[X(2, 3, 5)],
    ref=lambda p, x: r.standardise(x, -1, 1e-5) * p["weight"] + p["bias"],
)
row(
    "LayerNorm",
    (3, 5),
    bias=False,
    tag="nobias",
    inputs=[X(2, 3, 5)],
    ref=lambda p, x: r.standardise(x, (-2, -1), 1e-5) * p["weight"],
)
row(
    "GroupNorm",
    2,
    4,
    inputs=[X(2, 4, 3)],
    zero_batch=False,
    ref=lambda p, x: r.group_norm(x, 2, p["weight"], p["bias"]),
)
row(
    "RMSNorm",
    5,
    eps=1e-6,
    inputs=[X(2, 3, 5)],
    ref=lambda p, x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * p["weight"],
)
row(
    "LocalResponseNorm",
    3,
    alpha=0.5,
    inputs=[X(2, 5, 3)],
    ref=lambda p, x: (
        x
        / (
            1
            + 0.5 / 3 * sum(np.pad(x**2, ((0, 0), (1, 1), (0, 0)))[:, i : i + 5] for i in range(3))
        )
        ** 0.75
    ),
)

# ---- activations ----
for cls, args, f in [
    ("ReLU", (), lambda x: np.maximum(x, 0)),
    ("ReLU6", (), lambda x: np.clip(x, 0, 6)),
    ("ELU", (0.7,), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
    ("CELU", (0.7,), lambda x: np.maximum(x, 0) + np.minimum(0, 0.7 * np.expm1(x / 0.7))),
    (
        "SELU",
        (),
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    ),
    ("GELU", (), lambda x: x * 0.5 * (1 + r.erf(x / math.sqrt(2)))),
    ("SiLU", (), lambda x: x * r.sigmoid(x)),
    ("Mish", (), lambda x: x * np.tanh(r.softplus(x))),
    ("LeakyReLU", (0.2,), lambda x: np.where(x > 0, x, 0.2 * x)),
    ("Hardtanh", (-0.5, 0.8), lambda x: np.clip(x, -0.5, 0.8)),
    ("Hardswish", (), lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("Hardsigmoid", (), lambda x: np.clip(x + 3, 0, 6) / 6),
    ("Hardshrink", (0.4,), lambda x: np.where(np.abs(x) > 0.4, x, 0)),
    ("Softshrink", (0.4,), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.4, 0)),
    ("Threshold", (0.1, 20.0), lambda x: np.where(x > 0.1, x, 20.0)),
    ("Softplus", (2.0,), lambda x: r.softplus(2 * x) / 2),
    ("Sigmoid", (), r.sigmoid),
    ("LogSigmoid", (), lambda x: -r.softplus(-x)),
    ("Tanh", (), np.tanh),
    ("Softsign", (), lambda x: x / (1 + np.abs(x))),
    ("Tanhshrink", (), lambda x: x - np.tanh(x)),
    ("Softmax", (-1,), r.softmax),
    ("LogSoftmax", (1,), lambda x: r.log_softmax(x, 1)),
    ("Softmin", (-1,), lambda x: r.softmax(-x)),
    ("GLU", (-1,), lambda x: x[..., :2] * r.sigmoid(x[..., 2:])),
]:
    row(cls, *args, inputs=[X(2, 3, 4)], ref=lambda p, x, f=f: f(x))
row(
    "GELU",
    "tanh",
    tag="tanh",
    inputs=[X(2, 3)],
    ref=lambda p, x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
)
row("Softmax2d", inputs=[X(2, 3, 4, 5)], ref=lambda p, x: r.softmax(x, 1))
row(
    "PReLU",
    3,
    inputs=[X(2, 3, 4)],
    ref=lambda p, x: np.where(x > 0, x, r.per_channel(p["weight"], x) * x),
)

# ---- embedding ----
row("Embedding", 6, 3, inputs=[Ints(6, 2, 4)], ref=lambda p, i: p["weight"][i])
row(
    "Embedding",
    6,
    3,
    padding_idx=0,
    tag="padding",
    inputs=[Ints(6, 2, 4)],
    gradcheck=False,
    ref=lambda p, i: p["weight"][i],
)  # the padding row's gradient is not the true one
for mode, f in (("sum", np.sum), ("mean", np.mean), ("max", np.max)):
    row(
        "EmbeddingBag",
        6,
        3,
        mode=mode,
        tag=mode,
        inputs=[Ints(6, 2, 4)],
        ref=lambda p, i, f=f: f(p["weight"][i], axis=1),
    )
row(
    "EmbeddingBag",
    6,
    3,
    mode="sum",
    tag="offsets",
    zero_batch=False,
    inputs=[Ints(6, 5), Fixed([0, 2, 2])],
    ref=lambda p, i, o: np.stack([p["weight"][part].sum(0) for part in (i[:2], i[:0], i[2:])]),
)

# ---- recurrent ----
ROW_WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
row(
    "RNNCell",
    3,
    4,
    inputs=[X(2, 3), X(2, 4)],
    ref=lambda p, x, h: r.rnn_step(x, h, *(p[n] for n in ROW_WEIGHTS)),
)
row(
    "GRUCell",
    3,
    4,
    inputs=[X(2, 3), X(2, 4)],
    ref=lambda p, x, h: r.gru_step(x, h, *(p[n] for n in ROW_WEIGHTS)),
)
row(
    "LSTMCell",
    3,
    4,
    inputs=[X(2, 3)],
    ref=lambda p, x: r.lstm_step(
        x, np.zeros((2, 4)), np.zeros((2, 4)), *(p[n] for n in ROW_WEIGHTS)
    )[0],
)
for cls in ("RNN", "GRU", "LSTM"):
    row(cls, 3, 4, inputs=[X(5, 2, 3, batch=1)], ref=lambda p, x, k=cls: r.recurrent(k, x, p))
    row(
        cls,
        3,
        2,
        num_layers=2,
        bidirectional=True,
        batch_first=True,
        tag="deep",
        inputs=[X(2, 4, 3)],
        ref=lambda p, x, k=cls: r.recurrent(k, x.swapaxes(0, 1), p, 2, True).swapaxes(0, 1),
    )

# ---- attention ----
row(
    "MultiheadAttention",
    4,
    2,
    inputs=[X(3, 2, 4, batch=1), X(5, 2, 4, batch=1), X(5, 2, 4, batch=1)],
    zero_batch=False,
    ref=lambda p, q, k, v: r.attention(
        q, k, v, p["in_proj_weight"], p["in_proj_bias"], p["out_proj.weight"], p["out_proj.bias"], 2
    )[0],
)


def encoder_layer(p, x):
    y, _ = r.attention(
        x,
        x,
        x,
        p["self_attn.in_proj_weight"],
        p["self_attn.in_proj_bias"],
        p["self_attn.out_proj.weight"],
        p["self_attn.out_proj.bias"],
        2,
    )
    x = r.standardise(x + y, -1, 1e-5)
    y = np.maximum(x @ p["linear1.weight"].T + p["linear1.bias"], 0)
    return r.standardise(x + y @ p["linear2.weight"].T + p["linear2.bias"], -1, 1e-5)


row(
    "TransformerEncoderLayer",
    4,
    2,
    6,
    dropout=0.0,
    inputs=[X(3, 2, 4, batch=1)],
    zero_batch=False,
    ref=encoder_layer,
)
row(
    "Transformer",
    4,
    2,
    1,
    1,
    6,
    dropout=0.0,
    inputs=[X(3, 2, 4), X(2, 2, 4)],
    ref=None,
    zero_batch=False,
)

# ---- dropout: the identity for p = 0 ----
for cls, shape in (
    ("Dropout", (2, 3)),
    ("Dropout1d", (2, 3, 4)),
    ("Dropout2d", (2, 3, 4, 4)),
    ("Dropout3d", (2, 3, 2, 2, 2)),
    ("AlphaDropout", (2, 3)),
    ("FeatureAlphaDropout", (2, 3, 4)),
):
    row(cls, 0.0, inputs=[X(*shape)], ref=lambda p, x: x)

# ---- distances ----
row(
    "CosineSimilarity",
    inputs=[X(3, 4), X(3, 4)],
    ref=lambda p, a, b: (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1),
)
row(
    "PairwiseDistance",
    inputs=[X(3, 4), X(3, 4)],
    ref=lambda p, a, b: np.linalg.norm(a - b + 1e-6, axis=1),
)


# ---- losses (no zero batch: the mean of nothing is nan) ----
def loss(cls, *args, inputs, ref, tag="", **kwargs):
    row(cls, *args, inputs=inputs, ref=ref, tag=tag, zero_batch=False, **kwargs)


def cross_entropy(x, y, w=None, smoothing=0.0):
    lp = r.log_softmax(x, 1)
    w = np.ones(x.shape[1]) if w is None else w
    hard = -lp[np.arange(len(y)), y] * w[y]
    soft = -(lp * w).sum(1) / x.shape[1]
    return ((1 - smoothing) * hard.sum() + smoothing * soft.sum()) / w[y].sum()


def triplet(p, a, b, c):
    near = np.linalg.norm(a - b + 1e-6, axis=1)
    far = np.linalg.norm(a - c + 1e-6, axis=1)
    return np.maximum(near - far + 1, 0).mean()


loss("L1Loss", inputs=[X(3, 4), X(3, 4)], ref=lambda p, x, y: np.abs(x - y).mean())
loss("MSELoss", inputs=[X(3, 4), X(3, 4)], ref=lambda p, x, y: ((x - y) ** 2).mean())
loss(
    "MSELoss",
    reduction="none",
    tag="none",
    inputs=[X(3, 4), X(3, 4)],
    ref=lambda p, x, y: (x - y) ** 2,
)
loss(
    "SmoothL1Loss",
    beta=0.5,
    inputs=[X(3, 4), X(3, 4)],
    ref=lambda p, x, y: np.where(np.abs(x - y) < 0.5, (x - y) ** 2, np.abs(x - y) - 0.25).mean(),
)
loss(
    "HuberLoss",
    delta=0.5,
    inputs=[X(3, 4), X(3, 4)],
    ref=lambda p, x, y: np.where(
        np.abs(x - y) < 0.5, (x - y) ** 2 / 2, 0.5 * (np.abs(x - y) - 0.25)
    ).mean(),
)
loss("CrossEntropyLoss", inputs=[X(4, 5), Ints(5, 4)], ref=lambda p, x, y: cross_entropy(x, y))
loss(
    "CrossEntropyLoss",
    label_smoothing=0.2,
    tag="smooth",
    inputs=[X(4, 5), Ints(5, 4)],
    ref=lambda p, x, y: cross_entropy(x, y, smoothing=0.2),
)
loss(
    "NLLLoss",
    inputs=[Input((4, 5), "log_softmax"), Ints(5, 4)],
    ref=lambda p, x, y: -x[np.arange(4), y].mean(),
)
loss(
    "BCELoss",
    inputs=[Prob(3, 4), Prob(3, 4)],
    ref=lambda p, x, y: -(y * np.log(x) + (1 - y) * np.log(1 - x)).mean(),
)
loss(
    "BCEWithLogitsLoss",
    inputs=[X(3, 4), Prob(3, 4)],
    ref=lambda p, x, y: (r.softplus(x) - x * y).mean(),
)
loss(
    "KLDivLoss",
    reduction="batchmean",
    inputs=[X(3, 4), Prob(3, 4)],
    ref=lambda p, x, y: (y * (np.log(y) - x)).sum() / 3,
)
loss("PoissonNLLLoss", inputs=[X(3, 4), Pos(3, 4)], ref=lambda p, x, y: (np.exp(x) - x * y).mean())
loss(
    "GaussianNLLLoss",
    inputs=[X(3, 4), X(3, 4), Pos(3, 4)],
    ref=lambda p, x, y, v: 0.5 * (np.log(v) + (x - y) ** 2 / v).mean(),
)
loss(
    "HingeEmbeddingLoss",
    inputs=[X(3, 4), Sign(3, 4)],
    ref=lambda p, x, y: np.where(y > 0, x, np.maximum(1 - x, 0)).mean(),
)
loss("SoftMarginLoss", inputs=[X(3, 4), Sign(3, 4)], ref=lambda p, x, y: r.softplus(-x * y).mean())
loss(
    "MarginRankingLoss",
    0.3,
    inputs=[X(3), X(3), Sign(3)],
    ref=lambda p, a, b, y: np.maximum(-y * (a - b) + 0.3, 0).mean(),
)
loss(
    "CosineEmbeddingLoss",
    inputs=[X(3, 4), X(3, 4), Sign(3)],
    ref=lambda p, a, b, y: np.where(
        y > 0,
        1 - (c := (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)),
        np.maximum(c, 0),
    ).mean(),
)
loss("TripletMarginLoss", inputs=[X(3, 4), X(3, 4), X(3, 4)], ref=triplet)
loss("TripletMarginWithDistanceLoss", inputs=[X(3, 4), X(3, 4), X(3, 4)], ref=triplet)
loss(
    "MultiMarginLoss",
    inputs=[X(3, 4), Ints(4, 3)],
    ref=lambda p, x, y: np.mean(
        [sum(max(0, 1 - x[n, y[n]] + x[n, i]) for i in range(4) if i != y[n]) / 4 for n in range(3)]
    ),
)
loss(
    "MultiLabelMarginLoss",
    inputs=[X(2, 4), Fixed([[3, 0, -1, 1], [1, 2, 0, -1]])],
    ref=lambda p, x, y: np.mean(
        [
            sum(
                max(0, 1 - (x[n, j] - x[n, i])) for j in labels for i in range(4) if i not in labels
            )
            / 4
            for n, labels in enumerate([(3, 0), (1, 2, 0)])
        ]
    ),
)
loss(
    "MultiLabelSoftMarginLoss",
    inputs=[X(3, 4), Ints(2, 3, 4)],
    ref=lambda p, x, y: (r.softplus(x) - x * y).mean(),
)
loss(
    "CTCLoss",
    inputs=[
        Input((4, 2, 3), "log_softmax", batch=1),
        Fixed([[1, 1], [2, 1]]),
        Fixed([4, 3]),
        Fixed([2, 1]),
    ],
    ref=lambda p, *a: r.ctc(*a),
)
