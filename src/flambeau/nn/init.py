"""Initialisers of tensors. All work in place, without gradients, and return their tensor."""

from __future__ import annotations

import math
import warnings

import flambeau as fb

Tensor = fb.Tensor


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The recommended gain for a nonlinearity: the factor that keeps the variance of activations.

    ReLU sqrt(2) (He et al. 2015), tanh 5/3, SELU 3/4, leaky ReLU sqrt(2 / (1 + slope^2)) with the
    slope in `param` (0.01), linear maps, convolutions and sigmoid 1. ValueError for other names.
    """
    if nonlinearity in (
        "linear",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "sigmoid",
    ):
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, (int, float)) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator=None) -> Tensor:
    """Fill with draws from the uniform distribution on [a, b)."""
    with fb.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator=None) -> Tensor:
    """Fill with draws from the normal distribution."""
    with fb.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator=None,
) -> Tensor:
    """Fill with the normal distribution N(mean, std^2) restricted to [a, b].

    Where the interval holds much of the normal's mass, values outside are drawn again; elsewhere
    uniform values are accepted in proportion to the density. Raises ValueError if a > b.
    """
    if a > b:
        raise ValueError(f"trunc_normal_: a must not exceed b, but got a={a} and b={b}")
    low, high = (a - mean) / std, (b - mean) / std
    if low > 2 or high < -2:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    mass = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    with fb.no_grad():
        if tensor.is_meta or tensor.numel() == 0:
            return tensor
        if mass > 0.3:
            _fill_by_redrawing(tensor, mean, std, a, b, generator)
        else:
            _fill_by_acceptance(tensor, mean, std, a, b, generator)
    return tensor


def _fill_by_redrawing(tensor, mean, std, a, b, generator) -> None:
    tensor.normal_(mean, std, generator=generator)
    while (outside := (tensor < a) | (tensor > b)).any():
        again = fb.empty_like(tensor).normal_(mean, std, generator=generator)
        tensor.copy_(fb.where(outside, again, tensor))


def _fill_by_acceptance(tensor, mean, std, a, b, generator) -> None:
    # The density is highest at the point of [a, b] nearest the mean: there it is scaled to 1.
    nearest = min(max(0.0, (a - mean) / std), (b - mean) / std)
    waiting = fb.ones_like(tensor, dtype=fb.bool)
    while waiting.any():
        drawn = fb.empty_like(tensor).uniform_(a, b, generator=generator)
        chance = fb.rand(
            tensor.shape, generator=generator, dtype=tensor.dtype, device=tensor.device
        )
        density = fb.exp((nearest * nearest - ((drawn - mean) / std) ** 2) / 2)
        accepted = waiting & (chance <= density)
        tensor.copy_(fb.where(accepted, drawn, tensor))
        waiting &= ~accepted


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    with fb.no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    with fb.no_grad():
        return tensor.zero_()


def eye_(tensor: Tensor) -> Tensor:
    """Make the matrix `tensor` an identity, as far as its shape allows."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with fb.no_grad():
        tensor.zero_()
        tensor.diagonal().fill_(1)
    return tensor


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution's weight (3 to 5 dimensions) the identity on as many channels as it can.

    With `groups`, each group of output channels gets its own identity.
    """
    dims = tensor.ndimension()
    if dims not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    sizes = tensor.size()
    if sizes[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = sizes[0] // groups
    centre = tuple(n // 2 for n in sizes[2:])
    with fb.no_grad():
        tensor.zero_()
        for g in range(groups):
            for d in range(min(per_group, sizes[1])):
                tensor[(g * per_group + d, d, *centre)] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = 1
    for n in tensor.shape[2:]:
        field *= n
    return tensor.size(1) * field, tensor.size(0) * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode == "fan_in" else fan_out


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator=None) -> Tensor:
    """Uniform on (-a, a), a = gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    std = gain * math.sqrt(2.0 / float(fan_in + fan_out))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator=None) -> Tensor:
    """Normal with standard deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _is_empty(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator=None,
) -> Tensor:
    """Uniform on (-b, b), b = gain * sqrt(3 / fan) (He et al. 2015).

    `a` is the slope of the leaky ReLU that follows, `mode` the fan: "fan_in" or "fan_out".
    """
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    std = calculate_gain(nonlinearity, a) / math.sqrt(fan)
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator=None,
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan) (He et al. 2015); see kaiming_uniform_."""
    if _is_empty(tensor):
        return tensor
    fan = _calculate_correct_fan(tensor, mode)
    std = calculate_gain(nonlinearity, a) / math.sqrt(fan)
    return normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator=None) -> Tensor:
    """Fill with a (semi-)orthogonal matrix times `gain` (Saxe et al. 2013).

    Dimensions after the first count as one. The Q of a normal matrix, with the signs of R's
    diagonal, is distributed uniformly.
    """
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.size(0)
    cols = tensor.numel() // rows
    with fb.no_grad():
        draws = tensor.new_empty((rows, cols)).normal_(0, 1, generator=generator)
        if rows < cols:
            draws = draws.t()
        q, r = fb.linalg.qr(draws)
        q = q * fb.sign(fb.diag(r, 0))
        if rows < cols:
            q = q.t()
        tensor.view_as(q).copy_(q)
        tensor.mul_(gain)
    return tensor


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator=None) -> Tensor:
    """Fill a matrix with normal draws and set the fraction `sparsity` of each column to zero."""
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, cols = tensor.shape
    zeros = int(math.ceil(sparsity * rows))
    with fb.no_grad():
        tensor.normal_(0, std, generator=generator)
        for col in range(cols):
            order = fb.randperm(rows)
            tensor[order[:zeros], col] = 0
    return tensor


def _old_name(new, name: str):
    def old(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.",
            FutureWarning,
            stacklevel=2,
        )
        return new(*args, **kwargs)

    old.__name__ = old.__qualname__ = name
    old.__doc__ = f"Older name of :func:`{name}_`."
    return old


uniform = _old_name(uniform_, "uniform")
normal = _old_name(normal_, "normal")
constant = _old_name(constant_, "constant")
eye = _old_name(eye_, "eye")
dirac = _old_name(dirac_, "dirac")
xavier_uniform = _old_name(xavier_uniform_, "xavier_uniform")
xavier_normal = _old_name(xavier_normal_, "xavier_normal")
kaiming_uniform = _old_name(kaiming_uniform_, "kaiming_uniform")
kaiming_normal = _old_name(kaiming_normal_, "kaiming_normal")
orthogonal = _old_name(orthogonal_, "orthogonal")
sparse = _old_name(sparse_, "sparse")
