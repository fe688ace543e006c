"""Training a network: what is learnt from which parts, on one device or several, from where a run was stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone, with_new_head
from looks_kedro.learning.checkpoints import StateDict
from looks_kedro.learning.data import choose_device
from looks_kedro.learning.device_memory import DeviceMemoryError
from looks_kedro.learning.epochs import DivergedError
from looks_kedro.learning.fairface import LOGITS, custom_from_fairface
from looks_kedro.learning.metrics import auc, balanced_accuracy
from looks_kedro.learning.people_parts import validation_rows
from looks_kedro.learning.portrait_arrays import ChosenPortraits, Portraits, content_key
from looks_kedro.learning.precision import choose_precision, memory_format
from looks_kedro.learning.processes import launch
from looks_kedro.learning.recovery import Recovery, Slot, array_digest, recovery_key, state_digest
from looks_kedro.learning.reproducibility import thread_count
from looks_kedro.learning.settings import Training
from looks_kedro.learning.task import HISTORY_COLUMNS, Accuracy, Loss, Part, Scores, Targets, Task

__all__ = [
    "HISTORY_COLUMNS",
    "DeviceMemoryError",
    "DivergedError",
    "check_parts",
    "class_accuracy",
    "class_scores",
    "fit",
    "thread_count",
    "train_classifier",
]

log = logging.getLogger(__name__)

Groups = Sequence[str] | npt.NDArray[np.generic]


def train_classifier(
    images_train: Portraits,
    targets_train: Targets,
    images_test: Portraits,
    targets_test: Targets,
    backbone: str,
    settings: Training,
    start: Mapping[str, torch.Tensor] | None = None,
    *,
    groups_train: Groups | None = None,
    recovery: Recovery | None = None,
) -> tuple[StateDict, pd.DataFrame]:
    """Train one network to tell ordinary people (0) from celebrities (1).

    The last epoch's weights are the result, as in the study: the test part chooses nothing. With ``early_stop`` the
    epoch with the lowest loss on the validation part gives them.

    Args:
        images_train: uint8 (N, S, S, 3).
        targets_train: int64 (N,), 0 or 1.
        images_test: uint8 (M, S, S, 3).
        targets_test: int64 (M,), 0 or 1.
        backbone: name for ``build_backbone``.
        settings: how to train.
        start: a state dict whose trunk the network takes, under a new head: for ``custom`` a FairFace network's
            (18 logits), for others their own with any other head, such as ImageNet's (1000 logits).
        groups_train: (N,), the person of each training image; nobody is in both the training and the validation part.
            Without it each image is a group of its own.
        recovery: where the state is kept after each epoch; a training that was stopped goes on from there, to the same
            bytes.

    Returns:
        The weights, on the CPU, and the history: one row an epoch, ``HISTORY_COLUMNS``; losses in nats, accuracies
        and area under the curve in 0..1 (NaN without a validation part, and where a class is missing), the learning
        rate of the epoch's last step, seconds of wall clock, training images a second of learning, and peak memory in
        MB (of the GPU, else of the process). Training values are gathered while the weights move, the others after.

    Raises:
        BadInputError: too few images, unequal numbers, a class missing, or ``start`` of another network.
        BadParameterError: a device, a number of devices or a backbone that is not there.
        DivergedError: the loss became infinite or not a number.
        DeviceMemoryError: a batch does not fit into the memory of the device.
        RecoveryError: the state cannot be written.
    """
    check_parts(images_train, targets_train, images_test, targets_test)
    missing = {0, 1} - set(np.unique(targets_train).tolist())
    if missing:
        raise BadInputError(f"training part: expected both classes 0 and 1, found none of {sorted(missing)}")
    if start is not None and backbone != "custom" and _logits(start) == LOGITS:
        raise BadInputError(f"FairFace weights ({LOGITS} logits) fit the backbone custom only, found {backbone!r}")
    return fit(
        partial(_build, backbone, settings.image_size, None if start is None else dict(start)),
        ((images_train, targets_train), (images_test, targets_test)),
        nn.functional.cross_entropy,
        class_accuracy,
        settings,
        name=backbone,
        step_loss=partial(nn.functional.cross_entropy, label_smoothing=settings.label_smoothing),
        scores=class_scores,
        groups=groups_train,
        recovery=recovery,
        start=start,
    )


def _build(backbone: str, image_size: int, start: Mapping[str, torch.Tensor] | None) -> nn.Module:
    if start is None:
        return build_backbone(backbone, image_size=image_size)
    if backbone == "custom":
        return custom_from_fairface(start)
    return with_new_head(backbone, start, image_size=image_size)


def _logits(weights: Mapping[str, torch.Tensor]) -> int:
    """Width of the head: the last weight of a state dict."""
    last = next((value for value in reversed(list(weights.values())) if value.ndim), None)
    return 0 if last is None else len(last)


def class_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Share of images whose largest logit is the target's; a scalar in 0..1."""
    return (logits.argmax(1) == targets).double().mean()


