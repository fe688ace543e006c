"""Figures of averaged and of single maps, drawn without matplotlib's global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looks_kedro.cam.grids import Cell, ColourBar, picture_grid
from looks_kedro.cam.overlay import jet_overlay, signed_overlay
from looks_kedro.cam.styles import Style, overlay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["AverageMap", "average_figure", "averages_grid", "maps_sheet", "padding_figure", "sections_sheet"]

ImageArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.floating]

_BLANK = np.full((150, 150, 3), 255, dtype=np.uint8)


@dataclass(frozen=True)
class AverageMap:
    """An averaged map.

    Attributes:
        heat: (h, w), 0 or more in the published style, signed as a difference.
        face: the mean face under it, uint8 (S, S, 3); none shows the colours alone.
        images: how many it is of; none is not told.
    """

    heat: FloatArray
    face: ImageArray | None = None
    images: int | None = None


def average_figure(
    averages: Mapping[str, FloatArray],
    mean_faces: Mapping[str, ImageArray] | None = None,
    title: str = "",
    style: Style = "published",
) -> Figure:
    """Averaged maps side by side, with a colour bar (the style of the study's figures 5-8).

    Args:
        averages: name of each class to its mean map (h, w); all share one scale, up to the largest value.
        mean_faces: name of each class to its mean portrait, uint8 (S, S, 3), drawn under the map.
        title: above the figure.
        style: ``published``, in jet from 0 on; or ``difference``, blue below 0 and red above.

    Returns:
        A figure with an Agg canvas.
    """
    row = {name: AverageMap(heat, (mean_faces or {}).get(name)) for name, heat in averages.items()}
    return averages_grid({"": row}, style, title)


def averages_grid(
    rows: Mapping[str, Mapping[str, AverageMap]], style: Style, title: str = "", order: Sequence[str] = ()
) -> Figure:
    """Averaged maps in rows and columns (the study's figures 5 to 8).

    In the published style one scale serves all. Signed evidence of the two classes may differ manyfold in strength, so
    there each row has its own, which its name tells.

    Args:
        rows: name of each row to its maps by the column's name; a row may lack columns.
        style: ``published`` or ``difference``.
        title: above the figure.
        order: names of columns from left to right; those that no row has are left out, and those that are not named
            follow as the rows have them.

    Returns:
        The figure.
    """
    found = dict.fromkeys(name for row in rows.values() for name in row)
    columns = list(dict.fromkeys([*(name for name in order if name in found), *found]))
    tops = {name: _strongest([one.heat for one in row.values()]) for name, row in rows.items()}
    shared = max(tops.values(), default=1.0)

    def cell(one: AverageMap | None, top: float) -> Cell:
        if one is None:
            return Cell(None)
        words = "" if one.images is None else f"n = {one.images}"
        if one.face is None:
            colours = jet_overlay if style == "published" else signed_overlay
            return Cell(colours(_BLANK, one.heat / top, opacity=1.0), words)
        return Cell(overlay(one.face, one.heat / top, style), words)

    published = style == "published"
    cells = [[cell(row.get(one), shared if published else tops[name]) for one in columns] for name, row in rows.items()]
    names = [name if published else _with_strength(name, tops[name]) for name in rows]
    bar = ColourBar(style, shared) if published else ColourBar(style, 1.0)
    return picture_grid(cells, names if any(names) else (), columns, title=title, bar=bar)


def maps_sheet(
    images: Sequence[ImageArray],
    maps: FloatArray,
    captions: Sequence[str] | None = None,
    *,
    columns: int = 6,
    title: str = "",
    style: Style = "published",
) -> Figure:
    """Single maps over their portraits (the style of the study's figures 11-20).

    Args:
        images: uint8 (S, S, 3) each.
        maps: (N, h, w), 0..1, or -1..1 as a difference.
        captions: a line below each; none leaves them out.
        columns: pictures a row.
        title: above the figure.
        style: ``published`` or ``difference``.

    Returns:
        A figure with an Agg canvas.
    """
    words = captions or [""] * len(images)
    cells = [Cell(overlay(image, one, style), caption) for image, one, caption in zip(images, maps, words, strict=True)]
    rows = [cells[start : start + columns] for start in range(0, len(cells), max(1, columns))]
    return picture_grid(rows, title=title)


def sections_sheet(
    sections: Mapping[str, Sequence[tuple[ImageArray, FloatArray, str]]], style: Style, title: str = ""
) -> Figure:
    """Single maps over their portraits, a row for each reason to look at them.

    Args:
        sections: name of each row to its images uint8 (S, S, 3), maps (h, w) from 0 to 1, or -1 to 1 as a difference,
            and captions.
        style: ``published`` or ``difference``.
        title: above the figure.

    Returns:
        The figure.
    """
    rows = [[Cell(overlay(image, heat, style), words) for image, heat, words in row] for row in sections.values()]
    return picture_grid(rows, list(sections), title=title, bar=ColourBar(style, 1.0), side=120)


def padding_figure(
    averages: Mapping[str, tuple[FloatArray, FloatArray]], faces: Mapping[str, ImageArray], title: str = ""
) -> Figure:
    """Averaged maps of images, the same mirrored, and what the network makes of the mirrored images.

    Args:
        averages: name of each class to the signed mean maps (h, w) of the images, and of the mirrored images.
        faces: name of each class to its mean portrait, uint8 (S, S, 3).
        title: above the figure.

    Returns:
        The figure; where second and third column are alike, the heat turns with the image. The fourth is their
        difference.
    """
    rows, names = [], []
    for name, (own, turned) in averages.items():
        face, mirrored = faces[name], np.ascontiguousarray(faces[name][:, ::-1])
        expected = own[:, ::-1]
        # The difference of two maps may be twice as strong as either: in one scale with them, it is not cut off.
        top = _strongest([own, turned, turned - expected])
        drawn = ((face, own), (mirrored, expected), (mirrored, turned), (mirrored, turned - expected))
        rows.append([Cell(overlay(under, heat / top, "difference")) for under, heat in drawn])
        names.append(_with_strength(name, top))
    columns = ["images", "their maps, mirrored", "maps of mirrored images", "third less second"]
    return picture_grid(rows, names, columns, title=title, bar=ColourBar("difference", 1.0))


def _strongest(maps: Sequence[FloatArray]) -> float:
    return max((float(np.abs(one).max()) for one in maps), default=0.0) or 1.0


def _with_strength(name: str, top: float) -> str:
    return f"{name} \u00b1{top:.2g}".strip()
