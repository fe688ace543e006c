"""Halves of the people of one class, which nothing tells apart: the method itself is put to the test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.companions.discriminant import HeldOut, balanced_accuracies

__all__ = ["LEAST_PEOPLE", "PseudoSplit", "pseudo_split"]

LEAST_PEOPLE = 8
"""With fewer people in a class it is not halved."""

_NOTICEABLE = 0.02


@dataclass(frozen=True)
class PseudoSplit:
    """What came out of the halves.

    Attributes:
        balanced_accuracy: mean over the splits.
        low: 2.5 % of the splits lie below.
        high: 2.5 % lie above.
        p_value: that the mean lies above 1/2 by chance alone.
        told_apart: whether it lies above by more than chance, and by more than 0.02.
    """

    balanced_accuracy: float
    low: float
    high: float
    p_value: float
    told_apart: bool


def pseudo_split(
    held_out: HeldOut, people: npt.ArrayLike, splits: int = 200, seed: int = 0, level: float = 0.01
) -> PseudoSplit:
    """Tell random halves of people apart by the same classifier and the same folds.

    A single split may come out above or below; the mean over many must not lie above 1/2. Where it does, photos of
    one person stand in different folds, and every other number of this table is too good.

    Args:
        held_out: the classifier with its folds, on the images of one class.
        people: (C,) who each unit of ``held_out`` really is; people are halved, never their photos.
        splits: number of random halves.
        seed: of the halves.
        level: error rate of the test.

    Returns:
        The outcome, all NaN with fewer than ``LEAST_PEOPLE`` people.
    """
    _, person = np.unique(np.asarray(people), return_inverse=True)
    count = int(person.max(initial=-1)) + 1
    if count < LEAST_PEOPLE:
        return PseudoSplit(np.nan, np.nan, np.nan, np.nan, False)
    generator = np.random.default_rng([seed, 13])
    rows = np.repeat((np.arange(count) % 2 == 0)[None], splits, axis=0)
    halves = generator.permuted(rows, axis=1).T[person.ravel()]
    reached = balanced_accuracies(held_out.margins(halves), halves)
    error = float(reached.std(ddof=1)) / np.sqrt(splits)
    mean = float(reached.mean())
    p_value = _above(mean - 0.5, error, splits - 1)
    low, high = np.quantile(reached, (0.025, 0.975))
    return PseudoSplit(mean, float(low), float(high), p_value, p_value <= level and mean > 0.5 + _NOTICEABLE)


def _above(excess: float, error: float, freedom: int) -> float:
    from scipy.special import stdtr

    if error <= 0:
        return 0.0 if excess > 0 else 1.0
    return float(stdtr(freedom, -excess / error))
