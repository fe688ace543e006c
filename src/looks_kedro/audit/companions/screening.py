"""The table of companions: everything that is tried on the labels before a network is trained.

All companions share the same exchanges of labels between people, so that one error rate holds for the whole table:
with labels drawn by chance, the probability that any row is flagged is at most about ``FAMILY_LEVEL``, twice that with
the pseudo-splits, whatever the class balance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.companions import near_copies, properties
from looks_kedro.audit.companions.discriminant import HeldOut, auc, separations
from looks_kedro.audit.companions.evidence import Evidence, gather_evidence
from looks_kedro.audit.companions.ladder import RUNGS, degraded
from looks_kedro.audit.companions.notes import note_on
from looks_kedro.audit.companions.permutations import Bools, Floats, Units, exchanged_labels, family_p_values, units_of
from looks_kedro.audit.companions.pseudo_split import LEAST_PEOPLE, pseudo_split
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import balanced_accuracy_interval

__all__ = [
    "COMPANION_COLUMNS",
    "FAMILY_LEVEL",
    "LEAST_AUC",
    "Companions",
    "classifiers_of",
    "family_statistics",
    "find_companions",
    "judge_evidence",
]

COMPANION_COLUMNS = (
    "companion",
    "input",
    "balanced_accuracy",
    "low",
    "high",
    "auc",
    "p_value",
    "images",
    "identities",
    "flagged",
    "note",
)

PERMUTATIONS = 1_999
FAMILY_LEVEL = 0.01
LEAST_AUC = 0.55
"""A difference below it is not flagged, however sure: with thousands of people everything differs a little."""

REFERENCES = ("intact", "face only")
"""Rungs that show the face: a class may be told from them rightly, so they are never flagged."""

_CELLS_AT_ONCE = 4_000_000  # people x labelings: 32 MB for each of the arrays


@dataclass(frozen=True)
class Companions:
    """The outcome.

    Attributes:
        table: columns ``COMPANION_COLUMNS``; ``p_value`` holds for all rows together, those of pseudo-splits alone.
        importances: columns ``properties.IMPORTANCE_COLUMNS``.
        copies: pictures in both classes, ``file`` and ``copy``.
        examples: uint8 (2, rungs, 64, 64, 3), a picture of class 1 and one of class 0 on each rung of ``rungs``.
        rungs: names of the rungs shown.
    """

    table: pd.DataFrame
    importances: pd.DataFrame
    copies: pd.DataFrame
    examples: npt.NDArray[np.uint8] = field(repr=False)
    rungs: tuple[str, ...] = ()


def find_companions(
    faces: Any,
    labels: npt.ArrayLike,
    identities: npt.ArrayLike,
    landmarks: npt.ArrayLike | None = None,
    mattes: Any = None,
    raw: pd.DataFrame | None = None,
    files: Sequence[str] | None = None,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Companions:
    """Try on the labels all that can be tried without a network.

    Args:
        faces: uint8 (N, S, S, 3) RGB, or N paths of image files.
        labels: 0 or 1 (N,).
        identities: (N,) a name for each image.
        landmarks: (N, 5, 2) in pixels of the faces; without them the rungs of face and background stay empty.
        mattes: uint8 (N, S, S), for the background.
        raw: N rows with properties of the source photos (see ``properties.known_properties``).
        files: N names for the list of copies.
        permutations: exchanges of labels; 1,999 can reach a p of 0.0005.
        seed: of folds, shuffles and exchanges.

    Raises:
        BadInputError: lengths differ, or an input is not of the form above.
    """
    evidence = gather_evidence(faces, identities, landmarks, mattes, raw, seed=seed)
    return judge_evidence(evidence, labels, files, permutations=permutations, seed=seed)


def judge_evidence(
    evidence: Evidence,
    labels: npt.ArrayLike,
    files: Sequence[str] | None = None,
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Companions:
    """Hold the labels against what was measured; arguments as in :func:`find_companions`.

    A row is flagged when its p, which holds for all rows together, is at most ``FAMILY_LEVEL``, its AUC (or the
    neighbours' balanced accuracy) is at least ``LEAST_AUC``, and it does not show the face. Copies are flagged by p
    alone; pseudo-splits when their mean lies above chance.
    """
    units = units_of(labels, evidence.identities, seed)
    marks = np.asarray(labels).astype(np.int64)
    if not 0 < marks.sum() < len(marks):
        raise BadInputError(f"labels: all {len(marks)} images are of one class; expected images of both.")
    classifiers = classifiers_of(evidence, units)
    statistics = family_statistics(evidence, classifiers, units, exchanged_labels(units, permutations, seed))
    _, together = family_p_values(statistics)

    rows = [
        _classified(name, one, marks, evidence.identities, float(p))
        for (name, one), p in zip(classifiers.items(), together, strict=False)
    ]
    missing = [rung for rung in RUNGS if rung not in evidence.rungs]
    rows += [_row("degraded input", rung, marks, evidence.identities) for rung in missing]
    rows += _pseudo_splits(evidence, marks, evidence.identities, seed)
    rows += _pairs(evidence, marks, statistics[-2:, 0], together[-2:])
    carried = properties.importances(evidence.properties, units, seed)
    for row in rows:
        row["note"] = note_on(row, carried)
    examples, shown = _examples(evidence, marks, seed)
    table = pd.DataFrame(rows)[list(COMPANION_COLUMNS)]
    return Companions(table, carried, near_copies.copies_across_classes(evidence.copies, marks, files), examples, shown)


def classifiers_of(evidence: Evidence, units: Units) -> dict[str, HeldOut]:
    """The classifier of each input, with its folds."""
    inputs: dict[str, npt.NDArray[Any]] = {"image properties": properties.design(evidence.properties)[0]}
    inputs |= evidence.rungs
    return {name: HeldOut(features, units) for name, features in inputs.items()}


def family_statistics(evidence: Evidence, classifiers: Mapping[str, HeldOut], units: Units, labelings: Bools) -> Floats:
    """What is compared between labelings: separations, crossing copies, and neighbours' agreement.

    Args:
        evidence: what was measured.
        classifiers: from :func:`classifiers_of`.
        units: the people.
        labelings: bool (C, P).

    Returns:
        (K + 2, P), larger where the classes differ more.
    """
    statistics = [_separations(one, labelings) for one in classifiers.values()]
    statistics.append(near_copies.crossings(evidence.copies, units, labelings))
    statistics.append(near_copies.neighbour_agreement(evidence.neighbours, units, labelings))
    return np.stack(statistics)


def _separations(classifier: HeldOut, labelings: Bools) -> Floats:
    step = max(1, _CELLS_AT_ONCE // len(labelings))
    blocks = [labelings[:, start : start + step] for start in range(0, labelings.shape[1], step)]
    return np.concatenate([separations(classifier.margins(block), block) for block in blocks])


def _classified(
    name: str, classifier: HeldOut, marks: npt.NDArray[np.int64], identities: npt.NDArray[Any], p_value: float
) -> dict[str, Any]:
    margins = classifier.image_margins()
    reached = balanced_accuracy_interval((margins > 0) == (marks == 1), marks, identities)
    area = auc(margins, marks)
    flagged = name not in REFERENCES and p_value <= FAMILY_LEVEL and area >= LEAST_AUC
    companion = "image properties" if name == "image properties" else "degraded input"
    return _row(
        companion, name, marks, identities, reached.value, reached.low, reached.high, area, p_value, bool(flagged)
    )


def _pseudo_splits(
    evidence: Evidence, marks: npt.NDArray[np.int64], identities: npt.NDArray[Any], seed: int
) -> list[dict[str, Any]]:
    inputs: dict[str, npt.NDArray[Any]] = {"image properties": properties.design(evidence.properties)[0]}
    inputs["intact"] = evidence.rungs["intact"]
    rows = []
    for looks in (1, 0):
        chosen = marks == looks
        for name in ("image properties", "intact"):
            row = _row("pseudo-split", f"class {looks}: {name}", marks[chosen], identities[chosen])
            if row["identities"] >= LEAST_PEOPLE:
                units = units_of(marks[chosen], identities[chosen], seed)
                split = pseudo_split(HeldOut(inputs[name][chosen], units), units.person, seed=seed,
                                     level=FAMILY_LEVEL / 4)  # fmt: skip
                row |= {"balanced_accuracy": split.balanced_accuracy, "low": split.low, "high": split.high}
                row |= {"p_value": split.p_value, "flagged": split.told_apart}
            rows.append(row)
    return rows


def _pairs(evidence: Evidence, marks: npt.NDArray[np.int64], found: Floats, p_values: Floats) -> list[dict[str, Any]]:
    """The rows of copies and neighbours, from their statistics and p-values."""
    crossing, agreement = int(found[0]), float(found[1])
    sure = p_values <= FAMILY_LEVEL
    names = evidence.identities
    copies = _row("copies", "copies between people", marks, names, p_value=float(p_values[0]),
                  flagged=crossing > 0 and bool(sure[0]))  # fmt: skip
    neighbours = _row("neighbours", "mutual nearest neighbours", marks, names, agreement,
                      p_value=float(p_values[1]), flagged=bool(sure[1]) and agreement >= LEAST_AUC)  # fmt: skip
    return [
        copies | {"crossing": crossing, "pairs": len(evidence.copies)},
        neighbours | {"pairs": len(evidence.neighbours)},
    ]


def _row(
    companion: str,
    shown: str,
    marks: npt.NDArray[np.int64],
    identities: npt.NDArray[Any],
    balanced_accuracy: float = np.nan,
    low: float = np.nan,
    high: float = np.nan,
    area: float = np.nan,
    p_value: float = np.nan,
    flagged: bool = False,
) -> dict[str, Any]:
    return {
        "companion": companion,
        "input": shown,
        "balanced_accuracy": balanced_accuracy,
        "low": low,
        "high": high,
        "auc": area,
        "p_value": p_value,
        "images": len(marks),
        "identities": len(np.unique(identities)),
        "flagged": flagged,
    }


def _examples(
    evidence: Evidence, marks: npt.NDArray[np.int64], seed: int
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """A picture of class 1 and one of class 0 on each rung."""
    rungs = [rung for rung in RUNGS if rung in evidence.rungs]
    generator = np.random.default_rng([seed, 17])
    shown = []
    for looks in (1, 0):
        row = int(generator.choice(np.flatnonzero(marks == looks)))
        points = None if evidence.landmarks is None else evidence.landmarks[row]
        matte = None if evidence.mattes is None else evidence.mattes[row]
        shown.append(np.stack([degraded(rung, evidence.pictures[row], (seed, row), points, matte) for rung in rungs]))
    return np.stack(shown), tuple(rungs)
