"""The whole inner face, from the hairline to the chin and from cheek to cheek."""

from __future__ import annotations

from looks_kedro.audit.geometry import Mask, blend, move
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["AXES", "CENTRE", "CHANNEL", "mask"]

# The face's ellipse of faces.geometry, reaching further down: on real faces its chin is cut. Its soft edge is inside,
# where skin meets skin.
CENTRE, AXES = (149.5, 136.0), (97.0, 128.0)
_INWARD, _OUTWARD = 22.0, 4.0


def mask(recipient: Portrait) -> Mask:
    """The face's ellipse, soft at its edge."""
    return recipient.coordinates.ellipse(CENTRE, AXES, _INWARD, _OUTWARD)


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient with the donor's face, which is moved, turned and scaled by the landmarks.

    Colours stay the donor's: a complexion is part of a face.
    """
    moved = move(donor.pixels, donor.landmarks, recipient.landmarks, recipient.pixels.shape)
    return blend(recipient.pixels, moved, mask(recipient))


CHANNEL = Channel(
    name="face",
    kind="face",
    sentence="The inner face (eyes, nose, mouth and skin) is exchanged; hair, clothes and background stay.",
    edit=edit,
    mask=mask,
    overlaps=("eyes", "mouth", "skin", "random_patch", "colour", "resolution", "jpeg_quality", "crop_scale"),
)
