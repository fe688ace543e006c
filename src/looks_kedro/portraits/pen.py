"""The pen: drawing on the face that is collected first, placed on the turned head at once, and then drawn.

Placing a thousand points together costs as much as placing twenty, so the pen is what makes drawing fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from looks_kedro.portraits.brush import Canvas, Colour, Points, Shape, faint, fixed

Place = Callable[[Points, Points], Points]


class Pen:
    """A list of strokes in frontal face positions, each raised above the skin by a lift.

    Lines that would be too faint at ``scale`` pixels a unit are not collected.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self._xy: list[Points] = []
        self._lift: list[float | Points] = []
        self._shift: list[tuple[float, float]] = []
        self._strokes: list[tuple[str, int, tuple[Any, ...]]] = []

    def _add(
        self, kind: str, contours: Sequence[Points], lift: float | Points, shift: tuple[float, float], *how: Any
    ) -> None:
        self._strokes.append((kind, len(contours), how))
        for contour in contours:
            self._xy.append(contour)
            self._lift.append(lift)
            self._shift.append(shift)

    def fill(
        self, xy: Points, colour: Colour, label: int | None = None, alpha: float = 1.0, *, lift: float | Points = 0.0
    ) -> None:
        """A crisp closed shape; see :meth:`Canvas.fill`."""
        self._add("fill", [xy], lift, (0, 0), colour, label, alpha)

    def soft(
        self,
        xy: Points,
        colour: Colour,
        alpha: float,
        blur: float,
        *,
        lift: float | Points = 0.0,
        shift: tuple[float, float] = (0, 0),
    ) -> None:
        """A closed shape with soft edges; see :meth:`Canvas.soft`. The shift is on the picture plane."""
        self._add("soft", [xy], lift, shift, colour, alpha, blur)

    def line(
        self, xy: Points, colour: Colour, width: float, alpha: float = 1.0, blur: float = 0.0, *, lift: float = 0.0
    ) -> None:
        """An open stroke; see :meth:`Canvas.line`."""
        if not faint(width, alpha, self.scale):
            self._add("line", [xy], lift, (0, 0), colour, width, alpha, blur)

    def strokes(
        self, lines: list[Points], colour: Colour, width: float, alpha: float = 1.0, *, lift: float = 0.0
    ) -> None:
        """Open strokes of one colour; see :meth:`Canvas.strokes`."""
        if not faint(width, alpha, self.scale):
            self._add("strokes", lines, lift, (0, 0), colour, width, alpha)

    def mark(self, xy: Points, label: int, *, lift: float | Points = 0.0) -> None:
        """A label; see :meth:`Canvas.mark`."""
        self._add("mark", [xy], lift, (0, 0), label)

    def begin_clip(self, xy: Points, *, lift: float = 0.0) -> None:
        """What follows shows only inside a contour, until :meth:`end_clip`."""
        self._add("begin_clip", [xy], lift, (0, 0))

    def end_clip(self) -> None:
        """End the clip."""
        self._strokes.append(("end_clip", 0, ()))

    def shapes(self, place: Place, canvas: Canvas) -> list[Shape]:
        """All contours in pixels."""
        counts = np.array([len(xy) for xy in self._xy])
        lift = np.repeat([v if isinstance(v, float) else 0.0 for v in self._lift], counts)
        for own, end in zip(self._lift, np.cumsum(counts).tolist(), strict=True):
            if not isinstance(own, float):
                lift[end - len(own) : end] = own
        plane = place(np.concatenate(self._xy), lift)
        if any(shift != (0, 0) for shift in self._shift):
            plane += np.repeat(np.array(self._shift, float), counts, axis=0)
        return split_shapes(canvas.pixels(plane), counts)

    def draw(self, canvas: Canvas, place: Place) -> None:
        """Place everything on the head and draw it in order."""
        if not self._xy:
            return
        shapes = self.shapes(place, canvas)
        at, clip = 0, None
        for kind, count, how in self._strokes:
            mine = shapes[at : at + count]
            at += count
            if kind == "begin_clip":
                clip = canvas.clip(mine[0])
                clip.__enter__()
            elif kind == "end_clip":
                if clip is not None:
                    clip.__exit__(None, None, None)
            elif kind == "strokes":
                canvas.strokes(mine, *how)
            else:
                getattr(canvas, kind)(mine[0], *how)


def split_shapes(pixels: Points, counts: np.typing.NDArray[np.int_]) -> list[Shape]:
    """Cut (n, 2) pixels into contours of the given lengths, each with its extent."""
    ends = np.cumsum(counts)
    starts = ends - counts
    whole = fixed(pixels)
    low = np.minimum.reduceat(pixels, starts, axis=0).tolist()
    high = np.maximum.reduceat(pixels, starts, axis=0).tolist()
    return [
        Shape(pixels[a:b], whole[a:b], (x0, y0, x1, y1))
        for a, b, (x0, y0), (x1, y1) in zip(starts.tolist(), ends.tolist(), low, high, strict=True)
    ]
