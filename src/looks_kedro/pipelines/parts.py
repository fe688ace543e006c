"""What training, pretraining and explainability all read: one part of a variant, as an array and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    from looks_kedro.learning import Training
    from looks_kedro.learning.array_store import ArrayStore
    from looks_kedro.learning.portrait_arrays import Portraits

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
    model_input: ImageFolder,
    part: str,
    image_size: int,
    alpha_colour: tuple[int, int, int],
    image_arrays: ArrayStore,
    *,
    gigabytes: float = 0.0,
    workers: int | None = None,
) -> tuple[Portraits, pd.DataFrame]:
    """One part of a variant, decoded.

    Args:
        model_input: images with their table.
        part: ``train`` or ``test``.
        image_size: side of the square in pixels.
        alpha_colour: RGB behind transparent pixels.
        image_arrays: where decoded images are kept.
        gigabytes: what may be kept there; with 0 arrays are used that are there already, and none is made.
        workers: threads that decode; none takes one for each core.

    Returns:
        uint8 (N, image_size, image_size, 3), read when rows are asked for, and the N rows of the table.
    """
    rows = part_rows(model_input, part)
    digests = model_input.manifest.set_index("name")["sha256"]
    portraits = image_arrays.portraits(
        [model_input.path(file) for file in rows["file"]],
        image_size,
        digests=digests.loc[rows["file"]].tolist(),
        alpha_colour=alpha_colour,
        gigabytes=gigabytes,
        workers=workers,
    )
    return portraits, rows


@dataclass(frozen=True)
class TrainingImages:
    """What a training reads: uint8 images (N, S, S, 3) and int64 targets (N,) of both parts.

    Attributes:
        train: of the training part.
        test: of the test part.
        groups: (N,) group of each training image; nobody is in two groups.
    """

    train: tuple[Portraits, npt.NDArray[np.int64]]
    test: tuple[Portraits, npt.NDArray[np.int64]]
    groups: npt.NDArray[np.str_]


def training_images(model_input: ImageFolder, training: Training, image_arrays: ArrayStore) -> TrainingImages:
    """Both parts of a variant, decoded and resized once.

    Args:
        model_input: images with their table.
        training: size, colour behind transparency, and what may be kept on the disk.
        image_arrays: where decoded images are kept.
    """
    parts = {
        part: load_part(
            model_input,
            part,
            training.image_size,
            training.alpha_colour,
            image_arrays,
            gigabytes=training.array_gigabytes,
            workers=training.workers or None,
        )
        for part in ("train", "test")
    }
    train, test = ((images, rows["looks"].to_numpy(np.int64, copy=True)) for images, rows in parts.values())
    return TrainingImages(train, test, parts["train"][1]["group"].to_numpy(dtype=str))


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
