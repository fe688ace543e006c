"""The surround in three parts: left of the head, right of it, and above."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from looks_kedro.audit.geometry import Mask, ramp
from looks_kedro.audit.interventions import clothes, surround
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["CHANNELS"]

Side = Literal["left", "right", "top"]

_MIDDLE, _EDGE = 149.5, 14.0  # template pixels
_TOP = 40.0  # above this line, and steeper than 45 degrees over the head's middle, it is the top


def mask(side: Side, recipient: Portrait) -> Mask:
    """One part of the surround; the three and the clothes make up the whole, softly divided."""
    at = recipient.coordinates
    aside = np.abs(at.across - np.float32(_MIDDLE))
    above = ramp((_TOP - at.down) - (aside - 90), -_EDGE, _EDGE)
    rest = surround.mask(recipient) * (1 - clothes.zone(recipient))
    if side == "top":
        return rest * above
    right = ramp(at.across - np.float32(_MIDDLE), -_EDGE, _EDGE)
    return rest * (1 - above) * (right if side == "right" else 1 - right)


def edit(side: Side, recipient: Portrait, donor: Portrait) -> Image:
    """The recipient with one part of the donor's surround."""
    return surround.exchanged(recipient, donor, mask(side, recipient))


def _channel(side: Side, words: str) -> Channel:
    return Channel(
        name=f"background_{side}",
        kind="surround",
        sentence=f"What lies {words} the head is exchanged; the rest of the image stays.",
        edit=partial(edit, side),
        mask=partial(mask, side),
        inside=("surround",),
        overlaps=("background", "border", "colour", "resolution", "jpeg_quality"),
    )


CHANNELS = (_channel("left", "left of"), _channel("right", "right of"), _channel("top", "above"))
