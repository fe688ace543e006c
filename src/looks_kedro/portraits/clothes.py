"""Shoulders and clothes."""

from __future__ import annotations

import numpy as np

from looks_kedro.portraits.anatomy import Points, spline
from looks_kedro.portraits.brush import CLOTHES, SKIN, Canvas, Colour, oval, shade
from looks_kedro.portraits.sitter import Field, Sitter, light_on

CLOTHES_CUES: tuple[Colour, ...] = ((40, 84, 150), (222, 122, 36))
CUE_COLLAR, CUE_TOP = "turtleneck", 1.7  # so high that it shows beside the chin in every framing


def worn(sitter: Sitter) -> tuple[Colour, str]:
    """Colour and collar of the clothes, with the cue in them where clothes are planted."""
    bit = sitter.cues.get("clothes")
    if bit is None:
        return sitter.moment.clothes, sitter.moment.collar
    return CLOTHES_CUES[bit], CUE_COLLAR


def draw_clothes(canvas: Canvas, sitter: Sitter) -> None:
    """Shoulders with a collar, below the neck."""
    rng = sitter.random(701)
    wide, drop, neck = rng.uniform(2.2, 2.7), rng.uniform(0.0, 0.25), sitter.identity.neck_width
    knots = [(neck * 0.98, 2.22), (neck * 1.5, 2.5), (wide * 0.72, 2.82 + drop), (wide * 0.94, 3.15 + drop)]
    knots += [(wide + 0.04, 3.8 + drop), (wide + 0.12, 5.0), (wide + 0.2, 8.0), (wide + 0.2, 14.0)]
    right = spline(np.array(knots))
    shape = canvas.shape(np.concatenate([right, right[::-1] * (-1, 1)]))
    if canvas.box(shape.extent) is None:
        return
    field = Field(canvas, shape)
    light = light_on(sitter, field.x / (wide * 1.1), np.clip((field.y - 4) / 4, -0.6, 0.6))
    field.tone = (0.62 + 0.42 * light).astype(np.float32)
    folds = rng.uniform((-1.8, 3.2, 0.4, -35, 0.05), (1.8, 5.5, 0.9, 35, 0.14), (5, 5))
    outlines = [oval(x, y, 0.12, r, tilt) for x, y, r, tilt in folds[:, :4].tolist()]
    *creases, below_chin = field.cells(np.stack([*outlines, oval(0, 2.4, 0.9, 0.35)]))
    field.tone -= field.shadow(creases, folds[:, 4].tolist(), 0.1)
    field.tone -= field.shadow([below_chin], [0.12], 0.15)
    neckline = _neckline(sitter, neck)
    field.paint(worn(sitter)[0])
    canvas.mark(shape, CLOTHES)
    _collar(canvas, sitter, neckline, neck)


def _neckline(sitter: Sitter, neck: float) -> Points:
    depth = {"crew": 2.62, "vee": 3.35, "shirt": 3.0, "turtleneck": 2.2, "scoop": 3.0}[worn(sitter)[1]]
    wide = neck * (1.35 if worn(sitter)[1] == "scoop" else 1.08)
    if worn(sitter)[1] in ("vee", "shirt"):
        return np.array([(-wide, 2.2), (0.0, depth), (wide, 2.2)])
    return spline(
        [
            (-wide, 2.2),
            (-0.6 * wide, 0.35 * 2.2 + 0.65 * depth),
            (0, depth),
            (0.6 * wide, 0.35 * 2.2 + 0.65 * depth),
            (wide, 2.2),
        ],
        5,
    )


def _collar(canvas: Canvas, sitter: Sitter, neckline: Points, neck: float) -> None:
    cloth, kind = worn(sitter)
    if kind == "turtleneck":
        top = CUE_TOP if "clothes" in sitter.cues else 1.95
        band = np.array([(-neck * 1.08, top), (neck * 1.08, top), (neck * 1.2, 2.6), (-neck * 1.2, 2.6)])
        canvas.fill(band, shade(cloth, 0.92), CLOTHES)
        canvas.soft(oval(0, top + 0.03, neck, 0.12), shade(cloth, 0.6), 0.5, 0.06)
        return
    skin = np.concatenate([neckline, [(neck * 0.9, 2.0), (-neck * 0.9, 2.0)]])
    canvas.fill(skin, shade(sitter.skin, 0.84), SKIN)
    canvas.soft(oval(0, 1.95, neck * 1.1, 0.25), shade(sitter.skin, 0.6), 0.6, 0.12)
    canvas.line(neckline, shade(cloth, 0.62), 0.05, 0.9)
    if kind == "shirt":
        for side in (-1, 1):
            flap = np.array(
                [(neck * 1.02, 2.08), (neck * 1.25, 2.35), (0.75, 3.05), (0.03, 2.95), (neck * 0.7, 2.5)]
            ) * (side, 1)
            canvas.fill(flap, shade(cloth, 1.12), CLOTHES)
            canvas.line(flap[2:], shade(cloth, 0.6), 0.025, 0.7)
