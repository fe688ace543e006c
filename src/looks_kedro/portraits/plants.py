"""Plants: the cues that tell the two classes apart, and the bit that a photo carries of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, Field, model_validator

from looks_kedro.errors import BadParameterError

Channel = Literal[
    "eyes",
    "mouth",
    "skin",
    "background_colour",
    "background_texture",
    "side_patch",
    "border",
    "jpeg_quality",
    "blur",
    "crop_scale",
    "colour_cast",
    "identity",
    "none",
    "clothes",
    "hairband",
    "weave",
]
CHANNELS: tuple[str, ...] = get_args(Channel)
"""In an order that never changes: a channel's place in it is part of what decides a photo's bit."""


class Plant(BaseModel, extra="forbid", frozen=True):
    """One planted cue: where it is drawn and how reliably it follows the class."""

    channel: Channel = Field(description="what carries the cue; none plants nothing")
    strength: float = Field(
        1.0, ge=0.5, le=1.0, description="probability that a photo carries its own class's cue: 0.5 chance, 1 always"
    )
    side: Literal["left", "right"] = Field("right", description="side of the image that side_patch is drawn on")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        """Read ``eyes:0.75`` or ``side_patch:0.9:left``, the form of the command line."""
        if not isinstance(value, str):
            return value
        return dict(zip(("channel", "strength", "side"), value.split(":"), strict=False))


def draw_bit(seed: int, looks: int, strength: float, channel: str = "none") -> int:
    """The cue's bit of one photo: its own class with probability ``strength``.

    Args:
        seed: the photo's seed.
        looks: the photo's class, 0 or 1.
        strength: probability of the own class's bit, 0.5 to 1.
        channel: makes the bits of several plants in one photo independent.

    Returns:
        0 or 1, the same for the same arguments.
    """
    keep = np.random.default_rng([seed, 101, CHANNELS.index(channel)]).random() < strength
    return looks if keep else 1 - looks


def draw_cues(
    plants: Sequence[Plant], seed: int, looks: int, overrides: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The bits of all plants of one photo.

    Args:
        plants: the plants; ``none`` gives no cue.
        seed: the photo's seed.
        looks: the photo's class, 0 or 1.
        overrides: bits by channel that take the place of (or join) the drawn ones.

    Returns:
        Channel to bit, in the order of ``CHANNELS``.

    Raises:
        BadParameterError: an override names an unknown channel or is not 0 or 1, or a channel is planted twice.
    """
    channels = [plant.channel for plant in plants if plant.channel != "none"]
    if len(set(channels)) < len(channels):
        raise BadParameterError(f"plants: a channel is planted twice in {channels}; plant each channel once.")
    bits: dict[str, int] = {}
    for plant in plants:
        if plant.channel != "none":
            bits[plant.channel] = draw_bit(seed, looks, plant.strength, plant.channel)
    for channel, bit in (overrides or {}).items():
        if channel not in CHANNELS or channel == "none":
            known = ", ".join(name for name in CHANNELS if name != "none")
            raise BadParameterError(f"cues: unknown channel '{channel}'; expected one of {known}.")
        if bit not in (0, 1):
            raise BadParameterError(f"cues: the bit of '{channel}' is {bit!r}; expected 0 or 1.")
        bits[channel] = int(bit)
    return {channel: bits[channel] for channel in CHANNELS if channel in bits}
