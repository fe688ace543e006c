"""Which single maps are worth a look: the wrong answers, the typical and the odd ones, the sure and the unsure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["SELECTIONS", "distance_from_average", "select_images"]

SELECTIONS = ("wrong", "near the average", "far from it", "most certain", "least certain")
"""Rows of a sheet, in order."""


def select_images(
    maps: npt.NDArray[np.floating], margin: npt.NDArray[np.floating], most: int = 8
) -> dict[str, npt.NDArray[np.int64]]:
    """Images of one class for a sheet.

    Args:
        maps: (N, h, w) as they are drawn.
        margin: (N,), the logit of the true class less the other: below 0 is a wrong answer.
        most: images a row of the sheet.

    Returns:
        ``SELECTIONS`` to rows of the arrays, at most ``most`` each: wrong answers, the surest first; the maps nearest
        to and farthest from the average map of the class; right answers, the surest and the least sure first. One
        that would be empty is left out; an image may be in several.
    """
    distance = distance_from_average(maps)
    order = np.argsort(margin, kind="stable")
    near = np.argsort(distance, kind="stable")  # NaN, a map of zeros, comes last
    known = near[: int(np.isfinite(distance).sum())]
    right = order[margin[order] > 0]
    chosen = {
        "wrong": order[margin[order] <= 0],
        "near the average": known,
        "far from it": known[::-1],
        "most certain": right[::-1],
        "least certain": right,
    }
    return {name: rows[:most] for name, rows in chosen.items() if len(rows)}


def distance_from_average(maps: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """One less the cosine between each map and the mean map: where the heat lies counts, how strong it is does not.

    Args:
        maps: (N, h, w).

    Returns:
        (N,), 0..2; NaN for a map of zeros.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    scale = np.linalg.norm(flat, axis=1) * np.linalg.norm(mean)
    distance: npt.NDArray[np.float64] = 1 - np.divide(
        flat @ mean, scale, out=np.full(len(maps), np.nan), where=scale > 0
    )
    return distance