def class_scores(logits: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Balanced accuracy and area under the curve of two logits (N, 2) against targets (N,) of 0 and 1."""
    difference = (logits[:, 1].double() - logits[:, 0].double()).numpy()
    classes = targets.numpy()
    return balanced_accuracy((difference > 0) == (classes == 1), classes), auc(difference, classes)


def check_parts(images_train: Portraits, targets_train: Targets, images_test: Portraits, targets_test: Targets) -> None:
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
    parts: tuple[tuple[Portraits, Targets], tuple[Portraits, Targets]],
    loss: Loss,
    accuracy: Accuracy,
    settings: Training,
    *,
    name: str,
    step_loss: Loss | None = None,
    scores: Scores | None = None,
    groups: Groups | None = None,
    recovery: Recovery | None = None,
    start: Mapping[str, torch.Tensor] | None = None,
) -> tuple[StateDict, pd.DataFrame]:
    """Build a network under the seed and train it for the epochs of the settings.

    Args:
        build: gives the network; called under the seed. With several devices it, the losses and the accuracy are sent
            to other processes: functions of a module, or ``functools.partial`` of them.
        parts: images and targets of the training part and of the test part.
        loss: of logits and targets, the mean over images, as the history tells it.
        accuracy: of logits and targets, the mean over images.
        settings: how to train.
        name: for the log and messages.
        step_loss: what a step lowers; ``loss`` when none.
        scores: balanced accuracy and area under the curve of logits and targets; NaN in the history when none.
        groups: the person of each training image, as ``train_classifier``.
        recovery: where the state is kept, as ``train_classifier``.
        start: what ``build`` starts from, so that a state with another start is not gone on with.

    Returns:
        Weights and history, as ``train_classifier``.
    """
    (images_train, targets_train), (images_test, targets_test) = parts
    slot = None if recovery is None else _slot(recovery, name, settings, parts, groups, start)
    named = {"train": Part(images_train, targets_train), "test": Part(images_test, targets_test)}
    if settings.validation_fraction > 0:
        people = [str(row) for row in range(len(targets_train))] if groups is None else groups
        kept, aside = validation_rows(people, targets_train, settings.validation_fraction, settings.seed)
        named["train"] = Part(ChosenPortraits(images_train, kept), targets_train[kept])
        named["validation"] = Part(ChosenPortraits(images_train, aside), targets_train[aside])
        log.info("%s: %d images to learn from, %d kept aside for validation", name, len(kept), len(aside))
    task = Task(name, build, loss, step_loss or loss, accuracy, scores)
    weights, history = launch(task, named, settings, slot)
    return weights, pd.DataFrame(history, columns=list(HISTORY_COLUMNS)).astype({"epoch": "int64"})


def _slot(
    recovery: Recovery,
    name: str,
    settings: Training,
    parts: Sequence[tuple[Portraits, Targets]],
    groups: Groups | None,
    start: Mapping[str, torch.Tensor] | None,
) -> Slot:
    """The place of the state of this very training."""
    data: dict[str, Any] = {}
    for part, (images, targets) in zip(("train", "test"), parts, strict=True):
        data |= {f"{part} images": content_key(images), f"{part} targets": array_digest(targets)}
    if settings.validation_fraction > 0 and groups is not None:
        data["groups"] = array_digest(np.asarray(groups, dtype=str))
    device = choose_device(settings.device)
    resolved = {
        "device": device.type,
        "precision": choose_precision(settings, device),
        "memory format": str(memory_format(settings)),
    }
    if device.type == "cpu":  # sums are rounded in another order with another number of threads
        resolved["threads"] = str(settings.threads or torch.get_num_threads())
    return recovery.slot(recovery_key(name, settings, data=data, start=state_digest(start), resolved=resolved))
