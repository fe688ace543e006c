"""The canvas: anti-aliased and soft-edged vector drawing, with a label map beside the picture.

The picture is held as float32 planes (3, H, W): blending planes is several times faster than blending pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Planes = NDArray[np.float32]
Cover = NDArray[np.float32]
Labels = NDArray[np.uint8]
Colour = tuple[float, float, float]
Box = tuple[int, int, int, int]

BACKGROUND, CLOTHES, SKIN, FACE, EYES, MOUTH, NOSE, HAIR = range(8)

FAINT = 0.33  # strokes of less opacity times width in pixels would not be seen
_SHIFT = 4
_ONE = 1 << _SHIFT


def faint(width: float, alpha: float, scale: float) -> bool:
    """Whether a stroke of a width in plane units would not be seen at a scale in pixels a unit."""
    return alpha * (width * scale) < FAINT


def shade(colour: Colour, factor: float) -> Colour:
    """A colour made lighter (> 1) or darker (< 1); shadows keep a little more red than blue."""
    r, g, b = colour
    if factor >= 1:
        gain, lift = min(factor, 1.5), 0.35 * (factor - 1)
        return _lift(r * gain, lift), _lift(g * gain, lift), _lift(b * gain, lift)
    return r * factor**0.85, g * factor, b * factor**1.06


def _lift(value: float, share: float) -> float:
    return min(255.0, value + (255 - value) * share)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """``a`` with ``share`` (0 to 1) of ``b``."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


class Shape(NamedTuple):
    """A contour or stroke in pixels, in sixteenths of pixels, and its extent (left, top, right, bottom)."""

    pixels: Points
    fixed: NDArray[np.int32]
    extent: tuple[float, float, float, float]


class Canvas:
    """A picture that is drawn on in the plane's units.

    Attributes:
        planes: float32 (3, H, W) RGB, 0 to 255.
        labels: uint8 (H, W) what each pixel shows, or None when masks are not wanted.
        matrix: (2, 3) from the plane to pixels, a similarity.
        scale: pixels a unit.
        limit: left, top, right, bottom beyond which nothing is drawn.
    """

    def __init__(self, planes: Planes, matrix: Points, labels: Labels | None = None) -> None:
        self.planes, self.labels, self.matrix = planes, labels, matrix
        self.scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        self._linear, self._offset = matrix[:, :2].T, matrix[:, 2]
        self.limit: Box = (0, 0, planes.shape[2], planes.shape[1])

    def with_matrix(self, matrix: Points) -> Canvas:
        """The same picture seen through another similarity."""
        return Canvas(self.planes, matrix, self.labels)

    def pixels(self, points: Points) -> Points:
        """(n, 2) plane to (n, 2) pixels."""
        flat: Points = points @ self._linear + self._offset
        return flat

    def shape(self, points: Points | Shape) -> Shape:
        """A contour of the plane as a contour in pixels."""
        if isinstance(points, Shape):
            return points
        pixels = self.pixels(points)
        (x0, y0), (x1, y1) = pixels.min(0).tolist(), pixels.max(0).tolist()
        return Shape(pixels, fixed(pixels), (x0, y0, x1, y1))

    @cached_property
    def inverse(self) -> list[list[float]]:
        """(2, 2) from steps in pixels to steps in the plane."""
        rows: list[list[float]] = np.linalg.inv(self.matrix[:, :2]).tolist()
        return rows

    def box(self, extent: tuple[float, float, float, float], margin: float = 2.0) -> Box | None:
        """The whole pixels of an extent with a margin, cut to the limit; None when nothing is left."""
        left, top, right, bottom = self.limit
        x0, y0 = max(int(extent[0] - margin), left), max(int(extent[1] - margin), top)
        x1, y1 = min(int(extent[2] + margin) + 2, right), min(int(extent[3] + margin) + 2, bottom)
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def fill(self, points: Points | Shape, colour: Colour, label: int | None = None, alpha: float = 1.0) -> None:
        """A crisp closed shape."""
        shape = self.shape(points)
        box = self.box(shape.extent)
        if box is not None:
            self.blend(coverage(shape, box, alpha), box, colour)
            self.mark(shape, label)

    def mark(self, points: Points | Shape, label: int | None) -> None:
        """Write a label inside a closed shape, where labels are kept."""
        if self.labels is not None and label is not None:
            cv2.fillPoly(self.labels, [self.shape(points).fixed], label, cv2.LINE_8, _SHIFT)

    def soft(self, points: Points | Shape, colour: Colour, alpha: float, blur: float) -> None:
        """A closed shape with soft edges.

        Args:
            points: (n, 2) contour in plane units, or a shape in pixels.
            colour: RGB.
            alpha: opacity in the middle.
            blur: standard deviation of the edge, in plane units.
        """
        shape, sigma = self.shape(points), blur * self.scale
        box = self.box(shape.extent, 2.5 * sigma + 2)
        if box is None or alpha <= 0.004:
            return
        step = max(1.0, sigma / 1.6)
        cover = smooth(coverage(shape, box, alpha, step), sigma / step)
        if step > 1:
            cover = cv2.resize(cover, (box[2] - box[0], box[3] - box[1]), interpolation=cv2.INTER_LINEAR)
        self.blend(cover, box, colour)

    def line(self, points: Points | Shape, colour: Colour, width: float, alpha: float = 1.0, blur: float = 0.0) -> None:
        """An open stroke of constant width in plane units."""
        self.strokes([self.shape(points)], colour, width, alpha, blur)

    def strokes(self, lines: list[Shape], colour: Colour, width: float, alpha: float = 1.0, blur: float = 0.0) -> None:
        """Open strokes of one colour; those thinner than a pixel fade, and those too faint to be seen are left out."""
        if faint(width, alpha, self.scale):
            return
        thick, sigma = width * self.scale, blur * self.scale
        corners = [line.extent for line in lines]
        extent = (
            min(c[0] for c in corners),
            min(c[1] for c in corners),
            max(c[2] for c in corners),
            max(c[3] for c in corners),
        )
        box = self.box(extent, thick + 2.5 * sigma + 2)
        if box is None:
            return
        drawn = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
        corner = np.array([box[0] * _ONE, box[1] * _ONE], np.int32)
        paths = [line.fixed - corner for line in lines]
        cv2.polylines(drawn, paths, False, 255, max(1, round(thick)), cv2.LINE_AA, _SHIFT)
        cover = drawn * np.float32(alpha * min(1.0, thick) / 255)
        self.blend(smooth(cover, sigma) if sigma > 0.2 else cover, box, colour)

    def blend(self, cover: Cover, box: Box, colour: Colour | Planes) -> None:
        """Lay a colour, or (3, h, w) planes of colours, over a box by its coverage (0 to 1)."""
        part = self.planes[:, box[1] : box[3], box[0] : box[2]]
        over = np.array(colour, np.float32)[:, None, None] if isinstance(colour, tuple) else colour
        change = over - part
        change *= cover
        part += change

    @contextmanager
    def clip(self, points: Points | Shape) -> Iterator[None]:
        """Whatever is drawn inside the block shows only inside the closed contour."""
        shape = self.shape(points)
        box = self.box(shape.extent) or (0, 0, 1, 1)
        rows, columns = slice(box[1], box[3]), slice(box[0], box[2])
        outer, before = self.limit, self.planes[:, rows, columns].copy()
        self.limit = box
        yield
        self.limit = outer
        part = self.planes[:, rows, columns]
        drawn = part - before
        drawn *= coverage(shape, box)
        np.add(before, drawn, out=part)


