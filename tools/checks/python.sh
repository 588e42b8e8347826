#!/bin/bash
# Says what to install when the Python given as $1 cannot make an environment or compile against.
set -eu
python="$1"
need() { echo "flambeau: $1" >&2; echo "flambeau: on Debian or Ubuntu: apt install $2" >&2; exit 1; }
[ -n "$python" ] || need "no Python 3.11 or newer was found (or name one: make PYTHON=...)" "python3"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  need "$python is older than 3.11" "python3.11 (then make PYTHON=python3.11)"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  need "$python cannot make a virtual environment" "python3-venv"
"$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
  need "the header Python.h of $python is missing" "python3-dev"
