"""Groups of class x value of a channel, among which a repair evens things out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError

__all__ = ["shortcut_groups"]

Floats = npt.NDArray[np.float64]


def shortcut_groups(
    labels: npt.ArrayLike, values: npt.ArrayLike, parts: int = 2, seed: int = 0
) -> npt.NDArray[np.str_]:
    """Groups of class x value of the channel that the model relies on.

    Texts are taken as they are (an attribute such as gender). Numbers of one dimension (sharpness, JPEG quality) are
    cut at their quantiles *within each class, averaged*: at the plain quantiles, a shortcut that follows the class
    perfectly would leave half of the groups empty, and at each class's own it would not be balanced. Features of a
    channel (N, k), such as the colours of the surround, are clustered (k-means).

    Args:
        labels: 0 or 1 (N,).
        values: (N,) texts or numbers, or (N, k) numbers.
        parts: number of values that numbers are cut into.
        seed: of the clusters.

    Returns:
        (N,) texts such as ``class 1, value 0``.

    Raises:
        BadInputError: a class lacks a value that the other has: groups cannot be balanced. Fewer parts may help;
            where the channel tells the classes perfectly, images must be made (``swapped_backgrounds``).
    """
    marks, given = np.asarray(labels).astype(np.int64), np.asarray(values)
    if given.ndim == 2:
        named = _clusters(given.astype(np.float64), parts, seed).astype(str)
    elif np.issubdtype(given.dtype, np.number):
        shares = np.arange(1, parts) / parts
        cuts = np.mean([np.quantile(given[marks == one], shares) for one in (0, 1)], axis=0)
        named = np.searchsorted(cuts, given, side="right").astype(str)
    else:
        named = given.astype(str)
    groups = np.array([f"class {mark}, {'value ' if given.dtype.kind not in 'UO' else ''}{value}"
                       for mark, value in zip(marks, named, strict=True)])  # fmt: skip
    for one in (0, 1):
        lacking = sorted(set(named) - set(named[marks == one]))
        if lacking:
            raise BadInputError(
                f"class {one} has no image with the value {lacking[0]} of the channel: groups of class x value cannot "
                "be balanced. Take fewer parts, add such images, or train on exchanged backgrounds instead."
            )
    return groups


def _clusters(values: Floats, parts: int, seed: int) -> npt.NDArray[np.int64]:
    from sklearn.cluster import KMeans

    scale = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(scale > 1e-9, scale, 1.0)
    return np.asarray(KMeans(parts, n_init=10, random_state=seed).fit_predict(scaled), dtype=np.int64)
