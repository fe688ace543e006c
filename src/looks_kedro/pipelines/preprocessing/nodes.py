"""Nodes of the preprocessing pipeline."""

import logging
from functools import partial
from typing import Any

import pandas as pd

from looks_kedro.datasets import ImageFolder, Images
from looks_kedro.errors import BadInputError
from looks_kedro.faces import LANDMARK_COLUMNS, Inspector, Portrait, crop_face, inspect_portrait, landmarks_of
from looks_kedro.parallel import map_images
from looks_kedro.tables import columns, empty_table

from .parameters import Preprocessing

log = logging.getLogger(__name__)

CLASS_FOLDERS = {1: "celebrities", 0: "ordinary"}


def inspect_portraits(
    raw_celebrities: ImageFolder, raw_ordinary: ImageFolder, acquisition_log: pd.DataFrame, preprocessing: Preprocessing
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find the face that each raw portrait is about.

    Args:
        raw_celebrities: raw images of class 1.
        raw_ordinary: raw images of class 0.
        acquisition_log: identity and source of each raw image.
        preprocessing: how faces are found and chosen.

    Returns:
        The face table (side views included, ``frontal`` false) and the rejections; each raw image is a frontal face
        or has one row in the rejections.

    Raises:
        BadInputError: a class has no frontal face.
    """
    kept = acquisition_log[acquisition_log["kept"]]
    copies = kept[kept.duplicated("sha256")]
    rejections = _duplicates(kept, copies)
    folders = {1: raw_celebrities, 0: raw_ordinary}
    portraits = [
        Portrait(
            path=folders[row["looks"]].path(row["file"]),
            file=face_file(row["looks"], row["file"]),
            raw_file=row["file"],
            looks=row["looks"],
            identity=row["identity"],
            source=row["source"],
        )
        for row in kept.drop(copies.index).to_dict("records")
    ]
    setup = partial(
        Inspector, preprocessing.detection, preprocessing.alignment, preprocessing.pose, preprocessing.max_pixels
    )
    found = list(
        map_images(
            inspect_portrait, portraits, setup=setup, processes=preprocessing.processes, description="finding faces"
        )
    )
    faces = _table("face_table", [result.face for result in found if result.face is not None])
    refused = _table("rejections", [result.rejection for result in found if result.rejection is not None])
    rejections = pd.concat([rejections, refused], ignore_index=True) if len(rejections) else refused
    _tell(len(kept), faces, rejections)
    return faces, rejections


def crop_faces(
    raw_celebrities: ImageFolder, raw_ordinary: ImageFolder, face_table: pd.DataFrame, preprocessing: Preprocessing
) -> Images:
    """Cut out the frontal faces, all by the same geometry, resampling and encoder.

    Args:
        raw_celebrities: raw images of class 1.
        raw_ordinary: raw images of class 0.
        face_table: boxes and landmarks.
        preprocessing: size and alignment.

    Returns:
        The faces, cut out while they are saved.
    """
    folders = {1: raw_celebrities, 0: raw_ordinary}
    return Images(
        [
            (
                row["file"],
                partial(
                    crop_face,
                    folders[row["looks"]].path(row["raw_file"]),
                    landmarks_of(row, LANDMARK_COLUMNS),
                    [row["box_left"], row["box_top"], row["box_right"], row["box_bottom"]],
                    preprocessing.alignment,
                    preprocessing.max_pixels,
                ),
                row["raw_file"],
            )
            for row in face_table[face_table["frontal"]].to_dict("records")
        ]
    )


def face_file(looks: int, raw_file: str) -> str:
    """Name of a face in the folder of faces: class, then the raw name; always JPEG."""
    suffix = "" if raw_file.lower().endswith((".jpg", ".jpeg")) else ".jpg"
    return f"{CLASS_FOLDERS[looks]}/{raw_file}{suffix}"


def _duplicates(kept: pd.DataFrame, copies: pd.DataFrame) -> pd.DataFrame:
    firsts = kept.drop(copies.index).to_dict("records")
    first = {row["sha256"]: face_file(row["looks"], row["file"]) for row in firsts}
    rows = [
        {
            "file": face_file(row["looks"], row["file"]),
            "looks": row["looks"],
            "identity": row["identity"],
            "stage": "preprocessing",
            "reason": "duplicate",
            "detail": f"the same bytes as {first[row['sha256']]}",
        }
        for row in copies.to_dict("records")
    ]
    return _table("rejections", rows)


def _table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns(name)) if rows else empty_table(name)


def _tell(raw: int, faces: pd.DataFrame, rejections: pd.DataFrame) -> None:
    frontal = faces[faces["frontal"]]
    reasons = ", ".join(f"{reason} {count}" for reason, count in rejections["reason"].value_counts().items())
    log.info("%d raw images = %d frontal faces + %d rejected (%s)", raw, len(frontal), len(rejections), reasons or "-")
    for looks, name in CLASS_FOLDERS.items():
        if not (frontal["looks"] == looks).any():
            refused = rejections[rejections["looks"] == looks]["reason"].value_counts()
            told = ", ".join(f"{reason} {count}" for reason, count in refused.items())
            raise BadInputError(
                f"No frontal face is left of {name}: of its raw images were rejected {told}. Give photos that show one "
                "face from the front, or loosen preprocessing.detection or preprocessing.pose."
            )
