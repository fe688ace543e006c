"""Maps laid over portraits, and sheets of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from looks_kedro.cam.averages import enlarge

__all__ = ["contact_sheet", "jet_overlay", "signed_overlay"]

ImageArray = npt.NDArray[np.uint8]


def jet_overlay(face: ImageArray, heat: npt.NDArray[np.floating], opacity: float = 0.5) -> ImageArray:
    """A map from 0 to 1 in the colours of jet over a portrait, as the study's figures show it.

    Args:
        face: uint8 (S, S, 3).
        heat: (h, w), 0 (blue) to 1 (red), clipped; enlarged to the portrait.
        opacity: of the colours, 0..1.

    Returns:
        uint8 (S, S, 3).
    """
    values = np.clip(enlarge(heat, face.shape[0]), 0, 1)
    return _blend(face, _colours("jet")[np.rint(values * 255).astype(np.uint8)], np.float32(opacity))


def signed_overlay(
    face: ImageArray, evidence: npt.NDArray[np.floating], scale: float | None = None, opacity: float = 0.75
) -> ImageArray:
    """Signed evidence over a portrait: red speaks for class 1, blue for class 0, nothing where there is none.

    Args:
        face: uint8 (S, S, 3).
        evidence: (h, w), signed; enlarged to the portrait.
        scale: the value of the fullest colour; the map's own largest size when none. Share one between pictures
            that are compared.
        opacity: of the fullest colour, 0..1.

    Returns:
        uint8 (S, S, 3).
    """
    values = enlarge(evidence, face.shape[0])
    limit = float(np.abs(values).max()) if scale is None else scale
    values = np.clip(values / limit, -1, 1) if limit > 0 else np.zeros_like(values)
    colours = _colours("coolwarm")[np.rint(values * 127.5 + 127.5).astype(np.uint8)]
    return _blend(face, colours, (np.abs(values) * opacity)[..., None])


def contact_sheet(pictures: Sequence[ImageArray], columns: int = 8, gap: int = 4, ground: int = 255) -> ImageArray:
    """Pictures of one size, row by row, on one sheet.

    Args:
        pictures: uint8 (H, W, 3) each; at least one.
        columns: pictures a row; fewer when there are fewer pictures.
        gap: pixels between pictures.
        ground: grey value between them, 0-255.

    Returns:
        uint8 sheet, RGB.

    Raises:
        ValueError: there is no picture.
    """
    if not len(pictures):
        raise ValueError("no picture for the sheet")
    height, width = pictures[0].shape[:2]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), ground, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def _blend(face: ImageArray, colours: ImageArray, weight: npt.NDArray[np.floating] | np.float32) -> ImageArray:
    mixed = face * (1 - weight) + colours * weight
    blended: ImageArray = np.rint(mixed).clip(0, 255).astype(np.uint8)
    return blended


@lru_cache
def _colours(name: str) -> ImageArray:
    """The 256 colours of one of matplotlib's scales, uint8 (256, 3)."""
    from matplotlib import colormaps

    table: ImageArray = np.rint(colormaps[name](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return table
