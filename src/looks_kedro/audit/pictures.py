"""Pictures of the interventions: what each exchanges, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.channels import CHANNELS, channel_named
from looks_kedro.audit.interventions.portrait import Channel, Portrait
from looks_kedro.audit.regions import REGIONS, region_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["before_after", "channels_sheet", "regions_figure"]

Example = tuple[Portrait, Portrait, Portrait]
"""A recipient, a donor of its own class and one of the other class."""

_COLUMNS = ("recipient", "what is exchanged", "donor, same class", "edited", "donor, other class", "edited")
_OUTSIDE = 0.18  # brightness of what a mask leaves out


def before_after(channel: str | Channel, examples: Sequence[Example], title: str = "") -> Figure:
    """One channel's edit on a few portraits, one a row.

    Args:
        channel: by name, or as it is.
        examples: recipient, donor of its class and donor of the other class.
        title: above the figure; empty for the channel's sentence.

    Returns:
        A figure with an Agg canvas. Where the edit is not defined for a pair (no good matte), its place says so.

    Raises:
        ValueError: there is no example.
    """
    wanted = channel_named(channel) if isinstance(channel, str) else channel
    if not examples:
        raise ValueError("expected at least one example to draw")
    rows = [(wanted, example) for example in examples]
    return _sheet(rows, title or f"{wanted.name}: {wanted.sentence}", name_rows=False)


def channels_sheet(example: Example, channels: Sequence[str] | None = None, title: str = "") -> Figure:
    """All channels on one recipient, one a row.

    Args:
        example: recipient, donor of its class and donor of the other class.
        channels: names; None for all.
        title: above the figure.

    Returns:
        A figure with an Agg canvas.
    """
    names = list(CHANNELS) if channels is None else list(channels)
    return _sheet([(channel_named(name), example) for name in names], title, name_rows=True)


def regions_figure(portraits: Sequence[Portrait], title: str = "") -> Figure:
    """The regions of a few portraits, in colours over them.

    Args:
        portraits: drawn side by side; a matte is used where there is one.
        title: above the figure.

    Returns:
        A figure with an Agg canvas.
    """
    from matplotlib import colormaps
    from matplotlib.patches import Patch

    colours = colormaps["tab20"](np.linspace(0, 0.95, len(REGIONS)))[:, :3]
    figure = _figure(2.4 * len(portraits) + 1.6, 2.6 + (0.4 if title else 0))
    axes = figure.subplots(1, len(portraits), squeeze=False)[0]
    for axis, portrait in zip(axes, portraits, strict=True):
        numbers = region_map(portrait.landmarks, portrait.pixels.shape[:2], portrait.matte)
        axis.imshow(0.5 * portrait.pixels / 255 + 0.5 * colours[numbers])
        axis.set_axis_off()
    handles = [Patch(color=colour, label=name) for name, colour in zip(REGIONS, colours, strict=True)]
    figure.legend(handles=handles, loc="outside right center", fontsize=7)
    if title:
        figure.suptitle(title)
    return figure


def _sheet(rows: Sequence[tuple[Channel, Example]], title: str, *, name_rows: bool) -> Figure:
    figure = _figure(1.5 * len(_COLUMNS) + (1.0 if name_rows else 0), 1.55 * len(rows) + 0.5)
    axes = figure.subplots(len(rows), len(_COLUMNS), squeeze=False)
    for line, (channel, (recipient, same, other)) in zip(axes, rows, strict=True):
        _show(line[0], recipient.pixels)
        _show(line[1], _masked(channel, recipient))
        for first, donor in ((2, same), (4, other)):
            _show(line[first], donor.pixels)
            edited = channel.edit(recipient, donor) if channel.defined(recipient, donor) else None
            _show(line[first + 1], edited)
        if name_rows:
            line[0].text(-0.08, 0.5, channel.name, transform=line[0].transAxes, ha="right", va="center", fontsize=8)
    for axis, words in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(words, fontsize=8)
    if title:
        figure.suptitle(title, fontsize=9)
    return figure


def _masked(channel: Channel, recipient: Portrait) -> npt.NDArray[np.uint8] | None:
    """The recipient, dark where nothing is exchanged."""
    if channel.needs_matte and recipient.matte is None:
        return None
    weight = _OUTSIDE + (1 - _OUTSIDE) * channel.mask(recipient)
    return np.rint(recipient.pixels * weight[:, :, None]).astype(np.uint8)


def _show(axis: Axes, image: npt.NDArray[np.uint8] | None) -> None:
    axis.set_axis_off()
    if image is None:
        axis.text(0.5, 0.5, "no good\ncut-out", transform=axis.transAxes, ha="center", va="center", fontsize=7)
    else:
        axis.imshow(image)


def _figure(width: float, height: float) -> Figure:
    """A figure of a size in inches, away from pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
