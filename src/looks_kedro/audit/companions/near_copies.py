"""Pictures that lie in both classes, and whether the nearest neighbour of a picture is of its own class."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.companions.permutations import Bools, Floats, Units
from looks_kedro.duplicates import Duplicates, find_copies, perceptual_hash, thumbnail

__all__ = ["Pairs", "copies_across_classes", "copy_pairs", "crossings", "mutual_neighbours", "neighbour_agreement"]

Pairs = npt.NDArray[np.int64]
"""(M, 2) rows of pictures."""

SAME_CROP = Duplicates(max_distance=6, min_correlation=0.97)
"""Stricter than for whole photos: aligned faces of different people are alike in their coarse layout."""

_AT_ONCE = 1024


def copy_pairs(pictures: npt.NDArray[np.uint8], identities: npt.ArrayLike, settings: Duplicates | None = None) -> Pairs:
    """Pictures that are copies of one another and filed under two people.

    Args:
        pictures: (N, S, S, 3) uint8.
        identities: (N,) names.
        settings: what counts as a copy; ``SAME_CROP`` when None.

    Returns:
        The pairs, each copy with the picture that ``find_copies`` keeps in its place.
    """
    names = np.asarray(identities).astype(str)
    files = [f"{row:09d}" for row in range(len(pictures))]
    table = pd.DataFrame(
        {
            "file": files,
            "identity": names,
            "looks": "0",
            "sha256": [hashlib.sha256(one.tobytes()).hexdigest() for one in pictures],
            "perceptual_hash": [perceptual_hash(one) for one in pictures],
            "thumbnail": [thumbnail(one) for one in pictures],
            "raw_width": 1,
            "raw_height": 1,
            "bytes": 1,
        }
    )
    found = find_copies(table, settings or SAME_CROP)
    pairs = np.column_stack([found["file"].astype(np.int64), found["duplicate_of"].astype(np.int64)]).astype(np.int64)
    apart: Pairs = pairs[names[pairs[:, 0]] != names[pairs[:, 1]]]
    return apart


def copies_across_classes(pairs: Pairs, labels: npt.ArrayLike, files: Sequence[str] | None = None) -> pd.DataFrame:
    """The copies that lie in both classes.

    Args:
        pairs: from :func:`copy_pairs`.
        labels: 0 or 1 (N,).
        files: names of the pictures; their numbers where there are none.

    Returns:
        ``file`` of class 1 and ``copy`` in class 0, a row a pair.
    """
    marks = np.asarray(labels)
    across = pairs[marks[pairs[:, 0]] != marks[pairs[:, 1]]]
    ordered = np.where((marks[across[:, 0]] == 1)[:, None], across, across[:, ::-1])
    names = np.arange(len(marks)).astype(str) if files is None else np.asarray(files).astype(str)
    return pd.DataFrame({"file": names[ordered[:, 0]], "copy": names[ordered[:, 1]]})


def crossings(pairs: Pairs, units: Units, labelings: Bools) -> Floats:
    """How many of the pairs lie in both classes, for each labeling (P,)."""
    one, other = units.index[pairs[:, 0]], units.index[pairs[:, 1]]
    return np.asarray((labelings[one] != labelings[other]).sum(axis=0), dtype=np.float64)


def mutual_neighbours(features: npt.NDArray[np.floating], identities: npt.ArrayLike) -> Pairs:
    """Pictures of two people that are each the nearest to the other among all pictures of other people.

    Args:
        features: (N, p); scaled here, and distances are Euclidean.
        identities: (N,) names.

    Returns:
        The pairs, each once.
    """
    table = np.asarray(features, dtype=np.float64)
    spread = table.std(axis=0)
    varying = spread > 1e-9
    scaled = ((table[:, varying] - table[:, varying].mean(axis=0)) / spread[varying]).astype(np.float32)
    _, person = np.unique(np.asarray(identities).astype(str), return_inverse=True)
    lengths = (scaled**2).sum(axis=1)
    nearest = np.empty(len(scaled), dtype=np.int64)
    for start in range(0, len(scaled), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        # The picture's own length is the same for all candidates and is left out.
        distance = lengths[None] - 2 * scaled[block] @ scaled.T
        distance[person[block][:, None] == person[None]] = np.inf
        nearest[block] = distance.argmin(axis=1)
    rows = np.arange(len(scaled))
    mutual = rows[(nearest[nearest] == rows) & (rows < nearest) & (person != person[nearest])]
    return np.column_stack([mutual, nearest[mutual]]).astype(np.int64)


def neighbour_agreement(pairs: Pairs, units: Units, labelings: Bools) -> Floats:
    """Balanced accuracy of giving each picture the class of its mutual neighbour, for each labeling (P,).

    1/2 where neighbours are as mixed as the classes (Schilling, 1986), and where a class has no picture in a pair.
    """
    one, other = labelings[units.index[pairs[:, 0]]], labelings[units.index[pairs[:, 1]]]
    both = (one & other).sum(axis=0).astype(np.float64)
    neither = (~one & ~other).sum(axis=0).astype(np.float64)
    mixed = len(pairs) - both - neither
    seen1, seen0 = 2 * both + mixed, 2 * neither + mixed
    known = (seen1 > 0) & (seen0 > 0)
    agreement = 0.5 * (2 * both / np.maximum(seen1, 1) + 2 * neither / np.maximum(seen0, 1))
    return np.where(known, agreement, 0.5)
