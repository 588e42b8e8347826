"""Programs that import torch run on flambeau through the alias."""

import os
import subprocess
import sys

PROGRAM = """
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable
import flambeau
assert torch is flambeau and nn is flambeau.nn and F is flambeau.nn.functional
assert flambeau.__spec__.name == "flambeau" and isinstance(torch.zeros(1), flambeau.Tensor)
import sys
print(sys.argv[1:])
"""


def test_program_runs_unmodified(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "flambeau.compat", str(path), "--flag"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['--flag']"
