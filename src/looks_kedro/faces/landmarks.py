"""The five landmarks: their order, their column names, and the way between arrays and rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.tables import CROP_LANDMARKS, LANDMARKS

Floats = npt.NDArray[np.float64]

LANDMARK_COLUMNS = LANDMARKS
"""Columns of the landmarks in raw pixels, in MTCNN's order; left and right as seen in the image."""

CROP_LANDMARK_COLUMNS = CROP_LANDMARKS
"""Columns of the landmarks in pixels of the face crop."""

MIRRORED_ORDER = (1, 0, 2, 4, 3)
"""Where each landmark of a mirrored image stood before: left and right change places."""


def landmarks_of(row: Mapping[Any, Any], columns: Sequence[str] = CROP_LANDMARK_COLUMNS) -> Floats:
    """The landmarks in a row of a table.

    Args:
        row: a mapping, such as a pandas row, with the ten columns.
        columns: their names, x and y in turn.

    Returns:
        Array (5, 2), x to the right and y down, in pixels.
    """
    return np.array([float(row[column]) for column in columns]).reshape(5, 2)


def landmark_columns(landmarks: npt.ArrayLike, columns: Sequence[str] = CROP_LANDMARK_COLUMNS) -> dict[str, float]:
    """The inverse of :func:`landmarks_of`, rounded to a hundredth of a pixel."""
    return {name: round(float(value), 2) for name, value in zip(columns, np.ravel(landmarks), strict=True)}


def checked_landmarks(landmarks: npt.ArrayLike) -> Floats:
    """The landmarks as a float array (5, 2).

    Raises:
        ValueError: another shape, or a value that is not finite.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ValueError(f"landmarks must be five finite points, array (5, 2); found shape {points.shape}: {points}")
    return points
