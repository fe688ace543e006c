"""Font files for pictures with names in them, from packages, so that a picture is the same on every machine."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["font_file", "with_boxes"]


def font_file(text: str = "", bold: bool = False) -> str:
    """File of DejaVu Sans, or of IPAex Gothic where that has letters of a text that DejaVu Sans has not.

    DejaVu Sans, which comes with matplotlib, has Latin, Greek, Cyrillic, Arabic and more; IPAex Gothic has Japanese.

    Args:
        text: such as the name of a person or of a photo.
        bold: heavier letters; IPAex Gothic has none.

    Raises:
        ModuleNotFoundError: a letter is not in DejaVu Sans, and the package of the other font is not installed.
    """
    unknown = {ord(one) for one in text} - _letters(_latin(bold))
    if not unknown or len(unknown - _letters(_japanese())) == len(unknown):
        return _latin(bold)
    return _japanese()


def with_boxes(text: str, file: str) -> str:
    """Text with a box for each character that a font does not have.

    Args:
        text: any.
        file: of the font that it will be drawn in.
    """
    known = _letters(file)
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
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("The package matplotlib-fontja, whose font has Japanese letters, is not installed.")
    return str(Path(spec.origin).parent / "fonts" / "ipaexg.ttf")
