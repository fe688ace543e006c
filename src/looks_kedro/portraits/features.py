"""Eyes, brows, nose and mouth, drawn with the pen in frontal face positions."""

from __future__ import annotations

import numpy as np

from looks_kedro.portraits.anatomy import Points, mouth_corner, spline
from looks_kedro.portraits.brush import EYES, FACE, MOUTH, NOSE, Colour, mix, oval, shade
from looks_kedro.portraits.pen import Pen
from looks_kedro.portraits.sitter import Sitter

LASH: Colour = (38, 26, 24)
EYE_CUES: tuple[Colour, ...] = ((104, 62, 30), (70, 170, 186))
LIP_CUES: tuple[Colour, ...] = ((206, 140, 118), (172, 24, 50))

_T = np.linspace(-1, 1, 13)
_ARC_UP = (1 - np.abs(_T) ** 2.2) ** 0.8 * (1 - 0.12 * _T)
_ARC_LOW = (1 - np.abs(_T) ** 2.4) * (1 + 0.15 * _T)
_LASH = np.column_stack([0 * _T, -0.012 - 0.03 * (1 - _T**2)])
_S = np.linspace(0, 1, 9)
_TAPER = np.where(_S < 0.15, 0.75 + _S * 1.6, np.clip(1.05 - 0.95 * np.maximum(_S - 0.15, 0) ** 1.3, 0.08, 1))
_U = np.linspace(-1, 1, 15)
_BOW = (1 - _U * _U) ** 0.75
_DIP = -0.02 * np.exp(-(((np.abs(_U) - 0.22) / 0.16) ** 2)) + 0.012 * np.exp(-((_U / 0.1) ** 2))


def draw_eye(pen: Pen, sitter: Sitter, side: int) -> None:
    """One eye with its lids: side -1 is the image's left."""
    who, now, bit = sitter.identity, sitter.moment, sitter.cues.get("eyes")
    x = side * (0.5 + 0.232 * who.eye_size * _T)
    up = 0.108 * who.eye_open * now.lids * who.eye_size
    low = 0.058 * who.eye_size * (1 - 0.25 * max(now.smile, 0))
    upper = np.column_stack([x, -up * _ARC_UP - who.eye_tilt * _T])
    lower = np.column_stack([x, low * _ARC_LOW - who.eye_tilt * _T])
    edge = np.concatenate([upper, lower[::-1]])

    pen.mark(oval(side * 0.52, -0.03, 0.36, 0.20), EYES, lift=-0.02)
    lid = np.concatenate([upper, upper[::-1] + np.array([side * 0.01, -0.055])])
    pen.soft(lid, shade(sitter.skin, 0.84), 0.6, 0.012)
    if bit == 1:
        wing = upper[-4:] + np.linspace(0, 1, 4)[:, None] * (side * 0.12, -0.06)
        liner = np.concatenate([upper[2:], wing[1:], upper[:1:-1] + np.array([0, -0.045])])
        pen.soft(liner, (24, 18, 26), 0.9, 0.006)
    pen.begin_clip(edge, lift=-0.02)
    _eyeball(pen, sitter, side, edge)
    pen.end_clip()
    crease = upper[1:-1] * (1, 1.15) + (0, -0.055)
    pen.line(crease, shade(sitter.skin, 0.62), 0.018, 0.55, 0.006)
    pen.fill(np.concatenate([upper, upper[::-1] + _LASH]), LASH)
    pen.line(upper[-3:] + np.array([[0, 0], [side * 0.015, -0.005], [side * 0.05, -0.02]]), LASH, 0.022, 0.8)
    pen.line(lower[1:], shade(mix(sitter.skin, (170, 80, 70), 0.25), 0.62), 0.014, 0.6, 0.004)


def _eyeball(pen: Pen, sitter: Sitter, side: int, edge: Points) -> None:
    bit = sitter.cues.get("eyes")
    iris = sitter.identity.iris if bit is None else EYE_CUES[bit]
    gx, gy = sitter.moment.gaze
    x, y = side * 0.5 + gx, -0.022 + gy
    r = 0.108 * sitter.identity.eye_size
    pen.fill(edge, (238, 233, 228), lift=-0.02)
    pen.fill(oval(side * 0.29, 0.01, 0.05, 0.03, n=10), (222, 158, 148), lift=-0.02)
    pen.fill(oval(x, y, r, r), shade(iris, 0.5), lift=-0.02)
    pen.fill(oval(x, y, 0.86 * r, 0.86 * r), iris, lift=-0.02)
    pen.soft(oval(x, y + 0.45 * r, 0.6 * r, 0.35 * r), shade(iris, 1.5), 0.6, 0.02, lift=-0.02)
    pen.fill(oval(x, y, 0.42 * r, 0.42 * r, n=14), (16, 13, 14), lift=-0.02)
    pen.soft(oval(side * 0.5, -0.13, 0.3, 0.085), (52, 38, 38), 0.6, 0.022, lift=-0.02)
    lit = 1.0 if sitter.moment.light[0] >= 0 else -1.0
    pen.fill(oval(x + 0.36 * r * lit, y - 0.36 * r, 0.21 * r, 0.21 * r, n=10), (252, 252, 252), lift=-0.02)


