"""What training, pretraining and explainability all read: one part of a variant, as an array and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError

Value = TypeVar("Value")


def part_rows(model_input: ImageFolder, part: str) -> pd.DataFrame:
    """Rows of one part of a variant's table.

    Args:
        model_input: images with their table.
        part: ``train`` or ``test``.

    Returns:
        The rows of the part, in the order of the table, with a new index.

    Raises:
        BadInputError: the images have no table, or the part is empty.
    """
    table = model_input.table
    if table is None:
        raise BadInputError(
            f"{model_input.root}: no table.csv beside the images; run `kedro run --pipelines background`."
        )
    rows = table[table["part"] == part].reset_index(drop=True)
    if rows.empty:
        raise BadInputError(f"{model_input.root}: the {part} part is empty; see the split table for why.")
    return rows


def load_part(
    model_input: ImageFolder, part: str, image_size: int, alpha_colour: tuple[int, int, int]
) -> tuple[npt.NDArray[np.uint8], pd.DataFrame]:
    """One part of a variant, decoded.

    Args:
        model_input: images with their table.
        part: ``train`` or ``test``.
        image_size: side of the square in pixels.
        alpha_colour: RGB behind transparent pixels.

    Returns:
        uint8 (N, image_size, image_size, 3), and the N rows of the table.
    """
    from looks_kedro.learning import load_portraits

    rows = part_rows(model_input, part)
    paths = [model_input.path(file) for file in rows["file"]]
    return load_portraits(paths, image_size, alpha_colour=alpha_colour), rows


def seen_image(model_input: ImageFolder, file: str, maps: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.uint8]:
    """One image of a variant as the network saw it, at its full size.

    Args:
        model_input: the images.
        file: name of one of them.
        maps: what the network made of them; its ``alpha_colour`` lies behind transparent pixels.

    Returns:
        uint8 (S, S, 3).
    """
    from looks_kedro.mattes.compositing import without_alpha

    return without_alpha(model_input.array(file), maps["alpha_colour"].tolist())


def mean_face(
    model_input: ImageFolder, files: list[str], maps: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.uint8]:
    """The mean of some images of a variant, as the network saw them, read one at a time.

    Args:
        model_input: the images, all of one size.
        files: names of at least one of them.
        maps: what the network made of them.

    Returns:
        uint8 (S, S, 3).
    """
    total = seen_image(model_input, files[0], maps).astype(np.float64)
    for file in files[1:]:
        total += seen_image(model_input, file, maps)
    return np.rint(total / len(files)).astype(np.uint8)


def spread(values: list[Value], most: int | None) -> list[Value]:
    """At most so many of the values, evenly over the list and in its order; None takes all."""
    if most is None or len(values) <= most:
        return values
    return [values[i] for i in np.linspace(0, len(values) - 1, most).astype(int)]
