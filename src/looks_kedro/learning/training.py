"""The training loop, seeded."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError, LooksError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import StateDict, portable
from looks_kedro.learning.data import ImageArray, choose_device, portrait_batches
from looks_kedro.learning.settings import Training
from looks_kedro.progress import track

__all__ = ["HISTORY_COLUMNS", "DivergedError", "evaluate", "fit", "train_classifier", "train_one_epoch"]

log = logging.getLogger(__name__)

HISTORY_COLUMNS = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds")

Targets = npt.NDArray[np.int64]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Accuracy = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class DivergedError(LooksError):
    """The loss became infinite or not a number."""


def train_classifier(
    images_train: ImageArray,
    targets_train: Targets,
    images_test: ImageArray,
    targets_test: Targets,
    backbone: str,
    settings: Training,
    start: Mapping[str, torch.Tensor] | None = None,
) -> tuple[StateDict, pd.DataFrame]:
    """Train one network to tell ordinary people (0) from celebrities (1).

    The last epoch's weights are the result, as in the study: the test part chooses nothing.

    Args:
        images_train: uint8 (N, S, S, 3).
        targets_train: int64 (N,), 0 or 1.
        images_test: uint8 (M, S, S, 3).
        targets_test: int64 (M,), 0 or 1.
        backbone: name for ``build_backbone``.
        settings: how to train.
        start: the state dict of a FairFace network, from which ``custom`` takes its trunk.

    Returns:
        The weights, on the CPU, and the history: one row an epoch, ``HISTORY_COLUMNS``; losses in nats, accuracies
        in 0..1, seconds of wall clock. Training values are gathered while the weights move, test values after.

    Raises:
        BadInputError: too few images, unequal numbers, a class missing, or ``start`` with another backbone.
        DivergedError: the loss became infinite or not a number.
    """
    check_parts(images_train, targets_train, images_test, targets_test)
    missing = {0, 1} - set(np.unique(targets_train).tolist())
    if missing:
        raise BadInputError(f"training part: expected both classes 0 and 1, found none of {sorted(missing)}")
    if start is not None and backbone != "custom":
        raise BadInputError(f"FairFace weights fit the backbone custom only, found {backbone!r}")

    def build() -> nn.Module:
        if start is None:
            return build_backbone(backbone)
        from looks_kedro.learning.fairface import custom_from_fairface

        return custom_from_fairface(start)

    loss = nn.functional.cross_entropy
    parts = ((images_train, targets_train), (images_test, targets_test))
    return fit(build, parts, loss, class_accuracy, settings, name=backbone)


def class_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Share of images whose largest logit is the target's; a scalar in 0..1."""
    return (logits.argmax(1) == targets).float().mean()


def check_parts(
    images_train: ImageArray, targets_train: Targets, images_test: ImageArray, targets_test: Targets
) -> None:
    """Refuse parts that cannot be trained or tested on.

    Raises:
        BadInputError: fewer than two training images, no test image, or numbers of images and targets that differ.
    """
    parts = (("training", images_train, targets_train, 2), ("test", images_test, targets_test, 1))
    for part, images, targets, least in parts:
        if len(images) < least:
            raise BadInputError(f"{part} part: expected at least {least} images, found {len(images)}; add images")
        if len(images) != len(targets):
            raise BadInputError(f"{part} part: {len(images)} images but {len(targets)} targets")
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
            raise BadInputError(f"{part} part: expected uint8 (N, S, S, 3), found {images.dtype} {images.shape}")


