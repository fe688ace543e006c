"""How a reliance would vary with other people: in whose images are edited, in who the donors are, and in the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.clusters import WITHIN_PERSON, People, critical_value, spread

__all__ = ["Measured", "measure"]

Floats = npt.NDArray[np.float64]

_PRIOR_PEOPLE = 2.0
"""With the weight of so many people who change a decision enters what is assumed of those who did not."""

_MANY = 1e6
"""Degrees of freedom at which Student's t is the normal distribution."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One channel's balanced accuracies and how they vary.

    Attributes:
        same: balanced accuracy with donors of the own class.
        random: with donors drawn evenly from both classes.
        covariance: (2, 2) of the drop ``same - random`` and of ``same``.
        freedom: degrees of freedom of the ratio's variance.
        same_freedom: those of the variance of ``same``.
        influence: (M,) by how much each image of the test, edited or donating, moves the ratio.
    """

    same: float
    random: float
    covariance: Floats
    freedom: float
    same_freedom: float
    influence: Floats

    @property
    def ratio(self) -> float:
        """The reliance."""
        return (self.same - self.random) / (self.same - 0.5)

    def lowest_same(self, error_rate: float) -> float:
        """Lower limit of the balanced accuracy with donors of the own class."""
        return self.same - float(critical_value(self.same_freedom, error_rate) * np.sqrt(self.covariance[1, 1]))

    def limits(self, error_rate: float) -> tuple[float, float]:
        """Fieller's limits of the ratio, or those of the delta method where Fieller's have no bounds."""
        square = float(critical_value(self.freedom, error_rate)) ** 2
        drop, above, ratio = self.same - self.random, self.same - 0.5, self.ratio
        (drop_drop, drop_above), (_, above_above) = self.covariance
        a, b, c = above**2 - square * above_above, drop * above - square * drop_above, drop**2 - square * drop_drop
        if a > 0:
            reach = np.sqrt(max(b * b - a * c, 0.0))
            return float((b - reach) / a), float((b + reach) / a)
        variance = drop_drop - 2 * ratio * drop_above + ratio**2 * above_above
        reach = np.sqrt(square * max(variance, 0.0)) / above
        return float(ratio - reach), float(ratio + reach)


def measure(
    same: Floats,
    balanced: Floats,
    rows: npt.NDArray[np.int64],
    donors: tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.int64] | None],
    labels: npt.NDArray[Any],
    people: People,
) -> Measured:
    """Balanced accuracies of one channel and how they vary over people and models.

    Args:
        same: (models, N, D) 0 or 1, right with donors of the own class.
        balanced: likewise with donors of both classes. Where their places are known, both classes of donors count
            one half, however many of each were drawn.
        rows: (N,) places of the images among the test's.
        donors: (N, D) places of the donors among the test's images for ``same`` and ``balanced``, or none.
        labels: (M,) 0 or 1.
        people: of the M images.
    """
    kept = [_weights(part, labels, rows, given) for part, given in ((same[0], None), (balanced[0], donors[1]))]
    totals = [_balanced_accuracy(part, *weight) for part, weight in zip((same, balanced), kept, strict=True)]
    accuracy, random = (float(one.mean()) for one in totals)
    centred = [_centred(part.mean(axis=0), *weight) for part, weight in zip((same, balanced), kept, strict=True)]
    ratio = (accuracy - random) / (accuracy - 0.5) if accuracy > 0.5 else 0.0
    edited, both = _by_image(centred, rows, donors, len(labels))
    narrow, freedom = spread(_contrasts(edited, ratio), people)
    wide, _ = spread(_contrasts(both, ratio), people)
    people_vary = _enlarged(narrow, wide - _counted_twice(centred, rows, donors, people, ratio))
    extra = np.zeros((2, 2))
    extra[0, 0] = _unseen(same, balanced, rows, labels, people)
    between, model_freedom = _between_models(totals)
    covariance = people_vary + extra + between
    combination = np.array([1.0, -ratio])
    parts = [float(combination @ part @ combination) for part in (people_vary, between, extra)]
    slack = parts[0] ** 2 / freedom[2] + (parts[1] ** 2 / model_freedom if model_freedom else 0.0)
    # What is assumed, not estimated, has no degrees of freedom to lose.
    total = min(sum(parts) ** 2 / slack, _MANY) if slack > 0 else _MANY
    influence = _contrasts(both, ratio)[:, 2] / max(accuracy - 0.5, 1e-9)
    return Measured(accuracy, random, covariance, float(total), float(freedom[1]), influence)


def _enlarged(narrow: Floats, wide: Floats) -> Floats:
    """Covariance (2, 2) with what donors add to it, in the directions in which they add: they make nothing surer."""
    values, vectors = np.linalg.eigh(np.nan_to_num((wide - narrow)[:2, :2]))
    return np.asarray(narrow[:2, :2] + (vectors * np.maximum(values, 0)) @ vectors.T)


def _weights(
    part: Floats, labels: npt.NDArray[Any], rows: npt.NDArray[np.int64], donors: npt.NDArray[np.int64] | None
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The cell of each decision (class of the image, and of the donor where known), and each cell's weight."""
    cells = np.broadcast_to(labels[rows][:, None], part.shape).astype(np.int64)
    if donors is not None:
        cells = 2 * cells + labels[donors].astype(np.int64)
    counts = np.bincount(cells.ravel(), minlength=2 if donors is None else 4)
    share = np.where(counts > 0, 1.0, 0.0).reshape(2, -1)
    share /= 2 * share.sum(axis=1, keepdims=True)
    return cells, share.ravel() / np.maximum(counts, 1)


