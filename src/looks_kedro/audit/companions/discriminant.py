"""A linear classifier in closed form, tried on people it has not seen, for thousands of labelings at once.

Linear discriminant analysis with a shrunk covariance. The covariance over *all* images of the training part gives the
same direction as the one within the classes, up to its length (Sherman and Morrison, 1950), and does not depend on
the labels. So it is inverted once a fold, and another labeling costs two small matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.companions.permutations import Bools, Floats, Units

__all__ = ["HeldOut", "auc", "balanced_accuracies", "separations"]

_LEAST_SHRINKAGE = 0.02
"""Keeps the covariance invertible where features depend on one another."""

_PRIOR_PEOPLE = 4.0
"""With the weight of so many people the spread of a class is drawn towards that of both; see :func:`separations`."""


@dataclass(frozen=True)
class _Fold:
    """What the classifier of one fold needs besides the labels.

    ``people`` are the means of the training part's people less their ``centre``, ``lengths`` their ``x' S^-1 x``.
    """

    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    inverse: Floats
    covariance: Floats
    centre: Floats
    people: Floats
    lengths: Floats


class HeldOut:
    """Held-out margins of the people, for any labels.

    Every person counts the same, however many photos there are. The margin of an image x is
    ``(b'x - threshold) / sqrt(b'Sb)`` with ``b = S^-1 (m1 - m0)`` from the other folds: S the covariance, shrunk as
    Ledoit and Wolf (2004) do; m0 and m1 the means over the people of each class. The threshold is the middle of
    ``b'm1`` and ``b'm0`` after taking from each what it owes to having been fitted on, ``tr(S^-1 V_c) / n_c`` with V_c
    the covariance of the means of the class's people (after Huang, Tong and Zhao, 2010, who take one V): without that
    the smaller class is hardly ever said.
    """

    def __init__(self, features: npt.NDArray[np.floating], units: Units) -> None:
        """Prepare the folds.

        Args:
            features: (N, p), finite. Columns that do not vary are left out; the others are scaled.
            units: whom the images show.
        """
        self.units = units
        table = np.asarray(features, dtype=np.float64)
        means = units.means(table)
        scale = np.sqrt((means.std(axis=0) ** 2 + table.std(axis=0) ** 2) / 2)
        self._chosen = scale > 1e-9 * (1 + np.abs(means).max(axis=0, initial=0.0))
        self._centre, self._scale = means.mean(axis=0)[self._chosen], scale[self._chosen]
        self.features = self.scaled(table)
        self.means = units.means(self.features)
        self._folds = [self._prepare(fold) for fold in np.unique(units.fold)] if self._chosen.any() else []

    def scaled(self, features: npt.NDArray[np.floating]) -> Floats:
        """Features in the form that the classifier takes: the varying columns, centred and scaled."""
        return np.asarray((np.asarray(features, dtype=np.float64)[:, self._chosen] - self._centre) / self._scale)

    def _prepare(self, fold: int) -> _Fold:
        from sklearn.covariance import ledoit_wolf_shrinkage

        train, test = np.flatnonzero(self.units.fold != fold), np.flatnonzero(self.units.fold == fold)
        rows = self.units.fold[self.units.index] != fold
        weights = (1 / self.units.sizes)[self.units.index[rows]]
        centre = self.means[train].mean(axis=0)
        people = self.means[train] - centre
        centred = self.features[rows] - centre
        covariance = (centred * weights[:, None]).T @ centred / weights.sum()
        shrinkage = max(float(ledoit_wolf_shrinkage(people, assume_centered=True)), _LEAST_SHRINKAGE)
        size = len(covariance)
        if not np.trace(covariance) > 0:  # one image, or equal ones: nothing to tell people apart by
            covariance = np.eye(size)
        shrunk = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / size * np.eye(size)
        inverse = np.linalg.inv(shrunk)
        lengths = np.einsum("ij,ij->i", people @ inverse, people)
        return _Fold(train, test, inverse, covariance, centre, people, lengths)

    def _contrast(self, fold: _Fold, labelings: Bools) -> tuple[Floats, Floats]:
        """Weights of the training part's people in m1 and in m0, each (C, P); zero where a class is missing."""
        one = labelings[fold.train].astype(np.float64)
        n1 = one.sum(axis=0)
        n0 = len(one) - n1
        known = (n1 > 0) & (n0 > 0)
        return one * known / np.maximum(n1, 1), (1 - one) * known / np.maximum(n0, 1)

    def _middles(self, fold: _Fold, in1: Floats, in0: Floats, along: Floats) -> Floats:
        """Thresholds (P,), from where the centred people lie along the directions (C, P)."""
        n1, n0 = (in1 > 0).sum(axis=0), (in0 > 0).sum(axis=0)
        at1, at0 = (in1 * along).sum(axis=0), (in0 * along).sum(axis=0)
        # The centred means lie opposite each other, so S^-1 of either is a share of the direction.
        within1 = fold.lengths @ in1 - n0 / (n0 + n1 + 1e-300) * at1
        within0 = fold.lengths @ in0 + n1 / (n0 + n1 + 1e-300) * at0
        return np.asarray(0.5 * (at1 + at0 - within1 / np.maximum(n1 - 1, 1) + within0 / np.maximum(n0 - 1, 1)))

    def margins(self, labelings: Bools) -> Floats:
        """Held-out margins of the people's means.

        Args:
            labelings: bool (C, P).

        Returns:
            (C, P), positive where class 1 is said.
        """
        result = np.zeros(labelings.shape)
        for fold in self._folds:
            in1, in0 = self._contrast(fold, labelings)
            contrast = in1 - in0
            shown = self.means[fold.test] - fold.centre
            if len(fold.train) < self.features.shape[1]:
                # Fewer people than features: the same by products between people, whose number does not grow.
                through = fold.inverse @ fold.people.T
                along, spread = (fold.people @ through) @ contrast, (through.T @ fold.covariance @ through) @ contrast
                lengths, at = np.einsum("cj,cj->j", contrast, spread), (shown @ through) @ contrast
            else:
                directions = fold.inverse @ (fold.people.T @ contrast)
                along, at = fold.people @ directions, shown @ directions
                lengths = np.einsum("pj,pj->j", directions, fold.covariance @ directions)
            result[fold.test] = (at - self._middles(fold, in1, in0, along)) * _reciprocal_roots(lengths)
        return result

    def image_margins(self, features: Floats | None = None) -> Floats:
        """Held-out margins of the images under the real labels (N,).

        Args:
            features: scaled features to look at in place of the images' own; the classifier stays the same.
        """
        shown = self.features if features is None else features
        result = np.zeros(len(shown))
        for rows, direction, middle in self._fitted:
            result[rows] = shown[rows] @ direction - middle
        return result

    @cached_property
    def _fitted(self) -> list[tuple[Bools, Floats, float]]:
        """For each fold its images, and the direction and threshold under the real labels."""
        result = []
        for fold in self._folds:
            in1, in0 = self._contrast(fold, self.units.label[:, None])
            direction = fold.inverse @ (fold.people.T @ (in1 - in0))
            scale = _reciprocal_roots((direction * (fold.covariance @ direction)).sum(axis=0))
            middle = self._middles(fold, in1, in0, fold.people @ direction) + fold.centre @ direction
            rows = self.units.fold[self.units.index] == self.units.fold[fold.test[0]]
            result.append((rows, (direction * scale)[:, 0], float((middle * scale)[0])))
        return result


