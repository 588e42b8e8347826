"""Calls large enough to be divided between threads: by hand per family, and grown from samples."""

from __future__ import annotations

import dataclasses

from tools.opgen.table import Op, Sample, T

# Sizes above every grain and no multiple of a vector or a block. A call is an expression over
# `r(...)` (numbers around zero that want a gradient), `p(...)` (between 0.1 and 1), `i(n, ...)`
# (integers below n), `m(...)` (a mask), `last(x)` (channels last), `steps(optimizer, ...)`,
# `graded(...)` (parameters with gradients), ``torch``, ``F`` and ``nn``.
LARGE = {
    "activation": [
        "F.gelu(r(257, 1031))",
        "F.gelu(r(257, 1031), approximate='tanh')",
        "F.silu(r(1031, 257).t())",
        "F.prelu(r(8, 131, 301), p(131))",
        "F.leaky_relu(r(257, 1031), 0.2)",
    ],
    "attention": [
        "F.scaled_dot_product_attention(r(2, 3, 131, 32), r(2, 3, 157, 32), r(2, 3, 157, 40))",
        "F.scaled_dot_product_attention(r(2, 3, 261, 24), r(2, 3, 261, 24), r(2, 3, 261, 24),"
        " is_causal=True)",
        "F.scaled_dot_product_attention(r(2, 4, 131, 33), r(2, 4, 131, 33), r(2, 4, 131, 33),"
        " m(131, 131))",
        "F.scaled_dot_product_attention(r(1, 8, 1, 64), r(1, 8, 1031, 64), r(1, 8, 1031, 64))",
        "F.scaled_dot_product_attention(r(2, 4, 130, 32), r(2, 2, 130, 32), r(2, 2, 130, 32),"
        " r(130, 130), enable_gqa=True)",
        "F.scaled_dot_product_attention(r(2, 3, 131, 32), r(2, 3, 131, 32), r(2, 3, 131, 32),"
        " dropout_p=0.3)",
    ],
    "compare": ["r(257, 1031) > r(1031)", "torch.isclose(r(257, 1031), r(257, 1031))"],
    "complex": [
        "torch.polar(p(257, 1031), r(257, 1031)).abs()",
        "torch.view_as_real(torch.complex(r(257, 1031), r(257, 1031)).conj() * 3j)",
        "torch.angle(torch.complex(r(257, 1031), r(257, 1031)))",
    ],
    "conv": [
        "F.conv1d(r(9, 7, 1031), r(13, 7, 5), r(13), padding=2)",
        "F.conv1d(r(4, 32, 517), r(40, 32, 3), stride=2, dilation=3)",
        "F.conv2d(r(5, 3, 67, 61), r(24, 3, 7, 7), r(24), stride=2, padding=3)",
        "F.conv2d(r(3, 32, 37, 35), r(40, 32, 3, 3), r(40), padding=1)",
        "F.conv2d(last(r(3, 32, 37, 35)), r(40, 32, 3, 3), r(40), padding=1)",
        "F.conv2d(r(3, 64, 29, 31), r(72, 64, 1, 1), r(72))",
        "F.conv2d(last(r(3, 64, 29, 31)), r(72, 64, 1, 1), r(72))",
        "F.conv2d(r(3, 32, 37, 35), r(48, 16, 5, 5), r(48), stride=2, padding=2, groups=2)",
        "F.conv2d(last(r(3, 32, 37, 35)), r(48, 32, 5, 5), r(48), stride=2, padding=2)",
        "F.conv2d(r(4, 48, 37, 35), r(48, 1, 3, 3), padding=1, groups=48)",
        "F.conv2d(last(r(4, 48, 37, 35)), r(48, 1, 3, 3), r(48), padding=1, groups=48)",
        "F.conv2d(last(r(4, 48, 37, 35)), r(48, 1, 5, 5), stride=2, padding=2, groups=48)",
        "F.conv2d(r(2, 16, 41, 43), r(16, 16, 3, 3), padding=4, dilation=3)",
        "F.conv3d(r(2, 5, 11, 23, 21), r(12, 5, 3, 3, 3), r(12), padding=1)",
        "F.conv3d(r(2, 16, 9, 17, 15), r(24, 16, 3, 3, 3), padding=1, stride=2)",
        "F.conv_transpose1d(r(9, 17, 211), r(17, 24, 5), r(24), stride=3)",
        "F.conv_transpose2d(r(3, 32, 19, 17), r(32, 24, 4, 4), r(24), stride=2, padding=1)",
        "F.conv_transpose2d(last(r(3, 32, 19, 17)), r(32, 24, 4, 4), stride=2, padding=1)",
        "F.conv_transpose2d(r(33, 64, 1, 1), r(64, 48, 4, 4))",
        "F.conv_transpose3d(r(2, 12, 7, 9, 8), r(12, 10, 3, 3, 3), stride=2)",
        "F.unfold(r(3, 9, 41, 43), 3, padding=1)",
        "F.fold(r(3, 9 * 9, 41 * 43), (41, 43), 3, padding=1)",
    ],
    "convert": [
        "r(257, 1031).double()",
        "r(257, 1031).bfloat16().float()",
        "r(1031, 257).half().t().contiguous().long()",
    ],
    "create": [
        "torch.arange(300001) * 2",
        "torch.linspace(0, 1, 300001)",
        "torch.full((300001,), 3)",
    ],
    "index": [
        "r(701, 307)[i(701, 1003)]",
        "r(701, 307)[:, i(307, 503)]",
        "r(701, 307)[i(701, 100003), i(307, 100003)]",
        "F.embedding(i(101, 37, 53), r(101, 65))",
        "F.embedding(i(7, 3001), r(7, 130), padding_idx=3)",
        "F.embedding_bag(i(101, 301, 13), r(101, 65), mode='mean')",
        "r(101, 307).index_add(0, i(101, 2003), r(2003, 307))",
        "r(701, 37).index_add(1, i(37, 301), r(701, 301))",
        "r(5, 30011).index_add(0, i(5, 17), r(17, 30011))",
        "r(101, 307).scatter_add(0, i(101, 1003, 307), r(1003, 307))",
        "r(1003, 107).scatter_add(1, i(107, 1003, 307), r(1003, 307))",
        "r(101).scatter_add(0, i(101, 1000001), r(1000001))",
        "r(101, 307).scatter_reduce(0, i(101, 1003, 307), r(1003, 307), 'mean')",
        "r(101, 307).scatter_reduce(0, i(101, 1003, 307), r(1003, 307), 'prod')",
        "r(101, 307).index_reduce(0, i(101, 1003), r(1003, 307), 'amax')",
        "r(1003, 307).gather(1, i(307, 1003, 211))",
        "r(307001).take(i(307001, 200003))",
        "r(1003, 307).masked_fill(m(1003, 307), 2.0)",
        "r(1003, 307)[m(1003, 307)]",
        "torch.nonzero(m(1003, 307))",
        "r(101, 307).index_put((i(101, 3001),), r(3001, 307), accumulate=True)",
        "r(1003, 307).masked_scatter(m(1003, 307), r(1003, 307))",
    ],
    "join": [
        "torch.cat((r(301, 207), r(301, 311), r(301, 5)), 1)",
        "torch.stack((r(301, 407), r(301, 407)), 2)",
        "r(301, 407).flip(0, 1)",
        "r(301, 407).roll((17, 33), (0, 1))",
        "r(301, 407).repeat(2, 3)",
        "r(301, 407).repeat_interleave(3, 1)",
        "torch.tril(r(3, 301, 407), 5)",
        "F.pad(r(3, 5, 151, 157), (3, 5, 2, 7), mode='reflect')",
        "F.one_hot(i(101, 3001), 101)",
    ],
    "linalg": [
        "torch.linalg.inv(r(97, 17, 17) + 20 * torch.eye(17))",
        "torch.linalg.solve(r(97, 17, 17) + 20 * torch.eye(17), r(97, 17, 5))",
        "torch.linalg.svd(r(61, 13, 9), full_matrices=False)[1]",
        "torch.linalg.eigvalsh(r(61, 13, 13))",
        "torch.linalg.cholesky(r(61, 13, 40) @ torch.eye(40) @ torch.ones(40, 13) * 0"
        " + 3 * torch.eye(13))",
        "torch.linalg.qr(r(61, 19, 13))[1]",
        "torch.linalg.inv(r(301, 301) + 200 * torch.eye(301))",
        "torch.linalg.det(r(301, 7, 7))",
    ],
    "loss": [
        "F.cross_entropy(r(701, 307), i(307, 701))",
        "F.cross_entropy(r(701, 307), i(307, 701), weight=p(307).detach(), label_smoothing=0.1)",
        "F.cross_entropy(r(5, 19, 71, 73), i(19, 5, 71, 73), reduction='sum')",
        "F.nll_loss(r(70001, 11), i(11, 70001))",
        "F.mse_loss(r(257, 1031), r(257, 1031))",
        "F.smooth_l1_loss(r(257, 1031), r(257, 1031), reduction='sum')",
        "F.binary_cross_entropy_with_logits(r(257, 1031), p(257, 1031))",
        "F.kl_div(r(257, 1031), p(257, 1031), reduction='batchmean')",
        "F.ctc_loss(r(50, 64, 20).log_softmax(2), 1 + i(19, 64, 10), 50 + 0 * i(1, 64),"
        " 10 + 0 * i(1, 64))",
    ],
    "matmul": [
        "r(517, 389) @ r(389, 523)",
        "r(389, 517).t() @ r(523, 389).t()",
        "r(1031, 1031) @ r(1031)",
        "r(1, 2053) @ r(2053, 1031)",
        "r(3, 2053) @ r(1031, 2053).t()",
        "r(200003) @ r(200003)",
        "r(37, 65, 67) @ r(37, 67, 69)",
        "r(1001, 5, 7) @ r(1001, 7, 3)",
        "r(7, 31, 129) @ r(129, 131)",
        "F.linear(r(257, 131), r(311, 131), r(311))",
        "torch.baddbmm(r(37, 65, 69), r(37, 65, 67), r(37, 67, 69), beta=0.5, alpha=2)",
        "torch.outer(r(517), r(523))",
        "torch.einsum('bij,bkj->ik', r(17, 65, 67), r(17, 69, 67))",
        "F.bilinear(r(301, 17), r(301, 19), r(23, 17, 19), r(23))",
        "(r(257, 131).bfloat16() @ r(131, 259).bfloat16()).float()",
    ],
    "norm": [
        "F.layer_norm(r(701, 307), (307,), r(307), r(307))",
        "F.rms_norm(r(701, 307), (307,), r(307))",
        "F.group_norm(r(13, 24, 37, 35), 6, r(24), r(24))",
        "F.batch_norm(r(13, 24, 37, 35), None, None, r(24), r(24), True)",
        "F.batch_norm(last(r(13, 24, 37, 35)), None, None, r(24), r(24), True)",
        "F.batch_norm(r(2003, 131), None, None, r(131), r(131), True)",
        "F.batch_norm(r(13, 24, 37, 35), torch.zeros(24), torch.ones(24), r(24), r(24))",
        "F.instance_norm(r(13, 24, 37, 35))",
    ],
    "optim": [
        f"steps(torch.optim.{optimizer})"
        for optimizer in (
            "SGD, lr=0.1",
            "SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1",
            "Adam",
            "AdamW, amsgrad=True",
            "RMSprop, centered=True, momentum=0.9",
            "Adagrad",
        )
    ]
    + ["nn.utils.clip_grad_norm_(graded(r(301, 407), r(70001)), 0.1)"],
    "pointwise": [
        "r(257, 1031) + r(1031)",
        "r(257, 1031) * r(257, 1)",
        "r(1031, 257).t() - r(257, 1031)",
        "torch.where(m(257, 1031), r(257, 1031), r(1031))",
        "torch.pow(p(257, 1031), r(257, 1031))",
        "torch.addcdiv(r(257, 1031), r(257, 1031), p(257, 1031), value=0.3)",
        "torch.lerp(r(257, 1031), r(257, 1031), p(257, 1031))",
    ],
    "pool": [
        "F.max_pool1d(r(9, 17, 1031), 3, 2)",
        "F.max_pool2d(r(9, 17, 67, 61), 3, 2, 1)",
        "F.max_pool2d(last(r(9, 17, 67, 61)), 3, 2, 1)",
        "F.max_pool2d(r(9, 17, 67, 61), 2)",
        "F.max_pool3d(r(3, 7, 17, 23, 21), 3, 2)",
        "F.avg_pool2d(r(9, 17, 67, 61), 3, 2, 1)",
        "F.avg_pool2d(last(r(9, 17, 67, 61)), 3, 2, 1)",
        "F.adaptive_avg_pool2d(r(9, 17, 67, 61), 7)",
        "F.adaptive_max_pool2d(r(9, 17, 67, 61), 7)",
        "F.interpolate(r(3, 9, 41, 43), scale_factor=2.0, mode='bilinear')",
        "F.interpolate(r(3, 9, 41, 43), size=(97, 91), mode='bicubic')",
        "F.interpolate(r(3, 9, 41, 43), scale_factor=3.0, mode='nearest')",
        "F.grid_sample(r(3, 9, 41, 43), r(3, 67, 61, 2), align_corners=False)",
        "F.grid_sample(r(1, 40, 41, 43), r(1, 67, 61, 2), 'bicubic', align_corners=False)",
        "F.grid_sample(r(5, 3, 41, 43), r(5, 67, 61, 2), 'nearest', align_corners=False)",
    ],
    "random": [
        "torch.rand(300001)",
        "torch.randn(300001)",
        "torch.randn(300001, dtype=torch.float64)",
        "torch.randint(0, 1000, (300001,))",
        "torch.randperm(300001)",
        "torch.bernoulli(p(300001))",
        "torch.empty(300001).exponential_()",
        "torch.multinomial(p(301, 407).detach(), 17, replacement=True)",
        "torch.poisson(p(300001).detach())",
        "torch._C._standard_gamma(p(100003))",
        "F.dropout(r(257, 1031), 0.3)",
        "F.dropout2d(r(13, 24, 67, 65), 0.3)",
    ],
    "reduce": [
        f"{call}"
        for x in ("r(300007)", "r(701, 307)", "r(7, 40009)", "r(40009, 7)", "r(307, 701).t()")
        for call in (f"{x}.sum()", f"{x}.mean(0)", f"{x}.sum(-1)", f"{x}.var(-1)", f"{x}.norm()")
    ]
    + [
        "p(7, 40009).prod(1)",
        "(p(300007) + 0.5).prod()",
        "r(300007).var()",
        "r(40009, 7).std(0)",
        "r(300007).max()",
        "r(701, 307).max(1)",
        "r(701, 307).amin(0)",
        "r(701, 307).argmax(0)",
        "r(300007).argmax()",
        "r(701, 307).logsumexp(1)",
        "r(701, 307).norm(3, 0)",
        "r(300007).norm(1)",
        "m(701, 307).all(1)",
        "torch.cdist(r(301, 17), r(307, 17))",
        "torch.cdist(r(301, 17), r(307, 17), 1.0)",
        "r(19, 31, 701).sum((0, 2))",
        "r(300007).bfloat16().sum()",
    ],
    "rnn": [
        "nn.LSTM(17, 65, num_layers=2, bidirectional=True)(r(9, 33, 17))[0]",
        "nn.GRU(65, 129)(r(11, 33, 65))[0]",
        "nn.RNN(65, 129)(r(11, 33, 65))[0]",
        "nn.LSTM(65, 257)(r(13, 1, 65))[0]",
        "nn.GRU(65, 257, batch_first=True)(r(1, 13, 65))[0]",
        "nn.LSTM(33, 131, proj_size=40)(r(7, 37, 33))[0]",
        "nn.LSTMCell(129, 131)(r(257, 129))[0]",
        "nn.GRUCell(129, 131)(r(257, 129))",
    ],
    "scan": [
        "r(701, 307).cumsum(1)",
        "r(1701, 1307).cumsum(0)",
        "r(2000003).cumsum(0)",
        "p(701, 307).cumprod(1)",
        "r(701, 307).logcumsumexp(0)",
        "r(701, 307).cummax(1)",
    ],
    "shape": [
        "r(517, 523).t().contiguous()",
        "r(19, 71, 83).permute(2, 0, 1).clone()",
        "r(300007).unfold(0, 5, 3).contiguous()",
        "r(701, 1, 307).expand(701, 3, 307).contiguous()",
        "r(701, 307)[::2, 1:].contiguous()",
    ],
    "softmax": [
        "r(701, 307).softmax(1)",
        "r(701, 307).softmax(0)",
        "r(3, 100003).softmax(1)",
        "r(100003, 3).log_softmax(1)",
        "r(7, 19, 2003).log_softmax(1)",
    ],
    "sort": [
        "r(300007).sort()",
        "r(701, 307).sort(1, descending=True)",
        "r(701, 307).sort(0, stable=True)",
        "i(1000, 300007).sort(stable=True)",
        "r(300007).topk(101)",
        "r(701, 307).topk(11, 1)",
        "r(701, 307).kthvalue(11, 1)",
        "r(701, 307).median(1)",
        "i(9, 701, 307).mode(1)",
        "i(1000, 300007).unique(return_inverse=True, return_counts=True)",
        "i(3, 3001, 7).unique(dim=0)",
        "i(1000, 300007).bincount()",
        "i(1000, 300007).bincount(p(300007).detach())",
        "r(300007).histc(101, -1, 1)",
        "torch.searchsorted(r(3001).detach().sort()[0], r(100003))",
        "torch.isin(i(1000, 100003), i(1000, 301))",
        "r(301, 307).quantile(0.3, 1)",
    ],
    "special": ["torch.erf(r(257, 1031))", "torch.lgamma(p(257, 1031))"],
    "unary": [
        "torch.exp(r(257, 1031))",
        "torch.tanh(r(1031, 257).t())",
        "torch.sigmoid(r(257, 1031)[:, ::2])",
        "torch.atan2(r(257, 1031), r(257, 1))",
    ],
}

