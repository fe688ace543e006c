"""Pictures in rows and columns with words beside them, as one figure that is drawn quickly.

All pictures are put into one image: a matplotlib axis for each of them would take seconds a figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from looks_kedro.fonts import font_file, with_boxes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

__all__ = ["Cell", "ColourBar", "picture_grid"]

ImageArray = npt.NDArray[np.uint8]

_DOTS = 100  # an inch
_LEFT, _TITLE, _HEAD, _GAP, _BAND, _BAR = 26, 30, 20, 6, 17, 92
_SMALL, _ROW, _MEDIUM = 7.0, 7.5, 8.5  # pt


@dataclass(frozen=True)
class Cell:
    """A picture, uint8 (H, W, 3), with a line below it; without a picture there is the line alone."""

    picture: ImageArray | None
    caption: str = ""


@dataclass(frozen=True)
class ColourBar:
    """What the colours mean.

    Attributes:
        style: ``published`` is jet from 0 up; ``difference`` is blue below 0 and red above.
        top: value of the fullest colour.
    """

    style: Literal["published", "difference"]
    top: float


def picture_grid(
    rows: Sequence[Sequence[Cell]],
    row_names: Sequence[str] = (),
    column_names: Sequence[str] = (),
    *,
    title: str = "",
    bar: ColourBar | None = None,
    side: int = 150,
) -> Figure:
    """Pictures in rows and columns.

    Args:
        rows: the cells; rows may have different lengths.
        row_names: beside the rows, from bottom to top.
        column_names: above the first row.
        title: above the figure, which is widened where the title needs it.
        bar: to the right, where colours have a scale.
        side: of each picture in the figure, px at 100 dots an inch.

    Returns:
        A figure with an Agg canvas, away from pyplot's state.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max((len(row) for row in rows), default=1) or 1
    band = _BAND if any(cell.caption for row in rows for cell in row) else _GAP
    left, top = (_LEFT if row_names else _GAP), _GAP + (_TITLE if title else 0) + (_HEAD if column_names else 0)
    filled = left + columns * (side + _GAP) + (_BAR if bar else 0)
    width = max(filled, left + _width_of(title, _MEDIUM, bold=True) + _GAP)
    height = top + max(len(rows), 1) * (side + band)
    figure = Figure(figsize=(width / _DOTS, height / _DOTS), dpi=_DOTS)
    FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    canvas = np.full((height, width, 3), 255, dtype=np.uint8)
    for number, row in enumerate(rows):
        y = top + number * (side + band)
        if number < len(row_names):
            _write(axis, (left / 2, y + side / 2), row_names[number], _ROW, rotation=90, ha="center", va="center")
        for place, cell in enumerate(row):
            x = left + place * (side + _GAP)
            if cell.picture is not None:
                canvas[y : y + side, x : x + side] = _resized(cell.picture, side)
            _write(axis, (x + side / 2, y + side + 2), cell.caption, _SMALL, ha="center", va="top")
    for place, name in enumerate(column_names):
        middle = left + place * (side + _GAP) + side / 2
        _write(axis, (middle, top - 5), name, _MEDIUM, ha="center", va="bottom")
    if title:
        _write(axis, (left, _GAP), title, _MEDIUM, bold=True, ha="left", va="top")
    axis.imshow(canvas, extent=(0, width, height, 0), aspect="auto")
    axis.set(xlim=(0, width), ylim=(height, 0))
    if bar is not None:
        tall = min(height - top - 2 * band, 2 * side)
        middle = top + (len(rows) * (side + band) - band) / 2
        box = ((filled - _BAR + 12) / width, 1 - (middle + tall / 2) / height, 11 / width, tall / height)
        _draw_bar(figure, box, bar)
    return figure


def _write(axis: Axes, place: tuple[float, float], words: str, size: float, *, bold: bool = False, **how: Any) -> None:
    """Write words as they are: people's names are among them, in which a ``$`` begins no formula."""
    shown, font = _in_font(words, size, bold)
    axis.text(*place, shown, fontproperties=font, parse_math=False, **how)


def _width_of(words: str, size: float, *, bold: bool = False) -> int:
    """Pixels that words take in the figure."""
    from matplotlib.backends.backend_agg import RendererAgg

    shown, font = _in_font(words, size, bold)
    renderer: Any = RendererAgg(1, 1, _DOTS)  # type: ignore[no-untyped-call]
    widths: list[float] = [renderer.get_text_width_height_descent(line, font, False)[0] for line in shown.split("\n")]
    return math.ceil(max(widths))


def _in_font(words: str, size: float, bold: bool) -> tuple[str, FontProperties]:
    """Words, with boxes for letters that no font has, and their font."""
    from matplotlib.font_manager import FontProperties

    file = font_file(words, bold)
    shown = "\n".join(with_boxes(line, file) for line in words.split("\n"))
    return shown, FontProperties(fname=file, size=size)


def _resized(picture: ImageArray, side: int) -> ImageArray:
    import cv2

    shrinks = picture.shape[0] > side
    resized: ImageArray = cv2.resize(
        picture, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return resized


def _draw_bar(figure: Figure, box: tuple[float, float, float, float], bar: ColourBar) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    published = bar.style == "published"
    scale = Normalize(0 if published else -bar.top, bar.top)
    drawn = figure.colorbar(ScalarMappable(scale, "jet" if published else "coolwarm"), cax=figure.add_axes(box))
    drawn.ax.tick_params(labelsize=_SMALL)
    drawn.set_label("heat" if published else "ordinary -, celebrity +", size=_SMALL)
