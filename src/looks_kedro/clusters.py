"""People as clusters of images: draws of them, and how far statistics spread over such draws.

Photos of one person are alike, so a draw takes a person with all of their photos. People are drawn within strata,
the sets of classes in which they occur, so that no class can vanish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError

__all__ = [
    "DRAWS",
    "WITHIN_PERSON",
    "People",
    "cluster_weights",
    "critical_value",
    "people_of",
    "simultaneous_error_rate",
    "spread",
]

Floats = npt.NDArray[np.float64]

DRAWS = 2_000
"""Bootstrap draws where draws are needed."""

WITHIN_PERSON = 0.1
"""Correlation of two outcomes of one person that is assumed where too few were seen to estimate it."""


@dataclass(frozen=True)
class People:
    """Which person each row shows.

    Attributes:
        index: int64 (N,), a number from 0 to C - 1 a row.
        stratum: int64 (C,), people of one number are drawn in each other's place.
    """

    index: npt.NDArray[np.int64]
    stratum: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.stratum)

    @property
    def sizes(self) -> Floats:
        """Rows of each person (C,)."""
        return np.bincount(self.index, minlength=len(self)).astype(np.float64)

    def sums(self, values: npt.ArrayLike) -> Floats:
        """Totals by person: (N,) or (N, K) to (C, K)."""
        table = np.asarray(values, dtype=np.float64)
        columns = table.reshape(len(self.index), -1).T
        totals = [np.bincount(self.index, weights=column, minlength=len(self)) for column in columns]
        return np.stack(totals, axis=1) if totals else np.zeros((len(self), 0))

    def strata(self) -> list[npt.NDArray[np.int64]]:
        """The people of each stratum."""
        return [np.flatnonzero(self.stratum == one) for one in np.unique(self.stratum)]


def people_of(identities: Sequence[Any] | npt.ArrayLike, classes: npt.ArrayLike | None = None) -> People:
    """Number the people, and put those together who occur in the same classes.

    Args:
        identities: (N,) a name or number a row.
        classes: (N,) the class of each row; none makes one stratum of all people.

    Returns:
        The people. A person who alone makes a stratum joins the largest one that shares a class with theirs.

    Raises:
        BadInputError: there are no rows, or not as many classes as identities.
    """
    names = np.asarray(identities)
    if names.dtype == object:
        names = names.astype(str)
    if names.ndim != 1 or not len(names):
        raise BadInputError(f"expected an identity for each of one or more images, found the shape {names.shape}")
    _, index = np.unique(names, return_inverse=True)
    index = index.astype(np.int64).ravel()
    count = int(index.max()) + 1
    if classes is None:
        return People(index, np.zeros(count, dtype=np.int64))
    labels = np.asarray(classes)
    if labels.shape != names.shape:
        raise BadInputError(f"expected {len(names)} classes, one an identity; found the shape {labels.shape}")
    kinds, code = np.unique(labels, return_inverse=True)
    member = np.zeros((count, len(kinds)), dtype=bool)
    member[index, code.ravel()] = True
    return People(index, _strata_of(member))


def _strata_of(member: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Number the sets of classes (rows of C x classes); lone people join others who share a class with them."""
    sets, stratum, counts = np.unique(member, axis=0, return_inverse=True, return_counts=True)
    stratum = stratum.astype(np.int64).ravel()
    for lone in np.flatnonzero(counts == 1):
        shared = (sets & sets[lone]).any(axis=1) & (np.arange(len(sets)) != lone)
        if shared.any():
            stratum[stratum == lone] = int(np.flatnonzero(shared)[np.argmax(counts[shared])])
    return stratum


