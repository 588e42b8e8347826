"""The peak of the processor: multiply-adds in registers, on as many threads as are asked for."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

# Twelve sums hide the latency of the multiply-add. The empty assembly keeps the compiler from
# merging the sums or moving them to memory.
_SOURCE = """
#if defined(__AVX512F__)
enum { kBytes = 64 };
#elif defined(__AVX__)
enum { kBytes = 32 };
#else
enum { kBytes = 16 };
#endif
typedef float Vector __attribute__((vector_size(kBytes)));
#if defined(__x86_64__)
#define OPAQUE(v) __asm__ volatile("" : "+x"(v))
#else
#define OPAQUE(v) __asm__ volatile("" : "+w"(v))
#endif
#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define BEGIN(i) Vector s##i = a + i; OPAQUE(s##i);
#define STEP(i) s##i += a * b;
#define KEEP(i) OPAQUE(s##i);
double run(long steps) {
  Vector a = {1e-3f}, b = {0.5f};
  OPAQUE(a);
  OPAQUE(b);
  ALL(BEGIN)
  for (long i = 0; i < steps; ++i) {
    ALL(STEP) ALL(STEP) ALL(STEP) ALL(STEP)
    ALL(KEEP)
  }
  return 4.0 * 12 * 2 * (kBytes / sizeof(float)) * steps;
}
"""
_STEPS = 2_000_000
_TURNS = 12


def _compiled(folder: str):
    source, library = Path(folder, "peak.c"), Path(folder, "peak.so")
    source.write_text(_SOURCE)
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), "cc")
    flags = ["-O2", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, source, "-o", library], check=True, capture_output=True)
    run = ctypes.CDLL(str(library)).run
    run.restype, run.argtypes = ctypes.c_double, [ctypes.c_long]
    return run


def fma_peak(threads: int) -> float:
    """Floating-point operations per second, the best of some turns; 0 without a C compiler."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = _compiled(folder)
        except (OSError, subprocess.CalledProcessError):
            return 0.0
        done = run(1) * _STEPS * threads
        best = 0.0
        for _ in range(_TURNS):
            others = [threading.Thread(target=run, args=(_STEPS,)) for _ in range(threads - 1)]
            start = time.perf_counter()
            for thread in others:
                thread.start()
            run(_STEPS)
            for thread in others:
                thread.join()
            best = max(best, done / (time.perf_counter() - start))
        return best
