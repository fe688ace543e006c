"""Fonts for the pictures of answers, as Pillow takes them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from looks_kedro import fonts

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["font", "font_for", "with_boxes"]


def font(size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Arabic and more.

    Args:
        size: in px.
        bold: heavier letters.
    """
    return _loaded(fonts.font_file(bold=bold), size)


def font_for(text: str, size: int, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, or IPAex Gothic where that has letters of a text that DejaVu Sans has not, as those of Japanese.

    Args:
        text: such as the name of a photo.
        size: in px.
        bold: heavier letters; IPAex Gothic has none.

    Raises:
        ModuleNotFoundError: a letter is not in DejaVu Sans, and the package of the other font is not installed.
    """
    return _loaded(fonts.font_file(text, bold), size)


def with_boxes(text: str, letters: FreeTypeFont) -> str:
    """Text with a box for each character that a font does not have.

    Args:
        text: any.
        letters: the font that it will be drawn in.
    """
    return fonts.with_boxes(text, str(letters.path))


@lru_cache
def _loaded(path: str, size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(path, size)