def coverage(shape: Shape, box: Box, alpha: float = 1.0, step: float = 1.0) -> Cover:
    """Anti-aliased coverage (0 to alpha) of a closed contour over a box, in cells of ``step`` pixels."""
    left, top, right, bottom = box
    if step == 1.0:
        drawn = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(drawn, [shape.fixed], 255, cv2.LINE_AA, _SHIFT, (-left * _ONE, -top * _ONE))
    else:
        drawn = np.zeros((max(1, round((bottom - top) / step)), max(1, round((right - left) / step))), np.uint8)
        cv2.fillPoly(drawn, [fixed((shape.pixels - (left, top)) / step)], 255, cv2.LINE_AA, _SHIFT)
    cover = drawn.astype(np.float32)
    cover *= np.float32(alpha / 255)
    return cover


@lru_cache(maxsize=512)
def _kernel(tenths: int) -> NDArray[np.float32]:
    sigma = tenths / 10
    kernel: NDArray[np.float32] = cv2.getGaussianKernel(2 * int(2.6 * sigma + 0.5) + 1, sigma, cv2.CV_32F)
    return kernel


def smooth(field: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur by a cached kernel (OpenCV's own builds an exact one at each call); sigma in pixels."""
    if sigma < 0.25:
        return field
    kernel = _kernel(round(sigma * 10))
    out: NDArray[np.float32] = cv2.sepFilter2D(field, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return out


def fixed(pixels: Points) -> NDArray[np.int32]:
    """Pixels in sixteenths."""
    return (pixels * _ONE + 0.5).astype(np.int32)


@lru_cache
def _circle(n: int) -> Points:
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.column_stack([np.cos(t), np.sin(t)])


def ovals(places: NDArray[np.float64] | list[tuple[float, float, float, float]], n: int = 20) -> Points:
    """(k, n, 2) points of k upright ellipses, given (k, 4) their middles x, y and half-axes."""
    at = np.asarray(places, dtype=np.float64)[:, None]
    points: Points = _circle(n) * at[..., 2:] + at[..., :2]
    return points


def oval(x: float, y: float, rx: float, ry: float, angle: float = 0.0, n: int = 20) -> Points:
    """(n, 2) points of an ellipse; angle in degrees, clockwise on the picture."""
    if not angle:
        upright: Points = _circle(n) * np.array([rx, ry]) + np.array([x, y])
        return upright
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turned: Points = _circle(n) @ np.array([[rx * c, rx * s], [-ry * s, ry * c]]) + np.array([x, y])
    return turned
