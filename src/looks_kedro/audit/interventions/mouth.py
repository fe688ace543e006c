"""The mouth with its lips and corners."""

from __future__ import annotations

import numpy as np

from looks_kedro.audit.geometry import Mask, blend, move, seam_matched
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["AXES", "CHANNEL", "mask"]

AXES = (64.0, 30.0)  # half axes, template pixels: room for a smile
_DROP = 5.0  # lips hang lower than their corners, template pixels
_SOFT = 7.0
_REACH = 26.0


def mask(recipient: Portrait) -> Mask:
    """A soft ellipse around the middle of the mouth's corners."""
    at = recipient.coordinates
    return at.ellipse(at.landmarks[3:].mean(axis=0) + np.array([0.0, _DROP]), AXES, _SOFT, _SOFT)


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient with the donor's mouth; the skin at its edge takes the recipient's tone.

    Turn and scale come from all landmarks, so that a wide smile stays as wide as it is on the donor.
    """
    moved = move(donor.pixels, donor.landmarks, recipient.landmarks, recipient.pixels.shape, centred_on=(3, 4))
    weight = mask(recipient)
    matched = seam_matched(recipient.pixels, moved, weight, _REACH / recipient.coordinates.pixel)
    return blend(recipient.pixels, matched, weight)


CHANNEL = Channel(
    name="mouth",
    kind="local",
    sentence="The mouth with its lips and corners is exchanged; everything else in the face stays.",
    edit=edit,
    mask=mask,
    inside=("face",),
    overlaps=("resolution", "jpeg_quality"),
)
