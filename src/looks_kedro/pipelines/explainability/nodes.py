"""Nodes of the explainability pipeline."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder, Images
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.parts import load_part, mean_face, part_rows, seen_image, spread
from looks_kedro.tables import CROP_LANDMARKS

from .parameters import Explainability

Arrays = dict[str, npt.NDArray[Any]]

CLASSES = {"celebrities": 1, "ordinary": 0}


def map_test_part(model: dict[str, Any], model_input: ImageFolder, explainability: Explainability) -> Arrays:
    """Map the evidence of every test image, in one forward pass.

    Args:
        model: checkpoint of a trained network.
        model_input: images with their table.
        explainability: batch size and device.

    Returns:
        ``file`` (N,) text, ``by_class`` float16 (N, 2, h, w) signed evidence for each logit, ``logits`` float32 (N, 2),
        ``alpha_colour`` uint8 (3,) what the network saw behind transparent pixels.
    """
    from looks_kedro.cam import maps_of
    from looks_kedro.learning import model_from_checkpoint, portrait_batches, split_head
    from looks_kedro.learning.data import choose_device

    device = choose_device(explainability.device)
    images, rows = load_part(model_input, "test", model["image_size"], tuple(model["metadata"]["alpha_colour"]))
    trunk, head = split_head(model_from_checkpoint(model).to(device))
    batches = portrait_batches(images, explainability.batch_size, device)
    evidence = maps_of(trunk, head.weight, head.bias, batches)
    return {
        "file": rows["file"].to_numpy(dtype=str),
        "by_class": evidence.by_class.astype(np.float16),
        "logits": evidence.logits,
        "alpha_colour": np.array(model["metadata"]["alpha_colour"], dtype=np.uint8),
    }


def measure_attention(maps: Arrays, predictions: pd.DataFrame, model_input: ImageFolder) -> pd.DataFrame:
    """Share of the evidence for the predicted class that lies on the face, against the face's share of the area.

    Args:
        maps: evidence of every test image.
        predictions: what the model says of them.
        model_input: images with their table, for the landmarks.

    Returns:
        One row an image.
    """
    from looks_kedro.cam import attention_on
    from looks_kedro.faces import ellipse_mask

    rows = _rows_of(maps, model_input)
    if rows["file"].tolist() != predictions["file"].tolist():
        raise BadInputError("maps and predictions are of different images; run training and explainability again.")
    by_class = maps["by_class"].astype(np.float32)
    landmarks = rows[list(CROP_LANDMARKS)].to_numpy(float).reshape(-1, 5, 2)
    size = model_input.array(rows["file"].iloc[0]).shape[0]
    masks = (ellipse_mask(points, size) for points in landmarks)
    measured = attention_on(by_class[:, 1] - by_class[:, 0], masks, toward=predictions["predicted"].to_numpy())
    table: pd.DataFrame = pd.concat([predictions[["file", "looks", "identity", "predicted"]], measured], axis=1)
    return table


def average_maps(maps: Arrays, model_input: ImageFolder, explainability: Explainability) -> dict[str, Any]:
    """Average the maps of each class over the mean face of that class.

    Args:
        maps: evidence of every test image.
        model_input: images with their table.
        explainability: the style of the maps.

    Returns:
        One matplotlib figure a class, by file name.
    """
    from looks_kedro.cam import average_figure
    from looks_kedro.cam.styles import drawn_maps

    rows = _rows_of(maps, model_input)
    figures = {}
    for name, looks in CLASSES.items():
        chosen = (rows["looks"] == looks).to_numpy()
        heat = drawn_maps(maps["by_class"][chosen], rows.loc[chosen, "looks"].to_numpy(), explainability.style)
        face = mean_face(model_input, rows.loc[chosen, "file"].tolist(), maps)
        figures[f"{name}.png"] = average_figure({name: heat.mean(axis=0)}, {name: face})
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
    from looks_kedro.cam.styles import drawn_maps

    rows = _rows_of(maps, model_input)
    heat = drawn_maps(maps["by_class"], rows["looks"].to_numpy(), explainability.style)
    drawn = [
        row
        for looks in (0, 1)
        for row in spread(np.flatnonzero(rows["looks"] == looks).tolist(), explainability.individual)
    ]
    chosen = [(str(rows.loc[row, "file"]), heat[row]) for row in sorted(drawn)]
    items = [
        (file, partial(overlay_of, model_input, file, maps, one, explainability.style), file) for file, one in chosen
    ]
    return Images(items)


def overlay_of(
    model_input: ImageFolder, file: str, maps: Arrays, heat: npt.NDArray[np.floating], style: str
) -> npt.NDArray[np.uint8]:
    """One map over its image, uint8 (S, S, 3)."""
    from looks_kedro.cam.styles import overlay

    return overlay(seen_image(model_input, file, maps), heat, style)


def _rows_of(maps: Arrays, model_input: ImageFolder) -> pd.DataFrame:
    """Rows of the test part, after a look that the maps are of these images."""
    rows = part_rows(model_input, "test")
    if rows["file"].tolist() != maps["file"].tolist():
        raise BadInputError(
            f"The maps are of other images than the test part of {model_input.root}; run explainability again."
        )
    return rows
