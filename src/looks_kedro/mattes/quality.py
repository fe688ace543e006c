"""Whether a matte can be trusted, judged without the truth from the face, its matte and its landmarks.

Works alike for mattes of any method. What the measures are and how the score was fitted: docs/mattes.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from looks_kedro.faces.alignment import FACE_SIZE, face_transform, map_points
from looks_kedro.faces.geometry import ellipse_mask

Floats32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SIDE = 150  # the picture's longest side while it is judged, px
_LAB_WEIGHTS = np.array([0.6, 1.3, 1.3], dtype=np.float32)  # light and shadow differ in lightness more than in colour
_WEAK = 10.0  # weighted Lab distance across an edge that hardly shows
_SMALLEST_PART = 0.001  # smaller parts and holes are specks, as a share of the picture
_CERTAIN = 0.4  # edge certainty from which on an edge counts as decided

# measure: (lower end, upper end, weight). A measure is clipped to its range, which is stretched to 0..1.
# Logistic regression on drawn portraits whose IoU is known; `make bench` tests it on others.
_WEIGHTS: Mapping[str, tuple[float, float, float]] = {
    "head_cover": (0.595, 1.0, 4.69),
    "roughness": (0.396, 1.24, 6.18),
    "asymmetry": (0.0138, 0.993, 6.90),
    "weak_edge": (0.0, 0.403, -4.01),
    "surround": (0.0, 73.2, -4.28),
    "variety": (3.1, 46.0, -1.74),
    "texture": (1.0, 9.0, -3.42),
}
_INTERCEPT = -2.90


class MatteLimits(BaseModel, extra="forbid", frozen=True):
    """When a matte counts as failed."""

    min_foreground: float = Field(0.15, ge=0, le=1, description="least share of the image that is person")
    max_foreground: float = Field(0.90, ge=0, le=1, description="largest share; above, nothing was cut out")
    min_ellipse_overlap: float = Field(0.90, ge=0, le=1, description="least share of the face's ellipse in the matte")
    min_quality: float = Field(0.50, ge=0, le=1, description="least quality score")


def decide(measures: Mapping[str, Any], limits: MatteLimits | None = None) -> dict[str, Any]:
    """Whether a matte passes, from its measures.

    Args:
        measures: of :func:`matte_quality`.
        limits: when it fails.

    Returns:
        ``passed``, and ``reason``: "" for a matte that passes, else the first that applies of ``no_person`` (too
        little foreground), ``no_background`` (too much), ``face_cut`` (the face's ellipse is not in the matte) and
        ``low_quality``.
    """
    limits = limits or MatteLimits()
    fraction = measures["foreground_fraction"]
    reasons = {
        "no_person": fraction < limits.min_foreground,
        "no_background": fraction > limits.max_foreground,
        "face_cut": measures["ellipse_overlap"] < limits.min_ellipse_overlap,
        "low_quality": measures["quality"] < limits.min_quality,
    }
    reason = next((name for name, applies in reasons.items() if applies), "")
    return {"passed": not reason, "reason": reason}


def matte_quality(
    face: npt.NDArray[np.uint8], matte: npt.NDArray[np.uint8], landmarks: npt.ArrayLike
) -> dict[str, Any]:
    """Measure a matte.

    Args:
        face: (H, W, 3) uint8 RGB.
        matte: (H, W) uint8, 255 where the person is.
        landmarks: (5, 2) in pixels of both.

    Returns:
        Numbers rounded to 4 digits, 0..1 where nothing else is said:

        - ``foreground_fraction``: mean of the matte;
        - ``ellipse_overlap``: mean of the matte on the face's ellipse;
        - ``edge_certainty``: mean of ``|2 a - 1|`` within 1 % of the image's side from the edge; near 1 for a sharp
          edge, 0 for fog and where there is no edge;
        - ``parts``, ``holes``: how many connected parts and holes, specks left out;
        - ``head_cover``: mean of the matte beside and above the face, where a head has hair and ears;
        - ``roughness``: length of the edge over that of a circle of the same area, at least about 1;
        - ``asymmetry``: how differently the matte covers the two sides of the head;
        - ``weak_edge``: share of the edge where the colours on both sides hardly differ;
        - ``surround``: how far the colour left beside the face is from the one in the upper corners, in weighted Lab,
          from 0: lost hair, as a rule; 0 where one of them is covered;
        - ``variety``: spread of the colours that are left as background, in units of weighted Lab;
        - ``texture``: median step from pixel to pixel in a ring outside the edge, 0..255: strands, or a busy place;
        - ``quality``: the score, see docs/mattes.md; 0 where there is no person or no background.

    Raises:
        ValueError: shapes do not match.
    """
    import cv2

    if face.ndim != 3 or face.shape[2] != 3 or matte.shape != face.shape[:2]:
        raise ValueError(f"expected a face (H, W, 3) and its matte (H, W); found {face.shape} and {matte.shape}")
    alpha = matte.astype(np.float64) / 255.0
    ellipse = ellipse_mask(landmarks, (matte.shape[0], matte.shape[1]))
    measures: dict[str, float] = {
        "foreground_fraction": float(alpha.mean()),
        "ellipse_overlap": float(alpha[ellipse].mean()) if ellipse.any() else 0.0,
        "edge_certainty": _edge_certainty(alpha),
    }
    scale = min(1.0, _SIDE / max(matte.shape))
    size = (max(8, round(matte.shape[1] * scale)), max(8, round(matte.shape[0] * scale)))
    small = cv2.resize(face, size, interpolation=cv2.INTER_AREA)
    person = cv2.resize(matte, size, interpolation=cv2.INTER_AREA) >= 128
    factors = np.array([size[0] / matte.shape[1], size[1] / matte.shape[0]])
    points = (np.asarray(landmarks, dtype=np.float64) + 0.5) * factors - 0.5
    parts, largest = _parts(person)
    holes, _ = _parts(~person, inner=True)
    if person.any() and not person.all():
        shape, surroundings = _outline(person, points), _surroundings(np.ascontiguousarray(small), person, points)
        measures |= shape | surroundings
        certain = min(1.0, measures["edge_certainty"] / _CERTAIN)
        score = _score(measures) * certain * measures["ellipse_overlap"] * largest
    else:
        names = ("head_cover", "roughness", "asymmetry", "weak_edge", "surround", "variety", "texture")
        measures |= dict.fromkeys(names, 0.0) | {"head_cover": float(person.all())}
        score = 0.0
    rounded = {name: round(value, 4) for name, value in (measures | {"quality": score}).items()}
    head = ("foreground_fraction", "ellipse_overlap", "edge_certainty")
    return {name: rounded.pop(name) for name in head} | {"parts": parts, "holes": holes} | rounded


def _score(measures: Mapping[str, float]) -> float:
    total = _INTERCEPT
    for name, (low, high, weight) in _WEIGHTS.items():
        total += weight * (min(max(measures[name], low), high) - low) / (high - low)
    return 1.0 / (1.0 + math.exp(-total))


def _edge_certainty(alpha: npt.NDArray[np.float64]) -> float:
    import cv2

    person = (alpha >= 0.5).astype(np.uint8)
    reach = max(1, round(0.01 * max(alpha.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    band = cv2.dilate(person, kernel) != cv2.erode(person, kernel)
    return float(np.abs(2.0 * alpha[band] - 1.0).mean()) if band.any() else 0.0


def _parts(mask: Mask, *, inner: bool = False) -> tuple[int, float]:
    """How many connected parts there are, and the largest's share; inner ones do not touch the picture's border."""
    import cv2

    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if inner:
        sizes[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = 0
    total = int(sizes.sum())
    return int((sizes >= _SMALLEST_PART * mask.size).sum()), float(sizes.max() / total) if total else 0.0


def _places(shape: tuple[int, int], points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Where each pixel lies in the face's template: to the right of its middle, and below its top."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    places = map_points(face_transform(points), np.column_stack([columns.ravel(), rows.ravel()]))
    across, down = (places[:, axis].reshape(shape) for axis in (0, 1))
    return across - FACE_SIZE / 2, down


def _mean(values: npt.NDArray[Any], where: Mask, otherwise: float = 0.0) -> float:
    return float(values[where].mean()) if where.any() else otherwise


def _outline(person: Mask, points: npt.NDArray[np.float64]) -> dict[str, float]:
    """Measures of the shape."""
    import cv2

    shape = (person.shape[0], person.shape[1])
    across, down = _places(shape, points)
    hair = ellipse_mask(points, shape, "head") & ~ellipse_mask(points, shape) & (down < 200)
    sides = [
        _mean(person, (sign * across > 105) & (sign * across < 140) & (down < 220), float("nan")) for sign in (-1, 1)
    ]
    asymmetry = abs(sides[0] - sides[1])
    edge = person & (cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0)
    return {
        "head_cover": _mean(person, hair),
        "roughness": float(edge.sum() / (2.0 * math.sqrt(math.pi * person.sum()))),
        "asymmetry": 0.0 if math.isnan(asymmetry) else asymmetry,
    }


def _surroundings(image: npt.NDArray[np.uint8], person: Mask, points: npt.NDArray[np.float64]) -> dict[str, float]:
    """Measures of the colours on both sides of the edge and around it."""
    import cv2

    height, width = person.shape
    rows, columns = np.mgrid[:height, :width]
    _, down = _places((height, width), points)
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 0.8), cv2.COLOR_RGB2LAB).astype(np.float32) * _LAB_WEIGHTS
    outside = cv2.distanceTransform((~person).astype(np.uint8), cv2.DIST_L2, 3)
    corners = ~person & (np.minimum(columns, width - 1 - columns) + rows < 0.12 * width)
    beside = ~person & (down > 80) & (down < 230) & (outside < 0.12 * width)
    ring = (outside > 1.5) & (outside <= 0.10 * width) & (down < 260)
    ground = ~person & (down < 250)
    steps = cv2.morphologyEx(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    seen = corners.sum() > 8 and beside.sum() > 20
    away = np.median(lab[corners], axis=0) - np.median(lab[beside], axis=0) if seen else np.zeros(3)
    return {
        "weak_edge": _weak_edge(lab, person, outside),
        "surround": float(np.linalg.norm(away)),
        "variety": float(np.sqrt(lab[ground].var(axis=0).sum())) if ground.sum() > 20 else 0.0,
        "texture": float(np.median(steps[ring])) if ring.sum() > 20 else 0.0,
    }


def _weak_edge(lab: Floats32, person: Mask, outside: Floats32) -> float:
    """Share of the edge where the colours 3 % of the side inside and outside, along its normal, hardly differ."""
    import cv2

    mask = person.astype(np.uint8)
    height, width = person.shape
    depth = cv2.GaussianBlur(cv2.distanceTransform(mask, cv2.DIST_L2, 3) - outside, (0, 0), 2)
    slope = np.stack([cv2.Sobel(depth, cv2.CV_32F, 1, 0), cv2.Sobel(depth, cv2.CV_32F, 0, 1)], axis=-1)
    rows, columns = np.nonzero(person & (cv2.erode(mask, np.ones((3, 3), np.uint8), borderValue=1) == 0))
    if not rows.size:
        return 1.0
    normal = slope[rows, columns] / (np.linalg.norm(slope[rows, columns], axis=1, keepdims=True) + 1e-6)
    step = normal * 0.03 * max(height, width)

    def colours(sign: int) -> Floats32:
        x = np.clip(np.rint(columns + sign * step[:, 0]), 0, width - 1).astype(int)
        y = np.clip(np.rint(rows + sign * step[:, 1]), 0, height - 1).astype(int)
        return np.asarray(lab[y, x])

    return float((np.linalg.norm(colours(1) - colours(-1), axis=1) < _WEAK).mean())
