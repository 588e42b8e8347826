"""Batches of sequences of different lengths, packed without padding."""

from __future__ import annotations

from collections import namedtuple

import flambeau as fb

from . import _native as native

Tensor = fb.Tensor


class PackedSequence(
    namedtuple("PackedSequence", ("data", "batch_sizes", "sorted_indices", "unsorted_indices"))
):
    """The steps of a batch of sequences, longest sequence first, one time step after another.

    `batch_sizes` (on the CPU) says how many sequences are still running at each step;
    `sorted_indices` how the batch was sorted, None if it was not. Made by the pack functions.
    """

    __slots__ = ()

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise TypeError("PackedSequence: expected data and batch_sizes")
            data, batch_sizes = data
        if batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence "
                "should never be created manually. They should be instantiated by "
                "functions like pack_sequence and pack_padded_sequence in "
                "nn.utils.rnn."
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with_data(self, data):
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def to(self, *args, **kwargs):
        """A PackedSequence whose data is moved or cast as ``Tensor.to`` does."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        sorted_indices = self.sorted_indices
        if sorted_indices is not None:
            sorted_indices = sorted_indices.to(data.device)
        return type(self)(data, self.batch_sizes, sorted_indices)

    def cuda(self, *args, **kwargs):
        """The data on a GPU; raises when there is none."""
        return self._with_data(self.data.cuda(*args, **kwargs))

    def cpu(self):
        """The data on the CPU."""
        return self.to("cpu")

    def double(self):
        """The data as float64."""
        return self.to(dtype=fb.float64)

    def float(self):
        """The data as float32."""
        return self.to(dtype=fb.float32)

    def half(self):
        """The data as float16."""
        return self.to(dtype=fb.float16)

    def long(self):
        """The data as int64."""
        return self.to(dtype=fb.int64)

    def pin_memory(self):
        """The data in pinned memory."""
        return self._with_data(self.data.pin_memory())

    def is_pinned(self) -> bool:
        """True iff the data is in pinned memory."""
        return self.data.is_pinned()

    @property
    def is_cuda(self) -> bool:
        """True iff the data is on a GPU."""
        return self.data.is_cuda


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse: result[permutation[i]] = i."""
    if permutation is None:
        return None
    places = fb.arange(permutation.numel(), device=permutation.device, dtype=permutation.dtype)
    return fb.empty_like(permutation).scatter_(0, permutation, places)


def _running(lengths: Tensor, steps: int, device) -> Tensor:
    """(steps, N): True where a sequence still runs."""
    return fb.arange(steps, device=device).unsqueeze(1) < lengths.to(device).unsqueeze(0)


def _flat_positions(running: Tensor) -> Tensor:
    return running.reshape(-1).nonzero().reshape(-1)


def pack_padded_sequence(
    input: Tensor, lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack `input` (T, N, *), or (N, T, *) if `batch_first`, with the given lengths.

    With `enforce_sorted` the lengths must be decreasing; else the batch is sorted here.
    """
    if isinstance(lengths, Tensor):
        if lengths.device.type != "cpu":
            raise RuntimeError(
                "'lengths' argument should be a 1D CPU int64 tensor, but got "
                f"{lengths.dim()}D {lengths.device} {lengths.dtype} tensor"
            )
    else:
        lengths = fb.as_tensor(lengths, dtype=fb.int64)
    if lengths.dim() != 1 or lengths.dtype != fb.int64:
        raise RuntimeError(
            "'lengths' argument should be a 1D CPU int64 tensor, but got "
            f"{lengths.dim()}D {lengths.device} {lengths.dtype} tensor"
        )
    sorted_indices = None
    if not enforce_sorted:
        lengths, sorted_indices = fb.sort(lengths, descending=True)
        sorted_indices = sorted_indices.to(input.device)
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if batch_first:
        input = input.transpose(0, 1)
    sizes = lengths.tolist()
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(sizes) != input.size(1):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got "
            f"{len(sizes)} (batch_size={input.size(1)})"
        )
    if min(sizes) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element "
            "in 'lengths' that is <= 0"
        )
    if any(a < b for a, b in zip(sizes, sizes[1:])):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when "
            "`enforce_sorted` is True. You can pass `enforce_sorted=False` to "
            "pack_padded_sequence and/or pack_sequence to sidestep this requirement "
            "if you do not need ONNX exportability."
        )
    if sizes[0] > input.size(0):
        raise RuntimeError(
            f"pack_padded_sequence: a length of {sizes[0]} exceeds the "
            f"{input.size(0)} steps of the input"
        )
    running = _running(lengths, sizes[0], input.device)
    flat = input[: sizes[0]].reshape(sizes[0] * input.size(1), *input.shape[2:])
    data = flat.index_select(0, _flat_positions(running))
    return PackedSequence(data, running.sum(1).cpu(), sorted_indices, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
):
    """(padded, lengths): the inverse of pack_padded_sequence, of `total_length` steps if given."""
    data, batch_sizes, _, unsorted_indices = sequence
    steps, batch = batch_sizes.numel(), int(batch_sizes[0])
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest "
                f"sequence in input, but got total_length={total_length} and max "
                f"sequence length being {steps}"
            )
        steps = total_length
    running = fb.arange(batch).unsqueeze(0) < batch_sizes.unsqueeze(1)
    lengths = running.sum(0)
    padded = data.new_full((steps * batch, *data.shape[1:]), padding_value)
    place = _flat_positions(running).to(data.device)
    padded = padded.index_copy(0, place, data).reshape(steps, batch, *data.shape[1:])
    if unsorted_indices is not None:
        padded = padded.index_select(1, unsorted_indices)
        lengths = lengths[unsorted_indices.cpu()]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack tensors (L_i, *) into (T, N, *), or (N, T, *), filled up with `padding_value`."""
    if isinstance(sequences, Tensor):
        sequences = sequences.unbind(0)
    elif not hasattr(sequences, "__iter__"):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of "
            f"type: {type(sequences)}"
        )
    sequences = tuple(sequences)
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"pad_sequence: padding_side should be either 'left' or 'right', but "
            f"got {padding_side!r}"
        )
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    longest = max(s.size(0) for s in sequences)
    padded = []
    for s in sequences:
        missing = longest - s.size(0)
        if missing:
            widths = [0, 0] * (s.dim() - 1)
            widths += [missing, 0] if padding_side == "left" else [0, missing]
            s = native.pad(s, widths, value=padding_value)
        padded.append(s)
    return fb.stack(padded, dim=0 if batch_first else 1)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The inverse of pad_sequence: one tensor (L_i, *) per sequence."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [s[: int(n)] for s, n in zip(padded_sequences.unbind(0), lengths)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (L_i, *)."""
    lengths = fb.as_tensor([s.size(0) for s in sequences], dtype=fb.int64)
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The inverse of pack_sequence."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