def cluster_weights(people: People, draws: int = DRAWS, seed: int = 0) -> npt.NDArray[np.float32]:
    """How much each person counts in each bootstrap draw.

    In every stratum n - 1 of its n people are drawn with replacement and count n / (n - 1) each, which makes the
    variance of the draws unbiased also where n is small (Rao and Wu, 1988). A person alone in a stratum counts 1.

    Args:
        people: whom to draw.
        draws: how often.
        seed: the same seed gives the same draws.

    Returns:
        float32 (draws, C), with the mean 1 in each stratum of each draw.
    """
    generator = np.random.default_rng(seed)
    weights = np.ones((draws, len(people)), dtype=np.float32)
    for members in people.strata():
        n = len(members)
        if n < 2:
            continue
        few = max(1, 100_000 // n)  # draws whose counters fit a processor's cache
        for start in range(0, draws, few):
            rows = min(few, draws - start)
            drawn = generator.integers(n, size=(rows, n - 1), dtype=np.int32)
            drawn += np.arange(rows, dtype=np.int32)[:, None] * np.int32(n)
            counted = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
            weights[start : start + rows, members] = counted * np.float32(n / (n - 1))
    return weights


def spread(influence: npt.ArrayLike, people: People) -> tuple[Floats, Floats]:
    """Covariance of statistics over draws of people, and its degrees of freedom.

    With u_c the sum of a person's influences, the covariance is the sum over the strata h of
    n_h / (n_h - 1) sum_{c in h} (u_c - mean_h u) (u_c - mean_h u)'.

    Args:
        influence: (N,) or (N, K), by how much each row moves each statistic; zero in total.
        people: whom the rows show.

    Returns:
        The covariance (K, K) and the degrees of freedom (K,) by Satterthwaite, each stratum having its effective
        number of people (Kish) less one. NaN where a stratum has one person, who says
        nothing of others.
    """
    sums, sizes = people.sums(influence), people.sizes
    count = sums.shape[1]
    total, slack = np.zeros((count, count)), np.zeros(count)
    smallest = np.full(count, np.inf)
    for members in people.strata():
        part = sums[members]
        if len(members) < 2:
            return np.full((count, count), np.nan), np.full(count, np.nan)
        centred = part - part.mean(axis=0)
        covariance = centred.T @ centred * (len(members) / (len(members) - 1))
        expected = sizes[members] * (1 + (sizes[members] - 1) * WITHIN_PERSON)
        freedom = max(float(expected.sum() ** 2 / (expected**2).sum()) - 1, 1.0)
        total += covariance
        slack += np.diag(covariance) ** 2 / freedom
        smallest = np.minimum(smallest, freedom)
    variance = np.diag(total)
    with np.errstate(invalid="ignore", divide="ignore"):
        freedoms = np.where(slack > 0, variance**2 / slack, smallest)
    return total, freedoms


def critical_value(freedom: npt.ArrayLike, error_rate: float = 0.05) -> Any:
    """Student's two-sided critical value, an array where ``freedom`` is one; NaN where the freedom is."""
    from scipy.special import stdtrit

    return stdtrit(np.asarray(freedom, dtype=np.float64), 1 - error_rate / 2)


def simultaneous_error_rate(
    influence: npt.ArrayLike, people: People, error_rate: float = 0.05, draws: int = DRAWS, seed: int = 0
) -> float:
    """The error rate of each single interval so that all hold together but for ``error_rate`` (max-T).

    The largest of the statistics' studentised deviations is taken in each draw; its quantile is told as the error
    rate of a single interval, which lies between ``error_rate / K`` (Bonferroni) and ``error_rate``. Statistics that
    no draw moves count as independent of the others.

    Args:
        influence: (N, K), by how much each row moves each statistic.
        people: whom the rows show.
        error_rate: of all intervals together.
        draws: bootstrap draws.
        seed: of the draws.
    """
    sums = people.sums(influence)
    deviations = (cluster_weights(people, draws, seed) - 1) @ sums.astype(np.float32)
    errors = deviations.std(axis=0)
    still = errors <= 1e-12 * (1 + np.abs(sums).max(initial=0.0))
    studentised = np.abs(deviations / np.where(still, 1, errors))
    noise = np.random.default_rng([seed, 1]).standard_normal((draws, int(still.sum())))
    studentised[:, still] = np.abs(noise)
    quantile = float(np.quantile(studentised.max(axis=1), 1 - error_rate))
    rate = 2 * (1 - NormalDist().cdf(quantile))
    return float(np.clip(rate, error_rate / sums.shape[1], error_rate))
