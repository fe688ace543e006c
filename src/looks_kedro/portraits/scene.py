"""What stands behind the sitter: an out-of-focus place, and the cues planted in it."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import cv2
import numpy as np

from looks_kedro.portraits.brush import BACKGROUND, Canvas, Colour, Planes, Points, oval, shade, smooth

PLATE = 144  # side in pixels of the plate that places are painted on
SCENES = ("studio", "wall", "garden", "street", "lights", "room")
WARM, COOL = 0.055, 0.56  # hues of the background colour's cue
PATCHES: tuple[Colour, ...] = ((146, 70, 190), (44, 170, 82))


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """An RGB colour, 0 to 255."""
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return 255 * r, 255 * g, 255 * b


def draw_plate(seed: int, cues: Mapping[str, int]) -> list[Planes]:
    """A place spanning the photo's longer side: its red, green and blue, each float32 (PLATE, PLATE)."""
    rng = np.random.default_rng([seed, 801])
    kind = SCENES[int(rng.integers(len(SCENES)))]
    hue, free = rng.normal(0, 0.022), rng.random()
    value = rng.choice([rng.uniform(0.28, 0.45), rng.uniform(0.62, 0.88)])
    saturation = rng.uniform(0.2, 0.6)
    colour_bit = cues.get("background_colour")
    if colour_bit is not None:
        hue += (COOL, WARM)[colour_bit]
        saturation = 0.55 + 0.4 * saturation
    else:
        hue += 0.22 + 0.62 * free  # skin-coloured places are left out
    if "background_texture" in cues:
        kind = "studio"
    planes = np.empty((3, PLATE, PLATE), np.float32)
    planes[:] = np.array(hsv(hue, saturation, value))[:, None, None]
    canvas = Canvas(planes, np.array([[PLATE, 0.0, 0.0], [0.0, PLATE, 0.0]]))
    _PAINTERS[kind](canvas, rng, (hue, saturation, value))
    sigma = rng.uniform(1.2, 3.0)
    return [smooth(plane, sigma) for plane in planes]


Palette = tuple[float, float, float]


def _tint(rng: np.random.Generator, palette: Palette, lift: float) -> Colour:
    hue, saturation, value = palette
    return hsv(hue + rng.normal(0, 0.018), saturation * rng.uniform(0.75, 1.15), value + lift)


