"""Runs an unmodified program that says ``import torch`` and records every loss it trains on.

    python run.py --library torch|flambeau --record FILE [--steps N] [--seed N] [--double]
        [--threads N] -- program.py|-m MODULE [arguments]

A loss is a tensor of one element whose ``backward`` is called. For a program that takes gradients
by hand, ``--losses-from-item`` takes every value read with ``item()`` instead. FILE becomes JSON:
the losses with all their digits, and the seconds from the first loss to the last, which leaves out
what is imported on the way (without two losses: from the start of the program to its end).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import random
import runpy
import sys
import time

# Found before an installed torchvision, which would download its own data.
STAND_IN = pathlib.Path(__file__).resolve().parent / "stand_in"


class Enough(BaseException):
    """The number of steps asked for is done; not an Exception, so that no program catches it."""


def record_calls(
    tensor_type, method: str, steps: int | None = None
) -> tuple[list[float], list[float]]:
    """Wraps `method` of a tensor type; returns two lists that fill up with losses and times.

    After `steps` values the call raises `Enough`.
    """
    losses: list[float] = []
    times: list[float] = []
    original, item = getattr(tensor_type, method), tensor_type.item

    def wrapper(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        if self.numel() == 1 and self.is_floating_point():
            losses.append(item(self))
            times.append(time.perf_counter())
            if steps is not None and len(losses) >= steps:
                raise Enough
        return result

    setattr(tensor_type, method, wrapper)
    return losses, times


def run_program(command: list[str]) -> int:
    """Runs the program as if it had been started alone; returns its exit code."""
    sys.argv = command
    try:
        if command[0] == "-m":
            sys.argv = command[1:]
            sys.path.insert(0, os.getcwd())
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, os.path.dirname(os.path.abspath(command[0])))
            runpy.run_path(command[0], run_name="__main__")
    except Enough:
        return 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", choices=("torch", "flambeau"), required=True)
    parser.add_argument("--record", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, help="stop after so many losses")
    parser.add_argument("--seed", type=int, help="for programs that set none")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--double", action="store_true", help="float64 as the default dtype")
    parser.add_argument("--losses-from-item", action="store_true")
    parser.add_argument("command", nargs="+", metavar="-- program")
    options = parser.parse_args()

    sys.path[0] = str(STAND_IN)
    if options.library == "flambeau":
        import flambeau.compat

        flambeau.compat.install()
    import torch

    torch.set_num_threads(options.threads)
    if options.double:
        torch.set_default_dtype(torch.float64)
    if options.seed is not None:
        random.seed(options.seed)
        torch.manual_seed(options.seed)
    method = "item" if options.losses_from_item else "backward"
    losses, times = record_calls(torch.Tensor, method, options.steps)
    begin = time.perf_counter()
    code = run_program(options.command)
    seconds = times[-1] - times[0] if len(times) > 1 else time.perf_counter() - begin
    options.record.write_text(
        json.dumps({"version": torch.__version__, "losses": losses, "seconds": seconds})
    )
    return code


if __name__ == "__main__":
    sys.exit(main())
