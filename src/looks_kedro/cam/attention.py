"""How much of a map lies on a region, against how much of the image the region takes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.cam.averages import enlarge

__all__ = ["attention_on"]


def attention_on(
    maps: npt.NDArray[np.floating],
    masks: Iterable[npt.NDArray[np.bool_]],
    toward: npt.NDArray[np.integer] | None = None,
) -> pd.DataFrame:
    """Share of the positive evidence inside a mask, the mask's share of the image, and their ratio.

    ``share = sum_{mask} max(m, 0) / sum max(m, 0)`` over the map enlarged to the mask's size;
    ``area = mean(mask)``; ``ratio = share / area``: 1 where the evidence lies as if by chance.

    Args:
        maps: signed (N, h, w), positive for class 1.
        masks: N square masks of one size each, read one at a time.
        toward: (N,) classes 0 or 1 that the evidence must speak for; a 0 turns the sign of that map. None takes
            every map as it is.

    Returns:
        One row an image: ``share`` and ``area`` in 0..1 and ``ratio`` of 0 or more. ``share`` and ``ratio`` are NaN
        where no pixel has positive evidence, and ``ratio`` is NaN where the mask is empty.

    Raises:
        ValueError: there are not as many masks as maps, or a mask is not square.
    """
    signs = np.ones(len(maps)) if toward is None else np.where(np.asarray(toward) == 0, -1.0, 1.0)
    rows = []
    for one, mask, sign in zip(maps, masks, signs, strict=True):
        inside = np.asarray(mask, dtype=bool)
        if inside.ndim != 2 or inside.shape[0] != inside.shape[1]:
            raise ValueError(f"expected a square mask, found {inside.shape}")
        positive = np.maximum(enlarge(one * sign, inside.shape[0]), 0).astype(np.float64)
        total = float(positive.sum())
        area = float(inside.mean())
        share = float(positive[inside].sum()) / total if total > 0 else float("nan")
        rows.append((share, area, share / area if area > 0 else float("nan")))
    return pd.DataFrame(rows, columns=["share", "area", "ratio"], dtype=np.float64)
