"""From what a node gives as an image to the bytes of its file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from looks_kedro.datasets.errors import UnusableDataError

Format = Literal["jpeg", "png"]
Content = bytes | Path | NDArray[np.uint8] | Image.Image
Lazy = Callable[[], Content]

RESERVED = ("manifest.csv", "table.csv")


def encode(content: Content | Lazy, form: Format, quality: int) -> bytes:
    """The bytes to store for one image.

    Bytes and files are stored as they are; arrays and PIL images are encoded; a callable is called first.

    Args:
        content: encoded bytes, a file, a uint8 array (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, a PIL image, or a
            callable without arguments that gives one of these.
        form: encoder for arrays and PIL images.
        quality: JPEG quality, 1 to 100; colours are stored at full resolution (4:4:4).

    Raises:
        UnusableDataError: the content is none of these, empty, or does not fit the format.
    """
    if callable(content):
        content = content()
    if isinstance(content, (bytes, bytearray, memoryview)):
        data = bytes(content)
    elif isinstance(content, Path):
        data = content.read_bytes()
    else:
        data = _compress(_picture(content), form, quality)
    if not data:
        raise UnusableDataError("there are no bytes in it")
    return data


def _picture(content: Any) -> Image.Image:
    if isinstance(content, Image.Image):
        return content
    if not isinstance(content, np.ndarray):
        raise UnusableDataError(
            f"expected bytes, a Path, a uint8 array, a PIL image, or a callable giving one; "
            f"found {type(content).__name__}"
        )
    shapes = content.ndim == 2 or (content.ndim == 3 and content.shape[2] in (3, 4))
    if content.dtype != np.uint8 or not shapes or 0 in content.shape:
        raise UnusableDataError(
            f"expected a uint8 array (H, W), (H, W, 3) or (H, W, 4); found {content.dtype} {content.shape}"
        )
    return Image.fromarray(np.ascontiguousarray(content))


def _compress(picture: Image.Image, form: Format, quality: int) -> bytes:
    buffer = io.BytesIO()
    if form == "png":
        picture.save(buffer, "PNG", compress_level=6)
        return buffer.getvalue()
    if picture.mode not in ("RGB", "L"):
        raise UnusableDataError(
            f"JPEG holds no {picture.mode} picture; set 'format: png' in the catalog, or convert the image to RGB"
        )
    picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def check_name(name: object) -> str:
    """See that a name is a plain relative path inside the folder.

    Returns:
        The name.

    Raises:
        UnusableDataError: the name is empty, absolute, leaves the folder, is hidden, or is taken by the folder's
            own files.
    """
    if not isinstance(name, str) or not name:
        raise UnusableDataError(f"{name!r} is no name for an image; expected a text such as 'ada/0001.jpg'.")
    parts = name.split("/")
    bad = name.startswith("/") or "\\" in name or "\x00" in name or any(part in ("", ".", "..") for part in parts)
    if bad or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise UnusableDataError(
            f"{name!r} is no name for an image; expected a relative path with forward slashes and without '..', "
            f"such as 'ada/0001.jpg'."
        )
    if PurePosixPath(name).as_posix() in RESERVED:
        raise UnusableDataError(f"{name!r} is a name that the folder needs for itself; name the image otherwise.")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UnusableDataError(f"{name!r} cannot be written as UTF-8; rename the image.") from error
    return name
