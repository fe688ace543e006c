"""Everything outside the head's ellipse: background, clothes, and hair that hangs far out."""

from __future__ import annotations

from looks_kedro.audit.geometry import Mask, blend, move
from looks_kedro.audit.interventions.light import in_the_light_of
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["CHANNEL", "exchanged", "mask"]

# The head's ellipse of faces.geometry, reaching further down, so that no chin is left over; its soft edge is inside,
# between hair and ground.
_CENTRE, _AXES = (149.5, 118.0), (123.0, 170.0)
_INWARD, _OUTWARD = 16.0, 0.0


def mask(recipient: Portrait) -> Mask:
    """All but the head's ellipse."""
    at = recipient.coordinates
    head = at.ellipse(_CENTRE, _AXES, _INWARD, _OUTWARD)
    kept: Mask = 1 - head
    return kept


def exchanged(recipient: Portrait, donor: Portrait, weight: Mask) -> Image:
    """The recipient with the donor's picture, brought to one geometry and one cast of colour, where the weight is."""
    moved = move(donor.pixels, donor.landmarks, recipient.landmarks, recipient.pixels.shape)
    lit = in_the_light_of(recipient, donor, moved)
    return blend(recipient.pixels, lit, weight)


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient's head before everything that is around the donor's."""
    return exchanged(recipient, donor, mask(recipient))


CHANNEL = Channel(
    name="surround",
    kind="surround",
    sentence="Everything outside the head (background and clothes) is exchanged; the head stays.",
    edit=edit,
    mask=mask,
    overlaps=(
        "background",
        "clothes",
        "border",
        "background_left",
        "background_right",
        "background_top",
        "colour",
        "resolution",
        "jpeg_quality",
        "crop_scale",
    ),
)
