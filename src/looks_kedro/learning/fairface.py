"""Networks in FairFace's format: 18 logits on a ResNet34 (Karkkainen and Joo, WACV 2021).

The logits are seven races, two genders and nine ages, in the order of ``ATTRIBUTES``.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import StateDict

__all__ = [
    "ATTRIBUTES",
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
        name = str(source)
        content = _read_weights(Path(source))
    else:
        name, content = "FairFace weights", source
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise BadInputError(f"{name}: expected a state dict (names to tensors), found {type(content).__name__}")
    weights = {str(key).removeprefix("module."): value for key, value in content.items()}
    _check_weights(name, weights)
    return weights


def _read_weights(path: Path) -> Any:
    if not path.is_file():
        raise BadInputError(f"{path}: expected FairFace weights, found no such file; download them or run pretraining")
    with path.open("rb") as file:
        first = file.read(512).lstrip().lower()
    if first.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise BadInputError(
            f"{path}: expected FairFace weights, found a saved web page (of a download service, as a rule); "
            f"download the file itself (85,283,042 bytes)"
        )
    if first.startswith(b"version https://git-lfs"):
        raise BadInputError(f"{path}: expected FairFace weights, found a Git LFS pointer; fetch it with git lfs pull")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInputError(
            f"{path}: expected weights saved by torch, found {path.stat().st_size:,} bytes that torch refuses "
            f"({reason}); download it again"
        ) from error
    if not is_published(path):
        log.warning(
            "%s is not FairFace's published network; its 18 logits are taken as 7 races, 2 genders, 9 ages", path
        )
    return content


def _check_weights(name: str, weights: Mapping[str, torch.Tensor]) -> None:
    head = weights.get("fc.weight")
    if head is None or head.ndim != 2:
        raise BadInputError(f"{name}: expected a ResNet34 with a layer fc, found none; is it another network?")
    if head.shape[0] != LOGITS:
        raise BadInputError(
            f"{name}: expected {LOGITS} logits (7 races, 2 genders, 9 ages), found {head.shape[0]}; "
            f"use res34_fair_align_multi_7_20190809.pt or a network of the pretraining pipeline"
        )
    with torch.device("meta"):
        expected = build_backbone("resnet34", LOGITS).state_dict()
    wrong = [
        key
        for key, value in expected.items()
        if not key.endswith("num_batches_tracked") and (key not in weights or weights[key].shape != value.shape)
    ]
    wrong += [key for key in weights if key not in expected]
    if wrong:
        raise BadInputError(
            f"{name}: expected the weights of a ResNet34, found {len(wrong)} names or shapes that differ "
            f"({', '.join(wrong[:3])})"
        )


def custom_from_fairface(weights: Mapping[str, Any], classes: int = 2) -> nn.Module:
    """The study's custom network: FairFace's trunk under a new linear layer.

    Args:
        weights: what ``load_fairface`` takes or gives.
        classes: width of the new layer, drawn from torch's random state.

    Returns:
        A ResNet34; every weight trains.
    """
    trunk = {key: value for key, value in load_fairface(weights).items() if not key.startswith("fc.")}
    model = build_backbone("custom", classes)
    left = model.load_state_dict(trunk, strict=False)
    missing = [key for key in left.missing_keys if not key.endswith("num_batches_tracked")]
    if sorted(missing) != ["fc.bias", "fc.weight"] or left.unexpected_keys:
        raise BadInputError(
            f"FairFace weights: names differ from a ResNet34's: {missing[:3]} {left.unexpected_keys[:3]}"
        )
    return model


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


def attribute_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum of the three attributes' mean cross-entropies, in nats; unknown ones (-1) count nothing.

    Args:
        logits: (N, 18).
        targets: int64 (N, 3).
    """
    total = logits.sum() * 0.0
    for column, part in enumerate(torch.split(logits, _WIDTHS, dim=1)):
        wanted = targets[:, column]
        summed = nn.functional.cross_entropy(part, wanted, ignore_index=-1, reduction="sum")
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
