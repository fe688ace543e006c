"""Whose value an image is given: donors of its own class, and of both classes in equal parts.

Donors are drawn at random from a whole class, not for a likeness to the recipient: only then are the values that a
channel is given distributed as they are in the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError, BadParameterError

__all__ = ["Donors", "can_be_exchanged", "draw_donors"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Donors:
    """Recipients and their donors, as row numbers.

    Attributes:
        recipients: (n,) rows for which there are donors of both classes.
        same: (draws, n) a donor of the recipient's own class.
        other: (draws, n) a donor of the other class.
        balanced: (draws, n) a donor of either class: ``same`` for one half of each class's recipients and ``other``
            for the other half, anew in each draw; the halves change places with every second draw.
        without: rows for which there are none, although they were to be recipients.
    """

    recipients: Rows
    same: Rows
    other: Rows
    balanced: Rows
    without: Rows

    @property
    def draws(self) -> int:
        """How often donors were drawn."""
        return int(self.same.shape[0])


def draw_donors(
    labels: npt.ArrayLike,
    identities: Sequence[str] | npt.NDArray[np.str_] | npt.NDArray[np.object_],
    *,
    draws: int = 1,
    seed: int = 0,
    usable: npt.ArrayLike | None = None,
) -> Donors:
    """Draw donors for every image.

    Drawn evenly from the images of a class that show somebody else. The mean over ``same`` and ``other`` estimates
    what ``balanced`` does with less chance in it; both need the same edits.

    Args:
        labels: (N,) 0 or 1.
        identities: (N,) who is shown; an empty text is a person of its own.
        draws: donors of each kind for an image.
        seed: the same seed gives the same donors.
        usable: (N,) which images may be recipients or donors, such as those with a good matte; None for all.

    Returns:
        The donors. An image for which a class has nobody else is in ``without``.

    Raises:
        BadInputError: lengths differ, or a label is neither 0 nor 1.
        BadParameterError: ``draws`` is below 1.
    """
    classes, people = np.asarray(labels), _numbered(identities)
    allowed = np.ones(len(classes), dtype=np.bool_) if usable is None else np.asarray(usable, dtype=np.bool_)
    if classes.ndim != 1 or len(people) != len(classes) or allowed.shape != classes.shape:
        raise BadInputError(
            f"labels, identities and usable must have one value for each image; found {classes.shape}, "
            f"{len(people)} and {allowed.shape}."
        )
    wrong = np.flatnonzero((classes != 0) & (classes != 1))
    if len(wrong):
        raise BadInputError(f"labels, row {wrong[0]}: expected 0 or 1; found {classes[wrong[0]]!r}.")
    if draws < 1:
        raise BadParameterError(f"draws is {draws}; expected at least 1.")
    pools = [np.flatnonzero(allowed & (classes == number)) for number in (0, 1)]
    # By person, so that the images of one lie together and drawing around them needs no search.
    pools = [pool[np.argsort(people[pool], kind="stable")] for pool in pools]
    wanted = np.flatnonzero(allowed)
    held = np.column_stack([_others(people[pool], people[wanted]) for pool in pools])
    recipients, without = wanted[(held > 0).all(axis=1)], wanted[(held == 0).any(axis=1)]
    own = classes[recipients].astype(np.int64)
    rng = np.random.default_rng([seed, 4201])
    same, other = np.empty((2, draws, len(recipients)), dtype=np.int64)
    for draw in range(draws):
        given = np.stack([_draw(rng, pool, people, people[recipients]) for pool in pools])
        every = np.arange(len(recipients))
        same[draw], other[draw] = given[own, every], given[1 - own, every]
    return Donors(recipients, same, other, np.where(_halves(rng, own, draws), same, other), without)


def can_be_exchanged(labels: npt.ArrayLike, identities: npt.ArrayLike, usable: npt.ArrayLike) -> bool:
    """Whether the usable images show two people of each class, so that each can take something of somebody else.

    Args:
        labels: (N,) 0 or 1.
        identities: (N,) who is shown.
        usable: bool (N,).
    """
    chosen = np.asarray(usable, dtype=np.bool_)
    classes, names = np.asarray(labels)[chosen], np.asarray(identities).astype(str)[chosen]
    return min(len(np.unique(names[classes == one])) for one in (0, 1)) >= 2


def _numbered(identities: Sequence[str] | npt.NDArray[np.generic]) -> Rows:
    """A number for each person; images without a name get one each."""
    names = np.asarray(identities, dtype=object)
    named = np.array([f"={name}" if str(name) else f"#{row}" for row, name in enumerate(names)], dtype=str)
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def _others(pool_people: Rows, people: Rows) -> Rows:
    """How many images of a pool, sorted by person, show somebody else."""
    first, last = (np.searchsorted(pool_people, people, side=side) for side in ("left", "right"))
    return np.asarray(len(pool_people) - (last - first), dtype=np.int64)


def _draw(rng: np.random.Generator, pool: Rows, people: Rows, recipients: Rows) -> Rows:
    """One image of the pool for each recipient, evenly among those of other people."""
    first = np.searchsorted(people[pool], recipients, side="left")
    last = np.searchsorted(people[pool], recipients, side="right")
    place = rng.integers(0, len(pool) - (last - first))
    # Places from the person's first image on are moved past the last one.
    return pool[np.where(place < first, place, place + last - first)]


def _halves(rng: np.random.Generator, own: Rows, draws: int) -> npt.NDArray[np.bool_]:
    """(draws, n) whether the donor is of the own class: half of each class, the other half in the next draw."""
    chosen = np.zeros((draws, len(own)), dtype=np.bool_)
    for draw in range(0, draws, 2):
        for number in (0, 1):
            rows = rng.permutation(np.flatnonzero(own == number))
            # An odd one out goes to either side by chance.
            chosen[draw, rows[: (len(rows) + int(rng.integers(2))) // 2]] = True
        if draw + 1 < draws:
            chosen[draw + 1] = ~chosen[draw]
    return chosen
