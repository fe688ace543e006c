"""One answer as a picture: the face, the map over it, the words, and the caution that belongs to them.

Drawn with Pillow, a hundredth of a second each, because a batch may want many.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from looks_kedro.prediction.fonts import font, font_for, with_boxes
from looks_kedro.prediction.photos import shown_name
from looks_kedro.prediction.preparing import square
from looks_kedro.prediction.results import Prediction, percent, refusal_words

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

__all__ = ["draw_prediction"]

_SIDE, _GAP = 320, 24
_WORDS = 540
_TOP, _BAND = 54, 98
_INK, _QUIET, _PAPER, _LINE = "#1b1f24", "#5b6570", "#ffffff", "#d5dae0"
_CLASS_COLOURS = ("#3b5fc0", "#b8232f")
"""Of the classes, as in the map: blue speaks for the first, red for the second."""
_CAUTION, _CAUTION_INK = "#fff1cc", "#7a4b00"
_CALM, _CALM_INK = "#e6f2e8", "#1f5a2c"


def draw_prediction(prediction: Prediction) -> Image.Image:
    """Draw an answer: face, map over the face, class and probability, evidence by region, caution.

    Args:
        prediction: of any photo, refused ones too.

    Returns:
        An RGB picture, 1276 x 496 px.
    """
    from PIL import Image, ImageDraw

    size = (4 * _GAP + 2 * _SIDE + _WORDS, _TOP + _SIDE + _GAP + _BAND + _GAP - 4)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    model = f"{prediction.model}{'; ' * bool(prediction.audit.accuracy)}{prediction.audit.accuracy}"
    draw.text((size[0] - _GAP, 19), model, _QUIET, font(15), anchor="ra")
    width = size[0] - 3 * _GAP - math.ceil(font(15).getlength(model))
    name = shown_name(prediction.file, 70)
    _write(draw, (_GAP, 18), name, font_for(name, 17, bold=True), _INK, width=width, lines=1)
    if prediction.kept:
        _draw_answer(sheet, draw, prediction)
    else:
        _draw_refusal(sheet, draw, prediction)
    _draw_caution(draw, prediction, size)
    return sheet


def _draw_answer(sheet: Image.Image, draw: ImageDraw.ImageDraw, prediction: Prediction) -> None:
    from PIL import Image

    from looks_kedro.cam.styles import overlay

    assert prediction.evidence is not None
    face = square(prediction.shown, prediction.alpha_colour)
    strongest = max(float(np.abs(prediction.evidence).max()), 1e-9)
    mapped = overlay(face, prediction.evidence / strongest, "difference")
    for place, pixels in enumerate((face, mapped)):
        left = _GAP + place * (_SIDE + _GAP)
        sheet.paste(Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (left, _TOP))
        draw.rectangle((left, _TOP, left + _SIDE - 1, _TOP + _SIDE - 1), outline=_LINE)
    left = 3 * _GAP + 2 * _SIDE
    ordinary, celebrity = prediction.classes
    number = prediction.classes.index(prediction.predicted)
    _write_class(draw, (left, _TOP - 6), ("", prediction.predicted, f"  {percent(prediction.certainty)}"),
                 34, _CLASS_COLOURS[number])  # fmt: skip
    draw.text((left, _TOP + 42), _how_sure(prediction), _QUIET, font(15))
    _write_class(draw, (left, _TOP + 80), ("Where the evidence for “", prediction.predicted, "” lies"), 16, _INK)
    _draw_regions(draw, prediction, left, _TOP + 108, _CLASS_COLOURS[number])
    legend = (
        f"Red speaks for {celebrity}, blue for {ordinary}. A map shows where evidence lies; what a model decides by "
        "is measured by its audit."
    )
    _write(draw, (left, _TOP + _SIDE - 38), legend, font_for(legend, 14), _QUIET, width=_WORDS, lines=2)


def _draw_regions(draw: ImageDraw.ImageDraw, prediction: Prediction, left: int, top: int, colour: str) -> None:
    """A bar for each group of regions, with a mark at its share of the area."""
    assert prediction.regions is not None
    bars, width, step = left + 152, _WORDS - 152 - 56, 21
    groups = prediction.regions.grouped()
    for line, (name, (share, area)) in enumerate(groups.items()):
        y = top + step * line
        draw.text((left, y), name, _INK, font(14))
        draw.rectangle((bars, y + 3, bars + width, y + 15), fill="#eef1f4")
        if math.isfinite(share):
            draw.rectangle((bars, y + 3, bars + round(width * share), y + 15), fill=colour)
            draw.text((left + _WORDS - 4, y), percent(share), _INK, font(14), anchor="ra")
        mark = bars + round(width * area)
        draw.line((mark, y, mark, y + 18), fill=_INK, width=2)
    y = top + step * len(groups) + 3
    draw.line((bars, y + 1, bars, y + 15), fill=_INK, width=2)
    draw.text((bars + 8, y), "the part's share of the picture: evidence by chance", _QUIET, font(13))


def _draw_refusal(sheet: Image.Image, draw: ImageDraw.ImageDraw, prediction: Prediction) -> None:
    from PIL import Image, ImageOps

    draw.rectangle((_GAP, _TOP, _GAP + _SIDE - 1, _TOP + _SIDE - 1), fill="#eef1f4", outline=_LINE)
    if prediction.shown:
        small = ImageOps.contain(Image.fromarray(square(prediction.shown, (255, 255, 255))), (_SIDE, _SIDE))
        sheet.paste(small, (_GAP + (_SIDE - small.width) // 2, _TOP + (_SIDE - small.height) // 2))
    left = 2 * _GAP + _SIDE
    draw.text((left, _TOP - 6), "refused", _INK, font(34, bold=True))
    told = refusal_words(prediction.reason, prediction.detail)
    width = sheet.width - _GAP - left
    y = _write(draw, (left, _TOP + 48), f"{told[:1].upper()}{told[1:]}.", font(18), _INK, width=width, lines=4)
    draw.text((left, y + 14), "The model was trained on photos of one face, seen from the front.", _QUIET, font(15))


def _draw_caution(draw: ImageDraw.ImageDraw, prediction: Prediction, size: tuple[int, int]) -> None:
    note = prediction.audit
    ground, ink = (_CAUTION, _CAUTION_INK) if note.warning else (_CALM, _CALM_INK)
    top = _TOP + _SIDE + _GAP - 4
    draw.rounded_rectangle((_GAP, top, size[0] - _GAP, top + _BAND), 8, fill=ground)
    left, width = _GAP + 16, size[0] - 2 * _GAP - 32
    mark = "⚠  " if note.warning else ""
    y = _write(draw, (left, top + 10), f"{mark}{note.told}", font(18, bold=True), ink, width=width, lines=1)
    told = f"Audit, {note.verdict}: {note.sentence}" if note.sentence else "`kedro run --pipelines audit` measures it."
    _write(draw, (left, y + 4), told, font(13), ink, width=width, lines=3)


def _write_class(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], words: tuple[str, str, str], size: int, colour: str
) -> None:
    """Write a class with words before and after it; of these three, only a long name of the class is cut off."""
    before, name, after = words
    letters = font_for(name, size, bold=True)
    told, cut = with_boxes(name, letters), ""
    while told and letters.getlength(f"{before}{told}{cut}{after}") > _WORDS:
        told, cut = told[:-1], "…"
    draw.text(place, f"{before}{told}{cut}{after}", colour, letters)


def _how_sure(prediction: Prediction) -> str:
    raw = max(prediction.probability, 1 - prediction.probability)
    if prediction.temperature is None:
        return "probability as the network gives it; it is not calibrated"
    return f"probability, calibrated on the test part ({percent(raw)} before)"


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    letters: ImageFont.FreeTypeFont,
    colour: str,
    *,
    width: int,
    lines: int,
) -> int:
    """Write words in as many lines as they need, the last one cut off where they need more; gives the place below."""
    left, y = place
    step = round(1.42 * letters.size)
    words = with_boxes(text, letters).split()
    for line in range(lines):
        count = len(words)
        while count > 1 and letters.getlength(" ".join(words[:count])) > width:
            count -= 1
        told = " ".join(words[:count])
        words = words[count:]
        cut = bool(words) and line == lines - 1
        while told and letters.getlength(told + "…" * cut) > width:
            told, cut = told[:-1], True
        draw.text((left, y), told + "…" * cut, colour, letters)
        y += step
        if not words:
            break
    return y
