"""The tool that compares unmodified programs with PyTorch: here it runs flambeau alone."""

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest

from tools.programs import compare

PROGRAM = """
import sys
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x = torch.randn(32, 3)
loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8, shuffle=True)
net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(int(sys.argv[1])):
    for inputs, targets in loader:
        loss = nn.functional.mse_loss(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} loss {loss.item():.4f} {x.dtype}")
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return str(path)


def run(*command, options=()):
    return compare.run(sys.executable, "flambeau", ["--seed=3", *options], list(command))


def test_runs_agree_with_themselves(program, capsys):
    first, second = run(program, "3"), run(program, "3", options=["--threads=2"])
    assert len(first.losses) == 12
    assert [line.split()[:2] for line in first.text.splitlines()] == [
        ["epoch", str(i)] for i in range(3)
    ]
    assert compare.compare_losses(first.losses, second.losses, 0.0)
    assert compare.compare_texts(first.text, second.text, 0.0)
    assert "3 lines, 9 numbers" in capsys.readouterr().out


def test_steps_and_dtype(program):
    whole, part = run(program, "3"), run(program, "1000000", options=["--steps=6"])
    assert part.losses == whole.losses[:6]
    assert part.text == whole.text.splitlines(keepends=True)[0]
    double = run(program, "1", options=["--double"])
    assert "torch.float64" in double.text and len(double.losses) == 4


def test_losses_from_item(program):
    assert len(run(program, "3", options=["--losses-from-item"]).losses) == 3


def test_module(program, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", program.rpartition("/")[0], prepend=":")
    assert len(run("-m", "program", "2").losses) == 8


def test_failing_program(program):
    with pytest.raises(RuntimeError, match=r"flambeau failed \(1\)(.|\n)*ValueError"):
        run(program, "three")


def test_differences_are_found(capsys):
    losses = [2.0, 1.0, 0.5]
    assert compare.compare_losses(losses, [2.0, 1.00001, 0.5], 1e-4)
    assert not compare.compare_losses(losses, [2.0, 1.0, 0.501], 1e-4)
    assert not compare.compare_losses(losses, losses[:2], 1e-4)
    assert not compare.compare_losses(losses, [2.0, float("nan"), 0.5], 1e-4)
    assert "beyond 0.0001 is 3: 0.5, 0.501" in capsys.readouterr().out
    assert compare.compare_texts("loss 0.1234 at 10", "loss 0.1235 at 10", 1e-6)
    assert not compare.compare_texts("loss 0.1234", "loss 0.1236", 1e-6)
    assert not compare.compare_texts("10 steps", "11 steps", 1e-6)
    assert not compare.compare_texts("loss 1.0", "lost 1.0", 1e-6)


def test_torchvision_stand_in(tmp_path):
    """Two pictures in the format of MNIST, through the names that its programs use."""
    head = {1: b"\0\0\x08\x01", 3: b"\0\0\x08\x03"}
    for kind in ("train", "t10k"):
        for name, array in (
            ("images-idx3", np.arange(2 * 28 * 28).reshape(2, 28, 28) % 256),
            ("labels-idx1", np.array([7, 2])),
        ):
            sizes = np.array(array.shape, ">u4").tobytes()
            content = head[array.ndim] + sizes + array.astype(np.uint8).tobytes()
            (tmp_path / f"{kind}-{name}-ubyte.gz").write_bytes(gzip.compress(content))
    program = tmp_path / "program.py"
    program.write_text(
        "from torchvision import datasets, transforms\n"
        "t = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.25,))])\n"
        "for train in (True, False):\n"
        "    pictures = datasets.MNIST('.', train=train, download=True, transform=t)\n"
        "    (x, y), n = pictures[1], len(pictures)\n"
        "    print(n, tuple(x.shape), x.dtype, y, round(float(x[0, 0, 0]) * 63.75 + 127.5))\n"
    )
    done = subprocess.run(
        [sys.executable, str(compare.RUN), "--library", "flambeau"]
        + ["--record", str(tmp_path / "record.json"), "--", str(program)],
        capture_output=True,
        text=True,
        env={**os.environ, "MNIST_FOLDER": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 (1, 28, 28) torch.float32 2 16\n" * 2
