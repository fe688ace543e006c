"""Whether a matte can be trusted, judged from the matte and the landmarks alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from looks_kedro.faces.geometry import ellipse_mask


class MatteLimits(BaseModel, extra="forbid", frozen=True):
    """When a matte counts as failed."""

    min_foreground: float = Field(0.15, ge=0, le=1, description="least share of the image that is person")
    max_foreground: float = Field(0.90, ge=0, le=1, description="largest share; above, nothing was cut out")
    min_ellipse_overlap: float = Field(0.90, ge=0, le=1, description="least share of the face's ellipse in the matte")
    min_quality: float = Field(0.50, ge=0, le=1, description="least quality score")


def matte_quality(
    matte: npt.NDArray[np.uint8], landmarks: npt.ArrayLike, limits: MatteLimits | None = None
) -> dict[str, Any]:
    """Judge a matte.

    ``quality`` is the geometric mean of the ellipse's overlap, the certainty of the edge, and a plausibility of the
    foreground's share: 1 between 0.35 and 0.75, falling in straight lines to 0 at the limits.

    Args:
        matte: (H, W) uint8, 255 where the person is.
        landmarks: (5, 2) in pixels of the matte.
        limits: when it fails.

    Returns:
        The columns of the table of matte qualities that follow from the matte, rounded to 4 digits:
        ``foreground_fraction``, mean of the matte, 0..1; ``ellipse_overlap``, mean of the matte on the face's
        ellipse; ``edge_certainty``, mean of ``|2 a - 1|`` within 1 % of the image's side from the edge, 0 for fog,
        near 1 for a sharp edge, 0 where there is no edge; ``quality``; ``passed``.
    """
    limits = limits or MatteLimits()
    alpha = matte.astype(np.float64) / 255.0
    fraction = float(alpha.mean())
    ellipse = ellipse_mask(landmarks, (matte.shape[0], matte.shape[1]))
    overlap = float(alpha[ellipse].mean()) if ellipse.any() else 0.0
    certainty = _edge_certainty(alpha)
    quality = (overlap * certainty * _plausibility(fraction, limits)) ** (1 / 3)
    passed = (
        limits.min_foreground <= fraction <= limits.max_foreground
        and overlap >= limits.min_ellipse_overlap
        and quality >= limits.min_quality
    )
    return {
        "foreground_fraction": round(fraction, 4),
        "ellipse_overlap": round(overlap, 4),
        "edge_certainty": round(certainty, 4),
        "quality": round(quality, 4),
        "passed": bool(passed),
    }


def _edge_certainty(alpha: npt.NDArray[np.float64]) -> float:
    import cv2

    person = (alpha >= 0.5).astype(np.uint8)
    reach = max(1, round(0.01 * max(alpha.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    band = cv2.dilate(person, kernel) != cv2.erode(person, kernel)
    return float(np.abs(2.0 * alpha[band] - 1.0).mean()) if band.any() else 0.0


def _plausibility(fraction: float, limits: MatteLimits) -> float:
    places = [limits.min_foreground, 0.35, 0.75, limits.max_foreground]
    return float(np.interp(fraction, np.maximum.accumulate(places), [0.0, 1.0, 1.0, 0.0]))
