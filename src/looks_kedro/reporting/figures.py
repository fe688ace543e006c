"""Figures of the report: learning curves, and the averaged maps of all models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = tuple[str, str]


@dataclass(frozen=True)
class AverageMap:
    """The averaged map of one class.

    Attributes:
        heat: (h, w), 0..1 in the published style, -1..1 as a difference.
        face: the mean face under it, uint8 (S, S, 3).
    """

    heat: npt.NDArray[np.floating]
    face: npt.NDArray[np.uint8]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, away from pyplot's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def learning_curves(histories: Mapping[Cell, pd.DataFrame]) -> Figure:
    """Accuracy by epoch: a panel a variant, a colour a backbone, training dashed and test solid.

    Args:
        histories: history of each cell, accuracies in 0..1.

    Returns:
        The figure.
    """
    variants = list(dict.fromkeys(variant for variant, _ in histories))
    backbones = list(dict.fromkeys(backbone for _, backbone in histories))
    columns = min(len(variants), 3)
    rows = -(-len(variants) // columns)
    figure = new_figure(4.8 * columns + 0.4, 3.6 * rows)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    axes = grid.ravel()[: len(variants)]
    for axis in grid.ravel()[len(variants) :]:
        axis.set_axis_off()
    for axis, variant in zip(axes, variants, strict=True):
        for i, backbone in enumerate(backbones):
            if (variant, backbone) not in histories:
                continue
            history = histories[variant, backbone]
            axis.plot(history["epoch"], 100 * history["train_accuracy"], "--", color=f"C{i}", alpha=0.6)
            axis.plot(history["epoch"], 100 * history["test_accuracy"], "o-", color=f"C{i}", label=backbone, ms=3)
        axis.set_title(variant)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    for axis in grid[:, 0]:
        axis.set_ylabel("accuracy in %")
    figure.legend(
        *axes[-1].get_legend_handles_labels(),
        fontsize=8,
        title="test (training dashed)",
        title_fontsize=8,
        loc="outside right upper",
    )
    return figure


def average_grid(averages: Mapping[str, Mapping[str, AverageMap]], style: str) -> Figure:
    """The averaged maps of a variant's models: a column a backbone, a row a class (the study's figures 5 to 8).

    Args:
        averages: the map of each class, by backbone.
        style: ``published`` or ``difference``.

    Returns:
        The figure, with one scale for all maps.
    """
    from looks_kedro.cam import enlarge

    names = list(next(iter(averages.values())))
    figure = new_figure(1.75 * len(averages) + 1.0, 1.85 * len(names) + 0.3)
    axes = figure.subplots(len(names), len(averages), squeeze=False)
    top = max(float(np.abs(one.heat).max()) for classes in averages.values() for one in classes.values()) or 1.0
    published = style == "published"
    for column, (backbone, classes) in enumerate(averages.items()):
        axes[0, column].set_title(backbone, fontsize=9)
        for row, name in enumerate(names):
            axis, one = axes[row, column], classes[name]
            axis.set_xticks([])
            axis.set_yticks([])
            axis.imshow(one.face)
            drawn = axis.imshow(
                enlarge(one.heat, one.face.shape[0]),
                alpha=0.5,
                cmap="jet" if published else "RdBu_r",
                vmin=0 if published else -top,
                vmax=top,
            )
    for row, name in enumerate(names):
        axes[row, 0].set_ylabel(name, fontsize=9)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7, pad=0.01)
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    bar.set_label("evidence" if published else "celebrity +, ordinary -", fontsize=8)
    return figure
