"""Labels exchanged between whole people, and p-values that hold for several companions together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError

__all__ = ["FOLDS", "Units", "exchanged_labels", "family_p_values", "units_of"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

FOLDS = 5
"""Parts of the cross-validation."""


@dataclass(frozen=True)
class Units:
    """The photos of one person in one class: what is labelled as a whole.

    Most people occur in one class and are one unit; a person of both classes is two.

    Attributes:
        index: int64 (N,), the unit of each image.
        label: bool (C,), the class of each unit.
        person: int64 (C,), whose unit it is.
        fold: int64 (C,), the part of the cross-validation; all units of a person are in one. Drawn without looking
            at the labels, or exchanged labels would not be as good as the real ones.
    """

    index: Whole
    label: Bools
    person: Whole
    fold: Whole

    def __len__(self) -> int:
        return len(self.label)

    @property
    def sizes(self) -> Floats:
        """Images of each unit (C,)."""
        return np.bincount(self.index, minlength=len(self)).astype(np.float64)

    def means(self, values: npt.NDArray[np.floating]) -> Floats:
        """Means over the images of each unit: (N, p) to (C, p)."""
        order = np.argsort(self.index, kind="stable")
        starts = np.searchsorted(self.index[order], np.arange(len(self)))
        sums = np.add.reduceat(np.asarray(values, dtype=np.float64)[order], starts, axis=0)
        return np.asarray(sums / self.sizes[:, None])


def units_of(labels: npt.ArrayLike, identities: npt.ArrayLike, seed: int = 0, folds: int = FOLDS) -> Units:
    """Put the images together by person and class.

    Args:
        labels: 0 or 1 (N,).
        identities: a name for each image (N,), never empty.
        seed: of the cross-validation's parts.
        folds: number of parts, at most one a person.

    Raises:
        BadInputError: shapes differ, a label is neither 0 nor 1, a name is empty, or there are fewer than two people.
    """
    marks, names = np.asarray(labels), np.asarray(identities).astype(str)
    if marks.ndim != 1 or marks.shape != names.shape:
        raise BadInputError(
            f"expected a label and an identity for each image; found the shapes {marks.shape} and {names.shape}"
        )
    if not np.isin(marks, (0, 1)).all():
        wrong = marks[~np.isin(marks, (0, 1))][0]
        raise BadInputError(f"labels: expected 0 or 1, found {wrong!r}; name the two classes so.")
    if (np.char.strip(names) == "").any():
        row = int(np.flatnonzero(np.char.strip(names) == "")[0])
        raise BadInputError(
            f"identities, row {row}: the name is empty. Give every person a name; for photos of which it is known only "
            "that no two show one person, the file's name will do."
        )
    _, person = np.unique(names, return_inverse=True)
    people = int(person.max(initial=-1)) + 1
    if people < 2:
        raise BadInputError(f"identities: found {people} people; expected two at least, to try on other people.")
    pairs, index = np.unique(np.column_stack([person, marks]), axis=0, return_inverse=True)
    parts = min(folds, people)
    fold = np.random.default_rng([seed, people]).permutation(people) % parts
    return Units(
        index.astype(np.int64).ravel(),
        pairs[:, 1].astype(bool),
        pairs[:, 0].astype(np.int64),
        fold[pairs[:, 0].astype(np.int64)].astype(np.int64),
    )


def exchanged_labels(units: Units, count: int, seed: int = 0) -> Bools:
    """The labels, and as many other ways to hand them out that chance could have brought as well.

    People of one class exchange their labels, each with all photos; the two halves of a person of both classes
    change places with probability 1/2.

    Args:
        units: the people.
        count: number of exchanges.
        seed: of the exchanges.

    Returns:
        bool (C, count + 1), the real labels first.
    """
    generator = np.random.default_rng([seed, 7])
    result = np.repeat(units.label[:, None], count + 1, axis=1)
    numbers = np.bincount(units.person)
    whole = np.flatnonzero(numbers[units.person] == 1)
    if len(whole):
        rows = np.repeat(units.label[whole][None], count, axis=0)
        result[whole, 1:] = generator.permuted(rows, axis=1).T
    # A person's two units stand side by side, class 0 first.
    first = np.flatnonzero((numbers[units.person] == 2) & ~units.label)
    if len(first):
        swapped = generator.random((len(first), count)) < 0.5
        result[first, 1:] = swapped
        result[first + 1, 1:] = ~swapped
    return result


def family_p_values(statistics: npt.ArrayLike) -> tuple[Floats, Floats]:
    """p-values of several statistics from the same exchanges, each alone and all together.

    Alone, p is the share of labelings (the real one among them) whose statistic is at least as large. Together, it is
    the share of labelings in which *any* statistic has so small a p of its own (Westfall and Young, 1993, single-step
    min-p): with chance labels the probability that one of them falls to ``a`` or below is at most ``a``, however the
    statistics depend on one another.

    Args:
        statistics: (K, P + 1), larger where the classes differ more; the real labels first. A row with NaN is not
            counted.

    Returns:
        The p-values alone (K,) and together (K,); NaN for a row with NaN.
    """
    values = np.atleast_2d(np.asarray(statistics, dtype=np.float64))
    alone, together = np.full(len(values), np.nan), np.full(len(values), np.nan)
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    if not len(usable):
        return alone, together
    count = values.shape[1]
    shares = np.empty((len(usable), count))
    for i, row in enumerate(usable):
        # Rounded, or equal statistics that were added up in another order would count as different.
        numbers = np.round(values[row], 9)
        shares[i] = (count - np.searchsorted(np.sort(numbers), numbers, side="left")) / count
    smallest = np.sort(shares.min(axis=0))
    alone[usable] = shares[:, 0]
    together[usable] = np.searchsorted(smallest, shares[:, 0], side="right") / count
    return alone, together
