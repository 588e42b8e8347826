"""The pictures that the demo writes, drawn with matplotlib from NumPy arrays."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # files only: no display is needed

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

NAMES = ("learning_curve.png", "confusion.png", "mistakes.png")
FLAME, EMBER, INK, PALE = "#e8590c", "#f4b183", "#343a40", "#868e96"
STYLE = {
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#ced4da",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "xtick.color": PALE,
    "ytick.color": PALE,
    "figure.dpi": 130,
    "savefig.bbox": "tight",
    "savefig.pad_inches": 0.2,
}


def learning_curve(path: Path, losses: list[float], accuracies: list[float], title: str) -> None:
    """The loss of each step with its running mean, and the test accuracy after each epoch."""
    steps = np.arange(1, len(losses) + 1)
    per_epoch = len(losses) / len(accuracies)
    window = max(1, min(50, len(losses) // 20))
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    ends = np.arange(1, len(accuracies) + 1)
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(10, 3.8), width_ratios=(5, 3), layout="constrained"
        )
        left.plot(steps / per_epoch, losses, color=EMBER, linewidth=0.6, label="each step")
        left.plot(
            steps[window - 1 :] / per_epoch,
            smooth,
            color=FLAME,
            linewidth=2,
            label=f"mean of {window} steps",
        )
        left.set(title="training loss", xlabel="epoch", xlim=(0, len(accuracies)))
        left.set_ylim(0, float(np.quantile(losses, 0.995)) * 1.1)
        left.legend(frameon=False)
        right.plot(ends, accuracies, color=FLAME, linewidth=2, marker="o")
        for x, y in zip(ends, accuracies, strict=True):
            if len(accuracies) <= 5 or x == len(accuracies):
                right.annotate(f"{y:.2%}", (x, y), (-3, 8), textcoords="offset points", ha="right")
        low = min(0.9, min(accuracies))
        span = max(accuracies) - low + 0.01
        right.set_ylim(low - 0.1 * span, max(accuracies) + 0.25 * span)
        right.axhline(0.9, color=PALE, linewidth=0.8, linestyle=":")
        right.set(title="test accuracy", xlabel="epoch")
        right.set_xlim(0.4, len(accuracies) + 0.5)
        right.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        if len(accuracies) <= 10:
            right.set_xticks(ends)
        caption(figure, title)
        save(figure, path)


def confusion(
    path: Path, probabilities: np.ndarray, labels: np.ndarray, classes: list[str], title: str
) -> None:
    """How many pictures of each class (rows) were taken for which class (columns)."""
    n = len(classes)
    guesses = probabilities.argmax(1)
    counts = np.bincount(labels * n + guesses, minlength=n * n).reshape(n, n)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7.4, 6.8), layout="constrained")
        # The square root brings the rare mistakes out beside the diagonal.
        axes.imshow(np.sqrt(share), cmap="Oranges", vmin=0, vmax=1)
        for row in range(n):
            for column in range(n):
                if counts[row, column]:
                    axes.text(
                        column,
                        row,
                        f"{counts[row, column]:,}",
                        ha="center",
                        va="center",
                        fontsize=9,
                        fontweight="bold" if row == column else "normal",
                        color="white" if share[row, column] > 0.35 else INK,
                    )
        axes.set_xticks(range(n), classes, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(n), classes)
        axes.set_xticks(np.arange(n - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(n - 1) + 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        accuracy = (guesses == labels).mean()
        axes.set(title=f"{accuracy:.2%} of {len(labels):,} test pictures", xlabel="predicted")
        axes.set_ylabel("true class")
        axes.set_title(title, loc="right", fontsize=8, fontweight="normal", color=PALE)
        save(figure, path)


def mistakes(
    path: Path,
    images: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: list[str],
    title: str,
    rows: int = 5,
    columns: int = 8,
) -> None:
    """The mistakes that the network was surest of, with what it took them for."""
    guesses = probabilities.argmax(1)
    wrong = np.flatnonzero(guesses != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, guesses[wrong]], kind="stable")]
    shown = min(len(wrong), rows * columns)
    rows = max(1, -(-shown // columns))
    with plt.rc_context(STYLE):
        figure, grid = plt.subplots(
            rows, columns, figsize=(columns * 1.25, rows * 1.62), layout="constrained"
        )
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, index in zip(grid.flat, wrong, strict=False):
            guess = guesses[index]
            axes.imshow(images[index], cmap="gray_r", vmin=0, vmax=255)
            axes.set_title(
                f"{classes[guess]} {probabilities[index, guess]:.0%}",
                fontsize=8,
                color=FLAME,
                loc="center",
                pad=3,
            )
            axes.text(
                0.5,
                -0.04,
                f"is: {classes[labels[index]]}",
                transform=axes.transAxes,
                ha="center",
                va="top",
                fontsize=8,
            )
        head = f"The {shown} surest of {len(wrong):,} mistakes, under what they were taken for"
        figure.suptitle(head if shown else "No mistakes", x=0.01, ha="left", weight="bold")
        caption(figure, title)
        save(figure, path)


def caption(figure, text: str) -> None:
    figure.text(1, 1.005, text, ha="right", va="bottom", fontsize=8, color=PALE)


def save(figure, path: Path) -> None:
    figure.savefig(path)
    plt.close(figure)
