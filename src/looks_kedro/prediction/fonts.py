"""Fonts for the pictures of answers, from packages, so that a picture is the same on every machine."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["font", "font_for", "with_boxes"]


def font(size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Arabic and more.

    Args:
        size: in px.
        bold: heavier letters.
    """
    return _loaded(_latin(bold), size)


def font_for(text: str, size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, or IPAex Gothic where that has letters of a text that DejaVu Sans has not, as those of Japanese.

    Args:
        text: such as the name of a photo.
        size: in px.
        bold: heavier letters; IPAex Gothic has none.

    Raises:
        ModuleNotFoundError: a letter is not in DejaVu Sans, and the package of the other font is not installed.
    """
    unknown = {ord(one) for one in text} - _letters(_latin(bold))
    if not unknown or len(unknown - _letters(_japanese())) == len(unknown):
        return font(size, bold)
    return _loaded(_japanese(), size)


def with_boxes(text: str, letters: FreeTypeFont) -> str:
    """Text with a box for each character that a font does not have.

    Args:
        text: any.
        letters: the font that it will be drawn in.
    """
    known = _letters(str(letters.path))
    return "".join(one if ord(one) in known else "□" for one in text)


@lru_cache
def _loaded(path: str, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(path, size)


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
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package matplotlib-fontja, whose font has Japanese letters, is not installed.")
    return str(Path(spec.origin).parent / "fonts" / "ipaexg.ttf")
