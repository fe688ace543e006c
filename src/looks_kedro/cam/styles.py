"""The two ways to draw a map: as the published study did, or as a signed difference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.cam.closed_form import normalise_each
from looks_kedro.cam.overlay import jet_overlay, signed_overlay


def drawn_maps(
    by_class: npt.NDArray[np.floating], looks: npt.NDArray[np.integer], style: str
) -> npt.NDArray[np.float32]:
    """Maps as a figure shows them.

    Args:
        by_class: (N, 2, h, w), signed evidence for each logit.
        looks: (N,) true classes, 0 or 1.
        style: ``published`` takes the image's own class through a ReLU and stretches each map from 0 to 1;
            ``difference`` takes the signed difference of the logits' maps and scales all by their largest size.

    Returns:
        float32 (N, h, w); 0..1 for ``published``, -1..1 for ``difference``, positive for celebrity.
    """
    values = by_class.astype(np.float32)
    if style == "published":
        own: npt.NDArray[np.float32] = values[np.arange(len(values)), looks]
        return normalise_each(np.maximum(own, 0))
    difference: npt.NDArray[np.float32] = values[:, 1] - values[:, 0]
    scaled: npt.NDArray[np.float32] = difference / max(float(np.abs(difference).max()), 1e-7)
    return scaled


def overlay(face: npt.NDArray[np.uint8], heat: npt.NDArray[np.floating], style: str) -> npt.NDArray[np.uint8]:
    """One map over its image, in the colours of the style; uint8 (S, S, 3)."""
    return jet_overlay(face, heat) if style == "published" else signed_overlay(face, heat, scale=1.0)
