"""Training the FairFace-format attribute network, for those who lack the published weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.intervals import people_of, share_interval
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import StateDict, portable
from looks_kedro.learning.fairface import ATTRIBUTES, LOGITS, attribute_loss
from looks_kedro.learning.portrait_arrays import Portraits
from looks_kedro.learning.predictions import predict
from looks_kedro.learning.recovery import Recovery
from looks_kedro.learning.settings import Training
from looks_kedro.learning.training import Groups, check_parts, fit

__all__ = ["accuracy_by_class", "train_attributes", "untrained_attributes"]


def train_attributes(
    images_train: Portraits,
    targets_train: npt.NDArray[np.int64],
    images_test: Portraits,
    targets_test: npt.NDArray[np.int64],
    settings: Training,
    *,
    groups_train: Groups | None = None,
    groups_test: Groups | None = None,
    recovery: Recovery | None = None,
) -> tuple[StateDict, pd.DataFrame, pd.DataFrame]:
    """Train a fresh ResNet34 to name race, gender and age.

    Args:
        images_train: uint8 (N, S, S, 3).
        targets_train: int64 (N, 3) of ``attribute_targets``; -1 where unknown.
        images_test: uint8 (M, S, S, 3).
        targets_test: int64 (M, 3).
        settings: how to train.
        groups_train: (N,), the person of each training image, for a validation part.
        groups_test: (M,), the person of each test image, for the intervals; without it each image is somebody else.
        recovery: where the state is kept after each epoch, as for ``train_classifier``.

    Returns:
        State dict with 18 logits (what ``load_fairface`` takes), the history (accuracy = mean over the known
        attributes of the images), and the accuracy on the test part (``accuracy_by_class``).

    Raises:
        BadInputError: too few images, unequal numbers, or no known attribute.
    """
    check_parts(images_train, targets_train, images_test, targets_test)
    if targets_train.shape[1:] != (len(ATTRIBUTES),) or (targets_train < 0).all():
        raise BadInputError("pretraining needs age, gender or race of at least one training image; fill the labels")
    weights, history = fit(
        attribute_network,
        ((images_train, targets_train), (images_test, targets_test)),
        attribute_loss,
        known_accuracy,
        settings,
        name="attributes",
        step_loss=partial(attribute_loss, label_smoothing=settings.label_smoothing),
        groups=groups_train,
        recovery=recovery,
    )
    with torch.random.fork_rng(devices=[]):
        model = attribute_network()
    model.load_state_dict(weights)
    logits = torch.from_numpy(predict(model, images_test, settings))
    return weights, history, accuracy_by_class(logits, torch.from_numpy(targets_test), groups_test)


def attribute_network() -> nn.Module:
    """A ResNet34 with FairFace's 18 logits, of random weights."""
    return build_backbone("resnet34", LOGITS)


def accuracy_by_class(logits: torch.Tensor, targets: torch.Tensor, identities: Groups | None = None) -> pd.DataFrame:
    """How often each attribute is named right, over all images and over those of each class.

    Args:
        logits: (N, 18).
        targets: int64 (N, 3) of ``attribute_targets``; -1 where unknown.
        identities: (N,), the person of each image, over whom the intervals are.

    Returns:
        Rows ``attribute, value, images, accuracy, low, high``: for race, gender and age one row with the value ``all``
        and one for each class that occurs; 95 % intervals, NaN where there is no image.
    """
    names = np.arange(len(targets)).astype(str) if identities is None else np.asarray(identities, dtype=str)
    rows: list[dict[str, Any]] = []
    widths = [len(classes) for classes in ATTRIBUTES.values()]
    for column, ((attribute, classes), part) in enumerate(
        zip(ATTRIBUTES.items(), torch.split(logits, widths, dim=1), strict=True)
    ):
        wanted = targets[:, column].numpy()
        right = part.argmax(1).numpy() == wanted
        rows.append(_share(attribute, "all", right, names, wanted >= 0))
        rows += [
            _share(attribute, name, right, names, wanted == number)
            for number, name in enumerate(classes)
            if (wanted == number).any()
        ]
    return pd.DataFrame(rows)


def _share(
    attribute: str,
    value: str,
    right: npt.NDArray[np.bool_],
    names: npt.NDArray[np.str_],
    chosen: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    row: dict[str, Any] = {"attribute": attribute, "value": value, "images": int(chosen.sum())}
    if not chosen.any():
        return row | dict.fromkeys(("accuracy", "low", "high"), float("nan"))
    interval = share_interval(right[chosen], people_of(names[chosen]))
    return row | {"accuracy": interval.value, "low": interval.low, "high": interval.high}


def untrained_attributes(seed: int) -> StateDict:
    """Random weights of the attribute network, for when there is nothing to learn from.

    Args:
        seed: of the weights; torch's global random state is left as it was.

    Returns:
        State dict with 18 logits.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return portable(build_backbone("resnet34", LOGITS).state_dict())


def known_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Share of right answers over all known attributes of a batch; a scalar in 0..1, 0 where none is known."""
    widths = [len(classes) for classes in ATTRIBUTES.values()]
    named = torch.stack([part.argmax(1) for part in torch.split(logits, widths, dim=1)], dim=1)
    known = targets >= 0
    return ((named == targets) & known).sum() / known.sum().clamp(min=1)