def _reciprocal_roots(squares: Floats) -> Floats:
    """1 / sqrt(x), and 0 where there is no length."""
    roots = np.sqrt(np.maximum(squares, 0))
    return np.where(roots > 1e-12, 1 / np.maximum(roots, 1e-12), 0.0)


def separations(margins: Floats, labelings: Bools) -> Floats:
    """How far the people of class 1 stand above those of class 0, in standard errors (P,).

    Welch's t, with the variance of each class drawn towards the pooled one as if ``_PRIOR_PEOPLE`` more people had
    been seen: with a handful of people in a class, Welch's own t is large whenever they happen to be alike.

    Args:
        margins: (C, P).
        labelings: bool (C, P).
    """
    one = labelings.astype(np.float64)
    count = len(one)
    n1 = one.sum(axis=0)
    n0 = count - n1
    safe1, safe0 = np.maximum(n1, 1), np.maximum(n0, 1)
    mean1 = (margins * one).sum(axis=0) / safe1
    mean0 = (margins * (1 - one)).sum(axis=0) / safe0
    squares = (margins - np.where(labelings, mean1, mean0)) ** 2
    within1, within0 = (squares * one).sum(axis=0), (squares * (1 - one)).sum(axis=0)
    pooled = (within1 + within0) / max(count - 2, 1)
    variance1 = (_PRIOR_PEOPLE * pooled + within1) / (_PRIOR_PEOPLE + safe1 - 1)
    variance0 = (_PRIOR_PEOPLE * pooled + within0) / (_PRIOR_PEOPLE + safe0 - 1)
    error = np.sqrt(variance1 / safe1 + variance0 / safe0)
    known = (n1 > 0) & (n0 > 0) & (error > 1e-12)
    return np.where(known, (mean1 - mean0) / np.maximum(error, 1e-12), 0.0)


def balanced_accuracies(margins: Floats, labelings: Bools) -> Floats:
    """Balanced accuracy of the margins' signs for each labeling (P,); a margin of 0 is right by half."""
    said = 0.5 * (1 + np.sign(margins))
    one = labelings.astype(np.float64)
    right1 = (said * one).sum(axis=0) / np.maximum(one.sum(axis=0), 1)
    right0 = ((1 - said) * (1 - one)).sum(axis=0) / np.maximum((1 - one).sum(axis=0), 1)
    return np.asarray(0.5 * (right1 + right0))


def auc(scores: npt.NDArray[np.floating], labels: npt.NDArray[Any]) -> float:
    """Area under the ROC curve; ties count half; NaN where a class is missing."""
    from scipy.stats import rankdata

    one = np.asarray(labels).astype(bool)
    n1, n0 = int(one.sum()), int((~one).sum())
    if not n1 or not n0:
        return float("nan")
    return float((rankdata(scores)[one].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))