def _balanced_accuracy(part: Floats, cells: npt.NDArray[np.int64], weight: Floats) -> Floats:
    """One a model."""
    return np.asarray((part * weight[cells]).sum(axis=(1, 2)))


def _centred(part: Floats, cells: npt.NDArray[np.int64], weight: Floats) -> Floats:
    """Influence of each decision (N, D) on the balanced accuracy."""
    counts = np.bincount(cells.ravel(), minlength=len(weight))
    means = np.bincount(cells.ravel(), weights=part.ravel(), minlength=len(weight)) / np.maximum(counts, 1)
    return np.asarray((part - means[cells]) * weight[cells])


def _by_image(
    centred: list[Floats],
    rows: npt.NDArray[np.int64],
    donors: tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.int64] | None],
    count: int,
) -> tuple[Floats, Floats]:
    """Influences on both accuracies (M, 2) of the images as edited, and as edited and as donors."""
    edited = np.zeros((count, 2))
    for column, part in enumerate(centred):
        edited[:, column] = np.bincount(rows, weights=part.sum(axis=1), minlength=count)
    both = edited.copy()
    for column, (part, given) in enumerate(zip(centred, donors, strict=True)):
        if given is not None:
            both[:, column] += np.bincount(given.ravel(), weights=part.ravel(), minlength=count)
    return edited, both


def _contrasts(influence: Floats, ratio: float) -> Floats:
    """Influences on the drop, on the accuracy, and on drop - ratio * accuracy, whose variance is the ratio's."""
    drop = influence[:, 0] - influence[:, 1]
    return np.stack([drop, influence[:, 0], drop - ratio * influence[:, 0]], axis=1)


def _counted_twice(
    centred: list[Floats],
    rows: npt.NDArray[np.int64],
    donors: tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.int64] | None],
    people: People,
    ratio: float,
) -> Floats:
    """What pairs of an edited and a donating person add once in each role (3, 3); it counts once."""
    result = np.zeros((3, 3))
    for column, (part, given) in enumerate(zip(centred, donors, strict=True)):
        if given is None:
            continue
        pair = people.index[rows][:, None] * len(people) + people.index[given]
        _, code = np.unique(pair, return_inverse=True)
        sums = np.zeros((int(code.max()) + 1, 2))
        sums[:, column] = np.bincount(code.ravel(), weights=part.ravel())
        contrast = _contrasts(sums, ratio)
        result += contrast.T @ contrast
    return result


def _unseen(
    same: Floats, balanced: Floats, rows: npt.NDArray[np.int64], labels: npt.NDArray[Any], people: People
) -> float:
    """Variance of the drop that changes not seen yet may have: two in each class, less the more people showed some.

    Without it a channel whose exchange changed no decision would have reliance 0 for certain (Agresti and Min, 2005,
    add the same four for the difference of paired shares).
    """
    changed = rows[(same != balanced).any(axis=(0, 2))]
    seen = len(np.unique(people.index[changed]))
    variance = 0.0
    for one in (0, 1):
        sizes = np.bincount(people.index[rows[labels[rows] == one]]).astype(np.float64)
        images = sizes.sum() / (1 + ((sizes**2).sum() / sizes.sum() - 1) * WITHIN_PERSON)
        variance += 2 * (0.5 / images) ** 2
    return float(variance * _PRIOR_PEOPLE / (_PRIOR_PEOPLE + seen))


def _between_models(totals: list[Floats]) -> tuple[Floats, float]:
    """Covariance of the models' mean drop and accuracy through the models, and its degrees of freedom."""
    models = len(totals[0])
    if models < 2:
        return np.zeros((2, 2)), 0.0
    covariance = np.cov(np.stack([totals[0] - totals[1], totals[0]]))
    return np.asarray(covariance) / models, models - 1.0
