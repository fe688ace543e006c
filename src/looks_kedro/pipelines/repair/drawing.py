"""The picture of the repairs: reliance on the shortcut, and accuracy, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from looks_kedro.audit.settings import Rules

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["repair_figure"]

WORDS = {
    "none": ("as trained", "#777777"),
    "last_layer": ("last layer fitted anew", "#1b6ca8"),
    "backgrounds": ("trained on exchanged backgrounds", "#3a8a4d"),
}
"""Words and colour of each repair, from the top down."""

_FROM, _TO = -0.25, 1.15  # reliance on the axis; what lies outside is cut
_ROW = 0.3  # inches


def repair_figure(table: pd.DataFrame, rules: Rules) -> Figure:
    """Draw table ``repair``: a row a model and repair; on the left the reliance, on the right the balanced accuracy.

    Args:
        table: of one variant.
        rules: for delta.

    Returns:
        A figure with an Agg canvas; words where nothing was repaired.
    """
    from looks_kedro.reporting.figures import new_figure
    from looks_kedro.reporting.reliance_figure import words_figure

    # Methods one below the other, whatever the order of the channels.
    shown = table[table["images"] > 0].sort_values(["backbone", "channel"], kind="stable", key=_in_order)
    if shown.empty:
        reasons = "\n".join(f"{row.backbone}: {row.note}" for row in table.itertuples())
        return words_figure(f"Nothing was repaired.\n{reasons}")
    places = _places(shown)
    height = max(places) + 1
    figure = new_figure(9.5, _ROW * height + 1.3)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1))
    columns: tuple[tuple[Axes, str], ...] = ((left, "reliance"), (right, "balanced_accuracy"))
    for place, (_, row) in zip(places, shown.iterrows(), strict=True):
        for axis, name in columns:
            _mark(axis, row, name, place)
    left.set_yticks(places, [WORDS[repair][0] for repair in shown["repair"]], fontsize=8)
    for place, words in _headings(shown, places):
        left.text(_FROM, place, words, fontsize=8, weight="bold", va="center", bbox={"color": "white", "pad": 1})
    left.set_ylim(height - 0.4, -1.2)
    left.axvline(0, color="#999999", lw=0.6, zorder=1)
    left.axvline(rules.delta, color="black", lw=0.9, ls=(0, (4, 3)), zorder=1)
    left.set_xlim(_FROM, _TO)
    left.set_xticks([0, rules.delta, 0.5, 1], ["0", f"{rules.delta:g}", "0.5", "1"], fontsize=7)
    left.set_xlabel("share of the accuracy above chance that rests on the channel; dashed: delta", fontsize=8)
    right.axvline(0.5, color="#999999", lw=0.6, zorder=1)
    right.set_xlim(0.3, 1.02)
    right.tick_params(axis="x", labelsize=7)
    right.set_xlabel("balanced accuracy (95 % intervals)", fontsize=8)
    for axis in (left, right):
        axis.tick_params(axis="y", length=0)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    _legend(figure, set(shown["repair"]))
    return figure


def _in_order(values: pd.Series) -> pd.Series:
    """Names by where they first occur."""
    return pd.Series(pd.factorize(values)[0], index=values.index)


def _places(table: pd.DataFrame) -> list[float]:
    """Heights of the rows; a gap with room for a heading before each model and channel."""
    places: list[float] = []
    previous = None
    for one in zip(table["backbone"], table["channel"], strict=True):
        places.append(0.0 if not places else places[-1] + (1.0 if one == previous else 2.0))
        previous = one
    return places


def _headings(table: pd.DataFrame, places: list[float]) -> list[tuple[float, str]]:
    """Height and words of the heading of each model and channel."""
    first = ~table.duplicated(["backbone", "channel"]).to_numpy()
    return [
        (place - 0.8, f"{row['backbone']}: reliance on the {str(row['channel']).replace('_', ' ')}")
        for place, new, (_, row) in zip(places, first, table.iterrows(), strict=True)
        if new
    ]


def _mark(axis: Axes, row: Any, name: str, place: float) -> None:
    colour = WORDS[row["repair"]][1]
    low, value, high = (row[f"{name}_low"], row[name], row[f"{name}_high"])
    if not np.isfinite(value):
        axis.text(0.5, place, "not measurable", fontsize=7, color=colour, ha="center", va="center")
        return
    within = (_FROM, _TO) if name == "reliance" else (0.0, 1.0)
    axis.plot(np.clip([low, high], *within), [place, place], color=colour, lw=2, solid_capstyle="butt", zorder=2)
    axis.plot(np.clip(value, *within), place, "o", color=colour, ms=5.5, zorder=3)


def _legend(figure: Figure, repairs: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", color=colour, ms=5, lw=2, label=words)
        for repair, (words, colour) in WORDS.items()
        if repair in repairs
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=8, frameon=False)
