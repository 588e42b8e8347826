"""What one call costs when there is next to nothing to compute."""

from __future__ import annotations

from ..case import Case
from . import run_cases

ABOUT = "small operators, where the way to the kernel is all there is; the goal is 4x."

GOAL = 4.0
PLAIN = "a, b = torch.ones(4, 4), torch.ones(4, 4)"
GRAD = "a, b = (torch.ones(4, 4, requires_grad=True) for _ in range(2))"

CASES = [
    Case("4x4 add", "a + b", PLAIN, goal=GOAL),
    Case("4x4 add with gradient", "a + b", GRAD, goal=GOAL),
    Case("4x4 add of a number", "a + 1.0", PLAIN, goal=GOAL),
    Case("4x4 add_", "a.add_(b)", PLAIN, goal=GOAL),
    Case(
        "torch.add with out=",
        "torch.add(a, b, out=o)",
        PLAIN + "; o = torch.empty(4, 4)",
        goal=GOAL,
    ),
    Case("exp", "a.exp()", PLAIN, goal=GOAL),
    Case("sum", "a.sum()", PLAIN, goal=GOAL),
    Case("sum(dim)", "a.sum(1)", PLAIN, goal=GOAL),
    Case("view", "a.view(16)", PLAIN, goal=GOAL),
    Case("view with gradient", "a.view(16)", GRAD, goal=GOAL),
    Case("transpose", "a.t()", PLAIN, goal=GOAL),
    Case("index a[1]", "a[1]", PLAIN, goal=GOAL),
    Case("index a[1:3, 2]", "a[1:3, 2]", PLAIN, goal=GOAL),
    Case("index a[1] with gradient", "a[1]", GRAD, goal=GOAL),
    Case("index a[i], i of 3", "a[i]", PLAIN + "; i = torch.tensor([0, 2, 1])", goal=GOAL),
    Case("index a[mask]", "a[m]", PLAIN + "; m = a > 0", goal=GOAL),
    Case("assign a[1] = 0", "a[1] = 0.0", PLAIN, goal=GOAL),
    Case("item", "a.item()", "a = torch.ones(())", goal=1.0),
    Case("4x4 mm", "a @ b", PLAIN, goal=GOAL),
    Case("4x4 mm with gradient", "a @ b", GRAD, goal=GOAL),
    Case("cat of two", "torch.cat((a, b))", PLAIN, goal=GOAL),
    Case("stack of two", "torch.stack((a, b))", PLAIN, goal=GOAL),
    Case("zeros(4, 4)", "torch.zeros(4, 4)", goal=GOAL),
    Case("randn(4, 4)", "torch.randn(4, 4)", goal=GOAL),
    Case("softmax", "torch.softmax(a, 1)", PLAIN, goal=GOAL),
    Case("(a*b).sum()", "(a * b).sum()", GRAD, goal=GOAL),
    Case("(a*b).sum().backward()", "(a * b).sum().backward()", GRAD, goal=GOAL),
    Case("autograd.grad of it", "torch.autograd.grad((a * b).sum(), (a, b))", GRAD, goal=GOAL),
    Case("module attribute m.weight", "m.weight", "m = nn.Linear(4, 4)"),
    Case("call of an empty module", "m(a)", "m = nn.Identity(); a = torch.ones(4)"),
    Case("Linear(4, 4)", "m(a)", "m = nn.Linear(4, 4); a = torch.ones(2, 4)", goal=GOAL),
    Case(
        "Linear(4, 4), no_grad",
        "with torch.no_grad(): m(a)",
        "m = nn.Linear(4, 4); a = torch.ones(2, 4)",
        goal=GOAL,
    ),
    Case("ReLU", "m(a)", "m = nn.ReLU(); a = torch.ones(2, 4, requires_grad=True)", goal=GOAL),
    Case(
        "Sequential of 3",
        "m(a)",
        "m = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)); a = torch.ones(2, 4)",
        goal=GOAL,
    ),
    Case(
        "cross_entropy",
        "F.cross_entropy(a, i)",
        "a = torch.ones(4, 4, requires_grad=True); i = torch.arange(4)",
        goal=GOAL,
    ),
    Case(
        "zero_grad, 20 Linear",
        "m.zero_grad()",
        "m = nn.Sequential(*(nn.Linear(4, 4) for _ in range(20)))",
    ),
]


def run(flambeau, torch, options):
    return run_cases(CASES, flambeau, torch, options)
