"""The face's skin with its colour, spots and shine: the face without eyes, brows and mouth."""

from __future__ import annotations

import numpy as np

from looks_kedro.audit.geometry import Mask, blend, move
from looks_kedro.audit.interventions import face
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["CHANNEL"]

_EYE_AND_BROW, _LIFT = (46.0, 36.0), 12.0  # half axes around a point above the eye, template pixels
_MOUTH = (62.0, 28.0)
_INWARD, _OUTWARD = 8.0, 10.0


def mask(recipient: Portrait) -> Mask:
    """The face's ellipse without soft ellipses around eyes and brows, and around the mouth."""
    at = recipient.coordinates
    kept = at.ellipse(at.landmarks[3:].mean(axis=0), _MOUTH, _INWARD, _OUTWARD)
    for eye in (0, 1):
        around = at.landmarks[eye] - np.array([0.0, _LIFT])
        kept = np.maximum(kept, at.ellipse(around, _EYE_AND_BROW, _INWARD, _OUTWARD))
    return face.mask(recipient) * (1 - kept)


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient's eyes, brows and mouth in the donor's skin, nose included."""
    moved = move(donor.pixels, donor.landmarks, recipient.landmarks, recipient.pixels.shape)
    return blend(recipient.pixels, moved, mask(recipient))


CHANNEL = Channel(
    name="skin",
    kind="local",
    sentence="Colour and texture of the face's skin are exchanged; eyes, brows and mouth stay.",
    edit=edit,
    mask=mask,
    inside=("face",),
    overlaps=("random_patch", "colour", "resolution", "jpeg_quality"),
)
