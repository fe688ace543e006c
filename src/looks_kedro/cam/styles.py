"""The two ways to draw a map: as a signed difference, or as the published study did."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from looks_kedro.cam.closed_form import normalise_each
from looks_kedro.cam.overlay import jet_overlay, signed_overlay

__all__ = ["Style", "drawn_maps", "full_colour", "overlay"]

Style = Literal["difference", "published"]

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_SHARE_BELOW = 0.95


def drawn_maps(
    by_class: npt.NDArray[np.floating], looks: npt.NDArray[np.integer], style: str, scale: float | None = None
) -> npt.NDArray[np.float32]:
    """Maps as a figure shows them.

    Args:
        by_class: (N, 2, h, w), signed evidence for each logit.
        looks: (N,) true classes, 0 or 1.
        style: ``published`` takes the image's own class through a ReLU and stretches each map from 0 to 1;
            ``difference`` takes the signed difference of the logits' maps and divides all by one scale.
        scale: for ``difference``; their largest size when none. Share :func:`full_colour` between figures that are
            compared.

    Returns:
        float32 (N, h, w); 0..1 for ``published``; for ``difference`` positive for celebrity, and -1..1 unless a scale
        is given.
    """
    values = by_class.astype(np.float32)
    if style == "published":
        own: npt.NDArray[np.float32] = values[np.arange(len(values)), looks]
        return normalise_each(np.maximum(own, 0))
    difference: npt.NDArray[np.float32] = values[:, 1] - values[:, 0]
    divisor = float(np.abs(difference).max(initial=0)) if scale is None else scale
    scaled: npt.NDArray[np.float32] = difference / max(divisor, 1e-7)
    return scaled


def full_colour(by_class: npt.NDArray[np.floating]) -> float:
    """The evidence that gets the fullest colour: 95 % is weaker, so that one strong map does not pale all others.

    Args:
        by_class: (N, 2, h, w), of all images that are compared.
    """
    difference = np.abs(by_class[:, 1].astype(np.float32) - by_class[:, 0])
    return float(np.quantile(difference, _SHARE_BELOW)) if difference.size else 1.0


def overlay(face: npt.NDArray[np.uint8], heat: npt.NDArray[np.floating], style: str) -> npt.NDArray[np.uint8]:
    """One map over its image, in the colours of the style; uint8 (S, S, 3).

    Signed evidence lies over a grey image: its red and blue could be taken for colours of the image.
    """
    if style == "published":
        return jet_overlay(face, heat)
    grey = np.rint(face @ _LUMINANCE).astype(np.uint8)
    return signed_overlay(np.repeat(grey[..., None], 3, axis=2), heat, scale=1.0)
