"""Pictures inside the page: shrunk, compressed as WebP, and each there once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Album", "shot"]

ImageArray = npt.NDArray[np.uint8]


def shot(image: ImageArray, side: int | None = None, quality: int = 80, **told: Any) -> dict[str, Any]:
    """An image as the page holds it.

    Args:
        image: uint8 (H, W, 3).
        side: longest side in pixels; none leaves the size.
        quality: of the WebP, 1-100.
        told: what the page says of it; must be fit for JSON.

    Returns:
        ``source`` (a ``data:`` address), ``width`` and ``height`` in pixels, and what is told.
    """
    from PIL import Image

    picture = Image.fromarray(image)
    if side is not None:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = BytesIO()
    picture.save(stream, "WEBP", quality=quality, method=4)
    content = base64.b64encode(stream.getvalue()).decode("ascii")
    return {"source": f"data:image/webp;base64,{content}", "width": picture.width, "height": picture.height, **told}


class Album:
    """Which pictures a page has shown, so that one that comes again can point to where it is."""

    def __init__(self) -> None:
        """Empty."""
        self._shown: set[str] = set()

    def is_new(self, one: Mapping[str, Any]) -> bool:
        """Whether the picture comes for the first time; from now on it does not."""
        name = self.place(one)
        new = name not in self._shown
        self._shown.add(name)
        return new

    @staticmethod
    def place(one: Mapping[str, Any]) -> str:
        """The picture's place on the page, from its content."""
        return f"p{hashlib.sha256(one['source'].encode()).hexdigest()[:16]}"
