"""Fonts for the pictures of answers, from packages, so that a picture is the same on every machine."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["font", "font_for", "with_boxes"]


@lru_cache
def font(size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Arabic and more.

    Args:
        size: in px.
        bold: heavier letters.
    """
    from PIL import ImageFont

    return ImageFont.truetype(_latin(bold), size)


def font_for(text: str, size: int, bold: bool = False) -> FreeTypeFont:
    """The font that knows the most of a text: DejaVu Sans, or IPAex Gothic where there are Japanese letters.

    Args:
        text: such as the name of a photo.
        size: in px.
        bold: heavier letters; IPAex Gothic has none.
    """
    from PIL import ImageFont

    latin, japanese = (sum(ord(one) in _letters(path) for one in text) for path in (_latin(bold), _japanese()))
    return font(size, bold) if latin >= japanese else ImageFont.truetype(_japanese(), size)


def with_boxes(text: str, letters: FreeTypeFont) -> str:
    """Text with a box for each character that a font does not have.

    Args:
        text: any.
        letters: the font that it will be drawn in.
    """
    known = _letters(str(letters.path))
    return "".join(one if ord(one) in known else "□" for one in text)


@lru_cache
def _letters(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(path).get_charmap())


@lru_cache
def _latin(bold: bool) -> str:
    import matplotlib

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf")


@lru_cache
def _japanese() -> str:
    # Found, not imported: at its import the package makes its font that of every figure.
    spec = find_spec("matplotlib_fontja")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return str(Path(spec.submodule_search_locations[0]) / "fonts" / "ipaexg.ttf")
