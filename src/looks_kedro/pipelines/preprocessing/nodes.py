"""Nodes of the preprocessing pipeline."""

import logging
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro import acceptance
from looks_kedro.acceptance import Decision
from looks_kedro.cache import ResultCache, fingerprint
from looks_kedro.datasets import ImageFolder, Images, Keyed
from looks_kedro.duplicates import find_copies
from looks_kedro.errors import BadInputError
from looks_kedro.faces import LANDMARK_COLUMNS, crop_face, landmarks_of
from looks_kedro.tables import columns, empty_table

from .measuring import measure, strangers, thumbnails
from .parameters import Preprocessing

log = logging.getLogger(__name__)

CLASS_FOLDERS = {1: "celebrities", 0: "ordinary"}
CORRECTIONS = "02_intermediate/corrections.csv in the folder of the study"
BOX = ["box_left", "box_top", "box_right", "box_bottom"]


def inspect_raw_images(
    raw_celebrities: ImageFolder,
    raw_ordinary: ImageFolder,
    acquisition_log: pd.DataFrame,
    corrections: pd.DataFrame,
    preprocessing: Preprocessing,
    result_cache: ResultCache,
    weights_folder: Path,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Find the face that each raw image is about, and decide which images go on.

    Args:
        raw_celebrities: raw images of class 1.
        raw_ordinary: raw images of class 0.
        acquisition_log: identity, source and sha256 of each raw image.
        corrections: the user's decisions, which win.
        preprocessing: how faces are found and which count.
        result_cache: what was computed before.
        weights_folder: where weights of HopeNet and of the face embedding may lie.

    Returns:
        The face table (rejected faces included, ``kept`` false); the rejections, so that each raw image is a kept face
        or has one row there; and what the program decided before the user's corrections, one row a raw image.

    Raises:
        BadInputError: no face is left of a class, or the log is not that of the raw images.
    """
    folders = {1: raw_celebrities, 0: raw_ordinary}
    _check_log(acquisition_log, folders)
    portraits = _portraits(acquisition_log)
    measured = measure(portraits, folders, preprocessing, result_cache, weights_folder)
    pictures = pd.concat([portraits, _picture_columns(measured)], axis=1)
    faces = _faces(portraits, measured, preprocessing)
    decisions = _decisions(portraits, measured, faces)
    decisions = acceptance.without_copies(decisions, find_copies(pictures, preprocessing.duplicates))
    kept = {decision.file for decision in decisions if decision.kept}
    celebrities = faces[(faces["looks"] == 1) & faces["file"].isin(kept)]
    others, distances = strangers(
        celebrities.merge(portraits[["file", "sha256"]], on="file"),
        folders,
        preprocessing,
        result_cache,
        weights_folder,
    )
    decided = acceptance.without_strangers(decisions, others)
    decisions = acceptance.corrected(decided, corrections, set(faces["file"]))
    kept = {decision.file for decision in decisions if decision.kept}
    faces = faces.assign(kept=faces["file"].isin(kept), person_distance=faces["file"].map(distances).astype(float))
    rejected = acceptance.rejections(decisions)
    rejections = pd.DataFrame(rejected, columns=columns("rejections")) if rejected else empty_table("rejections")
    _tell(len(portraits), faces[faces["kept"]], rejections)
    return faces[columns("face_table")], rejections, _decision_table(portraits, decided, corrections)


def crop_faces(
    raw_celebrities: ImageFolder, raw_ordinary: ImageFolder, face_table: pd.DataFrame, preprocessing: Preprocessing
) -> Images:
    """Cut out the kept faces, all by the same geometry, resampling and encoder.

    Args:
        raw_celebrities: raw images of class 1.
        raw_ordinary: raw images of class 0.
        face_table: boxes and landmarks.
        preprocessing: size and alignment.

    Returns:
        The faces, cut out while they are saved; those that were cut out before are not cut again.
    """
    folders = {1: raw_celebrities, 0: raw_ordinary}
    digests = {looks: dict(folder.manifest[["name", "sha256"]].to_numpy()) for looks, folder in folders.items()}
    alignment, max_pixels = preprocessing.alignment, preprocessing.max_pixels
    how = fingerprint(
        "crop",
        alignment,
        max_pixels,
        code=["looks_kedro.faces", "looks_kedro.datasets.encoding"],
        packages=["numpy", "opencv-python-headless", "pillow"],
    )

    def face(row: dict[Any, Any]) -> Keyed:
        looks, raw_file = row["looks"], row["raw_file"]
        landmarks, box = landmarks_of(row, LANDMARK_COLUMNS), [row[side] for side in BOX]
        key = f"{how} {digests[looks][raw_file]} {landmarks.tolist()} {box}"
        return Keyed(key, partial(crop_face, folders[looks].path(raw_file), landmarks, box, alignment, max_pixels))

    rows = face_table[face_table["kept"]].to_dict("records")
    return Images([(row["file"], face(row), row["raw_file"]) for row in rows])


def review_portraits(
    raw_celebrities: ImageFolder,
    raw_ordinary: ImageFolder,
    decisions: pd.DataFrame,
    corrections: pd.DataFrame,
    preprocessing: Preprocessing,
    result_cache: ResultCache,
) -> str:
    """Show what was kept and what was rejected, by person and reason.

    Args:
        raw_celebrities: raw images of class 1.
        raw_ordinary: raw images of class 0.
        decisions: what the program decided of each raw image.
        corrections: the user's decisions so far.
        preprocessing: size of the page.
        result_cache: thumbnails that were made before.

    Returns:
        One self-contained HTML page, on which decisions can be corrected.
    """
    from looks_kedro.reporting.review import ReviewPicture, files_shown, review_page

    per_group = preprocessing.review.per_group
    rows = decisions.to_dict("records")
    pictures = [
        ReviewPicture(row["file"], row["looks"], row["identity"], not row["reason"], row["reason"], row["detail"],
                      row["duplicate_of"])
        for row in rows
    ]  # fmt: skip
    shown = set(files_shown(pictures, corrections=corrections, per_group=per_group))
    wanted = [row for row in rows if row["file"] in shown]
    small = thumbnails(wanted, {1: raw_celebrities, 0: raw_ordinary}, preprocessing, result_cache)
    return review_page(
        [replace(picture, thumbnail=small.get(picture.file)) for picture in pictures],
        corrections=corrections,
        corrections_path=CORRECTIONS,
        per_group=per_group,
    )


def face_file(looks: int, raw_file: str) -> str:
    """Name of a face in the folder of faces: class, then the raw name; always JPEG."""
    suffix = "" if raw_file.lower().endswith((".jpg", ".jpeg")) else ".jpg"
    return f"{CLASS_FOLDERS[looks]}/{raw_file}{suffix}"


def _portraits(acquisition_log: pd.DataFrame) -> pd.DataFrame:
    """The raw images: ``file, raw_file, looks, identity, source, sha256, bytes``."""
    kept = acquisition_log[acquisition_log["kept"]].reset_index(drop=True)
    table = kept.rename(columns={"file": "raw_file"}).assign(file=_face_files(kept))
    # Nobody in particular has the class in the name: two flat folders may both have a 1.jpg, of two people.
    own = table["identity"] == table["raw_file"]
    table["identity"] = table["identity"].mask(own, table["file"])
    return table[["file", "raw_file", "looks", "identity", "source", "sha256", "bytes"]]


def _face_files(kept: pd.DataFrame) -> list[str]:
    """Name of the face of each raw image; ``a.png`` gives way where there is an ``a.png.jpg`` beside it."""
    rows = list(zip(kept["looks"], kept["file"], strict=True))
    names = [face_file(looks, file) for looks, file in rows]
    # Those that stay as they are come first, so that their names do not depend on the others.
    taken = {name for name, (_, file) in zip(names, rows, strict=True) if name.endswith(f"/{file}")}
    for row, (_, file) in enumerate(rows):
        if names[row].endswith(f"/{file}"):
            continue
        plain, number = names[row].removesuffix(".jpg"), 1
        while names[row] in taken:
            number += 1
            names[row] = f"{plain}~{number}.jpg"
        taken.add(names[row])
    return names


def _check_log(acquisition_log: pd.DataFrame, folders: dict[int, ImageFolder]) -> None:
    """See that the log tells of these raw images: a run killed while it saved them leaves new images and an old log."""
    kept = acquisition_log[acquisition_log["kept"]]
    for looks, folder in folders.items():
        of_class = kept[kept["looks"] == looks]
        logged = dict(zip(of_class["file"], of_class["sha256"], strict=True))
        stored = dict(folder.manifest[["name", "sha256"]].to_numpy())
        for name in [*stored, *logged]:
            if logged.get(name) == stored.get(name):
                continue
            found = (
                "is not among the images" if name not in stored
                else "has no row in the log" if name not in logged
                else "is another picture than the log says"
            )  # fmt: skip
            raise BadInputError(
                f"acquisition_log: expected the log of the raw images in {folder.root}; found the log of others: "
                f"{name} {found}. Run `kedro run --pipelines acquisition` again, or load both of one version "
                f"(--load-versions)."
            )


def _picture_columns(measured: list[dict[str, Any]]) -> pd.DataFrame:
    unknown: dict[str, Any] = {"perceptual_hash": "", "thumbnail": "", "raw_width": 0, "raw_height": 0}
    return pd.DataFrame([unknown | (result["image"] or {}) for result in measured])[list(unknown)]


def _faces(portraits: pd.DataFrame, measured: list[dict[str, Any]], settings: Preprocessing) -> pd.DataFrame:
    """Rows of the face table; ``kept`` and ``person_distance`` are still to be filled."""
    from looks_kedro.faces import face_row

    rows = [
        face_row(result, file=row["file"], raw_file=row["raw_file"], looks=row["looks"], identity=row["identity"],
                 source=row["source"], pose=settings.pose)
        for row, result in zip(portraits.to_dict("records"), measured, strict=True)
        if result["face"] is not None
    ]  # fmt: skip
    return pd.DataFrame(rows) if rows else empty_table("face_table")


def _decisions(portraits: pd.DataFrame, measured: list[dict[str, Any]], faces: pd.DataFrame) -> list[Decision]:
    """What the picture and its face alone say."""
    from looks_kedro.faces import pose_detail

    turned = {
        row["file"]: pose_detail({str(name): value for name, value in row.items()})
        for row in faces[~faces["frontal"].astype(bool)].to_dict("records")
    }

    def decision(row: dict[Any, Any], result: dict[str, Any]) -> Decision:
        reason, detail, file = result["reason"], result["detail"], row["file"]
        if not reason and file in turned:
            reason, detail = "side_view", turned[file]
        return Decision(file, row["looks"], row["identity"], reason, detail)

    return [decision(row, result) for row, result in zip(portraits.to_dict("records"), measured, strict=True)]


def _decision_table(portraits: pd.DataFrame, decided: list[Decision], corrections: pd.DataFrame) -> pd.DataFrame:
    wanted = dict(zip(corrections["file"], corrections["decision"], strict=True))
    raw_files = dict(zip(portraits["file"], portraits["raw_file"], strict=True))
    rows = [
        asdict(decision) | {"raw_file": raw_files[decision.file], "correction": wanted.get(decision.file, "")}
        for decision in decided
    ]
    return pd.DataFrame(rows, columns=columns("decisions"))


def _tell(raw: int, faces: pd.DataFrame, rejections: pd.DataFrame) -> None:
    reasons = ", ".join(f"{reason} {count}" for reason, count in rejections["reason"].value_counts().items())
    log.info("%d raw images = %d faces kept + %d rejected (%s)", raw, len(faces), len(rejections), reasons or "-")
    shared = rejections[rejections["reason"] == "duplicate_of_another_person"]
    for row in shared.head(5).to_dict("records"):
        log.warning("One picture under two people: %s, %s", row["file"], row["detail"])
    if len(shared) > 5:
        log.warning("... and %d more: see rejections.csv", len(shared) - 5)
    for looks, name in CLASS_FOLDERS.items():
        if not (faces["looks"] == looks).any():
            refused = rejections[rejections["looks"] == looks]["reason"].value_counts()
            told = ", ".join(f"{reason} {count}" for reason, count in refused.items())
            raise BadInputError(
                f"No face is left of {name}: of its raw images were rejected {told}. Give photos that show one "
                "face from the front, or loosen preprocessing.detection or preprocessing.pose."
            )
