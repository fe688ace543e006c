"""The head in three dimensions: its surface, its turn, and its outline on the picture plane.

Head coordinates: origin between the eyes on the skin, x to the image's right, y down, z towards the camera,
unit = the distance between the eyes. Rotation is about a point inside the neck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from looks_kedro.portraits.identity import Identity

Points = NDArray[np.float64]

PIVOT = np.array([0.0, 0.9, -1.0])
MIDDLE_Z = -1.0  # depth of the cranium's axis
FRONT_DEPTH = 1.04  # front half-depth over half-width
BACK_DEPTH = 1.28  # back half-depth over half-width
_ANGLES = np.linspace(-np.pi, np.pi, 37)
_SINES, _COSINES = np.sin(_ANGLES), np.cos(_ANGLES)


def spline(knots: NDArray[np.float64] | list[Any], samples: int = 6) -> Points:
    """A Catmull-Rom curve through 2-D or 3-D points.

    Args:
        knots: (n, d) points, n >= 2.
        samples: points a segment.

    Returns:
        ((n - 1) * samples + 1, d) points, through every knot.
    """
    p = np.asarray(knots, dtype=np.float64)
    q = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    curve = (_spline_weights(samples) @ q[_spline_windows(len(p))]).reshape(-1, p.shape[1])
    return np.concatenate([curve, p[-1:]])


@lru_cache
def _spline_windows(knots: int) -> NDArray[np.int_]:
    """(knots - 1, 4): the knots, with one more at either end, that each segment hangs from."""
    return np.arange(knots - 1)[:, None] + np.arange(4)


@lru_cache
def _spline_weights(samples: int) -> Points:
    t = np.arange(samples)[:, None] / samples
    return 0.5 * np.hstack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3])


@dataclass(frozen=True)
class Turn:
    """The head's rotation: yaw positive towards the image's right, pitch positive downwards; degrees."""

    yaw: float
    pitch: float

    @cached_property
    def matrix(self) -> Points:
        """(2, 3): the first two rows of the rotation."""
        a, b = np.radians(self.yaw), np.radians(self.pitch)
        sa, ca, sb, cb = np.sin(a), np.cos(a), np.sin(b), np.cos(b)
        # Turn about y, then nod about x: y' = y cos b + z sin b.
        return np.array([[ca, 0.0, sa], [-sa * sb, cb, ca * sb]])

    def project(self, points: Points) -> Points:
        """(n, 3) head coordinates to (n, 2) on the picture plane, in the same unit."""
        flat: Points = (points - PIVOT) @ self.matrix.T + PIVOT[:2]
        return flat


class Head:
    """The skin surface of one identity's head as a stack of half-elliptic cross-sections."""

    def __init__(self, identity: Identity, swell: float = 0.0) -> None:
        w, chin, jaw = identity.head_width, identity.head_length, identity.jaw
        top = -identity.cranium
        knots = [
            (-0.45 * w, 0.945 * top),
            (0.0, top),
            (0.45 * w, 0.945 * top),
            (0.82 * w, 0.71 * top),
            (1.01 * w, 0.32 * top),
            (1.0 * w, 0.2),
            (0.93 * w, 0.75),
            (0.79 * w + jaw, 1.18),
            (0.52 * w + jaw, chin - 0.26),
            (0.26 * w + 0.4 * jaw, chin - 0.05),
            (0.0, chin),
            (-0.26 * w - 0.4 * jaw, chin - 0.05),
        ]
        profile = spline(knots, 4)[4:-4]
        self.chin, self.top, self.width = chin, top, w
        self.y = np.maximum.accumulate(profile[:, 1]) + np.arange(len(profile)) * 1e-6
        self.w = np.maximum(profile[:, 0], 0.0)
        if swell:  # hair lies over the cranium
            grow = swell * np.clip(1.2 - self.y, 0.0, 1.0)
            self.w = self.w + grow
            self.y = np.where(self.y < 0, self.y * (1 + 0.9 * swell / -top), self.y)
        self.front = FRONT_DEPTH * self.w
        self.axis = np.maximum(MIDDLE_Z, np.where(self.y > 0.0, 0.06 - self.front, MIDDLE_Z))

    def section(self, y: Points) -> tuple[Points, Points, Points]:
        """Half-width, front half-depth and axis depth at heights y, each shaped like y."""
        return np.interp(y, self.y, self.w), np.interp(y, self.y, self.front), np.interp(y, self.y, self.axis)

    def at(self, angle: Points, y: Points) -> Points:
        """(n, 3) surface points at angles round the vertical axis (0 = front, radians) and heights y."""
        w, d, axis = self.section(y)
        c = np.cos(angle)
        return np.stack([w * np.sin(angle), y + 0 * w, axis + np.where(c > 0, d, w * BACK_DEPTH) * c], axis=-1)

    def on_face(self, xy: Points, lift: float | Points = 0.0) -> Points:
        """(n, 3) points of the face's surface above (n, 2) frontal positions, raised by ``lift``."""
        xy = np.asarray(xy, dtype=np.float64)
        w, d, axis = self.section(xy[:, 1])
        s = np.clip(xy[:, 0] / np.maximum(w, 1e-6), -0.995, 0.995)
        return np.column_stack([xy, axis + d * np.sqrt(1 - s * s) + lift])

    def outline(self, turn: Turn, low: float = np.inf) -> tuple[Points, Points]:
        """Left and right silhouette from top to bottom.

        Args:
            turn: the head's rotation.
            low: heights below this are left out.

        Returns:
            Two (n, 2) polylines on the picture plane.
        """
        n = int(np.searchsorted(self.y, low, "right"))
        w, y = self.w[:n, None], self.y[:n]
        z = self.axis[:n, None] + np.where(_COSINES > 0, self.front[:n, None], w * BACK_DEPTH) * _COSINES - PIVOT[2]
        (ca, _, sa), (x_to_y, y_to_y, z_to_y) = turn.matrix.tolist()
        x = w * _SINES
        across = ca * x + sa * z
        rows = np.arange(n)
        rims = []
        for pick in (across.argmin(1), across.argmax(1)):
            down = x_to_y * x[rows, pick] + y_to_y * (y - PIVOT[1]) + z_to_y * z[rows, pick] + PIVOT[1]
            rims.append(np.column_stack([across[rows, pick], down]))
        return rims[0], rims[1]


@lru_cache(maxsize=1024)
def head_of(identity: Identity, swell: float = 0.0) -> Head:
    """The head of one identity, kept for the person's next photo; ``swell`` is that of :class:`Head`."""
    return Head(identity, swell)


def landmark_points(identity: Identity, head: Head, smile: float) -> Points:
    """(5, 3) true landmarks in head coordinates: eye centres, nose tip, mouth corners.

    Args:
        identity: whose face.
        head: the surface of that face.
        smile: -1 to 1; widens the mouth and lifts its corners.
    """
    x, y = mouth_corner(identity, smile)
    under_nose = (0.0, 0.57)
    points = head.on_face(
        np.array([(-0.5, 0.0), (0.5, 0.0), under_nose, (-x, y), (x, y)]), np.array([-0.02, -0.02, 0.0, 0.02, 0.02])
    )
    points[2] = 0.0, identity.nose_length, points[2, 2] + 0.36
    return points


def mouth_corner(identity: Identity, smile: float) -> tuple[float, float]:
    """Frontal position of the right mouth corner."""
    return identity.mouth_width + 0.03 * smile, identity.mouth_height - 0.035 * smile
