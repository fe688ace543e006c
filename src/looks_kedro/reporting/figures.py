"""Figures of the report: the averaged maps of all models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from looks_kedro.cam.figures import AverageMap, averages_grid
from looks_kedro.cam.styles import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["AverageMap", "average_grid", "new_figure"]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, away from pyplot's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def average_grid(averages: Mapping[str, Mapping[str, AverageMap]], style: Style) -> Figure:
    """The averaged maps of a variant's models: a column a backbone, a row a class (the study's figures 5 to 8).

    Args:
        averages: the map of each class, by backbone.
        style: ``published`` or ``difference``.

    Returns:
        The figure; in the published style one scale serves all maps, as signed evidence each row has its own.
    """
    names = list(next(iter(averages.values())))
    rows = {name: {backbone: classes[name] for backbone, classes in averages.items()} for name in names}
    return averages_grid(rows, style)
