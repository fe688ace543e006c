"""The eyes with their lids and lashes, without the brows."""

from __future__ import annotations

import numpy as np

from looks_kedro.audit.geometry import Mask, blend, move, seam_matched
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["AXES", "CHANNEL", "SOFT", "mask"]

AXES = (40.0, 24.0)  # half axes of one eye, template pixels
SOFT = 7.0  # half width of the soft edge, template pixels
_REACH = 22.0


def mask(recipient: Portrait) -> Mask:
    """A soft ellipse around each eye."""
    at = recipient.coordinates
    left, right = (at.ellipse(at.landmarks[eye], AXES, SOFT, SOFT) for eye in (0, 1))
    return np.maximum(left, right)


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient with the donor's eyes; the skin at their edge takes the recipient's tone."""
    moved = move(donor.pixels, donor.landmarks, recipient.landmarks, recipient.pixels.shape, centred_on=(0, 1))
    weight = mask(recipient)
    matched = seam_matched(recipient.pixels, moved, weight, _REACH / recipient.coordinates.pixel)
    return blend(recipient.pixels, matched, weight)


CHANNEL = Channel(
    name="eyes",
    kind="local",
    sentence="The eyes with lids and lashes are exchanged; everything else in the face stays.",
    edit=edit,
    mask=mask,
    inside=("face",),
    overlaps=("resolution", "jpeg_quality"),
)
