"""What the tests of the sources share: a real server on this machine, and small drawn pictures."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

# The tests are no package: this is how they find the server's answers (from web_server import Reply).
sys.path.insert(0, str(Path(__file__).parent))

from web_server import WebServer


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    """A fresh server on 127.0.0.1, without any route."""
    with WebServer() as server:
        yield server


@pytest.fixture(scope="session")
def images() -> dict[str, bytes]:
    """A drawn picture of 96 x 64 pixels as ``jpeg``, ``png``, ``webp`` and ``gif``."""
    picture = Image.new("RGB", (96, 64), (120, 160, 200))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((30, 10, 66, 54), fill=(225, 185, 160), outline=(60, 40, 30))
    pen.ellipse((40, 26, 44, 30), fill=(20, 20, 20))
    pen.ellipse((52, 26, 56, 30), fill=(20, 20, 20))
    return {kind: _encoded(picture, kind) for kind in ("jpeg", "png", "webp", "gif")}


def _encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()
