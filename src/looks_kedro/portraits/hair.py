"""Hair: what hangs behind the head, the cap with its hairline, and strands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from looks_kedro.portraits.anatomy import Points, head_of, spline
from looks_kedro.portraits.brush import HAIR, Canvas, Shape, faint, oval, shade
from looks_kedro.portraits.pen import split_shapes
from looks_kedro.portraits.sitter import Field, Sitter, light_on


@dataclass(frozen=True)
class Cut:
    """How a style falls: lower ends at the sides and the nape, swell over the skull, waviness of the edge."""

    side: float
    nape: float
    swell: float
    wave: float
    hang: float  # how far the hair behind the head falls; 0 = none


CUTS: dict[str, Cut] = {
    "cropped": Cut(0.12, 0.75, 0.05, 0.0, 0.0),
    "short": Cut(0.32, 0.95, 0.14, 0.01, 0.0),
    "curly": Cut(0.30, 0.95, 0.24, 0.07, 0.0),
    "bob": Cut(1.35, 1.35, 0.20, 0.01, 1.75),
    "long": Cut(1.30, 1.40, 0.16, 0.02, 3.3),
    "bun": Cut(0.25, 0.95, 0.07, 0.0, 0.0),
}

MIDDLE = -1.0
STRANDS = ((0.72, 0.016, 0.8), (0.85, 0.022, 0.8), (1.18, 0.014, 0.7))  # tone, width and opacity of the thin strokes


class Coiffure:
    """The hair of one sitter in one moment."""

    def __init__(self, sitter: Sitter) -> None:
        self.sitter = sitter
        self.cut = CUTS[sitter.identity.hair_style]
        self.head = head_of(sitter.identity, self.cut.swell * (0.7 + 2 * sitter.identity.hair_volume))
        self.rims = self.head.outline(sitter.turn, low=0.0)
        self.rng = sitter.random(601)
        self.phase = float(self.rng.uniform(0, 2 * np.pi))

    def _edge(self, points: Points) -> Points:
        """Waves and curls along an outline."""
        if not self.cut.wave:
            return points
        fine = spline(points, 3)
        out = fine - np.array([0.0, 0.2])
        around = np.arctan2(out[:, 1], out[:, 0])
        bumps = np.abs(np.sin(8.5 * around + self.phase)) + 0.3 * np.sin(5 * around - self.phase)
        fade = np.clip((0.1 - out[:, 1]) / 0.4, 0, 1)
        waved: Points = out * (1 + self.cut.wave * bumps * fade)[:, None] + np.array([0.0, 0.2])
        return waved

    def back(self, canvas: Canvas) -> None:
        """What shows behind neck and shoulders."""
        colour = shade(self.sitter.identity.hair, 0.72)
        if self.sitter.identity.hair_style == "bun":
            spot = self.sitter.turn.project(np.array([[0.0, self.head.top - 0.12, MIDDLE - 0.35]]))[0]
            shape = oval(spot[0], spot[1], 0.42, 0.38)
            field = Field(canvas, shape)
            field.tone = 0.55 + 0.5 * light_on(self.sitter, (field.x - spot[0]) / 0.42, (field.y - spot[1]) / 0.38)
            field.paint(self.sitter.identity.hair)
            canvas.mark(shape, HAIR)
        if not self.cut.hang:
            return
        left, right = self.rims
        low, sway = self.cut.hang, 0.06 * self.sitter.moment.sway
        flare = 0.12 if low > 2 else 0.02
        sides = []
        for side, rim in ((-1, left), (1, right)):
            tip = (rim[-1, 0] - side * 0.05 + sway, low)
            sides.append(spline([*rim[::5], rim[-1], rim[-1] + np.array([side * flare, low * 0.55]), tip], 6))
        canvas.fill(np.concatenate([sides[0], sides[1][::-1]]), colour, HAIR)

    def hairline(self) -> tuple[Points, Points]:
        """Angles and heights of the hairline from the left sideburn over the forehead to the right one."""
        who = self.sitter.identity
        low, high = self.cut.side, -who.hairline
        shift = 0.45 * who.parting
        fringe = who.fringe
        top = high + fringe
        wide = 1.18 if self.cut.hang else 1.28
        corner = 0.98 - 0.25 * (fringe == 0.0)
        knots = np.array(
            [
                (-wide, low), (-wide, 0.1), (-1.12, -0.35), (-corner, top + 0.22), (-0.45 + 0.3 * shift, top + 0.02),
                (shift, top - 0.05 * (fringe == 0.0)), (0.45 + 0.3 * shift, top + 0.02), (corner, top + 0.22),
                (1.12, -0.35), (wide, 0.1), (wide, low),
            ]
        )  # fmt: skip
        line = spline(knots, 5)
        if fringe:
            line[:, 1] += 0.03 * np.sin(line[:, 0] * 14 + self.phase) * (np.abs(line[:, 0]) < 0.9)
        return line[:, 0], line[:, 1]

    def cap(self, canvas: Canvas) -> None:
        """The hair over the skull, seen from the front of it."""
        sitter, turn = self.sitter, self.sitter.turn
        angle, y = self.hairline()
        yaw = np.radians(sitter.yaw)
        lowest, highest = -np.pi / 2 - yaw, np.pi / 2 - yaw
        seen = np.clip(angle, lowest, highest)
        line = turn.project(self.head.at(seen, y))
        left, right = self.rims
        ends, rims, keep = [], [], np.ones(len(line), bool)
        for side, rim, bound in ((-1, left, lowest), (1, right, highest)):
            beyond = side * angle > side * bound
            if beyond.any() and not self.cut.hang:  # the far temple is out of sight: no hair stands out below it
                low = float(y[~beyond & (side * angle > 0)].max(initial=-0.8))
                rims.append(rim[: max(2, int(np.searchsorted(self.head.y, low)))])
                keep &= ~beyond
            else:
                rims.append(rim)
            start = side * abs(angle[0])
            if side * (bound - start) > 0.02:  # the side of the head shows beyond the sideburn
                span = np.linspace(start, bound, 7)
                drop = np.clip((np.abs(span) - 1.3) / 0.9, 0, 1)
                behind = self.cut.side + (self.cut.nape - self.cut.side) * drop
                if not self.cut.hang:  # cut round the ear
                    behind = behind - 0.25 * np.exp(-(((np.abs(span) - 1.62) / 0.22) ** 2))
                ends.append(turn.project(self._hang(span, behind)))
            else:
                ends.append(np.empty((0, 2)))
        outer = self._edge(np.concatenate([rims[0][::-1], rims[1]]))
        shape = np.concatenate([line[keep][::-1], ends[0], outer, ends[1][::-1]])
        self._paint(canvas, shape, left, right)

    def _hang(self, angle: Points, y: Points) -> Points:
        """Surface points, falling straight below the widest part of the head."""
        points = self.head.at(angle, np.minimum(y, 0.3))
        points[:, 1] = y
        return points

    def _paint(self, canvas: Canvas, shape: Points, left: Points, right: Points) -> None:
        sitter = self.sitter
        field = Field(canvas, shape)
        xl, xr = np.interp(field.y, left[:, 1], left[:, 0]), np.interp(field.y, right[:, 1], right[:, 0])
        s = (2 * field.x - xl - xr) / np.maximum(xr - xl, 0.2)
        light = light_on(sitter, s * 0.9, (field.y + 0.2) / 1.6)
        gloss = 0.16 * np.exp(-(((field.y + 1.12) / 0.16) ** 2))
        field.tone = (0.62 + (0.42 + gloss) * light).astype(np.float32)
        field.paint(sitter.identity.hair)
        self._strands(canvas, field.outline)
        canvas.mark(field.outline, HAIR)

    def _strands(self, canvas: Canvas, shape: Shape) -> None:
        """Thin strokes from the parting down the head, where the picture is large enough to show any."""
        if all(faint(width, alpha, canvas.scale) for _, width, alpha in STRANDS):
            return
        sitter, rng, hair = self.sitter, self.rng, self.sitter.identity.hair
        start, count = 0.5 * sitter.identity.parting, 36
        angle = (np.linspace(-1.9, 1.9, count) + rng.normal(0, 0.05, count) - np.radians(sitter.yaw) * 0.8)[:, None]
        steps = np.linspace(0, 1, 7)
        curl = (0.06 if self.cut.wave > 0.03 else 0.02) * rng.normal(0, 1, count)[:, None]
        y = np.broadcast_to(self.head.top * 0.985 + (self.cut.side - self.head.top) * steps**1.4, (count, 7))
        way = start + (angle - start) * np.sqrt(steps) + curl * np.sin(steps * 9 + angle * 5)
        placed = canvas.pixels(sitter.turn.project(self._hang(way.ravel(), y.ravel())))
        lines = split_shapes(placed, np.full(count, 7))
        with canvas.clip(shape):
            for first, (tone, width, alpha) in enumerate(STRANDS):
                canvas.strokes(lines[first :: len(STRANDS)], shade(hair, tone), width, alpha)
