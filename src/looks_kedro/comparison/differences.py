"""How far two runs' numbers lie apart, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.clusters import WITHIN_PERSON, critical_value, people_of, spread
from looks_kedro.intervals import Interval

KEY = ["file", "looks", "identity"]


@dataclass(frozen=True)
class Difference:
    """One run's number less another's.

    Attributes:
        interval: 95 %, NaN limits where none can be told.
        basis: ``paired`` where both runs were tested on the same images, ``independent`` where their own intervals
            were joined, ``same`` where the predictions are the same, empty without an interval.
    """

    interval: Interval
    basis: str


def independent_difference(second: Interval, first: Interval) -> Difference:
    """The difference of two numbers from their own intervals, by square-and-add (Zou and Donner, 2008, equation 4).

    L = d - sqrt((b - b_low)^2 + (a_high - a)^2), U = d + sqrt((b_high - b)^2 + (a - a_low)^2) for d = b - a. The two
    count as independent: where both runs saw the same people the interval is wider than it need be.

    Args:
        second: b.
        first: a.
    """
    value = second.value - first.value
    low = value - np.hypot(second.value - second.low, first.high - first.value)
    high = value + np.hypot(second.high - second.value, first.value - first.low)
    known = bool(np.isfinite([low, high]).all())
    return Difference(Interval(value, float(low), float(high)), "independent" if known else "")


def paired_difference(second: pd.DataFrame, first: pd.DataFrame) -> Difference | None:
    """The difference of the balanced accuracies of two models on the same images, over people.

    With d_i = 1, 0 or -1 where the second model alone, both or neither, or the first alone is right, the difference is
    the mean of the two classes' means of d. Its variance is that of people drawn within their strata; where few images
    changed sides, that of Agresti and Min (2005), who add half an image to each cell, on the effective number of
    images, so that ten images without any change do not claim that nothing could change.

    Args:
        second: table ``predictions`` of one run.
        first: of the other.

    Returns:
        The difference in -1..1, or None where the images are not the same.
    """
    if len(second) != len(first) or not len(first):
        return None
    both = first.merge(second, on=KEY, suffixes=("_first", "_second"), validate="one_to_one")
    classes = both["looks"].to_numpy()
    if len(both) != len(first) or len(np.unique(classes)) != 2:
        return None
    if np.array_equal(both["probability_first"], both["probability_second"]):
        return Difference(Interval(0.0, 0.0, 0.0), "same")
    change = both["correct_second"].to_numpy(dtype=float) - both["correct_first"].to_numpy(dtype=float)
    people = people_of(both["identity"].to_numpy(dtype=str), classes)
    means, floor = np.zeros(2), 0.0
    for one in (0, 1):
        rows = classes == one
        means[one] = change[rows].mean()
        floor += 0.25 * _least_variance(change[rows], both.loc[rows, "identity"].to_numpy(dtype=str))
    counts = np.bincount(classes, minlength=2)
    covariance, freedom = spread((change - means[classes]) / (2 * counts[classes]), people)
    value = float(means.mean())
    if not np.isfinite(covariance[0, 0]):
        return Difference(Interval(value, np.nan, np.nan), "")
    reach = float(critical_value(freedom[0])) * float(np.sqrt(max(covariance[0, 0], floor)))
    return Difference(Interval(value, max(value - reach, -1.0), min(value + reach, 1.0)), "paired")


def _least_variance(change: npt.NDArray[np.float64], identities: npt.NDArray[np.str_]) -> float:
    """Agresti and Min's variance of a paired difference, on as many images as the people's photos are worth."""
    sizes = np.unique(identities, return_counts=True)[1].astype(float)
    images = sizes.sum() / (1 + ((sizes**2).sum() / sizes.sum() - 1) * WITHIN_PERSON)
    better, worse = ((images * (change == sign).mean() + 0.5) / (images + 2) for sign in (1, -1))
    return float((better + worse - (better - worse) ** 2) / (images + 2))
