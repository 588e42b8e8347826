"""Prints the requirements that pyproject.toml states, for pip.

``requirements.py`` prints the run-time dependencies, ``requirements.py EXTRA...`` those of extras.
"""

import sys
import tomllib
from pathlib import Path


def main() -> None:
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] if len(sys.argv) == 1 else []
    for extra in sys.argv[1:]:
        if extra not in extras:
            sys.exit(f"requirements: no extra {extra!r} in pyproject.toml; it has {sorted(extras)}")
        wanted = wanted + extras[extra]
    print("\n".join(wanted))


if __name__ == "__main__":
    main()
