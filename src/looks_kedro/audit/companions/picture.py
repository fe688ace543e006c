"""One picture of all companions: how well each tells the classes, what carries it, and what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from looks_kedro.audit.companions.screening import REFERENCES, Companions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["companions_figure"]

_FLAGGED, _PLAIN, _REFERENCE = "#c0392b", "#2c3e50", "#8395a7"
_PROPERTIES = 8


def companions_figure(companions: Companions, class_names: tuple[str, str] = ("class 0", "class 1")) -> Figure:
    """Draw the table of companions.

    On the left the balanced accuracy of each row with its interval, red where it is flagged, grey where the face is
    shown and nothing is flagged; on the right the image properties that carry the classification, and a picture of
    either class as each rung of the ladder shows it.

    Args:
        companions: the outcome.
        class_names: what classes 0 and 1 are called.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(companions.table)
    figure = Figure(figsize=(12.5, 1.5 + 0.34 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subfigures(1, 2, width_ratios=(1.15, 1), squeeze=False)[0]
    _accuracies(left.subplots(), companions, class_names)
    upper, lower = right.subfigures(2, 1, height_ratios=(1.15, 1), squeeze=False)[:, 0]
    _importances(upper.subplots(), companions)
    _examples(lower, companions, class_names)
    return figure


def _accuracies(axis: Axes, companions: Companions, class_names: tuple[str, str]) -> None:
    table = companions.table
    places = np.arange(len(table))[::-1]
    axis.axvline(0.5, color="0.6", lw=1, ls="--", zorder=0)
    for place, (_, row) in zip(places, table.iterrows(), strict=True):
        colour = _FLAGGED if row["flagged"] else _REFERENCE if row["input"] in REFERENCES else _PLAIN
        if np.isfinite(row["balanced_accuracy"]):
            axis.plot([row["low"], row["high"]], [place, place], color=colour, lw=2, solid_capstyle="butt")
            axis.plot(row["balanced_accuracy"], place, "o", color=colour, ms=6)
        axis.text(1.03, place, _said(row), va="center", fontsize=8, color=colour)
    labels = [_label(row, class_names) for _, row in table.iterrows()]
    axis.set_yticks(places, labels, fontsize=8.5)
    axis.set_ylim(-0.7, len(table) - 0.3)
    axis.set_xlim(0.3, 1.45)
    axis.set_xticks([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    axis.set_xlabel("balanced accuracy on people not trained on (95 % intervals)", x=0.32, fontsize=8.5)
    axis.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.set_title(
        "What tells the classes before a network is trained\n"
        "red: told without the face; grey: the face is shown, for comparison",
        fontsize=9.5,
        loc="left",
    )


def _label(row: Any, class_names: tuple[str, str]) -> str:
    if row["companion"] != "pseudo-split":
        return str(row["input"])
    looks, shown = row["input"].removeprefix("class ").split(": ")
    return f"halves of {class_names[int(looks)]}: {shown}"


def _said(row: Any) -> str:
    if row["companion"] == "copies":
        return str(row["note"]).split(":")[0].replace(" copies between people lie", "")
    if not np.isfinite(row["p_value"]):
        return "not tried"
    told = f"p {row['p_value']:.3f}" if row["p_value"] >= 0.001 else "p < 0.001"
    return told if not np.isfinite(row["auc"]) else f"{told}, AUC {row['auc']:.2f}"


def _importances(axis: Axes, companions: Companions) -> None:
    table = companions.importances.head(_PROPERTIES)
    places = np.arange(len(table))[::-1]
    told = bool(companions.table.loc[companions.table["input"] == "image properties", "flagged"].any())
    axis.barh(places, table["drop"], color=_FLAGGED if told else _PLAIN, height=0.55)
    axis.hlines(places, table["drop_low"], table["drop_high"], color="0.15", lw=1)
    for place, (_, row) in zip(places, table.iterrows(), strict=True):
        axis.annotate(
            f"AUC alone {row['alone']:.2f}",
            (max(row["drop_high"], row["drop"], 0), place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color="0.35",
        )
    top = max(0.05, float(table["drop_high"].max()))
    axis.set_xlim(min(-0.02, float(table["drop_low"].min())), 1.35 * top)
    axis.axvline(0, color="0.6", lw=1)
    axis.set_yticks(places, [str(name).replace("_", " ") for name in table["property"]], fontsize=8.5)
    axis.set_xlabel("separation lost when exchanged between people (standard deviations)", fontsize=8.5)
    axis.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.set_title("Image properties that carry it", fontsize=9.5, loc="left")


def _examples(figure: Any, companions: Companions, class_names: tuple[str, str]) -> None:
    axes = figure.subplots(2, len(companions.rungs), squeeze=False)
    for row, looks in enumerate((1, 0)):
        for column, rung in enumerate(companions.rungs):
            axis = axes[row, column]
            axis.imshow(companions.examples[row, column])
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(rung.replace(" ", "\n"), fontsize=7.5)
        axes[row, 0].set_ylabel(class_names[looks], fontsize=8)
