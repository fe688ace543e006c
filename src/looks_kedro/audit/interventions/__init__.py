"""Interventions: one module a channel, each with the edit that gives a portrait the value of another.

An edit takes two portraits and gives an image, the same for a donor of either class; nothing here knows a model, a
table, or how a portrait came about. The names below load OpenCV only when an edit runs.
"""

from looks_kedro.audit.interventions.batches import edited, edited_once, resized
from looks_kedro.audit.interventions.channels import CHANNELS, channel_named
from looks_kedro.audit.interventions.portrait import Channel, Portrait
from looks_kedro.audit.interventions.portrait_set import PortraitSet

__all__ = ["CHANNELS", "Channel", "Portrait", "PortraitSet", "channel_named", "edited", "edited_once", "resized"]