def draw_brow(pen: Pen, sitter: Sitter, side: int) -> None:
    """One eyebrow: a tapering shape with a few hairs."""
    who = sitter.identity
    x = 0.19 + 0.60 * _S
    arch = np.sin(np.pi * np.minimum(_S * 1.35, 1.0) ** 1.2)
    middle = -who.brow_height - who.brow_arch * arch + 0.07 * _S**2.2 - 0.025 * max(sitter.moment.smile, 0)
    half = 0.5 * who.brow_thickness * _TAPER
    edge = _strip(x, middle - half, middle + half) * (side, 1)
    hair = shade(mix(who.hair, (60, 44, 36), 0.55), 0.72)
    pen.soft(edge, hair, 0.88, 0.016, lift=0.03)
    roots, tips = np.stack([x, middle + 0.7 * half], 1), np.stack([x + 0.07, middle - 0.75 * half], 1)
    pen.strokes(list(np.stack([roots, tips], 1)[:7] * (side, 1)), shade(hair, 0.75), 0.010, 0.7, lift=0.03)
    pen.mark(edge, FACE, lift=0.03)


def draw_nose(pen: Pen, sitter: Sitter) -> None:
    """Nose: its flank when the head is turned, wings, nostrils and light."""
    who = sitter.identity
    w, tip = who.nose_width, who.nose_length
    flat = np.array(
        [[-0.08, -0.02], [0.08, -0.02], [0.09, 0.25], [0.24 * w, tip + 0.02], [0.22 * w, tip + 0.13], [0.0, tip + 0.17],
         [-0.22 * w, tip + 0.13], [-0.24 * w, tip + 0.02], [-0.09, 0.25]]
    )  # fmt: skip
    pen.mark(flat, NOSE, lift=np.array([0.1, 0.1, 0.16, 0.06, 0.05, 0.12, 0.05, 0.06, 0.16]))
    _profile(pen, sitter)
    dark = shade(mix(sitter.skin, (120, 50, 44), 0.2), 0.55)
    way = 1 if sitter.yaw >= 0 else -1
    hidden = min(1.0, max(0.0, (abs(sitter.yaw) - 25) / 20))
    for side in (-1, 1):
        seen = 1 - hidden if side == way else 1.0
        wing = spline([(side * 0.16 * w, tip - 0.05), (side * 0.25 * w, tip + 0.03), (side * 0.22 * w, tip + 0.13)], 4)
        pen.line(wing, dark, 0.022, 0.5 * seen, 0.012, lift=0.06)
        nostril = oval(side * 0.115 * w, tip + 0.125, 0.062 * w, 0.027, side * -14, n=14)
        pen.soft(nostril, shade(dark, 0.45), 0.85 * (0.2 + 0.8 * seen), 0.009, lift=0.14)
    base = [(-0.2 * w, tip + 0.14), (-0.07, tip + 0.155), (0, tip + 0.175), (0.07, tip + 0.155), (0.2 * w, tip + 0.14)]
    pen.line(spline(base, 3), dark, 0.016, 0.4, 0.012, lift=0.12)
    lit = 1.0 if sitter.moment.light[0] >= 0 else -1.0
    pen.soft(oval(0.02 * lit, tip - 0.03, 0.035, 0.045, n=12), shade(sitter.skin, 1.3), 0.55, 0.025, lift=0.33)


def _profile(pen: Pen, sitter: Sitter) -> None:
    """The nose's body standing out from a turned head."""
    turned = abs(np.sin(np.radians(sitter.yaw)))
    if turned < 0.12:
        return
    tip, w = sitter.identity.nose_length, sitter.identity.nose_width
    way = float(np.sign(sitter.yaw))
    ridge = np.array([[0, -0.12, 0.03], [0, 0.12, 0.13], [0, 0.36, 0.26], [0, tip - 0.06, 0.36], [0, tip + 0.02, 0.37],
                      [0, tip + 0.12, 0.24]])  # fmt: skip
    back = np.array([[0.0, tip + 0.17, 0.1], [-way * 0.21 * w, tip + 0.13, 0.07], [-way * 0.2 * w, tip - 0.02, 0.06],
                     [-way * 0.09, 0.2, 0.04], [-way * 0.08, -0.08, 0.02]])  # fmt: skip
    body = np.concatenate([spline(ridge, 4), back])
    xy, lift = body[:, :2], body[:, 2]
    tone = 1.0 + sitter.moment.contrast * (-0.30 * sitter.moment.light[0] * way - 0.05)
    alpha = min(1.0, (turned - 0.12) * 3.0)
    pen.soft(xy, shade(sitter.skin, 0.7), 0.6 * alpha, 0.03, lift=lift, shift=(way * 0.05, 0.02))
    pen.soft(xy, shade(sitter.skin, tone), 0.9 * alpha, 0.014, lift=lift)
    pen.mark(xy, NOSE, lift=lift)


