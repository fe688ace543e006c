"""Cross-validation: each part of the people judged by the network that was trained on the others.

With few people a test part says little; cross-validated, everybody is tested once. What is judged then is the way of
training rather than one network (Dietterich, 1998, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.portrait_set import PortraitSet
from looks_kedro.audit.reliance import Decisions
from looks_kedro.errors import BadInputError

__all__ = ["checked_folds", "joined_decisions", "joined_flags", "some_portraits"]

Rows = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class _Chosen:
    """Some of the pictures, each read when it is looked at."""

    def __init__(self, source: Any, rows: Rows) -> None:
        self._source, self._rows = source, rows
        self.shape = (len(rows), *source.shape[1:])
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> npt.NDArray[np.uint8]:
        return np.asarray(self._source[int(self._rows[row])])


def some_portraits(portraits: PortraitSet, rows: Rows) -> PortraitSet:
    """The portraits of some rows, in that order."""
    return PortraitSet(
        _Chosen(portraits.faces, rows),
        np.asarray(portraits.landmarks)[rows],
        None if portraits.mattes is None else _Chosen(portraits.mattes, rows),
        None if portraits.good is None else portraits.good[rows],
    )


def checked_folds(
    folds: npt.NDArray[Any], models: int, identities: npt.NDArray[np.str_], labels: npt.NDArray[Any]
) -> list[Rows]:
    """The rows of each model's fold.

    Args:
        folds: (N,) place of the model that has not seen the image's person.
        models: how many there are.
        identities: (N,).
        labels: (N,) 0 or 1.

    Raises:
        BadInputError: a fold has no model or a model no fold, a person is in two folds, or a fold lacks a class or has
            one person of it.
    """
    found = np.unique(folds).tolist()
    if found != list(range(models)):
        raise BadInputError(
            f"folds: expected the numbers 0 to {models - 1}, one for each of {models} models; found {found}. "
            "Give as many models as folds, in the folds' order."
        )
    rows = [np.flatnonzero(folds == fold) for fold in found]
    for name in np.unique(identities):
        of = np.unique(folds[identities == name])
        if len(of) > 1:
            raise BadInputError(
                f"folds: {name} is in the folds {of.tolist()}; expected each person in one. Split by person."
            )
    for fold, chosen in enumerate(rows):
        for one in (0, 1):
            people = len(np.unique(identities[chosen][labels[chosen] == one]))
            if people < 2:
                raise BadInputError(
                    f"folds: fold {fold} has {people} people of class {one}; expected at least 2. Take fewer folds."
                )
    return rows


def joined_flags(parts: Sequence[Flags], rows: Sequence[Rows]) -> Flags:
    """What was found for each fold's images, in the order of all images."""
    whole = np.empty(sum(len(part) for part in parts), dtype=np.bool_)
    for part, chosen in zip(parts, rows, strict=True):
        whole[chosen] = part
    return whole


def joined_decisions(parts: Sequence[Sequence[Decisions]], rows: Sequence[Rows]) -> list[Decisions]:
    """The decisions of all folds as those of one test.

    Args:
        parts: of each fold one ``Decisions`` a channel, whose row numbers are those within the fold.
        rows: of each fold, the rows of all images.

    Returns:
        One a channel that every fold has.
    """
    by_name: list[Mapping[str, Decisions]] = [{one.channel: one for one in part} for part in parts]
    common = [name for name in by_name[0] if all(name in one for one in by_name)]
    return [_joined([one[name] for one in by_name], rows) for name in common]


def _joined(parts: Sequence[Decisions], rows: Sequence[Rows]) -> Decisions:
    def places(name: str) -> Rows | None:
        values = [getattr(part, name) for part in parts]
        if any(value is None for value in values):
            return None
        return np.concatenate([chosen[value] for value, chosen in zip(values, rows, strict=True)])

    return replace(
        parts[0],
        same=np.concatenate([part.same for part in parts]),
        balanced=np.concatenate([part.balanced for part in parts]),
        rows=places("rows"),
        same_donors=places("same_donors"),
        balanced_donors=places("balanced_donors"),
    )
