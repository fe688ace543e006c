"""Weaning a model off a shortcut: a new last layer from balanced groups, or training images with other surrounds.

Both need to know only what the shortcut is by, not how it came about. ``retrain_last_layer`` follows deep feature
reweighting (Kirichenko, Izmailov and Wilson, 2023, "Last Layer Re-Training is Sufficient for Robustness to Spurious
Correlations"): the trunk of a network that took a shortcut has mostly learnt the honest features too, and its last
layer alone prefers the shortcut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.mixed_backgrounds import mixed_backgrounds
from looks_kedro.audit.shortcut_groups import shortcut_groups
from looks_kedro.errors import BadInputError, BadParameterError

__all__ = [
    "GROUP_COLUMNS",
    "Head",
    "RepairedHead",
    "exchanged_donors",
    "features_of",
    "group_accuracies",
    "retrain_last_layer",
    "shortcut_groups",
    "swapped_backgrounds",
]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

GROUP_COLUMNS = ("group", "images", "accuracy_before", "accuracy_after")

STRENGTHS = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)
"""Inverse penalties that are tried, those of the paper."""


@dataclass(frozen=True)
class Head:
    """The last layer of a classifier of two classes: ``logits = features weight' + bias``.

    Attributes:
        weight: float (2, d).
        bias: float (2,).
    """

    weight: npt.NDArray[np.floating]
    bias: npt.NDArray[np.floating]

    def logits(self, features: npt.NDArray[np.floating]) -> Floats:
        """Features (n, d) to logits (n, 2)."""
        return np.asarray(features @ self.weight.T + self.bias, dtype=np.float64)


@dataclass(frozen=True)
class RepairedHead(Head):
    """A head after repair.

    Attributes:
        strength: the inverse penalty that was chosen.
        groups: columns ``GROUP_COLUMNS``, accuracies on held-out people that this choice was made on, by a head that
            was fitted on the others; ``accuracy_before`` is NaN when no old head was given.
    """

    strength: float
    groups: pd.DataFrame


def features_of(
    model: Callable[[Image], npt.NDArray[Any]], faces: Any, batch_size: int = 64
) -> npt.NDArray[np.float32]:
    """Penultimate features of all faces.

    Args:
        model: uint8 (n, S, S, 3) to features (n, d).
        faces: uint8 (N, S, S, 3).
        batch_size: images at a time.

    Returns:
        float32 (N, d).
    """
    rows = [np.arange(start, min(start + batch_size, len(faces))) for start in range(0, len(faces), batch_size)]
    return np.concatenate([np.asarray(model(np.asarray(faces[chosen])), dtype=np.float32) for chosen in rows])


def retrain_last_layer(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    identities: npt.ArrayLike,
    head: Head | None = None,
    *,
    penalty: Literal["l1", "l2"] = "l1",
    subsets: int = 10,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> RepairedHead:
    """Fit the last layer anew on images of which every group has as many (DFR).

    The people are halved. On one half a logistic regression is fitted for each strength, on the other that with the
    best accuracy in its worst group is chosen. Then ``subsets`` regressions are fitted on random balanced subsets of
    all images, and their weights averaged. Features are standardised before, and the scaling is folded back into the
    weights.

    Args:
        features: (N, d), of images that the model was **not** trained on; on those that it was, it has no need of a
            better head.
        labels: 0 or 1 (N,).
        groups: (N,) names, each within one class (see :func:`shortcut_groups`).
        identities: (N,) names.
        head: the old head, for comparison.
        penalty: ``l1`` as in the paper, which also drops features; or ``l2``.
        subsets: number of regressions that are averaged.
        strengths: inverse penalties to choose from.
        seed: of halves and subsets.

    Returns:
        The head: weight float32 (2, d), rows of opposite sign, and bias float32 (2,).

    Raises:
        BadInputError: shapes do not match, a group mixes classes, or a group has people in one half only.
        BadParameterError: no subset or strength.
    """
    table, marks, named, people = _checked(features, labels, groups, identities, head)
    if subsets < 1 or not strengths or min(strengths) <= 0:
        raise BadParameterError(
            f"subsets is {subsets} and strengths are {tuple(strengths)}; expected 1 or more, and numbers above 0."
        )
    centre, scale = table.mean(axis=0), table.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    scaled = (table - centre) / scale
    generator = np.random.default_rng([seed, 31])
    fitted, judged = _halves(people, named, generator)

    tried: list[tuple[float, float, Head]] = []
    for strength in strengths:
        one = _averaged(scaled[fitted], marks[fitted], named[fitted], strength, penalty, 3, generator)
        reached = group_accuracies(one.logits(scaled[judged]), marks[judged], named[judged])
        tried.append((min(reached.values()), strength, one))
    _, strength, chosen = max(tried, key=lambda trial: (trial[0], -trial[1]))  # of equals the strongest penalty

    before = {} if head is None else group_accuracies(head.logits(table[judged]), marks[judged], named[judged])
    after = group_accuracies(chosen.logits(scaled[judged]), marks[judged], named[judged])
    rows = [(name, int((named[judged] == name).sum()), before.get(name, np.nan), after[name]) for name in sorted(after)]
    final = _averaged(scaled, marks, named, strength, penalty, subsets, generator)
    weight = final.weight / scale
    bias = final.bias - weight @ centre
    groups_table = pd.DataFrame(rows, columns=list(GROUP_COLUMNS))
    return RepairedHead(weight.astype(np.float32), bias.astype(np.float32), float(strength), groups_table)


def group_accuracies(logits: npt.ArrayLike, labels: npt.ArrayLike, groups: npt.ArrayLike) -> dict[str, float]:
    """Accuracy in each group.

    Args:
        logits: (N, 2).
        labels: 0 or 1 (N,).
        groups: (N,) names.
    """
    right = np.asarray(logits).argmax(axis=1) == np.asarray(labels)
    named = np.asarray(groups).astype(str)
    return {str(name): float(right[named == name].mean()) for name in np.unique(named)}


def swapped_backgrounds(
    faces: Any, labels: npt.ArrayLike, landmarks: npt.ArrayLike, mattes: Any = None, seed: int = 0
) -> Iterator[Image]:
    """Training images of which half of each class stand before a background of the other class.

    After that a background says nothing about the class: half of those behind each class come from either.

    Args:
        faces: uint8 (N, S, S, 3).
        labels: 0 or 1 (N,).
        landmarks: (N, 5, 2) in pixels of the faces; the person is the head's ellipse where there is no matte.
        mattes: uint8 (N, S, S).
        seed: of the exchange; take another one for each epoch, and a model sees each face on many backgrounds.

    Yields:
        uint8 (S, S, 3), one an image and in their order.

    Raises:
        BadInputError: a class is missing.
    """
    donors = exchanged_donors(labels, seed)
    return mixed_backgrounds(faces, landmarks, donors, mattes)


def exchanged_donors(labels: npt.ArrayLike, seed: int = 0, share: float = 0.5) -> npt.NDArray[np.int64]:
    """Whose background each image gets: for a share of each class another class's, for the others their own.

    Args:
        labels: 0 or 1 (N,).
        seed: of the exchange.
        share: of each class that gets another background.

    Returns:
        (N,) row numbers.

    Raises:
        BadInputError: a class is missing.
    """
    marks = np.asarray(labels).astype(np.int64)
    if set(np.unique(marks).tolist()) != {0, 1}:
        raise BadInputError(f"labels: expected both 0 and 1, found {np.unique(marks).tolist()}; nothing to exchange.")
    generator = np.random.default_rng([seed, 37])
    donors = np.arange(len(marks))
    for one in (0, 1):
        mine, others = np.flatnonzero(marks == one), np.flatnonzero(marks != one)
        chosen = generator.permutation(mine)[: int(len(mine) * share)]
        # Each background is taken as evenly often as possible: few of them many times would be a new shortcut.
        rounds = -(-len(chosen) // len(others))
        if rounds:
            taken = np.concatenate([generator.permutation(others) for _ in range(rounds)])
            donors[chosen] = taken[: len(chosen)]
    return donors


def _averaged(
    features: Floats,
    marks: npt.NDArray[np.int64],
    groups: npt.NDArray[Any],
    strength: float,
    penalty: str,
    subsets: int,
    generator: np.random.Generator,
) -> Head:
    """Mean of regressions on balanced subsets, as a head for two logits."""
    from sklearn.linear_model import LogisticRegression

    members = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    size = min(len(one) for one in members)
    weights, biases = [], []
    for _ in range(subsets):
        rows = np.concatenate([generator.choice(one, size, replace=False) for one in members])
        regression = LogisticRegression(C=strength, solver="liblinear", random_state=0, **_penalty(penalty))
        regression.fit(features[rows], marks[rows])
        weights.append(regression.coef_[0])
        biases.append(float(regression.intercept_[0]))
    weight, bias = np.mean(weights, axis=0), float(np.mean(biases))
    return Head(np.stack([-weight / 2, weight / 2]), np.array([-bias / 2, bias / 2]))


def _penalty(penalty: str) -> dict[str, Any]:
    """The penalty as this release of scikit-learn wants it told: from 1.8 by ``l1_ratio``, before by name."""
    import sklearn

    release = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    return {"l1_ratio": 1.0 if penalty == "l1" else 0.0} if release >= (1, 8) else {"penalty": penalty}


def _halves(
    people: npt.NDArray[Any], groups: npt.NDArray[Any], generator: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of either half of the people, each with all groups."""
    names = np.unique(people)
    for _ in range(100):
        first = generator.permutation(names)[: len(names) // 2]
        inside = np.isin(people, first)
        if set(groups[inside]) == set(groups[~inside]):
            return np.flatnonzero(inside), np.flatnonzero(~inside)
    raise BadInputError(
        f"the {len(names)} people cannot be halved so that both halves have all of {len(set(groups))} groups; give "
        "more people, or fewer groups."
    )


def _checked(
    features: npt.ArrayLike, labels: npt.ArrayLike, groups: npt.ArrayLike, identities: npt.ArrayLike, head: Head | None
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[Any]]:
    table = np.asarray(features, dtype=np.float64)
    marks, named = np.asarray(labels).astype(np.int64), np.asarray(groups).astype(str)
    people = np.asarray(identities).astype(str)
    if table.ndim != 2 or not len(table) == len(marks) == len(named) == len(people):
        raise BadInputError(
            f"expected features (N, d) and N labels, groups and identities; found {table.shape}, {len(marks)}, "
            f"{len(named)} and {len(people)}"
        )
    if head is not None and head.weight.shape != (2, table.shape[1]):
        raise BadInputError(
            f"the head's weight is {head.weight.shape}; expected (2, {table.shape[1]}), as the features"
        )
    for name in np.unique(named):
        if len(np.unique(marks[named == name])) > 1:
            raise BadInputError(f"group {name!r} has images of both classes; name groups by class and value.")
    return table, marks, named, people
