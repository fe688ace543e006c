"""Nodes of the explainability pipeline that draw: mean faces, averages, sheets and single maps."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder, Images
from looks_kedro.learning import Training
from looks_kedro.pipelines.parts import part_rows, seen_image, spread

from .groups import (
    CLASSES,
    Flags,
    attribute_flags,
    class_flags,
    face_groups,
    faces_as_arrays,
    faces_from_arrays,
    group_name,
    landmarks_at,
)
from .nodes import predicted, rows_of, side_of
from .parameters import Explainability

Arrays = dict[str, npt.NDArray[Any]]

FACE_SIDE = 150
"""Pixels of a mean face, and of an aligned average."""


def average_faces(model_input: ImageFolder, training: Training) -> Arrays:
    """Average the faces of each class, gender, race and age of the test part, once for all models of a variant.

    Args:
        model_input: images with their table.
        training: the colour behind transparent pixels.

    Returns:
        ``group`` (G,) names such as ``celebrities`` and ``ordinary, Female``, ``images`` (G,) how many there are,
        ``plain`` and ``aligned`` uint8 (G, S, S, 3), ``target`` (5, 2) mean landmarks in pixels of these.
    """
    from looks_kedro.cam import mean_faces

    rows = part_rows(model_input, "test")
    colour = {"alpha_colour": np.array(training.alpha_colour)}
    images = (seen_image(model_input, file, colour) for file in rows["file"])
    landmarks = landmarks_at(rows, side_of(model_input, rows), FACE_SIDE)
    return faces_as_arrays(mean_faces(images, landmarks, face_groups(rows), FACE_SIDE))


def average_maps(
    maps: Arrays, model_input: ImageFolder, mean_faces: Arrays, explainability: Explainability
) -> dict[str, Any]:
    """Average the maps of each class, of right and wrong answers, and of each gender, race and age.

    Args:
        maps: evidence of every test image.
        model_input: images with their table.
        mean_faces: of the variant.
        explainability: the style of the maps.

    Returns:
        Figures by file name: one a class, and one for each way to divide the classes; all show averages in image
        coordinates and after alignment on the landmarks.
    """
    from looks_kedro.cam import AverageMap, averages_grid, drawn_maps, group_averages

    rows = rows_of(maps, model_input)
    heat = drawn_maps(maps["by_class"], rows["looks"].to_numpy(), explainability.style, scale=1.0)
    landmarks = landmarks_at(rows, side_of(model_input, rows), FACE_SIDE)
    faces = faces_from_arrays(mean_faces)
    divided = _divided(rows, predicted(maps))
    groups = {key: flags for parts in divided.values() for columns in parts.values() for key, flags in columns.values()}
    means = {
        "": group_averages(heat, groups, FACE_SIDE),
        ", aligned": group_averages(heat, groups, FACE_SIDE, landmarks=landmarks, target=faces.target),
    }

    def drawn(key: str, flags: Flags, way: str) -> AverageMap:
        # Right and wrong answers differ between models; the mean face of their class lies under both.
        under = key if key in faces.groups else key.partition(",")[0]
        return AverageMap(means[way][key], faces.face(under, aligned=bool(way)), int(flags.sum()))

    figures = {}
    for file, parts in divided.items():
        grid = {
            f"{name}{way}": {value: drawn(key, flags, way) for value, (key, flags) in columns.items() if flags.any()}
            for way in means
            for name, columns in parts.items()
        }
        if file in CLASSES:
            figures[f"{file}.png"] = averages_grid(_as_one_row(grid), explainability.style)
        else:
            # As the groups are defined, also where the first class lacks some of them.
            order = list(dict.fromkeys(value for columns in parts.values() for value in columns))
            figures[f"{file}.png"] = averages_grid(grid, explainability.style, order=order)
    return figures


def draw_sheets(maps: Arrays, model_input: ImageFolder, explainability: Explainability) -> dict[str, Any]:
    """Draw sheets of single maps: wrong answers, the typical and the odd maps, the surest and the least sure answers.

    Args:
        maps: evidence of every test image.
        model_input: images with their table.
        explainability: the style of the maps, and how many there are in a row.

    Returns:
        One matplotlib figure a class, by file name.
    """
    from looks_kedro.cam import sections_sheet, select_images

    rows = rows_of(maps, model_input)
    difference = (maps["logits"][:, 1] - maps["logits"][:, 0]).astype(np.float64)
    figures = {}
    for name, flags in class_flags(rows).items():
        own = np.flatnonzero(flags)
        if not len(own):
            continue
        margin = difference[own] if CLASSES[name] else -difference[own]
        heat = _drawn(maps, rows, own, explainability.style)
        sections = {
            section: [
                (
                    seen_image(model_input, rows["file"].iloc[row], maps),
                    heat[place],
                    f"{rows['identity'].iloc[row][:16]} {1 / (1 + np.exp(-difference[row])):.2f}",
                )
                for place, row in zip(chosen, own[chosen], strict=True)
            ]
            for section, chosen in select_images(heat, margin, explainability.sheet_images).items()
        }
        title = f"{name}: person, and probability of celebrity"
        figures[f"{name}.png"] = sections_sheet(sections, explainability.style, title)
    return figures


def draw_maps(maps: Arrays, model_input: ImageFolder, explainability: Explainability) -> Images:
    """Draw the map of each test image over the image.

    Args:
        maps: evidence of every test image.
        model_input: images with their table.
        explainability: the style of the maps, and how many.

    Returns:
        Overlays under the images' names; drawn while they are saved.
    """
    rows = rows_of(maps, model_input)
    items = []
    for flags in class_flags(rows).values():
        chosen = np.array(spread(np.flatnonzero(flags).tolist(), explainability.individual), dtype=np.int64)
        heat = _drawn(maps, rows, chosen, explainability.style)
        for row, one in zip(chosen, heat, strict=True):
            file = str(rows["file"].iloc[row])
            items.append((file, partial(overlay_of, model_input, file, maps, one, explainability.style), file))
    return Images(items)


def overlay_of(
    model_input: ImageFolder, file: str, maps: Arrays, heat: npt.NDArray[np.floating], style: str
) -> npt.NDArray[np.uint8]:
    """One map over its image, uint8 (S, S, 3)."""
    from looks_kedro.cam.styles import overlay

    return overlay(seen_image(model_input, file, maps), heat, style)


def _drawn(maps: Arrays, rows: pd.DataFrame, chosen: npt.NDArray[np.int64], style: str) -> npt.NDArray[np.float32]:
    """Maps of chosen images of one class as figures show them; the evidence of a class shares one scale."""
    from looks_kedro.cam import drawn_maps, full_colour

    looks = rows["looks"].to_numpy()
    own = maps["by_class"][looks == looks[chosen[0]]] if len(chosen) else maps["by_class"]
    return drawn_maps(maps["by_class"][chosen], looks[chosen], style, full_colour(own))


def _divided(rows: pd.DataFrame, named: npt.NDArray[np.int64]) -> dict[str, dict[str, dict[str, tuple[str, Flags]]]]:
    """File of a figure to class to column to the name and flags (N,) of a group."""
    by_class = class_flags(rows)
    right = named == rows["looks"].to_numpy()
    ways = {"correct": {"right": right, "wrong": ~right}, **attribute_flags(rows)}
    figures = {name: {name: {"": (group_name(name), flags)}} for name, flags in by_class.items() if flags.any()}
    for file, values in ways.items():
        figures[file] = {
            name: {value: (group_name(name, value), flags & own) for value, flags in values.items()}
            for name, own in by_class.items()
            if own.any()
        }
    return figures


def _as_one_row(grid: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A class alone: its plain and its aligned average side by side."""
    return {"": {name: one for name, columns in grid.items() for one in columns.values()}}
