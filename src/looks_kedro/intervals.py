"""How sure a number is that was measured on photos of some people: intervals that count people, not photos.

Photos of one person are alike, so the unit is the person throughout: what varies is whom the study happened to
have. People are drawn within strata, the sets of classes in which they occur, so that no class can vanish.

- ``people_of`` says which person each row shows; every other function takes its answer.
- ``mean_interval``, ``share_interval``, ``balanced_accuracy_interval`` and ``auc_interval`` give one interval each.
  Their standard error is the one that infinitely many bootstrap draws over people would give (the sum of squared
  influences by person), so they need neither draws nor a seed.
- ``cluster_weights`` are the draws themselves, for statistics without such a form: ``weights @ people.sums(values)``
  gives the totals of every draw in one product.
- ``spread`` and ``simultaneous_error_rate`` are the parts of which intervals for several statistics are made.

Three things keep the intervals honest where people are few or errors rare. Student's t with the degrees of freedom
of the *effective* number of people replaces the normal quantile (Kish 1965; Satterthwaite 1946). Shares use Wilson's
form with the effective number of photos, as Korn and Graubard (1998) do, so that 100 % right never gets the interval
[1, 1]. And how alike the outcomes of one person are is taken to be ``WITHIN_PERSON`` until enough people with an
error were seen to estimate it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.clusters import (
    DRAWS,
    WITHIN_PERSON,
    People,
    cluster_weights,
    critical_value,
    people_of,
    simultaneous_error_rate,
    spread,
)

__all__ = [
    "DRAWS",
    "WITHIN_PERSON",
    "Interval",
    "People",
    "auc_interval",
    "balanced_accuracy_interval",
    "cluster_weights",
    "critical_value",
    "mean_interval",
    "people_of",
    "placements",
    "share_interval",
    "simultaneous_error_rate",
    "spread",
]

Floats = npt.NDArray[np.float64]

_PRIOR_PEOPLE = 2.0
"""With the weight of so many people who have an error does that assumption enter."""


@dataclass(frozen=True)
class Interval:
    """A number and where its true value lies; NaN where that cannot be said."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        spec = spec or ".3f"
        return f"{self.value:{spec}} ({self.low:{spec}}-{self.high:{spec}})"


