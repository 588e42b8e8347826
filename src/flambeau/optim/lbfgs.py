"""Limited-memory BFGS."""

from __future__ import annotations

import flambeau

from ._rule import check
from .optimizer import Optimizer


def _number(loss) -> float:
    return float(loss.detach() if isinstance(loss, flambeau.Tensor) else loss)


class LBFGS(Optimizer):
    """L-BFGS (Nocedal, 1980; Nocedal and Wright, Numerical Optimization, algorithm 7.4).

    One ``step`` makes up to ``max_iter`` iterations and calls the closure at most about
    ``max_eval`` times (1.25 ``max_iter`` where not given). It stops when the largest gradient is
    at most ``tolerance_grad``, or when the loss or the largest change of a parameter moves by less
    than ``tolerance_change``. ``line_search_fn`` is None (steps of length ``lr``) or
    ``"strong_wolfe"``. ``history_size`` pairs of vectors are kept, each as long as all parameters
    together. There is one parameter group only.
    """

    def __init__(
        self,
        params,
        lr=1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if isinstance(lr, flambeau.Tensor):
            check(lr.numel() == 1, "Tensor lr must be 1-element")
        check(lr >= 0.0, f"Invalid learning rate: {lr}")
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]

    # ---- parameters as one vector --------------------------------------------------------------

    def _flat_grad(self):
        parts = []
        for p in self._params:
            if p.grad is None:
                part = flambeau.zeros(p.numel(), dtype=p.dtype, device=p.device)
                part = part.reshape(p.shape)
            else:
                part = p.grad
            if part.is_complex():
                part = flambeau.view_as_real(part)
            parts.append(part.reshape(-1))
        return flambeau.cat(parts, 0)

    def _add(self, scale: float, direction) -> None:
        offset = 0
        for p in self._params:
            view = flambeau.view_as_real(p) if p.is_complex() else p
            count = view.numel()
            view.add_(direction[offset : offset + count].view_as(view), alpha=scale)
            offset += count

    def _clone_params(self) -> list:
        return [p.clone(memory_format=flambeau.contiguous_format) for p in self._params]

    def _restore(self, values: list) -> None:
        for p, value in zip(self._params, values):
            p.copy_(value)

    def _evaluate_at(self, closure, start: list, t: float, direction):
        """Loss and gradient at ``start + t * direction``; the parameters are put back."""
        self._add(t, direction)
        with flambeau.enable_grad():
            loss = _number(closure())
        grad = self._flat_grad()
        self._restore(start)
        return loss, grad

    # ---- the step -----------------------------------------------------------------------------

    def step(self, closure):
        """Minimise from here; ``closure`` clears the gradients, computes the loss, calls
        ``backward`` and returns the loss. Returns the loss before the step."""
        with flambeau.no_grad():
            return self._step(closure)

    def _step(self, closure):
        group = self.param_groups[0]
        # A single dict for all parameters, kept under the first one.
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        with flambeau.enable_grad():
            first_loss = closure()
        loss = _number(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if float(grad.abs().max()) <= group["tolerance_grad"]:
            return first_loss
        search = group["line_search_fn"]
        t = state.get("t")
        t = t if t is None else float(t)
        lr = float(group["lr"])
        iteration = 0
        while iteration < group["max_iter"]:
            iteration += 1
            state["n_iter"] += 1
            direction = self._direction(state, grad, t, group["history_size"])
            if state.get("prev_flat_grad") is None:
                state["prev_flat_grad"] = grad.clone()
            else:
                state["prev_flat_grad"].copy_(grad)
            previous_loss = state["prev_loss"] = loss
            first = state["n_iter"] == 1
            scale = min(1.0, 1.0 / float(grad.abs().sum())) if first else 1
            t = scale * lr
            state["t"] = scale * group["lr"]
            slope = float(grad.dot(direction))
            if slope > -group["tolerance_change"]:
                break
            calls = 0
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = self._clone_params()
                loss, grad, t, calls = strong_wolfe(
                    lambda at, start=start, d=direction: self._evaluate_at(closure, start, at, d),
                    t,
                    direction,
                    loss,
                    grad,
                    slope,
                )
                state["t"] = t
                self._add(t, direction)
                done = float(grad.abs().max()) <= group["tolerance_grad"]
            else:
                self._add(t, direction)
                done = False
                if iteration != group["max_iter"]:
                    with flambeau.enable_grad():
                        loss = _number(closure())
                    grad = self._flat_grad()
                    done = float(grad.abs().max()) <= group["tolerance_grad"]
                    calls = 1
            evaluations += calls
            state["func_evals"] += calls
            if (
                iteration == group["max_iter"]
                or evaluations >= group["max_eval"]
                or done
                or float(direction.mul(t).abs().max()) <= group["tolerance_change"]
                or abs(loss - previous_loss) < group["tolerance_change"]
            ):
                break
        return first_loss

    @staticmethod
    def _direction(state: dict, grad, t, history_size: int):
        """The next direction: minus the approximate inverse Hessian times the gradient."""
        if state["n_iter"] == 1:
            state.update(d=grad.neg(), old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return state["d"]
        changes, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        y = grad.sub(state["prev_flat_grad"])
        s = state["d"].mul(t)
        ys = y.dot(s)
        if float(ys) > 1e-10:  # keeps the approximation positive definite
            if len(changes) == history_size:
                for history in (changes, steps, ro):
                    history.pop(0)
            changes.append(y)
            steps.append(s)
            ro.append(1.0 / ys)
            state["H_diag"] = ys / y.dot(y)
        count = len(changes)
        al = state.setdefault("al", [None] * history_size)
        q = grad.neg()
        for i in range(count - 1, -1, -1):
            al[i] = steps[i].dot(q) * ro[i]
            q.add_(changes[i], alpha=-float(al[i]))
        r = q.mul(state["H_diag"])
        for i in range(count):
            r.add_(steps[i], alpha=float(al[i] - changes[i].dot(r) * ro[i]))
        state["d"] = r
        return r


def _cubic_minimum(a: tuple, b: tuple, low: float, high: float) -> float:
    """Minimum, within ``[low, high]``, of the cubic through two points.

    A point starts with position, value, ..., slope last (Nocedal and Wright, equation 3.59).
    """
    if a[0] > b[0]:
        a, b = b, a
    (x1, f1, g1), (x2, f2, g2) = (a[0], a[1], a[-1]), (b[0], b[1], b[-1])
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2
    d2 = square**0.5
    denominator = g2 - g1 + 2 * d2
    if denominator == 0:
        return (low + high) / 2
    return min(max(x2 - (x2 - x1) * ((g2 + d2 - d1) / denominator), low), high)


def strong_wolfe(
    evaluate,
    t: float,
    direction,
    loss: float,
    grad,
    slope: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
    max_iter: int = 25,
):
    """Find a step length with sufficient decrease and small slope (Nocedal and Wright, 3.5, 3.6).

    ``evaluate(t)`` gives loss and gradient at t. Returns ``(loss, gradient, t, evaluations)``.
    """

    def point(at):
        value, gradient = evaluate(at)
        return (at, value, gradient.clone(), float(gradient.dot(direction)))

    size = float(direction.abs().max())
    start = (0.0, loss, grad.clone(), slope)
    previous, new = start, point(t)
    calls, rounds = 1, 0
    bracket = None
    done = False
    while rounds < max_iter:
        if new[1] > loss + c1 * new[0] * slope or (rounds > 1 and new[1] >= previous[1]):
            bracket = [previous, new]
            break
        if abs(new[3]) <= -c2 * slope:
            bracket, done = [new], True
            break
        if new[3] >= 0:
            bracket = [previous, new]
            break
        at = new[0]
        smallest, largest = at + 0.01 * (at - previous[0]), at * 10
        following = _cubic_minimum(previous, new, smallest, largest)
        previous, new = new, point(following)
        calls += 1
        rounds += 1
    if bracket is None:
        bracket = [start, new]

    stuck = False
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and rounds < max_iter:
        left, right = sorted((bracket[0][0], bracket[1][0]))
        if (right - left) * size < tolerance_change:
            break
        at = _cubic_minimum(bracket[0], bracket[1], left, right)
        # Too near an end of the bracket twice in a row: move to a tenth of its width.
        margin = 0.1 * (right - left)
        if min(right - at, at - left) < margin:
            if stuck or at >= right or at <= left:
                at = right - margin if abs(at - right) < abs(at - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        new = point(at)
        calls += 1
        rounds += 1
        if new[1] > loss + c1 * at * slope or new[1] >= bracket[low][1]:
            bracket[high] = new
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(new[3]) <= -c2 * slope:
                done = True
            elif new[3] * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = new
    best = bracket[low if len(bracket) > 1 else 0]
    return best[1], best[2], best[0], calls
