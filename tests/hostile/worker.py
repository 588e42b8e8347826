"""Makes the hostile calls of one family; each is written down before it is made.

``python -m tests.hostile.worker FAMILY AMOUNT START LOG`` makes the calls from number START on.
LOG holds the number and source of the current call. One line on standard output for each call whose
outcome is wrong, then ``done``.
"""

from __future__ import annotations

import os
import resource
import sys
import warnings

import flambeau as fb
from tools.opgen import table

from .calls import RowCalls
from .values import NAMESPACE

MEMORY = 4 << 30  # bytes; a result of 2**40 elements must be refused, not swapped
READABLE = 1 << 20  # results up to so many elements are read to their end


def calls(family: str, amount: int):
    if family == "surface":
        from .surface import CALLS

        yield from CALLS
        return
    for row in table.load():
        if row.family == family and row.public:
            yield from RowCalls(row, amount)


def touch(value) -> None:
    """Reads a result to its last element, so that one outside its memory is noticed."""
    if isinstance(value, fb.Tensor):
        if value.device.type == "cpu" and value.numel() <= READABLE:
            value.detach().reshape(-1).clone().tolist()
    elif isinstance(value, (list, tuple)):
        for v in value[:100]:
            touch(v)


def backward(value) -> None:
    tensors = [
        v
        for v in (value if isinstance(value, (list, tuple)) else [value])
        if isinstance(v, fb.Tensor)
        and v.requires_grad
        and v.numel() <= READABLE
        and v.device.type == "cpu"
    ]
    if tensors:
        fb.autograd.backward(tensors, [fb.ones_like(v) for v in tensors])


def outcome(source: str) -> str | None:
    """What is wrong with the call, or None."""
    try:
        value = eval(source, NAMESPACE)
        touch(value)
        backward(value)
    except SystemError as error:
        return f"SystemError: {error}"
    except RecursionError:
        return "RecursionError"
    except Exception as error:
        if not str(error):
            return f"{type(error).__name__} without a text"
    return None


def main() -> None:
    family, amount, start, log = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    if "asan" in os.environ.get("LD_PRELOAD", ""):  # its shadow alone takes more addresses
        fb.cpu.set_memory_limit(MEMORY)
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    fb.set_num_threads(2)
    with open(log, "wb", buffering=0) as file:
        for number, source in enumerate(calls(family, amount)):
            if number < start:
                continue
            entry = f"{number}\n{source}\n".encode()
            os.pwrite(file.fileno(), entry + b"\0", 0)
            wrong = outcome(source)
            if wrong is not None:
                print(f"{wrong}: {source}", flush=True)
    print("done", flush=True)


if __name__ == "__main__":
    main()
