"""The groups of test images whose maps are averaged, and the mean faces under them as a dataset holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.tables import AGES, CROP_LANDMARKS, GENDERS, RACES

if TYPE_CHECKING:
    from looks_kedro.cam import MeanFaces

Arrays = dict[str, npt.NDArray[Any]]
Flags = npt.NDArray[np.bool_]

CLASSES = {"celebrities": 1, "ordinary": 0}
ATTRIBUTES = {"gender": GENDERS, "race": RACES, "age": AGES}


def class_flags(rows: pd.DataFrame) -> dict[str, Flags]:
    """Flags (N,) of the images of each class."""
    return {name: (rows["looks"] == looks).to_numpy() for name, looks in CLASSES.items()}


def attribute_flags(rows: pd.DataFrame) -> dict[str, dict[str, Flags]]:
    """Flags (N,) of each value of each attribute that some image has; an attribute that no image has is left out."""
    found: dict[str, dict[str, Flags]] = {}
    for attribute, values in ATTRIBUTES.items():
        flags = {value: (rows[attribute] == value).to_numpy() for value in values}
        if any(one.any() for one in flags.values()):
            found[attribute] = {value: one for value, one in flags.items() if one.any()}
    return found


def face_groups(rows: pd.DataFrame) -> dict[str, Flags]:
    """Each class, and each class with each value of each attribute: flags (N,) by names of :func:`group_name`."""
    by_class = class_flags(rows)
    groups = {group_name(name): flags for name, flags in by_class.items()}
    for values in attribute_flags(rows).values():
        for value, flags in values.items():
            groups |= {group_name(name, value): flags & chosen for name, chosen in by_class.items()}
    return groups


def group_name(class_name: str, value: str = "") -> str:
    """Name of a class, or of one value of an attribute within it."""
    return f"{class_name}, {value}" if value else class_name


def landmarks_at(rows: pd.DataFrame, side: int, size: int) -> npt.NDArray[np.float64]:
    """Landmarks (N, 5, 2) of images of a side in pixels, in pixels of the same images at another size."""
    points = rows[list(CROP_LANDMARKS)].to_numpy(np.float64).reshape(-1, 5, 2)
    scaled: npt.NDArray[np.float64] = (points + 0.5) * (size / side) - 0.5
    return scaled


def faces_as_arrays(faces: MeanFaces) -> Arrays:
    """What ``ArraysDataset`` saves of mean faces."""
    return {
        "group": np.array(faces.groups, dtype=str),
        "images": faces.images,
        "plain": faces.plain,
        "aligned": faces.aligned,
        "target": faces.target,
    }


def faces_from_arrays(arrays: Arrays) -> MeanFaces:
    """Mean faces from what was saved of them."""
    from looks_kedro.cam import MeanFaces

    names = tuple(str(name) for name in arrays["group"])
    return MeanFaces(names, arrays["images"], arrays["plain"], arrays["aligned"], arrays["target"])
