"""Nodes of the background pipeline."""

import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder, Images
from looks_kedro.faces import decode, mirror_landmarks
from looks_kedro.mattes import GrabCut, MatteLimits, grabcut_matte, matte_quality, on_colour
from looks_kedro.parallel import map_images
from looks_kedro.tables import CROP_LANDMARKS, columns

from .parameters import Background, Variant

log = logging.getLogger(__name__)

# A face or a matte: where it lies, and the five landmarks in it.
Located = tuple[Path, npt.NDArray[np.float64]]


def cut_out(faces: ImageFolder, face_table: pd.DataFrame, background: Background) -> Images:
    """Cut the person out of each face.

    Args:
        faces: the faces.
        face_table: their landmarks.
        background: the method.

    Returns:
        One grey matte a face (PNG, 255 = person), under the face's name; made while they are saved.
    """
    items = located(faces, face_table)
    cut = partial(matte_of, settings=background.grabcut)
    made = map_images(cut, items, processes=background.processes, description="cutting out")
    return Images(zip(map(matte_file, faces.names), made, faces.names, strict=True))


def judge_mattes(mattes: ImageFolder, face_table: pd.DataFrame, background: Background) -> pd.DataFrame:
    """Measure each matte.

    Args:
        mattes: one a face.
        face_table: landmarks and class of the faces.
        background: the method that made them.

    Returns:
        One row a matte; ``passed`` is false where the person was not cut out well.
    """
    rows = _kept(face_table)
    items = [(mattes.path(matte_file(file)), points) for file, points in _landmarks(rows)]
    measured = pd.DataFrame(
        map_images(
            partial(quality_of, limits=background.limits),
            items,
            processes=background.processes,
            description="judging mattes",
        )
    ).drop(columns=["method"], errors="ignore")
    table = pd.concat([rows[["file", "looks"]], measured], axis=1).assign(method=background.method)
    for looks, name in ((1, "celebrities"), (0, "ordinary people")):
        of_class = table[table["looks"] == looks]
        log.info("mattes of %s: %d of %d passed", name, int(of_class["passed"].sum()), len(of_class))
    return table[columns("matte_quality")]


def compose_variant(
    faces: ImageFolder, mattes: ImageFolder, split_table: pd.DataFrame, face_table: pd.DataFrame, variant: Variant
) -> Images:
    """Build the images of one variant that the models see.

    Every image, mirrored or not, is decoded and encoded once more, so that no class can be told by its compression.

    Args:
        faces: the faces.
        mattes: one a face.
        split_table: which faces, which of them mirrored.
        face_table: landmarks.
        variant: what is done to the faces.

    Returns:
        The images, built while they are saved, and their table with landmarks as they are in the image.
    """
    landmarks = dict(_landmarks(_kept(face_table)))
    points = np.stack([landmarks[parent] for parent in split_table["parent"]])
    mirrored = split_table["mirrored"].to_numpy()
    width = faces.array(split_table["parent"].iloc[0]).shape[1]
    points[mirrored] = [mirror_landmarks(one, width) for one in points[mirrored]]
    table = split_table.assign(**{name: points.reshape(-1, 10)[:, i] for i, name in enumerate(CROP_LANDMARKS)})
    items = [
        (row["file"], partial(composed, faces, mattes, row["parent"], row["mirrored"], variant), row["parent"])
        for row in split_table.to_dict("records")
    ]
    return Images(items, table=table[columns("model_input")])


def composed(
    faces: ImageFolder, mattes: ImageFolder, parent: str, mirrored: bool, variant: Variant
) -> npt.NDArray[np.uint8]:
    """One image of a variant, uint8 of the shape of its face."""
    image = faces.array(parent)
    if variant.kind == "colour":
        image = on_colour(image, mattes.array(matte_file(parent)), variant.colour)
    return np.ascontiguousarray(image[:, ::-1]) if mirrored else image


def matte_of(item: Located, settings: GrabCut) -> npt.NDArray[np.uint8]:
    """The matte of one face, uint8 of its height and width; run in worker processes."""
    path, landmarks = item
    return grabcut_matte(decode(path), landmarks, settings)


def quality_of(item: Located, limits: MatteLimits) -> dict[str, Any]:
    """The measures of one matte; run in worker processes."""
    from PIL import Image

    path, landmarks = item
    with Image.open(path) as picture:
        return matte_quality(np.asarray(picture.convert("L")), landmarks, limits)


def matte_file(file: str) -> str:
    """Name of the matte of a face: a PNG. The face's suffix stays, or ``a.jpg`` and ``a.jpeg`` would have one matte."""
    return f"{file}.png"


def located(faces: ImageFolder, face_table: pd.DataFrame) -> list[Located]:
    """Each face of the folder with its landmarks, in the order of the folder."""
    landmarks = dict(_landmarks(_kept(face_table)))
    return [(faces.path(name), landmarks[name]) for name in faces.names]


def _kept(face_table: pd.DataFrame) -> pd.DataFrame:
    return face_table[face_table["kept"]].reset_index(drop=True)


def _landmarks(rows: pd.DataFrame) -> list[tuple[str, npt.NDArray[np.float64]]]:
    points = rows[list(CROP_LANDMARKS)].to_numpy(float).reshape(-1, 5, 2)
    return list(zip(rows["file"], points, strict=True))
