"""The camera: focus, colour balance, noise, border and the JPEG file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from looks_kedro.portraits.brush import Planes, smooth
from looks_kedro.portraits.moment import Moment

Image = NDArray[np.uint8]

BLURS = (0.0, 0.034)  # standard deviation in eye distances, by the cue's bit
QUALITIES = (94, 22)
CASTS = ((0.87, 1.0, 1.12), (1.10, 1.0, 0.84))
WEAVE, WEAVE_PERIOD = 7.0, 4  # grey levels, pixels
BORDERS = ((44, 48, 60), (238, 232, 220))
BORDER_SHARE = 0.035  # of the shorter side
_TILE = 512


@lru_cache(maxsize=1)
def _grain() -> NDArray[np.float32]:
    """A tile of standard normal noise, the same in every process."""
    return np.random.default_rng(911).standard_normal((2 * _TILE, 2 * _TILE), dtype=np.float32)


def jpeg_quality(moment: Moment, cues: Mapping[str, int]) -> int:
    """The JPEG quality of a photo, 1 to 100; the cue shifts it to one of two levels."""
    bit = cues.get("jpeg_quality")
    return moment.jpeg_quality if bit is None else QUALITIES[bit] + moment.jpeg_quality % 5 - 2


def expose(planes: Planes, moment: Moment, cues: Mapping[str, int], seed: int, scale: float) -> Image:
    """What the sensor records of a drawn picture.

    Args:
        planes: float32 (3, H, W) RGB, 0 to 255; overwritten.
        moment: the photo's blur, noise, colour balance and exposure.
        cues: bits of ``blur``, ``colour_cast``, ``weave`` and ``border`` where planted.
        seed: the photo's seed.
        scale: pixels between the eyes.

    Returns:
        uint8 (H, W, 3).
    """
    sigma = (BLURS[cues["blur"]] if "blur" in cues else moment.blur) * scale
    casts = CASTS[cues["colour_cast"]] if "colour_cast" in cues else (1.0, 1.0, 1.0)
    grain = _grain_of(planes.shape[1:], seed)
    if "weave" in cues:
        # As part of the grain, whose spread is the moment's noise.
        grain = grain + _weave_of(planes.shape[1:], cues["weave"]) / np.float32(moment.noise)
    done = []
    for plane, gain, cast in zip(planes, moment.cast, casts, strict=True):
        plane = smooth(plane, sigma)
        done.append(cv2.addWeighted(plane, gain * cast * moment.exposure, grain, moment.noise, 0.0, dtype=cv2.CV_8U))
    out: Image = cv2.merge(done)
    if "border" in cues:
        width = max(2, round(BORDER_SHARE * min(out.shape[:2])))
        for edge in (out[:width], out[-width:], out[:, :width], out[:, -width:]):
            edge[:] = BORDERS[cues["border"]]
    return out


def _grain_of(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Standard normal grain of a photo: a window of one fixed tile, placed by the seed."""
    row, column = (int(v) for v in np.random.default_rng([seed, 921]).integers(0, _TILE, 2))
    rows, columns = -(-(row + shape[0]) // (2 * _TILE)), -(-(column + shape[1]) // (2 * _TILE))
    tile = _grain() if rows == columns == 1 else np.tile(_grain(), (rows, columns))
    return tile[row : row + shape[0], column : column + shape[1]]


def _weave_of(shape: tuple[int, ...], bit: int) -> NDArray[np.float32]:
    """Faint diagonal stripes over the whole picture, falling (0) or rising (1) to the right."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    along = columns + rows if bit else columns - rows
    stripes: NDArray[np.float32] = np.float32(WEAVE) * np.sin(along * np.float32(2 * np.pi / WEAVE_PERIOD))
    return stripes


def encode(image: Image, quality: int) -> bytes:
    """JPEG bytes of an RGB picture."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode an image of shape {image.shape}")
    return data.tobytes()


def decode(content: bytes) -> Image:
    """The RGB picture in JPEG bytes."""
    data = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    image: Image = cv2.cvtColor(data, cv2.COLOR_BGR2RGB)
    return image
