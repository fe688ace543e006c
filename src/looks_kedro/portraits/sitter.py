"""The sitter: one identity in one moment, ready to be drawn; and the skin of head, ears and neck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from looks_kedro.portraits.anatomy import Head, Points, Turn, head_of, landmark_points, spline
from looks_kedro.portraits.brush import (
    FACE,
    HAIR,
    SKIN,
    Canvas,
    Colour,
    Planes,
    Shape,
    coverage,
    mix,
    oval,
    ovals,
    shade,
    smooth,
)
from looks_kedro.portraits.identity import Identity
from looks_kedro.portraits.moment import Moment

HAIRBANDS: tuple[Colour, ...] = ((40, 150, 220), (226, 48, 78))  # by the cue's bit
FLUSH = np.array([[[214.0]], [[92.0]], [[84.0]]], np.float32)
CELL = 0.055  # side of a shading cell, in eye distances
_AROUND = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_EAR_UP, _EAR_ACROSS = np.sin(_AROUND), np.cos(_AROUND)


@dataclass(frozen=True)
class Sitter:
    """An identity, the circumstances of its photo, its turn, and the cues it carries."""

    identity: Identity
    moment: Moment
    yaw: float
    cues: Mapping[str, int]
    seed: int

    @cached_property
    def head(self) -> Head:
        """The skin surface."""
        return head_of(self.identity)

    @cached_property
    def turn(self) -> Turn:
        """The head's rotation."""
        return Turn(self.yaw, self.moment.pitch)

    @cached_property
    def rims(self) -> tuple[Points, Points]:
        """The head's silhouette on the picture plane: left and right, from top to bottom."""
        return self.head.outline(self.turn)

    @cached_property
    def outline(self) -> Points:
        """(n, 2) the head's silhouette as one closed contour."""
        return np.concatenate([self.rims[0], self.rims[1][::-1]])

    @cached_property
    def landmarks(self) -> Points:
        """(5, 2) true landmarks on the picture plane."""
        return self.turn.project(landmark_points(self.identity, self.head, self.moment.smile))

    @cached_property
    def skin(self) -> Colour:
        """The skin's colour, with the cue in it where skin is planted."""
        bit = self.cues.get("skin")
        if bit is None:
            return self.identity.skin
        return mix(self.identity.skin, ((208, 164, 128), (232, 180, 166))[1 - bit], 0.25)

    def face(self, xy: Points, lift: float | Points = 0.0) -> Points:
        """(n, 2) frontal face positions to the picture plane of the turned head."""
        return self.turn.project(self.head.on_face(xy, lift))

    def random(self, stream: int) -> np.random.Generator:
        """Randomness of one part of the drawing, independent of all other parts."""
        return np.random.default_rng([self.seed, stream])


def light_on(sitter: Sitter, x: Points, y: Points) -> NDArray[np.float32]:
    """Lambert light on a sphere with unit coordinates x, y in -1..1 (same shapes), about 0 to 1."""
    nx, ny = x.clip(-0.97, 0.97), y.clip(-0.9, 0.9)
    xx, yy = nx * nx, ny * ny
    nz = np.sqrt(np.maximum(1 - xx - 0.5 * yy, 0.02))
    lx, ly, lz = sitter.moment.light
    light: Points = (nx * lx + ny * ly + nz * lz) / np.sqrt(xx + yy + nz * nz)
    return light.astype(np.float32)


def toned(colour: Colour, tone: NDArray[np.float32], blush: NDArray[np.float32] | None = None) -> Planes:
    """(3, h, w) colours of a surface under a tone field: below 1 in shadow, above 1 highlit; blush reddens."""
    dark, bright = tone.clip(0.15, 1.0), tone.clip(1.0, 1.6) - 1
    planes: Planes = np.empty((3, *tone.shape), np.float32)
    planes[0] = colour[0] * (dark * (1.15 - 0.15 * dark))  # close to dark ** 0.85
    planes[1] = colour[1] * dark
    planes[2] = colour[2] * dark * (0.94 + 0.06 * dark)
    highlight = 255 - planes
    highlight *= bright
    planes += highlight
    if blush is not None:
        planes += (FLUSH - planes) * np.minimum(blush, 0.8)
    return planes