ELEMENTS = 100_001  # of the largest tensor of a grown sample


def grown(row: Op) -> list[Sample]:
    """The samples of a row with all sizes but 1 multiplied alike, so that they still fit together.

    What then fails (because a list of sizes did not grow with it) is no call at all.
    """
    from . import samples

    return [g for sample in samples.samples_of(row) if (g := _grow(sample)) is not None]


def _tensors(values) -> list[T]:
    found = []
    for v in values:
        if isinstance(v, T):
            found.append(v)
        elif isinstance(v, (list, tuple)):
            found += _tensors(v)
    return found


def _grow(sample: Sample) -> Sample | None:
    tensors = _tensors([*sample.args, *sample.kwargs.values()])
    if not tensors or any(t.values is not None for t in tensors):
        return None
    factors = []
    for t in tensors:
        sizes = [n for n in t.shape if n > 1]
        count = 1
        for n in sizes:
            count *= n
        if sizes and 0 not in t.shape:
            factors.append((ELEMENTS / count) ** (1 / len(sizes)))
    if not factors:
        return None
    factor = int(min(factors)) | 1

    def make(v):
        if isinstance(v, T):
            return dataclasses.replace(v, shape=tuple(n * factor if n > 1 else n for n in v.shape))
        if isinstance(v, (list, tuple)) and _tensors(v):
            return type(v)(make(x) for x in v)
        return v

    return Sample(tuple(map(make, sample.args)), {k: make(v) for k, v in sample.kwargs.items()})
