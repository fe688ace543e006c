"""All channels by name, in the order of tables and pictures."""

from __future__ import annotations

from looks_kedro.audit.interventions import (
    background,
    border,
    clothes,
    colour,
    crop_scale,
    eyes,
    face,
    jpeg_quality,
    mouth,
    random_patch,
    resolution,
    sides,
    skin,
    surround,
)
from looks_kedro.audit.interventions.portrait import Channel
from looks_kedro.errors import BadParameterError

__all__ = ["CHANNELS", "channel_named"]

CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        face.CHANNEL,
        eyes.CHANNEL,
        mouth.CHANNEL,
        skin.CHANNEL,
        random_patch.CHANNEL,
        surround.CHANNEL,
        background.CHANNEL,
        *sides.CHANNELS,
        clothes.CHANNEL,
        border.CHANNEL,
        crop_scale.CHANNEL,
        jpeg_quality.CHANNEL,
        resolution.CHANNEL,
        colour.CHANNEL,
    )
}


def channel_named(name: str) -> Channel:
    """The channel of a name.

    Raises:
        BadParameterError: there is none of that name; the message lists those there are.
    """
    if name not in CHANNELS:
        raise BadParameterError(f"channel '{name}' is unknown; expected one of {', '.join(CHANNELS)}.")
    return CHANNELS[name]