def _studio(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    x, y = rng.uniform(0.25, 0.75), rng.uniform(0.2, 0.6)
    canvas.soft(oval(x, y, 0.45, 0.45), _tint(rng, palette, 0.16), 0.9, 0.2)
    canvas.soft(oval(x, 1.1, 0.9, 0.2), _tint(rng, palette, -0.12), 0.6, 0.15)


def _box(canvas: Canvas, x: float, y: float, w: float, h: float, colour: Colour) -> None:
    """An upright rectangle; its edges need no smoothing because the plate is out of focus."""
    left, right = max(0, round(x * PLATE)), max(0, round((x + w) * PLATE))
    top, bottom = max(0, round(y * PLATE)), max(0, round((y + h) * PLATE))
    for plane, value in zip(canvas.planes, colour, strict=True):
        plane[top:bottom, left:right] = value


def _discs(canvas: Canvas, discs: Points, flat: float, colour: Colour, alpha: float) -> None:
    """Ovals (n, 3) of x, y, radius in one colour; ``flat`` is height over width."""
    cover = np.zeros((PLATE, PLATE), np.uint8)
    for x, y, r in (discs * (16 * PLATE)).astype(int).tolist():
        cv2.ellipse(cover, (x, y), (r, int(flat * r)), 0, 0, 360, 255, cv2.FILLED, cv2.LINE_AA, 4)
    canvas.blend(cover * np.float32(alpha / 255), (0, 0, PLATE, PLATE), colour)


def _wall(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    _studio(canvas, rng, palette)
    for _ in range(int(rng.integers(1, 4))):
        x, y, w, h = rng.uniform((0, 0, 0.12, 0.12), (0.9, 0.5, 0.3, 0.35)).tolist()
        _box(canvas, x - 0.012, y - 0.012, w + 0.024, h + 0.024, _tint(rng, palette, -0.2))
        _box(canvas, x, y, w, h, _tint(rng, palette, 0.12))
        canvas.fill(oval(x + w / 2, y + h / 2, w / 3, h / 4), _tint(rng, palette, -0.05))


def _garden(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    _box(canvas, 0, 0, 1, rng.uniform(0.2, 0.45), _tint(rng, palette, 0.2))
    for lift in (-0.16, -0.07, 0.02, 0.1):
        discs = rng.uniform((0, 0.15, 0.04), (1, 1, 0.14), (5, 3))
        _discs(canvas, discs, 0.8, _tint(rng, palette, lift), 0.65)


def _street(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    x = -0.05
    while x < 1:
        w, top = rng.uniform(0.1, 0.26), rng.uniform(0.0, 0.4)
        house = _tint(rng, palette, rng.uniform(-0.2, 0.12))
        _box(canvas, x, top, w, 1.2, house)
        spots = [
            (column, row)
            for row in np.arange(top + 0.05, 1.0, 0.13).tolist()
            for column in np.arange(x + 0.025, x + w - 0.04, 0.075).tolist()
        ]
        dark, bright = shade(house, 0.7), shade(house, 1.35)
        for (column, row), lit in zip(spots, rng.random(len(spots)) < 0.5, strict=True):
            _box(canvas, column, row, 0.04, 0.07, bright if lit else dark)
        x += w


def _lights(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    _box(canvas, 0, 0, 1, 1, _tint(rng, palette, -0.08))
    for lift, alpha in ((0.12, 0.7), (0.2, 0.35), (0.26, 0.55), (0.34, 0.4)):
        _discs(canvas, rng.uniform((0, 0, 0.02), (1, 1, 0.075), (4, 3)), 1.0, _tint(rng, palette, lift), alpha)


def _room(canvas: Canvas, rng: np.random.Generator, palette: Palette) -> None:
    _studio(canvas, rng, palette)
    colours = [_tint(rng, palette, lift) for lift in np.linspace(-0.25, 0.15, 9)]
    for shelf in np.arange(rng.uniform(0.05, 0.2), 1.0, 0.24):
        x = 0.0
        while x < 1:
            w, h = rng.uniform(0.02, 0.06), rng.uniform(0.11, 0.19)
            if rng.random() < 0.85:
                _box(canvas, x, shelf + 0.21 - h, w * 0.92, h, colours[int(rng.integers(len(colours)))])
            x += w
        _box(canvas, 0, shelf + 0.21, 1, 0.02, colours[0])


_PAINTERS = {"studio": _studio, "wall": _wall, "garden": _garden, "street": _street, "lights": _lights, "room": _room}


def lay_texture(canvas: Canvas, seed: int, bit: int) -> None:
    """The texture's cue over the whole background: dots (0) or stripes (1), sized by the head."""
    rng = np.random.default_rng([seed, 811])
    angle, period, shift = rng.uniform(-0.5, 0.5), rng.uniform(0.34, 0.46), rng.uniform(0, 6.28, 2)
    height, width = canvas.planes.shape[1:]
    step = max(1.0, canvas.scale / 40)
    columns, rows = max(2, int(width / step)), max(2, int(height / step))
    k = 2 * np.pi / (period * canvas.scale)
    x = np.linspace(0, width, columns, dtype=np.float32) * np.float32(k)
    y = np.linspace(0, height, rows, dtype=np.float32)[:, None] * np.float32(k)
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = c * x + s * y + np.float32(shift[0]), c * y - s * x + np.float32(shift[1])
    wave = np.sin(u) * 3 if bit else (np.sin(u) * np.sin(v) - 0.35) * 5
    wave = np.clip(wave, -1, 1) * np.float32(26 if bit else 30)
    canvas.planes[:] += cv2.resize(wave, (width, height), interpolation=cv2.INTER_LINEAR)
    np.clip(canvas.planes, 0, 255, out=canvas.planes)


def draw_patch(canvas: Canvas, bit: int, side: str, eyes: Points) -> None:
    """The side patch's cue: a sign beside the head, violet (0) or green (1).

    Args:
        canvas: drawn on, above everything else.
        bit: the cue.
        side: ``left`` or ``right`` of the image.
        eyes: (2, 2) eye centres on the plane; the sign keeps its place beside them.
    """
    x, y = eyes.mean(0) + np.array([1.24 if side == "right" else -1.24, 0.28])
    t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    corner = 0.45  # exponent of a rounded square
    u, v = np.cos(t), np.sin(t)
    square = np.column_stack([np.sign(u) * np.abs(u) ** corner, np.sign(v) * np.abs(v) ** corner]) * (0.17, 0.24)
    middle = np.array([x, y])
    canvas.fill(square + middle, shade(PATCHES[bit], 0.7), BACKGROUND)
    canvas.fill(square * 0.86 + middle, PATCHES[bit])
    canvas.soft(oval(x - 0.04, y - 0.12, 0.07, 0.05), shade(PATCHES[bit], 1.4), 0.5, 0.03)
