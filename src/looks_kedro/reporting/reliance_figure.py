"""The picture of the audit: how much each model relies on each channel, and the line that decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from looks_kedro.audit.settings import Rules
from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["reliance_figure", "words_figure"]

KINDS = {
    "face": ("face", "#1b6ca8"),
    "local": ("parts of the face", "#5aa9c9"),
    "surround": ("around the head", "#c0572b"),
    "image": ("the whole image", "#8a6d1f"),
    "identity": ("who it is", "#6b4c9a"),
}
"""Words and colour of each kind of channel, from the top down."""

CONTROL = "random_patch"

_GREY, _FAINT = "#777777", "#f4f4f1"
_ROW, _GAP = 0.25, 0.55  # inches a row; rows between two kinds
_FROM, _TO = -0.25, 1.15  # reliance on the axis; what lies outside has an arrow


def words_figure(words: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    from looks_kedro.reporting.figures import new_figure

    figure = new_figure(6.0, 1.2)
    figure.text(0.5, 0.5, words, ha="center", va="center", fontsize=10)
    return figure


def reliance_figure(tables: Mapping[str, pd.DataFrame], rules: Rules | None = None, title: str = "") -> Figure:
    """Draw the reliance of one model or of several: a panel a model, a row a channel.

    Dots are the reliance, thin lines the intervals that hold for all channels together, thick ones those of a channel
    alone. A filled dot lies above the line as a whole: a shortcut, where it is not the face. The dotted tick on a part
    of the face is what random patches of the same area do.

    Args:
        tables: table ``reliance`` of each model, by what stands over its panel.
        rules: for delta; the fixed ones when none.
        title: over all panels.

    Returns:
        A figure with an Agg canvas.

    Raises:
        BadInputError: there is no table.
    """
    from looks_kedro.reporting.figures import new_figure

    if not tables:
        raise BadInputError("expected the reliance of at least one model to draw; found none.")
    places, groups = _places(list(tables.values()))
    height = max(places.values()) + 0.8
    panel = 4.6 if len(tables) == 1 else 2.3
    figure = new_figure(1.5 + panel * len(tables), _ROW * height + (1.35 if title else 1.1))
    axes = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for axis, (name, table) in zip(axes, tables.items(), strict=True):
        _panel(axis, table, places, (rules or Rules()).delta)
        axis.set_title(name, fontsize=9)
        for kind, (first, last) in groups.items():
            axis.axhspan(first - 0.5, last + 0.5, color=_FAINT, zorder=0, lw=0)
            if axis is axes[0]:
                axis.text(_FROM, first - 0.56, KINDS[kind][0], fontsize=7, color=KINDS[kind][1], va="bottom", zorder=5)
    axes[0].set_yticks(list(places.values()), [channel.replace("_", " ") for channel in places], fontsize=8)
    for label, channel in zip(axes[0].get_yticklabels(), places, strict=True):
        label.set_color(_GREY if channel == CONTROL else "black")
    axes[0].set_ylim(height - 0.3, -1.25)
    _legend(figure)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _places(tables: Sequence[pd.DataFrame]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Height of each channel's row, and of the first and last row of each kind."""
    kinds: dict[str, str] = {}
    for table in tables:
        kinds |= dict(zip(table["channel"], table["kind"], strict=True))
    places: dict[str, float] = {}
    groups: dict[str, tuple[float, float]] = {}
    height = 0.0
    for kind in KINDS:
        # The control stands below what it is compared with.
        rows = sorted((name for name, one in kinds.items() if one == kind), key=lambda name: name == CONTROL)
        if rows:
            places |= {name: height + number for number, name in enumerate(rows)}
            groups[kind] = (height, height + len(rows) - 1)
            height += len(rows) + _GAP
    return places, groups


def _panel(axis: Axes, table: pd.DataFrame, places: Mapping[str, float], delta: float) -> None:
    axis.axvline(0, color=_GREY, lw=0.6, zorder=1)
    axis.axvline(delta, color="black", lw=0.9, ls=(0, (4, 3)), zorder=1)
    for row in table.to_dict("records"):
        place = places[row["channel"]]
        if row["defined"]:
            _mark(axis, row, place, delta)
        else:
            axis.text(0.5 * (_FROM + _TO), place, "not measurable", fontsize=7, color=_GREY, ha="center", va="center")
    axis.set_xlim(_FROM, _TO)
    axis.set_xticks([0, delta, 0.5, 1.0], ["0", f"{delta:g}", "0.5", "1"], fontsize=7)
    axis.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _mark(axis: Axes, row: Mapping[Any, Any], place: float, delta: float) -> None:
    """A channel's point with its intervals, cut at the axis' ends."""
    control = row["channel"] == CONTROL
    colour = _GREY if control else KINDS[row["kind"]][1]
    ends = np.clip([row["low"], row["high"]], _FROM, _TO)
    axis.plot(ends, [place, place], color=colour, lw=1.1, zorder=2, solid_capstyle="butt")
    inner = np.clip([row["pointwise_low"], row["pointwise_high"]], _FROM, _TO)
    axis.plot(inner, [place, place], color=colour, lw=2.8, alpha=0.55, zorder=2, solid_capstyle="butt")
    for end, limit, arrow in ((_FROM, row["low"] < _FROM, "<"), (_TO, row["high"] > _TO, ">")):
        if limit:
            axis.plot(end, place, arrow, color=colour, ms=4, clip_on=False, zorder=3)
    above = row["low"] > delta and not control
    axis.plot(
        np.clip(row["reliance"], _FROM, _TO),
        place,
        "D" if control else "o",
        ms=4.5 if control else 5.5,
        mfc=colour if above else "white",
        mec=colour,
        mew=1.3,
        zorder=4,
    )
    if np.isfinite(row["control"]):
        at = float(np.clip(row["control"], _FROM, _TO))
        axis.plot([at, at], [place - 0.36, place + 0.36], color=_GREY, lw=1.4, ls=(0, (1, 1)), zorder=3)


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    blue = KINDS["face"][1]
    handles = [
        Line2D([], [], marker="o", ls="", mfc=blue, mec=blue, ms=5, label="interval above delta"),
        Line2D([], [], marker="o", ls="", mfc="white", mec=blue, ms=5, mew=1.3, label="not shown to be above"),
        Line2D([], [], marker="D", ls="", mfc="white", mec=_GREY, ms=4.5, mew=1.3, label="random patches"),
        Line2D([], [], color="black", lw=0.9, ls=(0, (4, 3)), label="delta"),
    ]
    figure.legend(
        handles=handles,
        title="share of the accuracy above chance that rests on the channel",
        title_fontsize=8,
        loc="outside lower center",
        ncols=4,
        fontsize=7,
        frameon=False,
        handletextpad=0.3,
    )
