"""What JPEG has left in pixels: finding its quality without the file, and smoothing its blocks away."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.portrait import Image

__all__ = ["deblocked", "recompressed", "traced_quality"]

_CANDIDATES = (*range(6, 50, 4), *range(50, 93, 3))
_BANDS = 14  # the coarsest ones after the mean, along the zigzag: finer ones are mostly 0
_BLOCKS = 300
_FEWEST = 40  # coefficients that must tell
_CLEAREST, _NEAR = 0.35, 0.75
_SHIFTS = ((0, 0), (1, 5), (2, 2), (3, 7), (4, 4), (5, 1), (6, 6), (7, 3))


def recompressed(pixels: Image, quality: float) -> Image:
    """An image after saving and reading it as JPEG; (H, W, 3) uint8."""
    import cv2

    told = [int(cv2.IMWRITE_JPEG_QUALITY), int(np.clip(round(quality), 1, 100))]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[:, :, ::-1]), told)
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(back[:, :, ::-1])


def deblocked(pixels: Image, quality: float) -> Image:
    """An image with its JPEG blocks smoothed: the mean of recompressions on shifted grids (Nosratinia, 2001).

    Args:
        pixels: (H, W, 3) uint8.
        quality: with which the image was saved, 1..100.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = pixels.shape[:2]
    total = np.zeros(pixels.shape, dtype=np.float32)
    for down, right in _SHIFTS:
        moved = np.pad(pixels, ((down, 8 - down), (right, 8 - right), (0, 0)), mode="edge")
        total += recompressed(moved, quality)[down : down + height, right : right + width]
    return np.rint(total / len(_SHIFTS)).astype(np.uint8)


def traced_quality(pixels: Image) -> float | None:
    """The quality with which an image was last saved as JPEG, by its pixels alone.

    The coefficients of 8 x 8 blocks are then multiples of the quality's steps, and ``mean cos(2 pi c / step)`` over
    those beyond half a step is near 1; without a history it is near 0. Among the qualities that fit nearly as well as
    the best the lowest is meant, since multiples of a step are multiples of its divisors, too.

    Args:
        pixels: (H, W, 3) uint8, on the grid on which it was saved: resampling wipes these traces out.

    Returns:
        Quality 6..92 in steps of 3 or 4; None where there is no trace, as for finer qualities.
    """
    coefficients = _block_coefficients(pixels)
    if coefficients is None:
        return None
    scores = np.array([_fit(coefficients, steps) for steps in _tables()])
    if scores.max() < _CLEAREST:
        return None
    return float(_CANDIDATES[int(np.flatnonzero(scores >= _NEAR * scores.max())[0])])


def _fit(coefficients: npt.NDArray[np.float32], steps: npt.NDArray[np.float32]) -> float:
    telling = np.abs(coefficients) > steps / 2
    if telling.sum() < _FEWEST:
        return 0.0
    return float(np.cos(2 * np.pi * coefficients / steps)[telling].mean())


def _block_coefficients(pixels: Image) -> npt.NDArray[np.float32] | None:
    """The coarse coefficients of the luminance's blocks, (n, ``_BANDS``); None for an image below one block."""
    import cv2

    height, width = (side // 8 * 8 for side in pixels.shape[:2])
    if not height or not width:
        return None
    grey = cv2.transform(pixels[:height, :width].astype(np.float32), np.array([[0.299, 0.587, 0.114]], np.float32))
    blocks = grey.reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    blocks = blocks[:: max(1, len(blocks) // _BLOCKS)] - 128
    base = _cosines()
    values = (base @ blocks @ base.T).reshape(-1, 64)
    return np.asarray(values[:, _zigzag()[1 : _BANDS + 1]], dtype=np.float32)


@cache
def _cosines() -> npt.NDArray[np.float32]:
    """The orthonormal cosine transform of 8 values."""
    k, n = np.mgrid[:8, :8]
    base = np.sqrt(2 / 8) * np.cos(np.pi * (2 * n + 1) * k / 16)
    base[0] /= np.sqrt(2)
    return np.asarray(base, dtype=np.float32)


@cache
def _zigzag() -> npt.NDArray[np.int64]:
    """Places of a block, row by row, in the order of its anti-diagonals."""
    order = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i % 8) if (i // 8 + i % 8) % 2 == 0 else (i // 8)))
    return np.array(order)


@cache
def _tables() -> npt.NDArray[np.float32]:
    """Steps of the candidates' luminance, (candidates, ``_BANDS``), as the encoder at hand uses them."""
    import cv2
    from PIL import Image as Pillow

    tables = []
    for quality in _CANDIDATES:
        _, data = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8), [int(cv2.IMWRITE_JPEG_QUALITY), quality])
        steps = np.array(Pillow.open(io.BytesIO(data.tobytes())).quantization[0])  # type: ignore[attr-defined]
        tables.append(steps[_zigzag()[1 : _BANDS + 1]])
    return np.array(tables, dtype=np.float32)
