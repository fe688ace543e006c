"""Figures of the report: learning curves, and the averaged maps of all models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from looks_kedro.cam.figures import AverageMap, averages_grid
from looks_kedro.cam.styles import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = tuple[str, str]

__all__ = ["AverageMap", "Cell", "average_grid", "learning_curves", "new_figure"]


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


def average_grid(averages: Mapping[str, Mapping[str, AverageMap]], style: Style) -> Figure:
    """The averaged maps of a variant's models: a column a backbone, a row a class (the study's figures 5 to 8).

    Args:
        averages: the map of each class, by backbone.
        style: ``published`` or ``difference``.

    Returns:
        The figure, with one scale for all maps.
    """
    names = list(next(iter(averages.values())))
    rows = {name: {backbone: classes[name] for backbone, classes in averages.items()} for name in names}
    return averages_grid(rows, style)
