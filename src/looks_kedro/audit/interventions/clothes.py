"""What is below the face: neck, shoulders and clothes."""

from __future__ import annotations

import numpy as np

from looks_kedro.audit.geometry import Mask, ramp
from looks_kedro.audit.interventions import surround
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["CHANNEL", "zone"]

_MIDDLE = 149.5  # template pixels, as all below
_NECK, _SHOULDERS = 226.0, 262.0
_NECK_HALF_WIDTH = 58.0
_JAW = (149.5, 130.0), (90.0, 150.0)  # middle and half axes of what is kept of the face, down to below the chin
_EDGE = 10.0


def zone(recipient: Portrait) -> Mask:
    """Below a line that follows neck and shoulders, the chin left out."""
    at = recipient.coordinates
    aside = np.abs(at.across - np.float32(_MIDDLE))
    line = _NECK + (_SHOULDERS - _NECK) * ramp(aside, _NECK_HALF_WIDTH - 20, _NECK_HALF_WIDTH + 40)
    kept: Mask = ramp(at.down - line, -_EDGE, _EDGE) * (1 - at.ellipse(*_JAW, _EDGE, 0))
    return kept


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient above the donor's neck and clothes."""
    return surround.exchanged(recipient, donor, zone(recipient))


CHANNEL = Channel(
    name="clothes",
    kind="surround",
    sentence="What is below the face (neck, shoulders and clothes) is exchanged; the rest of the image stays.",
    edit=edit,
    mask=zone,
    inside=("surround",),
    overlaps=("border", "colour", "resolution", "jpeg_quality"),
)
