"""Properties of a picture that have nothing to do with who is on it, and by which two sources may be told apart."""

from __future__ import annotations

import struct
from functools import cache

import numpy as np
import numpy.typing as npt

# Luminance quantisation at quality 50, in rows (ISO/IEC 10918-1, table K.1).
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
# Files store a table along its anti-diagonals, in alternate directions.
_ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i % 8) if (i // 8 + i % 8) % 2 == 0 else (i // 8)))
_STANDARD = _LUMINANCE.ravel()[_ZIGZAG].astype(np.float64)

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def jpeg_quality(data: bytes) -> float | None:
    """Estimate the quality setting (1..100) with which a JPEG file was saved.

    The Independent JPEG Group's scaling of the standard luminance table is inverted:
    ``table = clip((standard s + 50) // 100, 1, 255)`` with ``s = 5000 / q`` below quality 50 and ``200 - 2 q`` from
    there. A table that this gives for a whole q tells it exactly; for tables of other programs s is the least-squares
    fit to the entries that are not clipped, so that the number says how coarse they are on the same scale.

    Args:
        data: the file's bytes.

    Returns:
        The quality, rounded to 0.1; None when the bytes are no JPEG file or hold no luminance table.
    """
    table = _luminance_table(data)
    if table is None:
        return None
    errors = np.abs(_scaled_tables() - table).sum(axis=1)
    # A row of ones fits qualities that differ in nothing; the highest is meant.
    best = int(np.flatnonzero(errors == errors.min())[-1])
    if errors[best] == 0:
        return float(best + 1)
    free = (table > 1) & (table < 255)
    if not free.any():
        return float(best + 1)
    scale = 100.0 * float((table[free] * _STANDARD[free]).sum() / (_STANDARD[free] ** 2).sum())
    quality = (200.0 - scale) / 2.0 if scale <= 100.0 else 5000.0 / scale
    return round(float(np.clip(quality, 1.0, 100.0)), 1)


def image_quality(crop: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Measure sharpness, light and colour of a picture.

    Args:
        crop: (H, W, 3) uint8, RGB.

    Returns:
        ``sharpness``, the variance of the Laplacian of the luminance (BT.601, 0..255); ``brightness`` and
        ``contrast``, mean and standard deviation of the luminance; ``saturation``, the mean of the largest minus the
        smallest channel; ``red``, ``green``, ``blue``, the channels' means. All rounded to 3 digits.
    """
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S, ksize=1))
    brightness, contrast = cv2.meanStdDev(grey)
    red, green, blue = cv2.split(crop)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    values = {
        "sharpness": deviation[0, 0] ** 2,
        "brightness": brightness[0, 0],
        "contrast": contrast[0, 0],
        "saturation": cv2.mean(spread)[0],
        **dict(zip(("red", "green", "blue"), cv2.mean(crop), strict=False)),
    }
    return {name: round(float(value), 3) for name, value in values.items()}


@cache
def _scaled_tables() -> npt.NDArray[np.float64]:
    """The tables of the qualities 1 to 100, (100, 64)."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.clip((_STANDARD * scale[:, None] + 50.0) // 100.0, 1.0, 255.0)


def _luminance_table(data: bytes) -> npt.NDArray[np.float64] | None:
    """The 64 quantisation steps of the first component, in the file's zigzag order."""
    if data[:2] != b"\xff\xd8":
        return None
    tables: dict[int, npt.NDArray[np.float64]] = {}
    wanted = 0
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # a fill byte
            place += 1
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        segment = data[place + 4 : place + 2 + length]
        if marker == 0xDB:
            tables |= _tables_in(segment)
        elif marker in _FRAMES and len(segment) >= 9:
            wanted = segment[8]
        elif marker in {0xDA, 0xD9}:
            break
        place += 2 + max(length, 2)
    return tables.get(wanted)


def _tables_in(segment: bytes) -> dict[int, npt.NDArray[np.float64]]:
    tables: dict[int, npt.NDArray[np.float64]] = {}
    while segment:
        wide, number = segment[0] >> 4, segment[0] & 15
        size = 128 if wide else 64
        if len(segment) < 1 + size:
            break
        values = np.frombuffer(segment[1 : 1 + size], dtype=">u2" if wide else "u1").astype(np.float64)
        if (values > 0).all():
            tables[number] = values
        segment = segment[1 + size :]
    return tables
