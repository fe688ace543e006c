"""Copies of images: which are made, what they are called, and how one is made from its parent.

A row of the split table says exactly how its image is made: ``mirrored``, then turned by ``rotation`` degrees, then
multiplied by ``brightness``. A photo itself has False, 0 and 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.balancing.settings import Balancing
from looks_kedro.faces import mirror_landmarks

Row = Mapping[Hashable, Any] | Mapping[str, Any]
"""A row of the split table, as ``to_dict("records")`` gives it."""

COPY_COLUMNS = {"mirrored": False, "rotation": 0.0, "brightness": 1.0}
"""Columns that say how an image is made, and their values for a photo itself."""

_LEAST = 0.25
"""A turned or brightened copy differs from its photo by at least this share of the most it may differ by."""


def with_copies(faces: pd.DataFrame, settings: Balancing, copied: npt.NDArray[np.bool_] | None = None) -> pd.DataFrame:
    """The photos, and of those that are copied one copy for each kind that their class gets.

    Every copy has its parent's identity, group, labels and part. Degrees and factors are drawn for each photo by seed
    and file name, so that they depend neither on the other photos nor on their order.

    Args:
        faces: one row a photo: ``file, parent, looks`` and others.
        settings: whose photos are mirrored, turned, brightened, and by how much.
        copied: which of the photos may be copied; None copies all.

    Returns:
        The photos, then their copies, with the columns ``mirrored, rotation, brightness``; ``file`` is unique.
    """
    photos = faces.assign(**COPY_COLUMNS)
    originals = photos if copied is None else photos[copied]
    tables, taken = [photos], {file.casefold() for file in faces["file"]}
    for kind, whose in (("mirrored", settings.mirror), ("rotated", settings.rotate), ("brightened", settings.brighten)):
        if whose == "none":
            continue
        chosen = originals if whose == "both" else originals[originals["looks"] == 1]
        draws = [_draw(settings.seed, kind, file) for file in chosen["file"]]
        made: dict[str, Any] = {"file": [_free_name(file, kind, taken) for file in chosen["file"]]}
        if kind == "mirrored":
            made["mirrored"] = True
        elif kind == "rotated":
            made["rotation"] = [round(settings.max_degrees * draw, 2) for draw in draws]
        else:
            made["brightness"] = [round(1 + settings.max_brightness * draw, 3) for draw in draws]
        tables.append(chosen.assign(**made))
    return pd.concat(tables, ignore_index=True)


def is_copy(table: pd.DataFrame) -> pd.Series[bool]:
    """Whether each row of a split table is a copy of another photo."""
    return table["file"] != table["parent"]


def copied_image(row: Row, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Make a row's image from its parent's: mirror, turn about the centre, brighten; a photo itself stays as it is.

    Apply it to the face and to its matte **before** laying one on a background, or a darker copy has a darker
    background too. Corners that a turned image leaves open are filled by repeating its edge; a reflection would show
    hair and shoulders twice.

    Args:
        row: ``mirrored``; ``rotation`` in degrees, positive counter-clockwise as seen; ``brightness``, a factor.
        image: uint8 (H, W, 3), RGB; (H, W, 4), RGB and alpha; or (H, W), a matte. Matte and alpha have no brightness.

    Returns:
        uint8 of the same shape, contiguous.
    """
    if row["mirrored"]:
        image = image[:, ::-1]
    image = np.ascontiguousarray(image)
    if row["rotation"]:
        import cv2

        height, width = image.shape[:2]
        turned = cv2.warpAffine(
            image,
            _turn(row["rotation"], height, width),
            (width, height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        image = np.asarray(turned, dtype=np.uint8)
    if row["brightness"] != 1 and image.ndim == 3:
        colours = np.clip(np.rint(image[..., :3] * float(row["brightness"])), 0, 255).astype(np.uint8)
        image = np.concatenate([colours, image[..., 3:]], axis=2)
    return image


def copied_landmarks(
    row: Row, landmarks: npt.NDArray[np.float64], size: int | tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Where the parent's landmarks are in a row's image.

    Args:
        row: ``mirrored`` and ``rotation``, as in :func:`copied_image`.
        landmarks: (5, 2) in pixels of the parent's image.
        size: side of a square image, or (height, width), px.

    Returns:
        (5, 2) in pixels of the row's image; left and right as seen in it.
    """
    height, width = (size, size) if isinstance(size, int) else size
    points = np.asarray(landmarks, dtype=np.float64)
    if row["mirrored"]:
        points = mirror_landmarks(points, width)
    if row["rotation"]:
        turn = _turn(row["rotation"], height, width)
        points = points @ turn[:, :2].T + turn[:, 2]
    return points


def mirrored_name(file: str) -> str:
    """Name of the mirrored copy: ``ada/0001.jpg`` gives ``ada/0001.mirrored.jpg``."""
    return _name(file, "mirrored")


def _name(file: str, mark: str) -> str:
    path = PurePosixPath(file)
    return str(path.with_name(f"{path.stem}.{mark}{path.suffix}"))


def _free_name(file: str, kind: str, taken: set[str]) -> str:
    """A name that no other image has; a photo may happen to be called like a copy. Letter case does not count."""
    name, number = _name(file, kind), 1
    while name.casefold() in taken:
        number += 1
        name = _name(file, f"{kind}-{number}")
    taken.add(name.casefold())
    return name


def _draw(seed: int, kind: str, file: str) -> float:
    """A number between -1 and 1, but not near 0, evenly; the same for the same seed, kind and file."""
    digest = hashlib.blake2b(f"{seed} {kind} {file}".encode(), digest_size=8).digest()
    number = 2 * int.from_bytes(digest, "big") / 2**64 - 1
    return float(np.copysign(_LEAST + (1 - _LEAST) * abs(number), number))


def _turn(degrees: float, height: int, width: int) -> npt.NDArray[np.float64]:
    """The (2, 3) matrix that turns pixel coordinates about the centre, counter-clockwise as seen."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([rotation, centre - rotation @ centre])