def fit(
    build: Callable[[], nn.Module],
    parts: tuple[tuple[ImageArray, Targets], tuple[ImageArray, Targets]],
    loss: Loss,
    accuracy: Accuracy,
    settings: Training,
    *,
    name: str,
) -> tuple[StateDict, pd.DataFrame]:
    """Build a network under the seed and train it for the epochs of the settings.

    Args:
        build: gives the network; called under the seed.
        parts: images and targets of the training part and of the test part.
        loss: of logits and targets, the mean over images.
        accuracy: of logits and targets, the mean over images.
        settings: how to train.
        name: for the log.

    Returns:
        Weights and history, as ``train_classifier``.
    """
    (images_train, targets_train), (images_test, targets_test) = parts
    device = choose_device(settings.device)
    history: list[tuple[float, ...]] = []
    with reproducible(settings, device), thread_count(settings.threads):
        model = build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = settings.batch_norm_momentum
        optimizer = build_optimizer(model, settings)
        steps = math.ceil(len(images_train) / settings.batch_size)
        for epoch in range(1, settings.epochs + 1):
            began = time.perf_counter()
            shuffled = portrait_batches(
                images_train,
                settings.batch_size,
                device,
                targets=targets_train,
                seed=settings.seed * 100_003 + epoch,
                workers=settings.workers,
            )
            batches = track(shuffled, f"{name} {epoch}/{settings.epochs}", steps)
            train = train_one_epoch(model, batches, loss, accuracy, optimizer)
            if not math.isfinite(train[0]):
                raise DivergedError(
                    f"{name}, epoch {epoch}: the training loss is {train[0]}; "
                    f"set training.learning_rate below {settings.learning_rate:g}"
                )
            in_order = portrait_batches(
                images_test, settings.batch_size, device, targets=targets_test, workers=settings.workers
            )
            test = evaluate(model, in_order, loss, accuracy)
            seconds = time.perf_counter() - began
            history.append((epoch, *train, *test, seconds))
            log.info(
                "%s epoch %d/%d: train loss %.4f accuracy %.4f, test loss %.4f accuracy %.4f, %.1f s",
                name, epoch, settings.epochs, *train, *test, seconds,
            )  # fmt: skip
        weights = portable(model.state_dict())
    table = pd.DataFrame(history, columns=list(HISTORY_COLUMNS)).astype({"epoch": "int64"})
    return weights, table


def train_one_epoch(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss: Loss,
    accuracy: Accuracy,
    optimizer: torch.optim.Optimizer,
) -> tuple[float, float]:
    """One pass of steps; the mean loss and accuracy over the images, as they were while the weights moved."""
    model.train()
    means = RunningMeans()
    for images, targets in batches:
        optimizer.zero_grad(set_to_none=True)
        logits = model(images)
        value = loss(logits, targets)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        means.add(len(images), value.detach(), accuracy(logits.detach(), targets))
    return means.values()


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss: Loss,
    accuracy: Accuracy,
) -> tuple[float, float]:
    """The mean loss and accuracy over the images, in evaluation mode."""
    model.eval()
    means = RunningMeans()
    for images, targets in batches:
        logits = model(images)
        means.add(len(images), loss(logits, targets), accuracy(logits, targets))
    return means.values()


class RunningMeans:
    """Loss and accuracy, weighted by the images of each batch; read from the device once, at the end."""

    def __init__(self) -> None:
        self._counts: list[int] = []
        self._values: list[torch.Tensor] = []

    def add(self, count: int, loss: torch.Tensor, accuracy: torch.Tensor) -> None:
        """Take one batch's means."""
        self._counts.append(count)
        self._values.append(torch.stack([loss.double(), accuracy.double()]))

    def values(self) -> tuple[float, float]:
        """The means over all images so far."""
        stacked = torch.stack(self._values).cpu()
        weights = torch.tensor(self._counts, dtype=torch.float64)
        loss, accuracy = ((stacked * weights[:, None]).sum(0) / weights.sum()).tolist()
        return loss, accuracy


def build_optimizer(model: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """The optimiser of the settings over all weights of the model.

    Fused: one pass over the weights instead of one for each operation, 3 to 4 times as fast on a CPU.
    """
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=decay, fused=True)
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(model.parameters(), lr=rate, weight_decay=decay, fused=True)


@contextmanager
def reproducible(settings: Training, device: torch.device) -> Iterator[None]:
    """Seed torch inside the block and put its random state and determinism flags back afterwards."""
    flags = (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)
    strict, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if device.type == "cuda" and settings.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            torch.manual_seed(settings.seed)
            torch.backends.cudnn.deterministic = settings.deterministic
            torch.backends.cudnn.benchmark = not settings.deterministic
            torch.use_deterministic_algorithms(settings.deterministic, warn_only=True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            yield
        finally:
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


@contextmanager
def thread_count(threads: int | None) -> Iterator[None]:
    """Use this many CPU threads inside the block; none changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
