"""Fails when a committed generated file differs from what the operator table gives now.

Runs ``python -m tools.opgen --docs``, which rewrites the stub and the operator reference in
place, and asks git what that changed; a changed file is put on show and left as regenerated.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ["src/flambeau/_C.pyi", "docs/operators"]


def git(*args: str) -> str:
    done = subprocess.run(["git", *args], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


def main() -> int:
    command = [sys.executable, "-B", "-m", "tools.opgen", "--docs"]
    subprocess.run(command, cwd=ROOT, check=True)
    changed = git("status", "--porcelain", "--", *GENERATED)
    if changed:
        print(git("diff", "--stat", "--", *GENERATED))
        print(f"stale: not what ops/ gives; commit these files as they are now:\n{changed}")
        return 1
    print(f"stale: {', '.join(GENERATED)} are what ops/ gives")
    return 0


if __name__ == "__main__":
    sys.exit(main())
