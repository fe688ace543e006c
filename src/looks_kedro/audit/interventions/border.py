"""A frame along the image's edges, a few per cent of the side wide."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.geometry import Mask, blend, ramp
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["CHANNEL", "SHARE"]

SHARE = 0.045
"""Width of the part that is exchanged entirely, as a fraction of the side."""

_SOFT = 0.035  # of the soft edge further in
_SEEN, _SURE = 3.0, 9.0  # grey levels by which a frame's inner edge stands out from what lies further in


def mask(recipient: Portrait) -> Mask:
    """1 within ``SHARE`` of an edge, then falling softly."""
    height, width = recipient.pixels.shape[:2]
    side = min(height, width)
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    distance = np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)) + 0.5
    inside: Mask = 1 - ramp(distance, max(SHARE * side, 2.0), max((SHARE + _SOFT) * side, 4.0))
    return inside


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient with the donor's frame, or with none where the donor has none.

    Where a side of the donor has a frame, its pixels are taken. Where it has none, the recipient shows what it would
    show if it had none either: itself, or, where it has a frame, its mirrored inside. So frames are exchanged and
    grounds are not, which are the channel ``surround``; without any frames nothing changes at all.
    """
    given, own = _framed(donor.pixels)[:, :, None], _framed(recipient.pixels)[:, :, None]
    bare = recipient.pixels + own * (_continued(recipient.pixels) - recipient.pixels)
    return blend(recipient.pixels, bare + given * (donor.pixels - bare), mask(recipient))


def _width(pixels: Image) -> int:
    return int(max(4, round((SHARE + _SOFT) * min(pixels.shape[:2]))))


def _continued(pixels: Image) -> npt.NDArray[np.float32]:
    """The image with its border replaced by the mirrored inside."""
    width = _width(pixels)
    inside = pixels[width:-width, width:-width]
    mirrored = np.pad(inside, ((width, width), (width, width), (0, 0)), mode="symmetric")
    return np.asarray(mirrored, dtype=np.float32)


def _framed(pixels: Image) -> Mask:
    """How surely each side has a frame, 0..1, at the pixels that are nearest to that side."""
    across = pixels.swapaxes(0, 1)
    steps = [_step(side, _width(pixels)) for side in (pixels, pixels[::-1], across, across[::-1])]
    sure = ramp(np.array(steps, dtype=np.float32), _SEEN, _SURE)
    nearest: Mask = sure[_nearest_sides(pixels.shape[0], pixels.shape[1])]
    return nearest


@lru_cache(maxsize=8)
def _nearest_sides(height: int, width: int) -> npt.NDArray[np.intp]:
    """Which side each pixel is nearest to: 0 top, 1 bottom, 2 left, 3 right."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    distances = np.broadcast_arrays(rows, height - 1 - rows, columns, width - 1 - columns)
    nearest: npt.NDArray[np.intp] = np.argmin(np.stack(distances), axis=0)
    return nearest


def _step(pixels: Image, width: int) -> float:
    """How much the first rows step at one depth all along, more than the rows further in do, grey levels.

    Nearly three quarters of the side must step: what stands at one place only, such as a shoulder or a strand of hair,
    is no frame, nor is a ground that changes slowly. A frame may vanish before clothes of its own colour.
    """
    rows = np.ascontiguousarray(pixels[: 3 * width + 2], dtype=np.int16)
    steps = np.sort(np.abs(rows[2:] - rows[:-2]).max(axis=2), axis=1)[:, int(0.3 * rows.shape[1])]
    return float(steps[:width].max() - steps[width:].max())


CHANNEL = Channel(
    name="border",
    kind="surround",
    sentence="A frame of a twentieth of the side along the image's edges is exchanged; the rest stays.",
    edit=edit,
    mask=mask,
    inside=("surround",),
    overlaps=("clothes", "background", "background_left", "background_right", "background_top", "crop_scale"),
)