def _strip(x: Points, upper: Points, lower: Points) -> Points:
    """The closed contour between two curves over the same x."""
    edge = np.empty((2 * len(x), 2))
    edge[: len(x), 0], edge[len(x) :, 0] = x, x[::-1]
    edge[: len(x), 1], edge[len(x) :, 1] = upper, lower[::-1]
    return edge


def draw_mouth(pen: Pen, sitter: Sitter) -> None:
    """Lips, and teeth behind an open mouth; the corners stay where the landmarks say."""
    who, bit = sitter.identity, sitter.cues.get("mouth")
    cx, cy = mouth_corner(who, sitter.moment.smile)
    full = who.lip_fullness * (1.0 if bit is None else (0.9, 1.18)[bit])
    gap = 0.10 * sitter.moment.open_mouth if bit is None else (0.0, 0.085)[bit]
    lips = who.lips if bit is None else mix(LIP_CUES[bit], who.lips, 0.12)
    sag = 0.05 + 0.05 * max(sitter.moment.smile, 0)
    arc = 1 - _U * _U
    line = cy + sag * arc
    top = line - _BOW * (0.105 * full) + _DIP
    above, below = line - 0.35 * gap * arc, line + 0.65 * gap * arc
    bottom = below + _BOW * 0.135 * full
    x = cx * _U

    pen.mark(oval(0, cy + 0.06, cx + 0.08, 0.27), MOUTH, lift=0.03)
    pen.soft(_strip(x, top, bottom), shade(lips, 0.9), 0.9, 0.012, lift=0.035)
    if gap > 0.012:
        inside = _strip(x, above, below)
        pen.begin_clip(inside, lift=0.035)
        pen.fill(inside, (92, 34, 36), lift=0.035)
        pen.fill(_strip(x, above - 0.02, above + 0.7 * gap * (1 - _U**4)), (240, 234, 226), lift=0.035)
        pen.soft(_strip(x, above - 0.02, above + 0.015), (120, 80, 76), 0.5, 0.012, lift=0.035)
        pen.end_clip()
    pen.fill(_strip(x, top, above), shade(lips, 0.84), alpha=0.75, lift=0.035)
    pen.fill(_strip(x, below, bottom), lips, alpha=0.75, lift=0.035)
    pen.soft(oval(0.04, cy + sag + gap * 0.65 + 0.065 * full, 0.13, 0.022), shade(lips, 1.35), 0.5, 0.02, lift=0.05)
    middle = np.column_stack([x, line if gap <= 0.012 else above])
    pen.line(middle, shade(lips, 0.34), 0.020, 0.85, 0.005, lift=0.035)
    for side in (-1, 1):
        pen.soft(oval(side * cx, cy, 0.035, 0.026, n=12), shade(sitter.skin, 0.5), 0.6, 0.014, lift=0.03)


def draw_complexion(pen: Pen, sitter: Sitter, bit: int) -> None:
    """The skin's cue: freckles (1) or a rosy flush (0)."""
    if bit == 0:
        for side in (-1, 1):
            pen.soft(oval(side * 0.58, 0.58, 0.24, 0.17), (226, 96, 104), 0.42, 0.11)
        return
    rng = sitter.random(503)
    x, y, size = rng.normal(0, 0.42, 80), 0.45 + rng.normal(0, 0.17, 80), rng.uniform(0.014, 0.03, 80)
    keep = (np.abs(x) < 0.85) & ~((np.abs(y) < 0.2) & (np.abs(x) > 0.2) & (np.abs(x) < 0.8))
    spots = [
        np.array([[a - 0.2 * s, b], [a + 0.2 * s, b]]) for a, b, s in zip(x[keep], y[keep], size[keep], strict=True)
    ]
    colour = shade(mix(sitter.skin, (150, 80, 40), 0.5), 0.72)
    pen.strokes(spots[::2], colour, 0.036, 0.75, lift=0.03)
    pen.strokes(spots[1::2], colour, 0.024, 0.75, lift=0.03)
