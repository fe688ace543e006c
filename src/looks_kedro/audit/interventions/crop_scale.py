"""How large the face is in the image, where it lies and how it is tilted."""

from __future__ import annotations

from looks_kedro.audit.geometry import move
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait, whole_image

__all__ = ["CHANNEL"]


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient cropped anew, so that its landmarks come best onto the donor's; what is missing is mirrored."""
    return move(recipient.pixels, recipient.landmarks, donor.landmarks, recipient.pixels.shape)


CHANNEL = Channel(
    name="crop_scale",
    kind="image",
    sentence="The face's size, place and tilt in the image are exchanged, by cropping the same photo anew.",
    edit=edit,
    mask=whole_image,
    overlaps=("surround", "border", "resolution"),
)
