"""Trains a small network again and again, is killed at many moments, and goes on; started by test_recovery.py.

Each training runs in a forked process of its own, so that it can be killed without loading torch anew. What the
trainings gave is written to the folder that is named on the command line.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from looks_kedro.learning.recovery import Recovery
from looks_kedro.learning.settings import Augmentation, Training
from looks_kedro.learning.training import class_accuracy, class_scores, fit

SETTINGS = Training(
    epochs=4,
    batch_size=8,
    image_size=32,
    threads=1,
    device="cpu",
    learning_rate=1e-2,
    schedule="cosine",
    warmup_epochs=1,
    augmentation=Augmentation(mirror=0.5, rotation=10, brightness=0.2),
    validation_fraction=0.25,
    early_stop=10,
)


def small_network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(16, 2),
    )  # fmt: skip


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    looks = np.arange(count, dtype=np.int64) % 2
    images = np.random.default_rng(seed).integers(0, 200, (count, 32, 32, 3))
    images[looks == 1, ..., 0] += 30
    return images.astype(np.uint8), looks


class Steps:
    """The loss, which counts its calls and ends the process at one of them."""

    def __init__(self, last: int | None = None) -> None:
        self.count, self.last = 0, last

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
        return nn.functional.cross_entropy(logits, targets)


def train(folder: Path, result: Path, last_step: int | None = None) -> None:
    steps = Steps(last_step)
    weights, history = fit(
        small_network, (pictures(48, 0), pictures(20, 1)), nn.functional.cross_entropy, class_accuracy, SETTINGS,
        name="small", step_loss=steps, scores=class_scores, recovery=Recovery(folder),
    )  # fmt: skip
    torch.save({"weights": weights, "history": history.to_dict("list"), "steps": steps.count}, result)


def at_event(event: str, number: int, act: Callable[[], object]) -> None:
    """Do something when Python has opened or is moving the file of a state for the n-th time."""
    seen = 0

    def hook(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if name == event and str(arguments[0]).endswith(".state.part"):
            seen += 1
            if seen == number:
                act()

    sys.addaudithook(hook)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_amid_writing() -> None:
    # The system itself ends a process that writes beyond its limit.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000))


STEPS = 5  # an epoch: 36 images by 8, the people kept aside not counted
MOMENTS: dict[str, Callable[[], int | None]] = {
    "first step": lambda: 0,
    "amid the second epoch": lambda: STEPS + 2,
    "last step": lambda: 4 * STEPS - 1,
    "first state just opened": lambda: at_event("open", 1, die),
    "amid writing the first state": lambda: at_event("open", 1, die_amid_writing),
    "amid writing the third state": lambda: at_event("open", 3, die_amid_writing),
    "second state written but not yet in place": lambda: at_event("os.rename", 2, die),
    "amid writing the finished training": lambda: at_event("open", 4, die_amid_writing),
}


def in_own_process(work: Callable[[], object]) -> int:
    """How the process ended: 0, or the signal that killed it."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(99)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    ends = {"undisturbed": in_own_process(partial(train, folder / "undisturbed", folder / "undisturbed.pt"))}
    for number, (moment, prepare) in enumerate(MOMENTS.items()):
        states, result = folder / f"states-{number}", folder / f"{moment}.pt"
        ends[moment] = in_own_process(lambda p=prepare, s=states, r=result: train(s, r, p()))
        assert not result.exists(), f"{moment}: it was not killed"
        assert in_own_process(partial(train, states, result)) == 0, f"{moment}: it did not go on"
    again = in_own_process(partial(train, folder / "undisturbed", folder / "again.pt"))
    assert again == 0
    torch.save(ends, folder / "ends.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
