"""How strongly the picture was compressed as JPEG."""

from __future__ import annotations

from looks_kedro.audit.interventions.jpeg_traces import deblocked, recompressed, traced_quality
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait, whole_image

__all__ = ["CHANNEL"]


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient with the donor's compression.

    A recipient that is coarser than the donor has its blocks smoothed away; then it is saved at the donor's quality.
    Detail that was lost does not come back: from coarse to fine the exchange is of blocks and ringing alone, and a
    model that goes by nothing but compression may show a reliance of a half. Qualities are read from pixels; where
    there is no trace (finer than 92, or resampled since) nothing is smoothed or saved.
    """
    own, wanted = traced_quality(recipient.pixels), traced_quality(donor.pixels)
    pixels = recipient.pixels
    if own is not None and (wanted is None or wanted > own):
        pixels = deblocked(pixels, own)
    return pixels if wanted is None else recompressed(pixels, wanted)


CHANNEL = Channel(
    name="jpeg_quality",
    kind="image",
    sentence="The traces of JPEG compression are exchanged: blocks are smoothed, and the image is saved anew.",
    edit=edit,
    mask=whole_image,
    overlaps=("resolution",),
)
