"""Image files to pixels of one size, as every network here sees them. Knows no torch, so threads may start at once."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.mattes.compositing import without_alpha

__all__ = ["DECODER", "Colour", "ImageArray", "read_portrait"]

DECODER = 1
"""Counts the changes that make :func:`read_portrait` give other pixels; arrays of another number are built anew."""

ImageArray = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]


def read_portrait(file: Path | IO[bytes], size: int | None, alpha_colour: Colour) -> ImageArray:
    """Decode one image to RGB and resize it to a square.

    Shrinking averages over the area of each pixel, enlarging is bilinear. A network sees three channels: a picture
    with transparency is laid on ``alpha_colour``, ``a image + (1 - a) colour``, before it is resized.

    Args:
        file: its path, or the open file.
        size: side of the square in pixels; none leaves the image its own size.
        alpha_colour: red, green, blue (0-255) behind transparent pixels.

    Returns:
        uint8 (size, size, 3), or (H, W, 3) without a size.

    Raises:
        BadInputError: the file is missing or no readable image.
    """
    import cv2

    try:
        with Image.open(file) as opened:
            if opened.mode in {"RGBA", "LA", "PA"} or "transparency" in opened.info:
                pixels = without_alpha(np.asarray(opened.convert("RGBA")), alpha_colour)
            else:
                # Converting what is RGB already would copy it.
                pixels = np.asarray(opened if opened.mode == "RGB" else opened.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInputError(f"{file}: expected a readable image, found {error}; restore or remove it") from error
    if size is not None and pixels.shape[:2] != (size, size):
        shrinks = min(pixels.shape[:2]) >= size
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return pixels