class Field:
    """A coarse map of light over a box of the canvas, on which soft shadows are laid."""

    def __init__(self, canvas: Canvas, outline: Points | Shape) -> None:
        self.canvas, self.outline = canvas, canvas.shape(outline)
        self.box = canvas.box(self.outline.extent) or (0, 0, 1, 1)
        left, top, right, bottom = self.box
        step = max(1.0, canvas.scale * CELL)
        rows, columns = max(2, round((bottom - top) / step)), max(2, round((right - left) / step))
        self.cell = np.array([(right - left) / columns, (bottom - top) / rows])
        px = left + (np.arange(columns) + 0.5) * self.cell[0] - canvas.matrix[0, 2]
        py = (top + (np.arange(rows) + 0.5) * self.cell[1] - canvas.matrix[1, 2])[:, None]
        (a, b), (c, d) = canvas.inverse
        self.x, self.y = (a * px + b * py).astype(np.float32), (c * px + d * py).astype(np.float32)
        self.tone = np.ones((rows, columns), np.float32)
        self.blush: NDArray[np.float32] | None = None

    def cells(self, points: Points) -> NDArray[np.int32]:
        """(..., 2) plane to sixteenths of cells, for :meth:`shadow`."""
        cells: Points = (self.canvas.pixels(points) - self.box[:2]) / self.cell
        return (cells * 16 - 8).astype(np.int32)

    def shadow(self, shapes: Iterable[NDArray[np.int32]], depths: Sequence[float], blur: float) -> NDArray[np.float32]:
        """Closed contours of cells with soft edges of ``blur`` plane units, as a field of their depths."""
        scratch = np.zeros_like(self.tone)
        for shape, depth in zip(shapes, depths, strict=True):
            cv2.fillPoly(scratch, [shape], depth, cv2.LINE_8, 4)
        return smooth(scratch, max(blur * self.canvas.scale / float(self.cell[0]), 0.4))

    def paint(self, colour: Colour) -> None:
        """Lay the shaded colour inside the outline."""
        planes, cover = toned(colour, self.tone, self.blush), coverage(self.outline, self.box)
        if planes.shape[1:] != cover.shape:
            size = cover.shape[::-1]
            planes = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in planes])
        self.canvas.blend(cover, self.box, planes)


def draw_skin(canvas: Canvas, sitter: Sitter) -> None:
    """The head without features: outline, round light, sockets, cheeks, the soft shadows of nose and lips."""
    left, right = sitter.rims
    outline = sitter.outline
    field = Field(canvas, outline)
    xl, xr = np.interp(field.y, left[:, 1], left[:, 0]), np.interp(field.y, right[:, 1], right[:, 0])
    s = (2 * field.x - xl - xr) / np.maximum(xr - xl, 0.2)
    middle = (sitter.head.chin + sitter.head.top) / 2
    light = light_on(sitter, s, (field.y - middle) / (sitter.head.chin - middle) * 0.8)
    field.tone = (1.06 + sitter.moment.contrast * (light - 0.92)).astype(np.float32)
    _model_face(field, sitter)
    field.paint(sitter.skin)
    canvas.mark(field.outline, FACE)


def _model_face(field: Field, sitter: Sitter) -> None:
    """Soft relief: brow ridge, sockets, nose, cheeks, lips, chin."""
    who, depth = sitter.identity, 0.5 + sitter.moment.contrast
    lit = 1.0 if sitter.moment.light[0] >= 0 else -1.0
    nose, mouth, chin = who.nose_length, who.mouth_height, sitter.head.chin
    relief: list[tuple[float, Points, float, float]] = []  # blur, contour, depth, lift; a lift of -1 is blush
    for side in (-1, 1):
        flank = np.array([[0.10, 0.0], [0.13, 0.3], [0.25 * who.nose_width, nose + 0.06], [0.07, nose - 0.05]])
        fold = np.array([[0.25, nose + 0.05], [0.40, nose + 0.3], [0.52, mouth - 0.05], [0.44, mouth - 0.12]])
        relief += [
            (0.07, oval(side * 0.47, -0.08, 0.31, 0.15), 0.17, 0.0),
            (0.05, oval(side * 0.20, 0.02, 0.09, 0.16), 0.16, 0.0),
            (0.05, oval(side * 0.50, 0.26, 0.22, 0.04), 0.07, 0.0),
            (0.13, oval(side * 0.60, 0.62, 0.22, 0.18), 0.22 / depth, -1.0),
            (0.09, oval(side * 0.56, 0.46, 0.18, 0.10), -0.06, 0.0),
            (0.04, flank * (side, 1), 0.17 if side == -lit else 0.06, 0.0),
            (0.06, fold * (side, 1), 0.03 + 0.06 * max(sitter.moment.smile, 0), 0.0),
        ]
    relief += [
        (0.045, oval(0, 0.22, 0.05, 0.28), -0.13, 0.1),
        (0.045, oval(0.02 * lit, nose - 0.04, 0.07, 0.07), -0.15, 0.3),
        (0.045, oval(0, nose + 0.17, 0.22, 0.05), 0.24, 0.05),
        (0.045, oval(0, nose + 0.30, 0.04, 0.08), 0.06, 0.0),
        (0.05, oval(0, mouth + 0.27, 0.20, 0.05), 0.17, 0.0),
        (0.09, oval(0, chin - 0.2, 0.16, 0.10), -0.08, 0.0),
        (0.13, oval(0.1 * lit, -0.62, 0.42, 0.18), -0.07, 0.0),
    ]
    counts = [len(r[1]) for r in relief]
    lift = np.repeat([max(r[3], 0.0) for r in relief], counts)
    cells = field.cells(sitter.face(np.concatenate([r[1] for r in relief]), lift))
    shapes = np.split(cells, np.cumsum(counts)[:-1])
    groups: dict[tuple[float, bool], list[int]] = {}
    for i, (blur, _, _, kind) in enumerate(relief):
        groups.setdefault((blur, kind < 0), []).append(i)
    for (blur, is_blush), members in groups.items():
        laid = field.shadow([shapes[i] for i in members], [relief[i][2] * depth for i in members], blur)
        if is_blush:
            field.blush = laid
        else:
            field.tone -= laid


