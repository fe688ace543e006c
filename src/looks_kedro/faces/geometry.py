"""Regions of a face crop that follow from the landmarks alone, and the mirror image of landmarks."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from looks_kedro.faces.alignment import face_transform, inverse, map_points, scale_of
from looks_kedro.faces.landmarks import MIRRORED_ORDER, Floats, checked_landmarks

# Centre and half axes in the template's pixels (see alignment.py). The face reaches from the hairline to the chin and
# from cheek to cheek, the head with its hair and ears further.
_ELLIPSES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "face": ((149.5, 130.0), (97.0, 122.0)),
    "head": ((149.5, 112.0), (124.0, 160.0)),
}


def face_ellipse(
    landmarks: npt.ArrayLike, part: Literal["face", "head"] = "face"
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """The ellipse of a face, from the hairline to the chin, or of a head with its hair.

    Args:
        landmarks: (5, 2) in pixels of any image.
        part: ``face``, or ``head`` for the larger one.

    Returns:
        Its centre (x, y) and half axes (across, along the face) in pixels of the same image, and its angle in
        degrees, positive when the head leans clockwise as seen in the image.
    """
    centre, axes = _ELLIPSES[part]
    transform = face_transform(checked_landmarks(landmarks))
    scale = scale_of(transform)
    back = inverse(transform)
    x, y = map_points(back, [centre])[0]
    angle = math.degrees(math.atan2(back[1, 0], back[0, 0]))
    return (float(x), float(y)), (axes[0] * scale, axes[1] * scale), angle


def ellipse_mask(
    landmarks: npt.ArrayLike, size: int | tuple[int, int], part: Literal["face", "head"] = "face"
) -> npt.NDArray[np.bool_]:
    """The pixels of an image whose centres lie in a face's or a head's ellipse.

    Args:
        landmarks: (5, 2) in pixels of the image.
        size: side of a square image, or (height, width), px.
        part: ``face``, or ``head`` for the larger one.

    Returns:
        Boolean array (height, width).
    """
    height, width = (size, size) if isinstance(size, int) else size
    (x, y), (across, along), angle = face_ellipse(landmarks, part)
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    u = ((columns - x) * cosine + (rows - y) * sine) / across
    v = ((rows - y) * cosine - (columns - x) * sine) / along
    inside: npt.NDArray[np.bool_] = u * u + v * v <= 1.0
    return inside


def mirror_landmarks(landmarks: npt.ArrayLike, width: int) -> Floats:
    """The landmarks in the mirrored image: x becomes ``width - 1 - x``, left and right change names."""
    points = checked_landmarks(landmarks)[list(MIRRORED_ORDER)]
    return np.column_stack([width - 1.0 - points[:, 0], points[:, 1]])
