"""People before the background of another image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.companions.ladder import filled, person_matte

__all__ = ["mixed", "mixed_backgrounds", "on_ground_of"]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def mixed_backgrounds(
    faces: Any, landmarks: npt.ArrayLike, donors: npt.ArrayLike, mattes: Any = None
) -> Iterator[Image]:
    """Each person before the background of another image.

    Args:
        faces: uint8 (N, S, S, 3).
        landmarks: (N, 5, 2).
        donors: (N,) rows whose background is shown; the image's own row leaves it as it is.
        mattes: uint8 (N, S, S).

    Yields:
        uint8 (S, S, 3), one an image.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    for row, donor in enumerate(np.asarray(donors)):
        yield mixed(faces, points, mattes, row, int(donor))


def on_ground_of(
    face: Image,
    donor: Image,
    landmarks: npt.ArrayLike,
    donor_landmarks: npt.ArrayLike,
    matte: Image | None = None,
    donor_matte: Image | None = None,
) -> Image:
    """A person before the background of another image, whose person is taken out and filled from around.

    Args:
        face: (S, S, 3) uint8, whose person is shown.
        donor: (S, S, 3) uint8, whose background is shown.
        landmarks: (5, 2) of the face.
        donor_landmarks: (5, 2) of the donor.
        matte: (S, S) uint8 of the face; the head's ellipse without it.
        donor_matte: of the donor.
    """
    person = person_matte(face.shape, landmarks, matte)[:, :, None]
    ground = filled(donor, person_matte(donor.shape, donor_landmarks, donor_matte, margin=0.03))
    return np.rint(face * person + ground * (1 - person)).astype(np.uint8)


def mixed(faces: Any, landmarks: Floats, mattes: Any, row: int, donor: int) -> Image:
    """One of :func:`mixed_backgrounds`; rows are read one at a time."""
    if row == donor:
        return np.asarray(faces[row])
    cut = [None, None] if mattes is None else [np.asarray(mattes[one]) for one in (row, donor)]
    return on_ground_of(
        np.asarray(faces[row]), np.asarray(faces[donor]), landmarks[row], landmarks[donor], cut[0], cut[1]
    )
