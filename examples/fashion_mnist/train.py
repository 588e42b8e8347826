"""Trains a small convolutional network on Fashion-MNIST: `make demo`.

Only the public PyTorch interface is used: change the import below to ``import torch`` and the same
program runs there, with the same losses (see README.md beside this file).

Ctrl-C leaves a checkpoint after the current step, from which the next run goes on as if it had
never stopped: epoch, position in it, optimizer, schedule and random state are all in it.
"""

import argparse
import csv
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

import flambeau as torch

import data
import pictures

nn = torch.nn

PATIENCE = 10  # seconds from the first Ctrl-C to one that does not wait for the step


class Net(nn.Module):
    """Two convolutions and two linear layers, over uint8 pictures of one channel.

    All of it is smooth, so that the last bit of a sum stays the last bit: see README.md.
    """

    def __init__(self, height: int, width: int, classes: int, mean: float, std: float):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.GELU(),
            nn.AvgPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.GELU(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64 * (height // 4) * (width // 4), 128),
            nn.GELU(),
            nn.Dropout(0.25),
            nn.Linear(128, classes),
        )

    def forward(self, x):
        x = (x.float() / 255 - self.mean) / self.std
        return self.classifier(self.features(x))


class Training:
    """Everything that changes while training, so that a checkpoint is complete."""

    def __init__(self, args: argparse.Namespace, pics: data.Pictures):
        # A checkpoint goes on only with the settings that it was made with.
        self.settings = {
            "data": pics.name,
            "epochs": args.epochs,
            "batch": args.batch,
            "lr": args.lr,
            "seed": args.seed,
        }
        torch.manual_seed(args.seed)
        self.pics = pics
        self.order = torch.Generator().manual_seed(args.seed)  # which picture comes when
        self.order_at_start = self.order.get_state()  # ... when this epoch began
        self.train = self.loader(pics.train_x, pics.train_y, args.batch, shuffle=True)
        self.test = self.loader(pics.test_x, pics.test_y, 500, shuffle=False)
        self.net = new_net(pics)
        self.loss = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=args.lr, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, T_max=args.epochs * len(self.train)
        )
        self.epoch = 0  # complete epochs, tested and all
        self.position = 0  # batches done in the current epoch
        self.losses: list[float] = []  # one for each step
        self.accuracies: list[float] = []  # test accuracy, one for each complete epoch
        self.stop = False  # Ctrl-C was pressed
        self.saving = False  # a checkpoint is being written

    def loader(self, x: np.ndarray, y: np.ndarray, batch: int, shuffle: bool):
        dataset = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        return torch.utils.data.DataLoader(
            dataset, batch_size=batch, shuffle=shuffle, generator=self.order if shuffle else None
        )

    def save(self, path: Path) -> None:
        state = {
            "settings": self.settings,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
            "order": self.order_at_start,
            "epoch": self.epoch,
            "position": self.position,
            "losses": self.losses,
            "accuracies": self.accuracies,
        }
        self.saving = True
        write_whole(path, lambda part: torch.save(state, part))
        self.saving = False

    def resume(self, path: Path) -> bool:
        """Takes up a checkpoint; returns False, and changes nothing, if it has other settings."""
        state = torch.load(path)
        if state["settings"] != self.settings:
            return False
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.order.set_state(state["order"])
        self.epoch, self.position = state["epoch"], state["position"]
        self.losses, self.accuracies = state["losses"], state["accuracies"]
        torch.set_rng_state(state["random"])
        return True

    def run_epoch(self) -> float:
        """Goes through the rest of this epoch; returns the pictures seen in a second."""
        self.net.train()
        self.order_at_start = self.order.get_state()
        seen, right, begin = 0, 0, time.perf_counter()
        bar = tqdm(
            enumerate(self.train),
            total=len(self.train),
            desc=f"epoch {self.epoch + 1}/{self.settings['epochs']}",
            unit="batch",
            disable=None,  # no bar where the output is not a terminal
        )
        done = self.position
        for index, (x, y) in bar:
            if index < done:  # before the checkpoint; the order of the rest depends on it
                begin = time.perf_counter()
                continue
            output = self.net(x)
            loss = self.loss(output, y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()

            self.losses.append(loss.item())
            self.position += 1
            seen += len(y)
            right += (output.argmax(1) == y).sum().item()
            rate = seen / (time.perf_counter() - begin)
            bar.set_postfix_str(
                f"loss {self.losses[-1]:.4f}, accuracy {right / seen:.2%}, {rate:,.0f} images/s",
                refresh=False,
            )
            if self.stop:
                break
        bar.close()
        return seen / (time.perf_counter() - begin) if seen else 0.0

    def finish_epoch(self, accuracy: float) -> None:
        self.accuracies.append(accuracy)
        self.epoch += 1
        self.position = 0
        self.order_at_start = self.order.get_state()


def new_net(pics: data.Pictures) -> Net:
    pixels = pics.train_x.astype(np.float32) / 255
    height, width = pics.train_x.shape[2:]
    return Net(height, width, len(pics.classes), float(pixels.mean()), float(pixels.std()))


def predict(net: Net, loader) -> np.ndarray:
    """The probabilities of all classes for all pictures, shape (n, classes)."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(x).softmax(1) for x, _ in loader]).numpy()


def accuracy_of(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float((probabilities.argmax(1) == labels).mean())


def write_whole(path: Path, write) -> None:
    """Writes beside `path` and renames, so that a half-written file never stands there."""
    part = path.with_name(path.name + ".part")
    write(part)
    os.replace(part, path)


def write_losses(path: Path, losses: list[float], steps_per_epoch: int) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["step", "epoch", "loss"])
        for step, loss in enumerate(losses):
            rows.writerow([step + 1, step // steps_per_epoch + 1, f"{loss:.8g}"])


def listen_for_ctrl_c(training: Training) -> None:
    """The first Ctrl-C ends training after the step at hand; where that hangs, another one does.

    An impatient second one must not end the writing of the checkpoint.
    """
    first = None

    def on_ctrl_c(number, frame):
        nonlocal first
        now = time.monotonic()
        first = first or now
        if now - first > PATIENCE and not training.saving:
            raise KeyboardInterrupt
        training.stop = True

    signal.signal(signal.SIGINT, on_ctrl_c)


def train(training: Training, out: Path) -> bool:
    """Trains to the end and returns True, or to Ctrl-C and returns False."""
    checkpoint, steps = out / "checkpoint.pt", len(training.train)
    while training.epoch < training.settings["epochs"]:
        rate = training.run_epoch()
        write_losses(out / "losses.csv", training.losses, steps)
        if training.stop:
            training.save(checkpoint)
            print(f"Stopped after step {len(training.losses)}; the next run goes on from there.")
            return False
        accuracy = accuracy_of(predict(training.net, training.test), training.pics.test_y)
        mean_loss = np.mean(training.losses[-steps:])
        training.finish_epoch(accuracy)
        training.save(checkpoint)
        print(
            f"epoch {training.epoch}: mean loss {mean_loss:.4f}, test accuracy {accuracy:.2%}, "
            f"{rate:,.0f} images/s"
        )
    return True


def finish(training: Training, out: Path) -> float:
    """Saves the network, proves the file by loading it anew, draws the pictures."""
    pics = training.pics
    write_whole(out / "model.pt", lambda part: torch.save(training.net.state_dict(), part))
    again = new_net(pics)
    again.load_state_dict(torch.load(out / "model.pt"))
    probabilities = predict(again, training.test)
    accuracy = accuracy_of(probabilities, pics.test_y)
    if accuracy != training.accuracies[-1]:
        sys.exit(f"The reloaded network has {accuracy:.2%}, not {training.accuracies[-1]:.2%}")
    print(f"Saved, loaded anew and tested again: {accuracy:.2%}")

    title = f"{pics.name}, {torch.__name__} {torch.__version__}"
    pictures.learning_curve(out / "learning_curve.png", training.losses, training.accuracies, title)
    pictures.confusion(out / "confusion.png", probabilities, pics.test_y, pics.classes, title)
    pictures.mistakes(
        out / "mistakes.png", pics.test_x[:, 0], probabilities, pics.test_y, pics.classes, title
    )
    (out / "checkpoint.pt").unlink()
    for name in ("losses.csv", "model.pt", *pictures.NAMES):
        print(f"  {out / name}")
    return accuracy


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, help="default 3; 10 for the digits")
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step (%(default)s)")
    parser.add_argument("--lr", type=float, default=0.02, help="learning rate (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the order")
    parser.add_argument("--threads", type=int, help="default: as many as the library takes")
    parser.add_argument("--data", type=Path, default=data.default_folder(), help="folder")
    parser.add_argument("--out", type=Path, help="folder for what is written (DATA/LIBRARY)")
    parser.add_argument("--fresh", action="store_true", help="do not take up a checkpoint")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    if args.threads:
        torch.set_num_threads(args.threads)
    pics = data.load(args.data)
    args.epochs = args.epochs or (3 if pics.name == "Fashion-MNIST" else 10)
    out = args.out or args.data / torch.__name__
    out.mkdir(parents=True, exist_ok=True)
    print(
        f"{pics.name}: {len(pics.train_y):,} pictures to learn from, {len(pics.test_y):,} to test "
        f"with; {torch.__name__} {torch.__version__}, {torch.get_num_threads()} threads"
    )
    training = Training(args, pics)
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists() and not args.fresh:
        if training.resume(checkpoint):
            done = f"epoch {training.epoch + 1}, batch {training.position + 1}"
            print(f"Going on from {checkpoint} at {done}")
        else:
            print(f"{checkpoint} was made with other settings; starting anew")
    listen_for_ctrl_c(training)
    if not train(training, out):
        return 130
    accuracy = finish(training, out)
    if accuracy < 0.9:
        print(f"The test accuracy is {accuracy:.2%}; at least 90% was expected")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
