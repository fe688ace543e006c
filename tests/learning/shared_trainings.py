"""Trains on one process and on two; started by test_devices.py, since other processes load the script anew.

The targets of an image are its class and its own number, so that the loss can write down which images it was given.
"""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from looks_kedro.errors import LooksError
from looks_kedro.learning.recovery import Recovery
from looks_kedro.learning.settings import Augmentation, Training
from looks_kedro.learning.training import fit

SETTINGS = Training(
    epochs=2,
    batch_size=9,  # five images for the one process and four for the other
    image_size=32,
    threads=1,
    device="cpu",
    precision="32",
    learning_rate=1e-2,
    optimizer="sgd",
    augmentation=Augmentation(mirror=0.5, brightness=0.3),
)
IMAGES = 49  # five batches of 9, and a last one of 4


def network() -> nn.Module:
    """Without batch normalisation, whose means on the CPU are each process's own."""
    return nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, 2))


def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(logits, targets[:, 0])


def written_loss(
    folder: Path, last_epoch_steps: int | None, logits: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    file = folder / f"{os.getpid()}"
    with file.open("a") as lines:
        lines.write(" ".join(str(number) for number in targets[:, 1].tolist()) + "\n")
    value = loss(logits, targets)
    steps = len(file.read_text().splitlines())
    return value * float("nan") if steps == last_epoch_steps else value


def accuracy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (logits.argmax(1) == targets[:, 0]).double().mean()


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.arange(count)
    images = np.random.default_rng(seed).integers(0, 200, (count, 32, 32, 3))
    images[numbers % 2 == 1, ..., 0] += 30
    return images.astype(np.uint8), np.stack([numbers % 2, numbers], axis=1).astype(np.int64)


def train(
    folder: Path, devices: int, nan_step: int | None = None, recovery: Recovery | None = None
) -> dict[str, object]:
    folder.mkdir()
    weights, history = fit(
        network, (pictures(IMAGES, 0), pictures(11, 1)), loss, accuracy,
        SETTINGS.model_copy(update={"devices": devices}),
        name="tiny", step_loss=partial(written_loss, folder, nan_step), recovery=recovery,
    )  # fmt: skip
    return {"weights": weights, "history": history.to_dict("list")}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO)
    results: dict[str, object] = {"environment": dict(os.environ)}
    results["one"] = train(folder / "one", 1)
    recovery = Recovery(folder / "states")
    try:
        train(folder / "diverged", 2, nan_step=7, recovery=recovery)
    except LooksError as error:
        results["error"] = f"{type(error).__name__}: {error}"
    results["two"] = train(folder / "two", 2, recovery=recovery)
    results["environment after"] = dict(os.environ)
    torch.save(results, folder / "results.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
