"""The group of people on which a model is right least often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval, people_of, share_interval

__all__ = ["control_row", "worst_groups"]

_LEAST_IMAGES, _LEAST_PEOPLE = 10, 3


def worst_groups(
    right: npt.ArrayLike, labels: npt.ArrayLike, identities: npt.ArrayLike, attributes: Mapping[str, npt.ArrayLike]
) -> list[dict[str, Any]]:
    """The group of class x value on which the model is right least often, for each attribute.

    Groups of fewer than 10 images or 3 people are left out, and the note says so. The worst of several groups looks
    worse than it is by chance; its interval is the one that holds for all groups together (Bonferroni).

    Args:
        right: bool (N,).
        labels: 0 or 1 (N,).
        identities: (N,).
        attributes: (N,) values by name; an empty value belongs to no group.

    Returns:
        Rows of :func:`model_controls`.
    """
    correct, marks = np.asarray(right, dtype=bool), np.asarray(labels)
    names = np.asarray(identities).astype(str)
    rows = []
    for attribute, given in attributes.items():
        values = np.asarray(given).astype(str)
        if values.shape != marks.shape:
            raise BadInputError(f"{attribute}: found {values.shape[0]} values for {len(marks)} images.")
        groups = {(one, value): (marks == one) & (values == value) for one in (0, 1) for value in np.unique(values)
                  if value}  # fmt: skip
        seen = {key: rows_of for key, rows_of in groups.items() if rows_of.any()}
        large = {
            key: rows_of
            for key, rows_of in seen.items()
            if rows_of.sum() >= _LEAST_IMAGES and len(np.unique(names[rows_of])) >= _LEAST_PEOPLE
        }
        left = f"; {len(seen) - len(large)} small groups left out" if len(large) < len(seen) else ""
        if not large:
            rows.append(
                control_row(f"worst group: {attribute}", 0, Interval(*[np.nan] * 3), f"no group is large enough{left}")
            )
            continue
        key = min(large, key=lambda one: float(correct[large[one]].mean()))
        chosen = large[key]
        reached = share_interval(correct[chosen], people_of(names[chosen]), 0.05 / len(large))
        note = f"accuracy on class {key[0]}, {key[1]}; the worst of {len(large)} groups{left}"
        rows.append(control_row(f"worst group: {attribute}", int(chosen.sum()), reached, note))
    return rows


def control_row(name: str, images: int, reached: Interval, note: str) -> dict[str, Any]:
    """A row of the table of controls."""
    return {
        "control": name,
        "images": images,
        "balanced_accuracy": reached.value,
        "low": reached.low,
        "high": reached.high,
        "note": note,
    }