def mean_interval(
    values: npt.ArrayLike, people: People, error_rate: float = 0.05, within: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    """Interval of a mean over images, by Student's t over people.

    Args:
        values: (N,); NaN counts as not measured.
        people: whom the rows show.
        error_rate: 0.05 for a 95 % interval.
        within: where the mean can lie; the interval is cut there.
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    if not known.any():
        return Interval(np.nan, np.nan, np.nan)
    mean = float(numbers[known].mean())
    covariance, freedom = spread(np.where(known, numbers - mean, 0) / known.sum(), people)
    reach = float(critical_value(freedom[0], error_rate)) * float(np.sqrt(covariance[0, 0]))
    return Interval(mean, max(mean - reach, within[0]), min(mean + reach, within[1]))


def share_interval(flags: npt.ArrayLike, people: People, error_rate: float = 0.05) -> Interval:
    """Interval of a share, such as an accuracy: Wilson's, on the effective number of images.

    Args:
        flags: bool (N,); or between 0 and 1, the share of several answers for the row.
        people: whom the rows show.
        error_rate: 0.05 for a 95 % interval.

    Returns:
        The share with its interval inside [0, 1], never of width 0; NaN limits where a class has one person only.
    """
    right = np.asarray(flags, dtype=np.float64)
    share = float(right.mean())
    covariance, freedom = spread((right - share) / len(right), people)
    rare = right < 1 if share >= 0.5 else right > 0
    seen = len(np.unique(people.index[rare]))
    images = _effective(share, covariance[0, 0], len(right), _prior_effective(people), seen)
    return _wilson(share, images, float(freedom[0]), error_rate, bool(np.isnan(covariance[0, 0])))


def balanced_accuracy_interval(
    correct: npt.ArrayLike, classes: npt.ArrayLike, identities: npt.ArrayLike, error_rate: float = 0.05
) -> Interval:
    """Interval of the mean of two classes' accuracies: theirs joined by square-and-add (Zou and Donner, 2008).

    Args:
        correct: bool (N,); or between 0 and 1, the share of several trainings that were right.
        classes: 0 or 1 (N,).
        identities: (N,).
        error_rate: 0.05 for a 95 % interval.

    Returns:
        NaN where a class is missing, NaN limits where a class has one person only.
    """
    right, labels, names = np.asarray(correct, dtype=np.float64), np.asarray(classes), np.asarray(identities)
    parts = []
    for one in (0, 1):
        rows = labels == one
        if not rows.any():
            return Interval(np.nan, np.nan, np.nan)
        parts.append(share_interval(right[rows], people_of(names[rows]), error_rate))
    value = 0.5 * (parts[0].value + parts[1].value)
    correlation = _likeness(right, labels, names)
    reach = []
    for side in ("low", "high"):
        one, other = (abs(getattr(part, side) - part.value) for part in parts)
        reach.append(0.5 * float(np.sqrt(one**2 + other**2 + 2 * correlation * one * other)))
    return Interval(value, max(value - reach[0], 0.0), min(value + reach[1], 1.0))


def _likeness(right: Floats, labels: npt.NDArray[Any], names: npt.NDArray[Any]) -> float:
    """Correlation of the two classes' accuracies, through people who occur in both; 0 where nobody does."""
    people = people_of(names, labels)
    influence = np.zeros((len(right), 2))
    for one in (0, 1):
        rows = labels == one
        influence[rows, one] = (right[rows] - right[rows].mean()) / rows.sum()
    covariance, _ = spread(influence, people)
    scale = float(np.sqrt(covariance[0, 0] * covariance[1, 1]))
    return float(covariance[0, 1]) / scale if scale > 0 else 0.0


def placements(scores: npt.ArrayLike, classes: npt.ArrayLike) -> Floats:
    """For each image, the share of the other class's images that its score is on the right side of; ties count half.

    Their mean over either class is the area under the ROC curve (DeLong et al., 1988).
    """
    values, labels = np.asarray(scores, dtype=np.float64), np.asarray(classes)
    result = np.empty(len(values))
    for one in (0, 1):
        others = np.sort(values[labels != one])
        mine = values[labels == one]
        below = 0.5 * (np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")) / len(others)
        result[labels == one] = below if one == 1 else 1 - below
    return result


def auc_interval(
    scores: npt.ArrayLike, classes: npt.ArrayLike, identities: npt.ArrayLike, error_rate: float = 0.05
) -> Interval:
    """Interval of the area under the ROC curve, by DeLong's variance with people as clusters (Obuchowski, 1997).

    Args:
        scores: (N,), larger for class 1.
        classes: 0 or 1 (N,).
        identities: (N,).
        error_rate: 0.05 for a 95 % interval.

    Returns:
        NaN where a class is missing, NaN limits where a class has one person only.
    """
    labels, names = np.asarray(classes), np.asarray(identities)
    numbers = [int((labels == one).sum()) for one in (0, 1)]
    if min(numbers) == 0:
        return Interval(np.nan, np.nan, np.nan)
    people, placed = people_of(names, labels), placements(scores, labels)
    area = float(placed[labels == 1].mean())
    covariance, freedom = spread((placed - area) / np.where(labels == 1, numbers[1], numbers[0]), people)
    prior = min(_prior_effective(people_of(names[labels == one])) for one in (0, 1))
    wrong = placed < 1 if area >= 0.5 else placed > 0
    images = _effective(area, covariance[0, 0], np.inf, prior, len(np.unique(people.index[wrong])))
    return _wilson(area, images, float(freedom[0]), error_rate, bool(np.isnan(covariance[0, 0])))


def _prior_effective(people: People) -> float:
    """How many independent images the rows are worth if outcomes of a person correlate by ``WITHIN_PERSON``."""
    sizes = people.sizes
    return float(sizes.sum() / (1 + ((sizes**2).sum() / sizes.sum() - 1) * WITHIN_PERSON))


def _effective(share: float, variance: float, most: float, prior: float, seen: int) -> float:
    """Effective number of images: from the variance, drawn towards the assumed one where few people erred."""
    estimated = min(share * (1 - share) / variance, most) if variance > 0 else most
    weight = _PRIOR_PEOPLE / (_PRIOR_PEOPLE + seen)
    return 1 / (weight / prior + (1 - weight) / estimated)


def _wilson(share: float, images: float, freedom: float, error_rate: float, unknown: bool) -> Interval:
    if unknown:
        return Interval(share, np.nan, np.nan)
    square = float(critical_value(freedom, error_rate)) ** 2
    middle = (share + square / (2 * images)) / (1 + square / images)
    reach = np.sqrt(square) / (1 + square / images) * np.sqrt(share * (1 - share) / images + square / (4 * images**2))
    return Interval(share, float(max(middle - reach, 0.0)), float(min(middle + reach, 1.0)))
