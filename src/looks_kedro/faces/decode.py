"""From the bytes of an image file to an RGB array, safely."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import warnings
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    import os

MAX_PIXELS = 64_000_000
"""Largest image that is decoded by default; 192 MB as an RGB array."""

_LONGEST_SIDE = 32_000  # OpenCV's warp counts pixels in 16 bits

_FIRST_PHOTO = 1826  # the year of the oldest one that is known

# No vector formats and none that starts another program (EPS runs Ghostscript).
_WANTED = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "AVIF", "JPEG2000", "TGA", "ICO", "PCX")

# What Pillow's readers raise on damaged files: RuntimeError is AVIF's, MemoryError and OverflowError come of sizes that
# no file has.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError, RuntimeError, MemoryError,
           OverflowError, struct.error)  # fmt: skip


class UnreadableImageError(BadInputError):
    """One image cannot be used; others can.

    Attributes:
        reason: a short phrase for the table of rejections, such as ``truncated``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded image file.

    Attributes:
        pixels: (H, W, 3) uint8, RGB, upright.
        taken: day on which the camera says that it was taken (EXIF DateTimeOriginal), such as 2019-05-17, or "".
    """

    pixels: npt.NDArray[np.uint8]
    taken: str


def decode(source: str | os.PathLike[str] | bytes, max_pixels: int = MAX_PIXELS) -> npt.NDArray[np.uint8]:
    """Decode an image file to RGB as a person would see it.

    EXIF orientation is applied; CMYK, 16-bit, palette and grey images become 8-bit RGB; transparency is composited
    on white; of an animation the first frame is taken. A truncated file is refused rather than filled with grey.

    Args:
        source: path of the file, or its bytes.
        max_pixels: images with more pixels are refused before they are decoded.

    Returns:
        Array (H, W, 3), uint8, RGB.

    Raises:
        UnreadableImageError: missing, empty, truncated, too large, or no image at all.
    """
    return decode_photo(source if isinstance(source, bytes) else read_file(Path(source)), max_pixels).pixels


def decode_photo(data: bytes, max_pixels: int = MAX_PIXELS) -> Photo:
    """Decode the bytes of an image file as :func:`decode` does, and read the day on which it was taken.

    Raises:
        UnreadableImageError: as :func:`decode`.
    """
    if not data:
        raise UnreadableImageError("empty file")
    try:
        with Image.open(io.BytesIO(data), formats=_formats()) as image:
            _check_size(image.size, max_pixels)
            # Before the pixels are loaded: a TIFF file is let go of afterwards. A PNG file may have it behind them.
            taken = _day_taken(image) if image.format != "PNG" else ""
            image.load()
            taken = _day_taken(image) if image.format == "PNG" else taken
            upright = _upright(image)
            return Photo(np.ascontiguousarray(np.asarray(_as_rgb(upright), dtype=np.uint8)), taken)
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(_what_it_is(data)) from None
    except Image.DecompressionBombError:
        raise UnreadableImageError(f"too large: at most {max_pixels} pixels are read") from None
    except _BROKEN as error:
        raise UnreadableImageError(_why_broken(error)) from error


def read_file(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        UnreadableImageError: there is none, or it may not be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableImageError("no such file") from None
    except OSError as error:
        raise UnreadableImageError(f"cannot be opened: {error.strerror or error}") from error


@cache
def _formats() -> list[str]:
    """The wanted formats that this Pillow can read; one that is named without being loaded breaks the search."""
    Image.init()
    # Of spoilt EXIF blocks Pillow warns a line each; the orientation is then left as it is.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")
    return [name for name in _WANTED if name in Image.OPEN]


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise UnreadableImageError(f"too large: {width} x {height} pixels, at most {max_pixels} in all are read")
    if max(size) > _LONGEST_SIDE:
        raise UnreadableImageError(f"too long: {width} x {height} pixels, at most {_LONGEST_SIDE} a side are read")


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; a spoilt EXIF block counts as none."""
    with contextlib.suppress(Exception):  # the EXIF parser raises many kinds, and the pixels are fine without it
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _day_taken(image: Image.Image) -> str:
    """The day in the EXIF block, "" where there is none or it is no day."""
    try:
        text = str(image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal, ""))
    except Exception:  # the EXIF parser raises many kinds of errors
        return ""
    found = re.match(r"(\d{4}):(\d\d):(\d\d)\b", text.strip())
    try:
        day = date(*(int(part) for part in found.groups())) if found else None
    except ValueError:  # such as 0000:00:00, of a camera whose clock was never set
        return ""
    return day.isoformat() if day and day.year >= _FIRST_PHOTO else ""


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in {"RGB", "L"}:
        # A single colour may be marked as transparent in PNG.
        if "transparency" not in image.info:
            return image if image.mode == "RGB" else image.convert("RGB")
    elif image.mode.startswith("I;16") or image.mode in {"I", "F"}:
        return Image.fromarray(_to_eight_bits(image)).convert("RGB")
    if image.mode in {"PA", "LA", "La", "RGBA", "RGBa"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    if image.mode == "LAB":
        from PIL import ImageCms

        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
        return converted if converted is not None else image.convert("RGB")
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Grey values of 16 or 32 bits or floats, scaled to 0..255; Pillow's own conversion would clip them."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    if image.mode == "F":
        full = 1.0 if values.max(initial=0.0) <= 1.0 else 255.0 if values.max() <= 255.0 else 65535.0
    else:
        full = 65535.0 if values.max(initial=0.0) <= 65535.0 else 2.0**31 - 1
    return np.asarray(np.rint(np.clip(values / full, 0.0, 1.0) * 255.0), dtype=np.uint8)


def _what_it_is(data: bytes) -> str:
    """A few words on a file that is no image, from its first bytes."""
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "not an image: a saved web page"
    if b"<svg" in start:
        return "not a pixel image: a vector drawing (SVG)"
    if start.startswith(b"version https://git-lfs"):
        return "not an image: a Git LFS pointer"
    if start.startswith((b"\xff\xd8", b"\x89png", b"gif8")) or (start[:4] == b"riff" and start[8:12] == b"webp"):
        return "truncated or damaged"
    return "not an image"


def _why_broken(error: Exception) -> str:
    text = str(error)
    if re.search(r"truncated|broken data stream|unexpected end|not enough|eof", text, re.IGNORECASE):
        return "truncated"
    return f"damaged: {text or type(error).__name__}"[:200]
