"""How well a network tells the classes apart: balanced accuracy, AUC, and both by group with intervals."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.errors import BadInputError
from looks_kedro.intervals import (
    Interval,
    auc_interval,
    balanced_accuracy_interval,
    people_of,
    placements,
    share_interval,
)

__all__ = ["PERFORMANCE_COLUMNS", "auc", "balanced_accuracy", "performance"]

log = logging.getLogger(__name__)

ATTRIBUTES = ("gender", "race", "age")
_MEASURES = ("accuracy", "balanced_accuracy", "auc")

PERFORMANCE_COLUMNS = (
    "attribute",
    "value",
    "images",
    "identities",
    "celebrities",
    "ordinary",
    *(f"{measure}{limit}" for measure in _MEASURES for limit in ("", "_low", "_high")),
)


def balanced_accuracy(correct: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Mean of the two classes' accuracies; NaN where a class has no image.

    Args:
        correct: bool (N,).
        classes: 0 or 1 (N,).
    """
    right, labels = np.asarray(correct, dtype=np.float64), np.asarray(classes)
    shares = [float(right[labels == one].mean()) if (labels == one).any() else float("nan") for one in (0, 1)]
    return 0.5 * (shares[0] + shares[1])


def auc(scores: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """Area under the ROC curve: how often an image of class 1 has the larger score, ties counted half.

    Args:
        scores: (N,), larger for class 1.
        classes: 0 or 1 (N,).

    Returns:
        From 0 to 1; NaN where a class has no image.
    """
    labels = np.asarray(classes)
    if not (labels == 1).any() or not (labels == 0).any():
        return float("nan")
    return float(placements(scores, labels)[labels == 1].mean())


def performance(predictions: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Accuracy, balanced accuracy and AUC of all images and of each gender, race and age group.

    Args:
        predictions: columns ``file``, ``looks``, ``identity``, ``logit_ordinary``, ``logit_celebrity``, ``correct``.
        labels: columns ``file``, ``gender``, ``race``, ``age``, empty where unknown; other files are passed over.

    Returns:
        Columns ``PERFORMANCE_COLUMNS``, the row ``all`` first, groups in the order of their names. Images whose group
        is unknown count in ``all`` only. Intervals are 95 % ones over people; NaN where a class is missing, and their
        limits also where a class has one person.

    Raises:
        BadInputError: there are no predictions, or a file has two labels.
    """
    if predictions.empty:
        raise BadInputError("There are no predictions to measure; the test part has no images.")
    twice = labels.loc[labels["file"].duplicated(), "file"]
    if len(twice):
        raise BadInputError(f"The labels name {twice.iloc[0]} twice; expected one row a file.")
    groups = labels.set_index("file").reindex(predictions["file"])[list(ATTRIBUTES)].fillna("").astype(str)
    table = predictions.reset_index(drop=True).assign(**{name: groups[name].to_numpy() for name in ATTRIBUTES})
    rows = [{"attribute": attribute, "value": value} | _measures(part) for attribute, value, part in _parts(table)]
    return pd.DataFrame(rows, columns=list(PERFORMANCE_COLUMNS))


def _parts(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield "all", "all", table
    for attribute in ATTRIBUTES:
        known = table[table[attribute] != ""]
        if len(known) < len(table):
            log.info("%s: %d of %d test images are in no group", attribute, len(table) - len(known), len(table))
        for value, part in known.groupby(attribute, sort=True):
            yield attribute, str(value), part


def _measures(part: pd.DataFrame) -> dict[str, object]:
    looks, identity = part["looks"].to_numpy(), part["identity"].to_numpy().astype(str)
    correct = part["correct"].to_numpy(dtype=bool)
    difference = part["logit_celebrity"].to_numpy(np.float64) - part["logit_ordinary"].to_numpy(np.float64)
    found: tuple[Interval, ...] = (
        share_interval(correct, people_of(identity, looks)),
        balanced_accuracy_interval(correct, looks, identity),
        auc_interval(difference, looks, identity),
    )
    counts = {"images": len(part), "identities": len(np.unique(identity))}
    counts |= {"celebrities": int((looks == 1).sum()), "ordinary": int((looks == 0).sum())}
    limits = {"": "value", "_low": "low", "_high": "high"}
    measured = {
        f"{name}{end}": getattr(one, field)
        for name, one in zip(_MEASURES, found, strict=True)
        for end, field in limits.items()
    }
    return {**counts, **measured}
