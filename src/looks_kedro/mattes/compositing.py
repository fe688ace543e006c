"""Laying a person on another ground."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def on_colour(
    face: npt.NDArray[np.uint8], matte: npt.NDArray[np.uint8], colour: Sequence[int] = (255, 255, 255)
) -> npt.NDArray[np.uint8]:
    """Composite a face on one colour: ``a face + (1 - a) colour`` with a = matte / 255, rounded.

    Args:
        face: (H, W, 3) uint8 RGB.
        matte: (H, W) uint8, 255 where the person is.
        colour: red, green, blue, 0..255.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: shapes do not match, or the colour is not three values of 0..255.
    """
    if face.ndim != 3 or face.shape[2] != 3 or matte.shape != face.shape[:2]:
        raise ValueError(f"expected a face (H, W, 3) and its matte (H, W); found {face.shape} and {matte.shape}")
    if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
        raise ValueError(f"expected a colour of three values from 0 to 255; found {tuple(colour)}")
    alpha = matte.astype(np.uint32)[:, :, None]
    ground = np.asarray(colour, dtype=np.uint32)
    # Whole numbers, so that full and empty pixels stay exact: (x + 127) // 255 rounds to the nearest.
    mixed = (face * alpha + ground * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)
