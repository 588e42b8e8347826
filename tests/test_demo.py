"""The demo on made-up pictures: interruption, checkpoints, the comparison of losses, bad files.

tqdm and matplotlib are not among the requirements of the tests; what the demo takes from them is
replaced here.
"""

import argparse
import gzip
import importlib
import signal
import sys
import types
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "fashion_mnist"


class Bar:
    """The part of tqdm that the demo uses; `Bar.on_step` is called with each step's number."""

    on_step = staticmethod(lambda step: None)

    def __init__(self, steps, **settings):
        self.steps, self.done = steps, 0

    def __iter__(self):
        return iter(self.steps)

    def set_postfix_str(self, text, refresh):
        assert "images/s" in text and "loss" in text and "accuracy" in text
        self.done += 1
        Bar.on_step(self.done)

    def close(self):
        pass


@pytest.fixture
def demo(monkeypatch):
    """The modules of the demo, by name."""
    names = ("train", "data", "compare")
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    monkeypatch.setitem(sys.modules, "pictures", types.SimpleNamespace(NAMES=()))
    monkeypatch.setattr(Bar, "on_step", lambda step: None)
    before = signal.getsignal(signal.SIGINT)
    yield types.SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    signal.signal(signal.SIGINT, before)
    for name in names:
        sys.modules.pop(name, None)


def training(demo):
    random = np.random.default_rng(0)
    pics = demo.data.Pictures(
        "noise",
        ["a", "b"],
        random.integers(0, 256, (64, 1, 8, 8), dtype=np.uint8),
        random.integers(0, 2, 64),
        random.integers(0, 256, (16, 1, 8, 8), dtype=np.uint8),
        random.integers(0, 2, 16),
    )
    args = argparse.Namespace(epochs=3, batch=16, lr=0.02, seed=0)
    return demo.train.Training(args, pics)


def test_goes_on_as_if_never_stopped(demo, tmp_path, monkeypatch, capsys):
    whole = training(demo)
    assert demo.train.train(whole, tmp_path)
    assert len(whole.losses) == 12 and len(whole.accuracies) == 3

    # Ctrl-C at the second step of an epoch, and again while the checkpoint is written.
    write = demo.train.torch.save

    def interrupted_save(state, path):
        signal.raise_signal(signal.SIGINT)
        write(state, path)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(demo.train, "PATIENCE", 0)
    monkeypatch.setattr(demo.train.torch, "save", interrupted_save)
    monkeypatch.setattr(
        Bar, "on_step", lambda step: signal.raise_signal(signal.SIGINT) if step == 2 else None
    )
    out = tmp_path / "part"
    out.mkdir()
    for stops in range(1, 20):
        part = training(demo)
        if stops > 1:
            assert part.resume(out / "checkpoint.pt")
        demo.train.listen_for_ctrl_c(part)
        if demo.train.train(part, out):
            break
        assert (out / "checkpoint.pt").exists()
    assert stops > 3
    assert part.losses == whole.losses and part.accuracies == whole.accuracies
    for name, value in whole.net.state_dict().items():
        assert value.equal(part.net.state_dict()[name]), name


def test_other_settings_start_anew(demo, tmp_path):
    first, second = training(demo), training(demo)
    first.save(tmp_path / "checkpoint.pt")
    second.settings["lr"] = 0.1
    assert not second.resume(tmp_path / "checkpoint.pt")


def test_compare(demo, tmp_path, capsys):
    for name, losses in (
        ("a.csv", [2.0, 1.0, 0.5, 0.25]),
        ("b.csv", [2.0, 1.00001, 0.5, 0.25]),
        ("c.csv", [2.0, 1.0, 0.5, 0.2501]),
        ("d.csv", [2.0, 1.0]),
    ):
        demo.train.write_losses(tmp_path / name, losses, 2)
    a, b, c, d = (tmp_path / f"{name}.csv" for name in "abcd")
    assert demo.compare.compare(a, b)
    assert not demo.compare.compare(a, c)
    with pytest.raises(SystemExit, match="4 and 2 steps"):
        demo.compare.compare(a, d)
    assert (FOLDER / "train.py").read_text().count(demo.compare.IMPORT) == 1


def test_files_that_cannot_be_had(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(demo.data, "INSTALLED", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(demo.data.Unavailable, match="no apt-get"):
        demo.data.fetch(tmp_path)
    for name in demo.data.FILES:
        (tmp_path / name).write_bytes(gzip.compress(b"other pictures"))
    with pytest.raises(demo.data.Unavailable, match="SHA-256"):
        demo.data.fetch(tmp_path)
    (tmp_path / demo.data.FILES[0]).write_bytes(b"no gzip")
    with pytest.raises(demo.data.Unavailable, match="remove it"):
        demo.data.fetch(tmp_path)
