"""Figures of averaged and of single maps, drawn without matplotlib's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looks_kedro.cam.averages import enlarge
from looks_kedro.cam.overlay import jet_overlay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["average_figure", "maps_sheet"]

ImageArray = npt.NDArray[np.uint8]


def average_figure(
    averages: Mapping[str, npt.NDArray[np.floating]],
    mean_faces: Mapping[str, ImageArray] | None = None,
    title: str = "",
    opacity: float = 0.5,
) -> Figure:
    """Averaged maps side by side, one a class, in jet with a colour bar (the style of the study's figures 5-8).

    Args:
        averages: name of each class to its mean map (h, w) from 0 to 1; all classes share the scale from 0 to the
            largest value.
        mean_faces: name of each class to its mean portrait, uint8 (S, S, 3), drawn under the map.
        title: above the figure.
        opacity: of the map where there is a portrait.

    Returns:
        A figure with an Agg canvas.
    """
    figure = _figure(3.2 * len(averages) + 0.9, 3.6)
    axes = figure.subplots(1, len(averages), squeeze=False)[0]
    largest = max((float(np.max(one)) for one in averages.values()), default=0.0) or 1.0
    drawn = None
    for axis, (name, average) in zip(axes, averages.items(), strict=True):
        face = (mean_faces or {}).get(name)
        size = 300 if face is None else face.shape[0]
        if face is not None:
            axis.imshow(face)
        alpha = 1.0 if face is None else opacity
        drawn = axis.imshow(enlarge(average, size), cmap="jet", vmin=0, vmax=largest, alpha=alpha)
        axis.set_title(name)
        axis.set_axis_off()
    if drawn is not None:
        bar = figure.colorbar(drawn, ax=list(axes), shrink=0.8)
        if bar.solids is not None:
            bar.solids.set_alpha(1)
    if title:
        figure.suptitle(title)
    return figure


def maps_sheet(
    images: Sequence[ImageArray],
    maps: npt.NDArray[np.floating],
    captions: Sequence[str] | None = None,
    *,
    columns: int = 6,
    title: str = "",
) -> Figure:
    """Single maps over their portraits (the style of the study's figures 11-20).

    Args:
        images: uint8 (S, S, 3) each.
        maps: (N, h, w) from 0 to 1.
        captions: a line below each; none leaves them out.
        columns: pictures a row.
        title: above the figure.

    Returns:
        A figure with an Agg canvas.
    """
    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    figure = _figure(1.6 * columns, 1.8 * rows + (0.4 if title else 0))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    words = captions or [""] * len(images)
    for axis in axes:
        axis.set_axis_off()
    for axis, image, one, caption in zip(axes, images, maps, words, strict=False):
        axis.imshow(jet_overlay(image, one))
        axis.set_title(caption, fontsize=8, y=-0.14)
    if title:
        figure.suptitle(title)
    return figure


def _figure(width: float, height: float) -> Figure:
    """A figure of a size in inches, away from pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
