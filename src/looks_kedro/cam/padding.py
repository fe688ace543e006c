"""Does heat lie on a side because something is there, or because of the side?

A network with stride 2 at an even image size consumes zero padding on the left and the top only, which can pull heat
to one side whatever the image shows. So the maps of mirrored images are held against the mirrored maps: what follows
the content turns with it, what stays does not come from the content. It may come from padding, or from a habit that
the network learnt from images that were never mirrored.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval, mean_interval, people_of

__all__ = ["PADDING_COLUMNS", "mirror_control", "padding_table", "right_minus_left"]

PADDING_COLUMNS = (
    "class",
    "images",
    "identities",
    "correlation",
    "correlation_low",
    "correlation_high",
    "right_minus_left",
    "right_minus_left_low",
    "right_minus_left_high",
    "staying",
    "staying_low",
    "staying_high",
)


def mirror_control(
    maps: npt.NDArray[np.floating],
    of_mirrored: npt.NDArray[np.floating],
    toward: npt.NDArray[np.integer] | None = None,
) -> pd.DataFrame:
    """Maps of mirrored images against mirrored maps.

    Args:
        maps: (N, h, w), signed, of the images.
        of_mirrored: (N, h, w), of the same images with left and right swapped.
        toward: (N,) classes 0 or 1 that the evidence of the sides must speak for; a 0 turns the sign of both maps.

    Returns:
        One row an image. ``correlation``, -1..1: Pearson's, between the map of the mirrored image and the mirrored
        map; 1 where the map turns with the image. ``right_minus_left``, -1..1: share of the positive evidence on the
        right half less that on the left, of the image. ``mirrored_right_minus_left``: of the mirrored image.
        ``staying``: their mean, the part of the lean that stays when the image is turned; 0 where all of it follows
        the content. NaN where a map is constant or has no positive evidence.

    Raises:
        BadInputError: the two have different shapes.
    """
    if maps.shape != of_mirrored.shape:
        raise BadInputError(f"maps of the shape {maps.shape}, of mirrored images {of_mirrored.shape}; expected one")
    sign = np.ones(len(maps)) if toward is None else np.where(np.asarray(toward) == 0, -1.0, 1.0)
    own, turned = (one.astype(np.float64) * sign[:, None, None] for one in (maps, of_mirrored))
    table = pd.DataFrame({"correlation": _correlation(own[:, :, ::-1], turned)})
    table["right_minus_left"] = right_minus_left(own)
    table["mirrored_right_minus_left"] = right_minus_left(turned)
    table["staying"] = (table["right_minus_left"] + table["mirrored_right_minus_left"]) / 2
    return table


def right_minus_left(maps: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Share of each map's positive evidence on the right half less that on the left; a middle column counts nothing.

    Args:
        maps: (N, h, w).

    Returns:
        (N,), -1..1; NaN where a map has no positive evidence.
    """
    columns = np.maximum(maps, 0).sum(axis=1, dtype=np.float64)
    side = np.sign(np.arange(maps.shape[2]) - (maps.shape[2] - 1) / 2)
    total = columns.sum(axis=1)
    lean: npt.NDArray[np.float64] = np.full(len(maps), np.nan)
    np.divide(columns @ side, total, out=lean, where=total > 0)
    return lean


def padding_table(control: pd.DataFrame, looks: npt.ArrayLike, identities: npt.ArrayLike) -> pd.DataFrame:
    """Means of the control, with intervals over people.

    Args:
        control: what :func:`mirror_control` gives.
        looks: (N,), 1 celebrity, 0 ordinary.
        identities: (N,) whom each image shows.

    Returns:
        Columns ``PADDING_COLUMNS``: one row for each class that has images, and one for all.
    """
    names = np.asarray(identities).astype(str)
    kinds = np.asarray(looks)
    groups = {"celebrities": kinds == 1, "ordinary": kinds == 0, "all": np.ones(len(kinds), dtype=bool)}
    rows = []
    for name, chosen in groups.items():
        if not chosen.any():
            continue
        people = people_of(names[chosen], kinds[chosen])
        row: dict[str, object] = {"class": name, "images": int(chosen.sum()), "identities": len(people)}
        for measure in ("correlation", "right_minus_left", "staying"):
            interval: Interval = mean_interval(control.loc[chosen, measure], people, within=(-1, 1))
            row |= {measure: interval.value, f"{measure}_low": interval.low, f"{measure}_high": interval.high}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(PADDING_COLUMNS))


def _correlation(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Pearson's correlation of each pair of maps; NaN where one is constant."""
    first, second = (values.reshape(len(values), -1) for values in (one, other))
    first, second = (values - values.mean(axis=1, keepdims=True) for values in (first, second))
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    found: npt.NDArray[np.float64] = np.full(len(one), np.nan)
    np.divide((first * second).sum(axis=1), scale, out=found, where=scale > 0)
    return found
