"""The face crop of a photo, made when it is needed."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt

from looks_kedro.faces.alignment import Alignment, box_transform, face_transform, map_points, scale_of, warp
from looks_kedro.faces.decode import MAX_PIXELS, decode
from looks_kedro.faces.landmarks import Floats


def crop_transform(landmarks: npt.ArrayLike, box: npt.ArrayLike, settings: Alignment) -> Floats:
    """The matrix (2, 3) from raw pixels to pixels of the crop, by landmarks or by the box."""
    if settings.method == "box":
        return box_transform(box, settings.margin, settings.size)
    return face_transform(landmarks, settings.size)


def crop_geometry(landmarks: npt.ArrayLike, box: npt.ArrayLike, settings: Alignment) -> tuple[Floats, float]:
    """The landmarks in the crop, (5, 2), and its scale in raw pixels a crop pixel, without touching the photo."""
    transform = crop_transform(landmarks, box, settings)
    return map_points(transform, landmarks), scale_of(transform)


def crop_face(
    source: str | os.PathLike[str] | bytes,
    landmarks: npt.ArrayLike,
    box: npt.ArrayLike,
    settings: Alignment | None = None,
    max_pixels: int = MAX_PIXELS,
) -> npt.NDArray[np.uint8]:
    """Decode a photo and cut out its face; safe to call from several threads.

    Args:
        source: path of the photo, or its bytes.
        landmarks: (5, 2) in raw pixels, from the face table.
        box: (4,) left, top, right, bottom in raw pixels.
        settings: how it is cut out.
        max_pixels: limit for decoding.

    Returns:
        The crop, (size, size, 3) uint8 RGB.

    Raises:
        UnreadableImageError: the photo cannot be decoded (any more).
    """
    settings = settings or Alignment()
    return warp(decode(source, max_pixels), crop_transform(landmarks, box, settings), settings.size)
