"""Adaptive softmax for very many classes (Grave et al. 2017)."""

from __future__ import annotations

from collections import namedtuple

import flambeau as fb

from . import functional as F
from ._container import ModuleList, Sequential
from ._linear import Linear
from ._module import Module

Tensor = fb.Tensor
_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities over classes sorted by frequency, the rare ones in clusters.

    Classes below cutoffs[0] are in the head, the others in clusters between the cutoffs, whose
    features shrink by `div_value` from one to the next.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs,
        div_value: float = 4.0,
        head_bias: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        factory = {"device": device, "dtype": dtype}
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(set(cutoffs))
            or min(cutoffs) <= 0
            or max(cutoffs) > n_classes - 1
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in "
                "an increasing order, where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = cutoffs + [n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **factory)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // div_value ** (i + 1))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, **factory),
                    Linear(hidden, size, bias=False, **factory),
                )
            )

    def reset_parameters(self) -> None:
        """Draw new weights."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor):
        """(log-probability of each target, mean negative log-likelihood)."""
        if (target_.dim(), input_.dim()) not in ((0, 1), (1, 2)):
            raise RuntimeError(
                "0D or 1D target tensor expected, multi-target not supported"
                if target_.dim() > 1
                else f"{target_.dim()}D target tensor expects {target_.dim() + 1}D input "
                f"tensors, but found inputs with size {list(input_.shape)}"
            )
        batched = target_.dim() == 1
        x = input_ if batched else input_.unsqueeze(0)
        y = target_ if batched else target_.unsqueeze(0)
        if x.size(0) != y.size(0):
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if y.numel() and (int(y.min()) < 0 or int(y.max()) >= self.n_classes):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values "
                f"in range [{int(y.min())}, {int(y.max())}] were found. "
            )
        head = F.log_softmax(self.head(x), dim=1)
        # In the head, each cluster is one more class.
        place = y
        extra = fb.zeros_like(y, dtype=head.dtype)
        for i in range(self.n_clusters):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            rows = ((y >= low) & (y < high)).nonzero().reshape(-1)
            if rows.numel() == 0:
                continue
            place = place.index_fill(0, rows, self.shortlist_size + i)
            inner = F.log_softmax(self.tail[i](x.index_select(0, rows)), dim=1)
            chosen = inner.gather(1, (y.index_select(0, rows) - low).unsqueeze(1)).squeeze(1)
            extra = extra.index_copy(0, rows, chosen)
        output = head.gather(1, place.unsqueeze(1)).squeeze(1) + extra
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _full_log_prob(self, input: Tensor, head_output: Tensor) -> Tensor:
        head = F.log_softmax(head_output, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            inner = F.log_softmax(tail(input), dim=1)
            parts.append(inner + head[:, self.shortlist_size + i].unsqueeze(1))
        return fb.cat(parts, dim=1)

    def log_prob(self, input: Tensor) -> Tensor:
        """Log-probabilities (N, n_classes)."""
        return self._full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row."""
        return self.log_prob(input).argmax(dim=1)
