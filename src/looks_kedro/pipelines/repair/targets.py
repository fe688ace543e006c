"""What a repair is aimed at, and how a checkpoint tells what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .parameters import Method, Repair

__all__ = ["METHODS", "CannotRepairError", "is_behind", "not_repaired", "repaired", "target"]

METHODS: tuple[Method, ...] = ("last_layer", "backgrounds")

Checkpoint = dict[str, Any]


class CannotRepairError(Exception):
    """A model that a repair does not apply to; the message is the reason."""


def target(method: Method, repair: Repair, verdict: Mapping[str, Any]) -> str:
    """The channel that a repair weans a model off: the strongest of the verdict's that it can do something about.

    Args:
        method: ``last_layer`` can be aimed at any channel, ``backgrounds`` at what is behind the person.
        repair: the channel, where the parameters name one.
        verdict: of the model as it is.

    Raises:
        CannotRepairError: the method was not chosen, there is no shortcut, or it is of a kind that the method leaves.
    """
    if method not in repair.methods:
        raise CannotRepairError("not chosen in repair.methods")
    if repair.channel is None and verdict["verdict"] != "SHORTCUT":
        raise CannotRepairError(f"the verdict is {verdict['verdict']}: no shortcut to wean it off")
    named = [repair.channel] if repair.channel is not None else list(verdict["channels"])
    if method == "last_layer":
        return str(named[0])
    behind = [name for name in named if is_behind(name)]
    if not behind:
        told = ", ".join(name.replace("_", " ") for name in named)
        raise CannotRepairError(f"other backgrounds do not change the {told}")
    return str(behind[0])


def is_behind(channel: str) -> bool:
    """Whether another background changes a channel: all around the head but clothes, which are the person's."""
    from looks_kedro.audit import CHANNELS

    return CHANNELS[channel].kind == "surround" and channel != "clothes"


def repaired(checkpoint: Checkpoint, method: Method, channel: str, **more: Any) -> Checkpoint:
    """A checkpoint that tells its repair: ``metadata["repair"]`` has method, whether it was done, and the channel."""
    told = {"method": method, "done": True, "channel": channel, **more}
    return checkpoint | {"metadata": checkpoint["metadata"] | {"repair": told}}


def not_repaired(checkpoint: Checkpoint, method: Method, reason: str) -> Checkpoint:
    """The model as it was, with the reason why it was not repaired."""
    told = {"method": method, "done": False, "reason": reason}
    return checkpoint | {"metadata": checkpoint["metadata"] | {"repair": told}}
