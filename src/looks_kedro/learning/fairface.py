"""Networks in FairFace's format: 18 logits on a ResNet34 (Karkkainen and Joo, WACV 2021).

The logits are seven races, two genders and nine ages, in the order of ``ATTRIBUTES``.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import skeleton, with_new_head
from looks_kedro.learning.checkpoints import StateDict
from looks_kedro.weight_files import differences, read_weights, state_dict_of

__all__ = [
    "ATTRIBUTES",
    "LOGIT_NAMES",
    "PUBLISHED_SHA256",
    "attribute_accuracy",
    "attribute_loss",
    "attribute_targets",
    "custom_from_fairface",
    "is_published",
    "load_fairface",
]

log = logging.getLogger(__name__)

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "race": ("White", "Black", "Latino_Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern"),
    "gender": ("Male", "Female"),
    "age": ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70"),
}
"""Classes of each attribute in the order of the logits."""

LOGITS = sum(map(len, ATTRIBUTES.values()))

PUBLISHED_SHA256 = "37f2e74c0e7da196f8edd7dae0c88cffdbef7923beebebcc27381f0ad0fdb2c1"
"""Of ``res34_fair_align_multi_7_20190809.pt`` (85,283,042 bytes)."""

LOGIT_NAMES = tuple(f"{attribute}={name}" for attribute, names in ATTRIBUTES.items() for name in names)
"""A name for each of the 18 logits, such as ``race=White``; the classes of a checkpoint in this format."""

_WHAT = "FairFace weights (res34_fair_align_multi_7_20190809.pt, or those of pretraining)"
_WIDTHS = [len(classes) for classes in ATTRIBUTES.values()]


def is_published(path: str | Path) -> bool:
    """Whether a file is FairFace's own seven-race network, by its sha256."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == PUBLISHED_SHA256


def load_fairface(source: str | Path | Mapping[str, Any]) -> StateDict:
    """The weights of a FairFace-format network, checked.

    The four-race network has a head of the same width with other meanings; only its hash tells, so a file that is
    not the published one is named in the log and taken as seven races, two genders, nine ages.

    Args:
        source: a file saved by torch, a state dict, or a checkpoint dictionary with the key ``state_dict``; a
            prefix ``module.`` of its names is taken off.

    Returns:
        State dict of a ResNet34 with 18 logits.

    Raises:
        BadInputError: there is no such file; it is a web page, a Git LFS pointer, or no weights; or the weights are
            those of another network.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        weights = read_weights(path, _WHAT, "download them or run pretraining")
        _check_weights(f"{path}: expected {_WHAT}", weights)
        _tell_origin(path)
    else:
        weights = state_dict_of(source, f"FairFace weights: expected {_WHAT}")
        _check_weights(f"FairFace weights: expected {_WHAT}", weights)
    return weights


def _tell_origin(path: Path) -> None:
    if is_published(path):
        log.info("%s is FairFace's published network of seven races, by its sha256", path)
    else:
        log.warning(
            "%s is not FairFace's published network; its 18 logits are taken as 7 races, 2 genders, 9 ages", path
        )


def _check_weights(told: str, weights: Mapping[str, torch.Tensor]) -> None:
    head = weights.get("fc.weight")
    if head is None or head.ndim != 2:
        raise BadInputError(f"{told}: a ResNet34 with a layer fc, found none; is it another network?")
    if head.shape[0] != LOGITS:
        raise BadInputError(
            f"{told}: expected {LOGITS} logits (7 races, 2 genders, 9 ages), found {head.shape[0]}; "
            f"use res34_fair_align_multi_7_20190809.pt or a network of the pretraining pipeline"
        )
    wrong = differences(skeleton("resnet34", LOGITS).state_dict(), weights)
    if wrong:
        raise BadInputError(
            f"{told}: a ResNet34, found another network: {len(wrong)} names or shapes differ "
            f"({', '.join(wrong[:3])}); use res34_fair_align_multi_7_20190809.pt"
        )


def custom_from_fairface(weights: str | Path | Mapping[str, Any], classes: int = 2) -> nn.Module:
    """The study's custom network: FairFace's trunk under a new linear layer.

    Args:
        weights: what ``load_fairface`` takes or gives.
        classes: width of the new layer, drawn from torch's random state.

    Returns:
        A ResNet34; every weight trains.

    Raises:
        BadInputError: as ``load_fairface``, or a number is not finite.
    """
    return with_new_head("custom", load_fairface(weights), classes, told=f"FairFace weights: expected {_WHAT}")


def attribute_targets(labels: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Class numbers of race, gender and age, in the order of the logits.

    Args:
        labels: columns ``race``, ``gender``, ``age`` with the names of ``ATTRIBUTES``; empty where unknown.

    Returns:
        int64 (N, 3): race 0..6, gender 0..1, age 0..8; -1 where unknown.

    Raises:
        BadInputError: a column is missing or a name is none of FairFace's.
    """
    columns = []
    for attribute, classes in ATTRIBUTES.items():
        if attribute not in labels.columns:
            raise BadInputError(f"labels: expected a column {attribute!r}, found {', '.join(map(str, labels.columns))}")
        values = labels[attribute].astype("string").str.strip().fillna("")
        numbers = values.map({name: number for number, name in enumerate(classes)} | {"": -1})
        if numbers.isna().any():
            row = int(np.flatnonzero(numbers.isna().to_numpy())[0])
            raise BadInputError(
                f"labels, row {row + 1}: {attribute} is {values.iloc[row]!r}; expected one of {', '.join(classes)}, "
                f"or empty"
            )
        columns.append(numbers.to_numpy(dtype=np.int64))
    return np.stack(columns, axis=1)


def attribute_loss(logits: torch.Tensor, targets: torch.Tensor, label_smoothing: float = 0.0) -> torch.Tensor:
    """Sum of the three attributes' mean cross-entropies, in nats; unknown ones (-1) count nothing.

    Args:
        logits: (N, 18).
        targets: int64 (N, 3).
        label_smoothing: share of each target that is spread over all classes of its attribute.
    """
    total = logits.sum() * 0.0
    for column, part in enumerate(torch.split(logits, _WIDTHS, dim=1)):
        wanted = targets[:, column]
        summed = nn.functional.cross_entropy(
            part, wanted, ignore_index=-1, reduction="sum", label_smoothing=label_smoothing
        )
        total = total + summed / (wanted >= 0).sum().clamp(min=1)
    return total


def attribute_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Share of right answers an attribute among the images where it is known; NaN where none is.

    Args:
        logits: (N, 18).
        targets: int64 (N, 3).
    """
    result = {}
    for column, (attribute, part) in enumerate(zip(ATTRIBUTES, torch.split(logits, _WIDTHS, dim=1), strict=True)):
        known = targets[:, column] >= 0
        right = (part.argmax(1) == targets[:, column])[known]
        result[attribute] = float(right.double().mean()) if len(right) else float("nan")
    return result
