"""Pruning: masks that set a part of a parameter to zero."""

from __future__ import annotations

import numbers

import flambeau as fb

Tensor = fb.Tensor


class BasePruningMethod:
    """The hook: the tensor is its original times its mask before every forward.

    Subclasses set PRUNING_TYPE ("global", "unstructured" or "structured") and define
    ``compute_mask(t, default_mask)``.
    """

    _tensor_name: str
    PRUNING_TYPE = "unstructured"

    def __call__(self, module, inputs) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """A new mask for `t`, zero where `default_mask` is."""
        raise NotImplementedError(f"{type(self).__name__} must define compute_mask")

    def apply_mask(self, module) -> Tensor:
        """The masked tensor."""
        mask = getattr(module, self._tensor_name + "_mask")
        original = getattr(module, self._tensor_name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module, name: str, *args, importance_scores=None, **kwargs):
        """Prune `name` of `module`, on top of earlier prunings of the same tensor."""
        earlier = [
            (k, h)
            for k, h in module._forward_pre_hooks.items()
            if isinstance(h, BasePruningMethod) and h._tensor_name == name
        ]
        method = cls(*args, **kwargs)
        method._tensor_name = name
        if earlier:
            key, old = earlier[0]
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container._tensor_name = name
            container.add_pruning_method(method)
            del module._forward_pre_hooks[key]
            method = container
            original = getattr(module, name + "_orig")
            mask = getattr(module, name + "_mask")
        else:
            original = getattr(module, name)
            mask = fb.ones_like(original)
        if importance_scores is not None and importance_scores.shape != original.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}"
            )
        scores = original if importance_scores is None else importance_scores
        if not earlier:
            module.register_parameter(name + "_orig", original)
            del module._parameters[name]
        with fb.no_grad():
            mask = method.compute_mask(scores, default_mask=mask)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """`t` times the mask this method computes."""
        scores = t if importance_scores is None else importance_scores
        mask = fb.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    def remove(self, module) -> None:
        """Make the masked tensor a plain parameter."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters.pop(name + "_orig")
        original.data = weight.data
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _amount_ok(amount) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (not isinstance(amount, numbers.Integral) and amount > 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a "
            "non-negative integer"
        )


def _how_many(amount, size: int) -> int:
    if isinstance(amount, numbers.Integral):
        if amount > size:
            raise ValueError(
                f"amount={amount} should be smaller than the number of parameters to prune={size}"
            )
        return int(amount)
    return round(amount * size)


def _norms(t: Tensor, n, dim: int) -> Tensor:
    others = [d for d in range(t.dim()) if d != dim % t.dim()]
    order = {"fro": 2.0}.get(n, n)
    return fb.linalg.vector_norm(t, float(order), dim=others)


class PruningContainer(BasePruningMethod):
    """Several prunings of one tensor, one after another."""

    def __init__(self, *args) -> None:
        self._pruning_methods: tuple = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method) -> None:
        """Append a method that prunes the same tensor."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer. Found "
                f"'{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, index):
        return self._pruning_methods[index]

    def compute_mask(self, t, default_mask):
        """The newest method's mask among what earlier ones left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        if method.PRUNING_TYPE == "unstructured":
            kept = mask == 1
            new = mask.clone()
            new[kept] = method.compute_mask(t[kept], default_mask=mask[kept])
            return new
        if method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()
            others = tuple(d for d in range(t.dim()) if d != dim)
            kept = mask.sum(dim=others).nonzero().reshape(-1)
            part = method.compute_mask(
                t.index_select(dim, kept), default_mask=mask.index_select(dim, kept)
            )
            return mask.index_copy(dim, kept, part)
        return method.compute_mask(t, default_mask=mask)


class Identity(BasePruningMethod):
    """Prunes nothing, but makes the mask."""

    def compute_mask(self, t, default_mask):
        """`default_mask` itself."""
        return default_mask

    @classmethod
    def apply(cls, module, name):
        """Register on `module`."""
        return super().apply(module, name)


class RandomUnstructured(BasePruningMethod):
    """Prunes elements at random."""

    def __init__(self, amount) -> None:
        _amount_ok(amount)
        self.amount = amount

    def compute_mask(self, t, default_mask):
        """Zeros at `amount` random elements."""
        count = _how_many(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            chosen = fb.topk(fb.rand_like(t).view(-1), k=count).indices
            mask.view(-1)[chosen] = 0
        return mask

    @classmethod
    def apply(cls, module, name, amount):
        """Register on `module`."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(BasePruningMethod):
    """Prunes the elements of smallest magnitude."""

    def __init__(self, amount) -> None:
        _amount_ok(amount)
        self.amount = amount

    def compute_mask(self, t, default_mask):
        """Zeros at the `amount` smallest elements."""
        count = _how_many(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            chosen = fb.topk(fb.abs(t).reshape(-1), k=count, largest=False).indices
            mask.view(-1)[chosen] = 0
        return mask

    @classmethod
    def apply(cls, module, name, amount, importance_scores=None):
        """Register on `module`."""
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class _Structured(BasePruningMethod):
    PRUNING_TYPE = "structured"

    def _check(self, t) -> int:
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. "
                f"Found tensor of shape {t.shape} with {t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        return _how_many(self.amount, t.shape[self.dim])

    def _mask(self, t, default_mask, channels):
        keep = fb.zeros(t.shape[self.dim], dtype=default_mask.dtype, device=t.device)
        keep[channels] = 1
        shape = [1] * t.dim()
        shape[self.dim] = -1
        return default_mask * keep.reshape(shape)


class RandomStructured(_Structured):
    """Prunes whole slices of `dim` at random."""

    def __init__(self, amount, dim: int = -1) -> None:
        _amount_ok(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t, default_mask):
        """Zeros at `amount` random slices."""
        count = self._check(t)
        if not count:
            return default_mask
        total = t.shape[self.dim]
        chosen = fb.topk(fb.rand(total), k=total - count).indices
        return self._mask(t, default_mask, chosen)

    @classmethod
    def apply(cls, module, name, amount, dim=-1):
        """Register on `module`."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Structured):
    """Prunes the slices of `dim` of smallest n-norm."""

    def __init__(self, amount, n, dim: int = -1) -> None:
        _amount_ok(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t, default_mask):
        """Zeros at the `amount` slices of smallest norm."""
        count = self._check(t)
        if not count:
            return default_mask
        keep = t.shape[self.dim] - count
        chosen = fb.topk(_norms(t, self.n, self.dim), k=keep, largest=True).indices
        return self._mask(t, default_mask, chosen)

    @classmethod
    def apply(cls, module, name, amount, n, dim, importance_scores=None):
        """Register on `module`."""
        return super().apply(
            module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores
        )


class CustomFromMask(BasePruningMethod):
    """Prunes by a given mask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask) -> None:
        self.mask = mask

    def compute_mask(self, t, default_mask):
        """The given mask, on top of `default_mask`."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError("default_mask and mask must have the same shape")
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module, name, mask):
        """Register on `module`."""
        return super().apply(module, name, mask=mask)


def identity(module, name):
    """Add a mask of ones; return the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module, name, amount):
    """Prune `amount` (a fraction or a number) of the elements at random."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module, name, amount, importance_scores=None):
    """Prune the `amount` elements of smallest magnitude (or importance)."""
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module, name, amount, dim):
    """Prune `amount` slices of `dim` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module, name, amount, n, dim, importance_scores=None):
    """Prune the `amount` slices of `dim` of smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module, name, mask):
    """Prune by `mask`."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters, pruning_method, importance_scores=None, **kwargs) -> None:
    """Prune several (module, name) pairs as if their tensors were one."""
    parameters = list(parameters)
    scores = importance_scores or {}
    tensors = [scores.get((m, n), getattr(m, n)) for m, n in parameters]
    flat = fb.cat([t.reshape(-1) for t in tensors])
    masks = fb.cat(
        [
            getattr(m, n + "_mask", fb.ones_like(t)).reshape(-1)
            for (m, n), t in zip(parameters, tensors)
        ]
    )
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    container.add_pruning_method(method)
    with fb.no_grad():
        final = container.compute_mask(flat, masks)
    start = 0
    for (module, name), t in zip(parameters, tensors):
        count = t.numel()
        custom_from_mask(module, name, mask=final[start : start + count].view_as(t))
        start += count


def remove(module, name):
    """Make the pruning of `name` permanent; return the module."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module) -> bool:
    """True iff anything in `module` is pruned."""
    return any(
        isinstance(h, BasePruningMethod)
        for m in module.modules()
        for h in m._forward_pre_hooks.values()
    )