def draw_ear(canvas: Canvas, sitter: Sitter, side: int) -> None:
    """One ear: side -1 is the image's left."""
    size = sitter.identity.ear_size
    up, across = 0.34 * size * _EAR_UP, 0.19 * size * _EAR_ACROSS
    across = across * (1 + 0.25 * (_EAR_UP < 0))
    width = float(sitter.head.section(np.array([0.35]))[0][0])
    ear = np.column_stack([side * (width - 0.02 + (across + 0.15) * 0.55), 0.32 + up, -1.05 - across * 0.8])
    shape = sitter.turn.project(ear)
    tone = 0.86 + 0.16 * side * sitter.moment.light[0]
    canvas.fill(shape, shade(sitter.skin, tone), SKIN)
    middle = shape.mean(0)
    inner = middle + (shape - middle) * 0.55
    canvas.soft(inner, shade(mix(sitter.skin, (190, 90, 80), 0.2), tone * 0.72), 0.7, 0.035)


def draw_hairband(canvas: Canvas, sitter: Sitter) -> None:
    """The hairband's cue, blue (0) or red (1): between the face and what is around the head, in every framing."""
    colour = HAIRBANDS[sitter.cues["hairband"]]
    x = np.linspace(-0.46, 0.46, 15)
    middle = np.column_stack([x, 0.62 * x**2 - 1.0]) + sitter.landmarks[:2].mean(0)
    half = 0.085 * (1 - (np.abs(x) / 0.46) ** 6)[:, None] * (0.0, 1.0)
    canvas.fill(np.concatenate([middle - half, (middle + half)[::-1]]), shade(colour, 0.8), HAIR)
    canvas.fill(np.concatenate([middle - 0.7 * half, (middle + 0.7 * half)[::-1]]), colour)


def draw_neck(canvas: Canvas, sitter: Sitter) -> None:
    """Neck and the skin above the collar, in the chin's shadow."""
    half = sitter.identity.neck_width
    knots = [(half, 0.9), (half * 0.96, 1.9), (half * 1.08, 2.35), (half * 1.9, 2.75), (half * 2.4, 3.4)]
    right = spline(np.asarray(knots), 6)
    shape = np.concatenate([right, right[::-1] * (-1, 1)])
    field = Field(canvas, shape)
    field.tone = (
        0.98 + sitter.moment.contrast * (light_on(sitter, field.x / (half * 1.25), 0 * field.y) - 0.95)
    ).astype(np.float32)
    chin = sitter.head.chin
    shift = float(sitter.turn.project(np.array([[0.0, chin, -0.3]]))[0, 0])
    under_chin, pit = field.cells(ovals([(shift * 0.6, chin - 0.1, 0.85, 0.42), (0, 2.55, 0.10, 0.10)]))
    field.tone -= field.shadow([under_chin], [0.36], 0.13)
    field.tone -= field.shadow([pit], [0.10], 0.06)
    field.paint(sitter.skin)
    canvas.mark(field.outline, SKIN)
