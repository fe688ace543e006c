"""Pictures that the page shows of one variant, and tables as JSON knows them."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from looks_kedro.balancing import is_copy
from looks_kedro.datasets import ImageFolder
from looks_kedro.pipelines.parts import mean_face, part_rows, seen_image, spread
from looks_kedro.reporting.counts import CLASSES
from looks_kedro.reporting.page import records
from looks_kedro.reporting.pictures import shot

Style = Literal["published", "difference"]
Averages = dict[str, dict[str, Any]]
"""Model to class to its averaged map."""

SMALL, LARGE = 176, 240
"""Pixels of the side of a single picture, and of an averaged map."""


def rows_of(table: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    """Rows that JSON can hold; none of a table that was never made or is empty."""
    return None if table is None or table.empty else records(table)


def example_faces(model_input: ImageFolder, maps: dict[str, Any], most: int) -> dict[str, Any]:
    """A few training images of each class, spread over the table.

    Args:
        model_input: images with their table.
        maps: of one model, for the colour behind transparency.
        most: pictures a class.
    """
    rows = part_rows(model_input, "train")
    shown = {}
    for name, looks in CLASSES.items():
        chosen = rows[(rows["looks"] == looks) & ~is_copy(rows)]
        files = spread(chosen["file"].tolist(), most)
        people = dict(zip(chosen["file"], chosen["identity"], strict=True))
        shown[name] = [
            shot(seen_image(model_input, file, maps), SMALL, file=file, identity=people[file]) for file in files
        ]
    return shown


def averages_of(maps: dict[str, Any], model_input: ImageFolder, style: Style) -> Averages:
    """The averaged map of each model and class over the test part, on the class' mean face."""
    from looks_kedro.cam.styles import drawn_maps
    from looks_kedro.reporting.figures import AverageMap

    rows = part_rows(model_input, "test")
    averages: Averages = {backbone: {} for backbone in maps}
    for name, looks in CLASSES.items():
        chosen = (rows["looks"] == looks).to_numpy()
        if not chosen.any():
            continue
        face = mean_face(model_input, rows.loc[chosen, "file"].tolist(), next(iter(maps.values())))
        for backbone, one in maps.items():
            heat = drawn_maps(one["by_class"][chosen], rows.loc[chosen, "looks"].to_numpy(), style, scale=1.0)
            averages[backbone][name] = AverageMap(heat.mean(axis=0), face)
    return averages


def average_shots(averages: Averages, style: Style) -> dict[str, dict[str, Any]]:
    """Each averaged map as a picture, on a scale of its own (``top``) as evidence of models differs manyfold."""
    from looks_kedro.cam.styles import overlay

    published = max((float(one.heat.max()) for classes in averages.values() for one in classes.values()), default=1.0)
    shots: dict[str, dict[str, Any]] = {}
    for backbone, classes in averages.items():
        shots[backbone] = {}
        for name, one in classes.items():
            top = (published if style == "published" else float(np.abs(one.heat).max())) or 1.0
            picture = overlay(one.face, one.heat / top, style)
            shots[backbone][name] = shot(picture, LARGE, 85, top=f"{top:.2g}")
    return shots


def sheets_of(maps: dict[str, Any], model_input: ImageFolder, style: Style, most: int) -> dict[str, Any]:
    """Single maps of one model: wrong answers, the typical and the odd ones, the surest and the least sure.

    Each image stands once, where it first fits: the sheet shows more of them, and the page holds none twice.

    Args:
        maps: of the model.
        model_input: images with their table.
        style: of the maps.
        most: pictures a row.

    Returns:
        Class to section (``cam.selection.SELECTIONS``) to pictures with ``file, identity, probability, correct``.
    """
    from looks_kedro.cam import drawn_maps, full_colour, select_images
    from looks_kedro.cam.styles import overlay

    rows = part_rows(model_input, "test")
    difference = (maps["logits"][:, 1] - maps["logits"][:, 0]).astype(np.float64)
    sheets: dict[str, Any] = {}
    for name, looks in CLASSES.items():
        own = np.flatnonzero((rows["looks"] == looks).to_numpy())
        if not len(own):
            continue
        by_class = maps["by_class"][own]
        heat = drawn_maps(by_class, rows["looks"].to_numpy()[own], style, full_colour(by_class))
        margin = difference[own] if looks else -difference[own]
        taken: set[int] = set()
        sheets[name] = {}
        for section, places in select_images(heat, margin, len(own)).items():
            chosen = [int(place) for place in places if int(place) not in taken][:most]
            taken.update(chosen)
            if chosen:
                sheets[name][section] = [
                    shot(
                        overlay(seen_image(model_input, str(rows["file"].iloc[own[place]]), maps), heat[place], style),
                        SMALL,
                        file=str(rows["file"].iloc[own[place]]),
                        identity=str(rows["identity"].iloc[own[place]]),
                        probability=float(1 / (1 + np.exp(-difference[own[place]]))),
                        correct=bool(margin[place] > 0),
                    )
                    for place in chosen
                ]
    return sheets


def group_maps_of(figures: dict[str, Any]) -> dict[str, Any]:
    """Averaged maps by class, by right and wrong, by gender, race and age: the saved figures by name."""
    names = {name.removesuffix(".png"): figure for name, figure in figures.items()}
    order = [*CLASSES, "correct", "gender", "race", "age"]
    return {name: shot(names[name], None, 82) for name in [*order, *sorted(set(names) - set(order))] if name in names}
