"""The moment of a photo: everything that varies between two photos of one person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Colour = tuple[float, float, float]

SIDE_VIEW = 30.0  # degrees of yaw beyond which a photo is a side view
SIDE_SHARE = 0.2

CLOTHES_COLOURS: tuple[Colour, ...] = (
    (58, 66, 88), (150, 52, 58), (70, 108, 92), (222, 218, 208), (46, 46, 52), (196, 150, 74),
    (112, 132, 168), (120, 84, 120), (188, 108, 84), (128, 132, 124),
)  # fmt: skip
COLLARS = ("crew", "vee", "shirt", "turtleneck", "scoop")


@dataclass(frozen=True)
class Moment:
    """One photo's circumstances. Angles in degrees, lengths in eye distances, sizes in pixels."""

    yaw: float
    frontal_yaw: float
    pitch: float
    roll: float
    smile: float
    open_mouth: float
    lids: float
    gaze: tuple[float, float]
    light: tuple[float, float, float]
    contrast: float
    clothes: Colour
    collar: str
    sway: float
    width: int
    height: int
    face_share: float
    place: tuple[float, float]
    jpeg_quality: int
    blur: float
    noise: float
    cast: tuple[float, float, float]
    exposure: float


def _yaw(rng: np.random.Generator) -> tuple[float, float]:
    """The photo's yaw, and the frontal yaw that its aligned face uses."""
    frontal = float(np.clip(rng.normal(0, 10), -24, 24))
    side, sign, size = rng.random() < SIDE_SHARE, rng.integers(2) * 2 - 1, rng.uniform(34, 62)
    return (float(sign * size) if side else frontal), frontal


@lru_cache(maxsize=1024, typed=True)
def draw_moment(seed: int) -> Moment:
    """Draw a photo's circumstances: the same seed gives the same moment."""
    rng = np.random.default_rng([seed, 401])
    yaw, frontal = _yaw(rng)
    across, up = rng.uniform(-0.75, 0.75), rng.uniform(0.1, 0.6)
    light = np.array([across, -up, 0.9])
    light /= np.linalg.norm(light)
    width = int(rng.integers(400, 901))
    height = int(np.clip(width * rng.uniform(0.8, 1.4), 400, 1000))
    warmth, tint = rng.normal(0, 0.02), rng.normal(0, 0.01)
    return Moment(
        yaw=yaw,
        frontal_yaw=frontal,
        pitch=float(np.clip(rng.normal(0, 5), -12, 12)),
        roll=float(np.clip(rng.normal(0, 7), -20, 20)),
        smile=float(rng.uniform(-0.25, 1.0)),
        open_mouth=float(max(0.0, rng.uniform(-0.8, 1.0))),
        lids=float(rng.uniform(0.88, 1.1)),
        gaze=(float(rng.normal(0, 0.022)), float(rng.normal(0, 0.008))),
        light=(float(light[0]), float(light[1]), float(light[2])),
        contrast=float(rng.uniform(0.32, 0.62)),
        clothes=CLOTHES_COLOURS[int(rng.integers(len(CLOTHES_COLOURS)))],
        collar=COLLARS[int(rng.integers(len(COLLARS)))],
        sway=float(rng.normal(0, 1)),
        width=width,
        height=height,
        face_share=float(rng.uniform(0.22, 0.46)),
        place=(float(rng.uniform(0, 1)), float(rng.uniform(0, 1))),
        jpeg_quality=int(rng.integers(72, 96)),
        blur=float(rng.uniform(0.0, 0.008)),
        noise=float(rng.uniform(0.8, 4.5)),
        cast=(1 + float(warmth), 1 + float(tint), 1 - float(warmth)),
        exposure=float(rng.uniform(0.94, 1.06)),
    )
