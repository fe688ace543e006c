"""The picture of the known answers: reliance against the key, and the audit beside what users have today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from looks_kedro.known_answers.cases import FACE_PLANTS, UNCOVERED_PLANTS
from looks_kedro.known_answers.scoring import Tried
from looks_kedro.known_answers.truth import RIGHT_CHANNELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["known_answers_figure"]

_COLOURS = {"face": "#2b6ca3", "outside": "#c8503c", "no place": "#d99a2b"}
_METHODS = {"audit": "#2d6a4f", "heatmap": "#8d99ae", "cleanlab": "#b0a18f", "properties": "#c7b9d1"}
_SCORES = ("shortcut found", "false alarm", "false alarm, visible mark")


def known_answers_figure(tried: Sequence[Tried], scores: pd.DataFrame) -> Figure:
    """Left: each plant's reliance by the decisions that it flips. Right: scores of the audit and of the baselines.

    Args:
        tried: cases with their judgements.
        scores: of :func:`score_table`.

    Returns:
        The figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    _reliance_by_flips(left, tried)
    _bars(right, scores)
    return figure


def _reliance_by_flips(axis: Any, tried: Sequence[Tried]) -> None:
    points: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in _COLOURS}
    for one in tried:
        if one.judgement is None:
            continue
        table = one.judgement.reliance[one.judgement.reliance["defined"]]
        for name, flips in one.truth.flips.items():
            right = table[table["channel"].isin(RIGHT_CHANNELS.get(name, ()))]
            if len(right) and name not in UNCOVERED_PLANTS:
                row = right.sort_values("reliance").iloc[-1]
                points[_place(name)].append((flips, row["reliance"], row["low"], row["high"]))
    for place, colour in _COLOURS.items():
        if points[place]:
            x, y, low, high = np.array(points[place]).T
            reach = np.maximum([y - low, high - y], 0)
            axis.errorbar(x, y, reach, fmt="o", ms=4, lw=0.7, color=colour, alpha=0.75, label=f"plant {_WORDS[place]}")
    axis.axvspan(0.02, 0.5, color="0.94", zorder=0)
    axis.set(xlim=(-0.04, 1.04), ylim=(-0.35, 1.25))
    axis.set_xlabel("decisions that flip when the plant is toggled (the key)")
    axis.set_ylabel("reliance that the audit measures")
    axis.set_title("What the audit measures, by what is true", fontsize=10)
    if any(points.values()):
        axis.legend(frameon=False, fontsize=8, loc="upper left")
    else:
        axis.text(0.5, 0.45, "no judgements yet", ha="center", color="0.4")


_WORDS = {"face": "in the face", "outside": "outside the face", "no place": "without a place"}


def _place(name: str) -> str:
    if name in FACE_PLANTS:
        return "face"
    return "no place" if name in ("jpeg_quality", "blur", "crop_scale", "colour_cast") else "outside"


def _bars(axis: Any, scores: pd.DataFrame) -> None:
    methods = [name for name in _METHODS if name in set(scores["method"])]
    width = 0.8 / max(len(methods), 1)
    for number, name in enumerate(methods):
        mine = scores[scores["method"] == name].set_index("score").reindex(list(_SCORES))
        x = np.arange(len(_SCORES)) + (number - (len(methods) - 1) / 2) * width
        value = mine["value"].to_numpy(float)
        reach = np.nan_to_num([value - mine["low"].to_numpy(float), mine["high"].to_numpy(float) - value])
        axis.bar(x, value, width * 0.9, color=_METHODS[name], label=name)
        axis.errorbar(x, value, np.maximum(reach, 0), fmt="none", ecolor="0.25", lw=0.9, capsize=2)
        for place, count in zip(x, mine["cases"].fillna(0).to_numpy(int), strict=True):
            axis.text(place, -0.035, str(count), ha="center", va="top", fontsize=7, color="0.35")
    axis.set_xticks(np.arange(len(_SCORES)), [f"\n{name}" for name in _SCORES], fontsize=9)
    axis.tick_params(axis="x", length=0)
    axis.set_ylim(0, 1.16)
    axis.set_ylabel("share of cases, with 95 % interval")
    axis.set_title("On the half of the grid that no threshold has seen (below: number of cases)", fontsize=10)
    axis.legend(frameon=False, fontsize=8, ncols=4, loc="upper center")
