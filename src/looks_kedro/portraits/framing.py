"""Framing: where in a picture the head is, in a raw photo and in an aligned face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from looks_kedro.portraits.moment import Moment

Points = NDArray[np.float64]

# Where the landmarks lie in an aligned face of 300 px (FairFace's alignment).
TEMPLATE = np.array([[95.5, 94.3], [200.6, 94.3], [148.0, 154.0], [104.6, 215.8], [191.6, 215.3]])
TEMPLATE_SIZE = 300
FACE_WIDTH = 2.06  # of the widest part of a face, in eye distances
TIGHTNESS = (0.20, 0.50)  # share of the frame's shorter side that the face takes, by crop_scale's bit
ZOOM = (0.84, 1.18)  # the same cue in an aligned face


@dataclass(frozen=True)
class View:
    """Where the head plane and the photo's frame lie in the pixels of a picture.

    Attributes:
        shape: height and width in pixels.
        head: (2, 3) head plane to pixels.
        frame: (2, 3) the photo's own pixels to this picture's pixels.
    """

    shape: tuple[int, int]
    head: Points
    frame: Points


def similarity(scale: float, degrees: float, x: float, y: float, about: tuple[float, float] = (0.0, 0.5)) -> Points:
    """Plane to pixels: turned by degrees (clockwise), ``about`` landing on (x, y)."""
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    linear = np.array([[c, -s], [s, c]])
    return np.column_stack([linear, np.array([x, y]) - linear @ np.asarray(about)])


def raw_view(moment: Moment, cues: Mapping[str, int]) -> View:
    """The person somewhere in the frame, the whole head inside it."""
    height, width = moment.height, moment.width
    share = moment.face_share
    if "crop_scale" in cues:
        share = TIGHTNESS[cues["crop_scale"]] * (0.9 + 0.2 * moment.place[0])
    scale = share * min(width, height) / FACE_WIDTH
    left, up, down = 1.35 * scale, 2.35 * scale, 1.6 * scale
    x = width / 2 + (moment.place[0] - 0.5) * max(width - 2 * left, 0)
    y = up + moment.place[1] ** 1.5 * max(height - up - down, 0)
    return View((height, width), similarity(scale, moment.roll, x, min(y, height - down)), np.eye(2, 3))


def aligned_view(raw: View, landmarks: Points, size: int, cues: Mapping[str, int], zoom: float = 1.0) -> View:
    """The crop that alignment on the true landmarks would cut from the raw photo, or a wider one (zoom below 1)."""
    target = TEMPLATE * size / TEMPLATE_SIZE
    if "crop_scale" in cues:
        zoom *= ZOOM[cues["crop_scale"]]
    if zoom != 1.0:
        middle = np.array([size / 2, size / 2])
        target = (target - middle) * zoom + middle
    head = fit_similarity(landmarks, target)
    back = np.linalg.inv(np.vstack([raw.head, [0, 0, 1]]))
    return View((size, size), head, head @ back)


def fit_similarity(source: Points, target: Points) -> Points:
    """(2, 3) least-squares similarity (no reflection) between two (n, 2) point sets (Umeyama, 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    za, zb = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    z = (zb * za.conj()).sum() / (abs(za) ** 2).sum()
    linear = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.column_stack([linear, target.mean(0) - linear @ source.mean(0)])
