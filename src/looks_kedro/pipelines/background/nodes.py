"""Nodes of the background pipeline."""

import base64
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.balancing import copied_image, copied_landmarks
from looks_kedro.cache import Cached, ResultCache, fingerprint
from looks_kedro.datasets import ImageFolder, Images, Keyed
from looks_kedro.errors import BadInputError
from looks_kedro.faces import landmarks_of
from looks_kedro.mattes import FaceToCut, Matter, decide, make_matte, matte_key, saved_matte
from looks_kedro.mattes.compositing import Variant, compose
from looks_kedro.parallel import map_images
from looks_kedro.tables import CROP_LANDMARKS, columns

from .parameters import Background

log = logging.getLogger(__name__)

CLASSES = {1: "celebrities", 0: "ordinary people"}
_CODE = (
    "looks_kedro.balancing.copies",
    "looks_kedro.datasets.encoding",
    "looks_kedro.faces.geometry",
    "looks_kedro.mattes.compositing",
)
_PACKAGES = ("numpy", "opencv-python-headless", "pillow")
_NOT_OF_THE_PICTURE = ("file", "parent", "part", "group", "looks", "identity", "age", "gender", "race")


def cut_out(
    faces: ImageFolder,
    face_table: pd.DataFrame,
    background: Background,
    result_cache: ResultCache,
    weights_folder: Path,
) -> tuple[Images, pd.DataFrame]:
    """Cut the person out of each face, and judge each cut-out.

    Args:
        faces: the faces.
        face_table: their landmarks and classes.
        background: how, and when a matte counts as failed; changed limits judge anew and cut nothing out again.
        result_cache: mattes that were made before.
        weights_folder: where the weights of rembg's models lie.

    Returns:
        One grey matte a face (PNG, 255 = person); and one row a matte, ``passed`` false and ``reason`` said where the
        person was not cut out well.
    """
    items = _faces_to_cut(faces, face_table)
    cached = Cached(result_cache, background.fingerprint(weights_folder), matte_key)
    made = map_images(
        make_matte,
        items,
        setup=partial(Matter, background, weights_folder),
        processes=background.processes_for(background.processes),
        description="cutting out",
        cache=cached,
    )
    classes = dict(zip(face_table["file"], face_table["looks"], strict=True))
    rows = []
    for item, result in zip(items, made, strict=True):
        # The mattes themselves stay in the cache until they are saved, or tens of thousands would be in memory.
        measures = {name: value for name, value in result.items() if name != "png"}
        row = {"file": item.file, "looks": classes[item.file], "method": background.name}
        rows.append(row | measures | decide(measures, background.limits))
    table = pd.DataFrame(rows)[columns("matte_quality")]
    _tell(table)
    keys = [cached.key_of(item) for item in items]
    mattes = [
        (matte_file(item.file), Keyed(key, partial(saved_matte, result_cache, key)), item.file)
        for item, key in zip(items, keys, strict=True)
    ]
    return Images(mattes), table


def show_rejected(
    faces: ImageFolder,
    mattes: ImageFolder,
    matte_quality: pd.DataFrame,
    background: Background,
    result_cache: ResultCache,
) -> str:
    """Show the faces that were cut out badly, by class and reason.

    Args:
        faces: the faces.
        mattes: one a face.
        matte_quality: one row a matte.
        background: size of the page, and what becomes of failed mattes.
        result_cache: pictures that were made before.

    Returns:
        One self-contained HTML page.
    """
    from looks_kedro.reporting.mattes_page import CutOut, draw_strip, files_shown, mattes_page, strip_key

    page = background.rejected_page
    of_faces, of_mattes = _digests(faces), _digests(mattes)
    items = [
        CutOut(file, faces.path(file), mattes.path(matte), strip_key(of_faces[file], of_mattes[matte]))
        for file in files_shown(matte_quality, page.per_group)
        for matte in [matte_file(file)]
    ]
    cached = Cached(
        result_cache,
        fingerprint("rejected matte", page.side, code=["looks_kedro.reporting.mattes_page"], packages=["pillow"]),
        lambda item: item.key,
    )
    strips = map_images(partial(draw_strip, page.side), items, processes=1, cache=cached)
    return mattes_page(
        matte_quality,
        {item.file: base64.b64decode(text) for item, text in zip(items, strips, strict=True)},
        limits=background.limits.model_dump(),
        rejected=background.reject == "before_balancing",
        per_group=page.per_group,
        side=page.side,
    )


def compose_variant(
    faces: ImageFolder, mattes: ImageFolder, split_table: pd.DataFrame, face_table: pd.DataFrame, variant: Variant
) -> Images:
    """Build the images of one variant that the models see.

    Every image, copy or not and of either class, is decoded and encoded once more by the same encoder, so that no
    class can be told by its compression. Face and matte are copied (mirrored and so on) before one is laid on the
    other: a copy that is brighter or rotated has the same ground as any other image.

    Args:
        faces: the faces.
        mattes: one a face; a failed one that was not rejected is used as it is.
        split_table: which faces, and which copies of them.
        face_table: landmarks.
        variant: what is done to the faces.

    Returns:
        The images under the same names for every variant, and their table with landmarks as they are in the image.
        They are built while they are saved; those that were built before are not built again.

    Raises:
        BadInputError: the split table names a face that has no matte, or that is no face.
    """
    kept = face_table[face_table["kept"]]
    landmarks = {row["file"]: landmarks_of(row) for row in kept.to_dict("records")}
    digests = _digests(faces), _digests(mattes)
    _check_parents(split_table, landmarks, faces, mattes, *digests)
    size = faces.array(split_table["parent"].iloc[0]).shape[:2]
    how = fingerprint("variant", variant, code=_CODE, packages=_PACKAGES)

    def content(row: dict[str, Any]) -> Keyed:
        parent = row["parent"]
        points = landmarks[parent]
        # Nothing but what the picture depends on, or a table with other ages would build all of it again.
        depends = [digests[0][parent], {name: row[name] for name in row if name not in _NOT_OF_THE_PICTURE}]
        depends += [digests[1][matte_file(parent)]] if variant.needs_matte else []
        depends += [points.tolist()] if variant.kind == "face_only" else []
        return Keyed(f"{how} {depends}", partial(composed, faces, mattes, row, points, variant))

    rows = [{str(name): value for name, value in row.items()} for row in split_table.to_dict("records")]
    points = np.stack([copied_landmarks(row, landmarks[row["parent"]], size) for row in rows])
    table = split_table.assign(**{name: points.reshape(-1, 10)[:, i] for i, name in enumerate(CROP_LANDMARKS)})
    return Images([(row["file"], content(row), row["parent"]) for row in rows], table=table[columns("model_input")])


def composed(
    faces: ImageFolder,
    mattes: ImageFolder,
    row: Mapping[str, Any],
    landmarks: npt.NDArray[np.float64],
    variant: Variant,
) -> npt.NDArray[np.uint8]:
    """One image of a variant.

    Args:
        faces: the faces.
        mattes: one a face.
        row: of the split table.
        landmarks: (5, 2) in pixels of the face, before it is copied.
        variant: what is done to it.

    Returns:
        uint8 of the height and width of the face, RGB, or RGBA where the variant is transparent.
    """
    face = faces.array(row["parent"])
    matte = copied_image(row, mattes.array(matte_file(row["parent"]))) if variant.needs_matte else None
    return compose(variant, copied_image(row, face), copied_landmarks(row, landmarks, face.shape[:2]), matte)


def _digests(folder: ImageFolder) -> dict[str, str]:
    manifest = folder.manifest
    return dict(zip(manifest["name"], manifest["sha256"], strict=True))


def _check_parents(
    split_table: pd.DataFrame,
    landmarks: Mapping[str, Any],
    faces: ImageFolder,
    mattes: ImageFolder,
    face_digests: Mapping[str, str],
    matte_digests: Mapping[str, str],
) -> None:
    for parent in split_table["parent"]:
        if parent not in landmarks or parent not in face_digests:
            raise BadInputError(
                f"split_table: {parent} is no face of {faces.root}: the table was made from other faces. "
                "Run `kedro run --pipelines balancing,background` again."
            )
        if matte_file(parent) not in matte_digests:
            raise BadInputError(
                f"split_table: {parent} has no matte in {mattes.root}: they were made of other faces. "
                "Run `kedro run --pipelines background,balancing` again."
            )


def matte_file(file: str) -> str:
    """Name of the matte of a face: a PNG. The face's suffix stays, or ``a.jpg`` and ``a.jpeg`` would have one matte."""
    return f"{file}.png"


def _faces_to_cut(faces: ImageFolder, face_table: pd.DataFrame) -> list[FaceToCut]:
    """Each face of the folder with its landmarks, in the order of the folder."""
    landmarks = {row["file"]: landmarks_of(row) for row in face_table[face_table["kept"]].to_dict("records")}
    digests = _digests(faces)
    for name in faces.names:
        if name not in landmarks:
            raise BadInputError(
                f"face_table: {name} of {faces.root} has no row: the table is of other faces. "
                "Run `kedro run --pipelines preprocessing` again."
            )
    return [
        FaceToCut(faces.path(name), name, digests[name], tuple(landmarks[name].ravel().tolist()))
        for name in faces.names
    ]


def _tell(matte_quality: pd.DataFrame) -> None:
    for looks, name in CLASSES.items():
        rows = matte_quality[matte_quality["looks"] == looks]
        reasons = rows.loc[~rows["passed"], "reason"].value_counts()
        told = ", ".join(f"{reason} {count}" for reason, count in reasons.items()) or "-"
        log.info("mattes of %s: %d of %d passed (failed: %s)", name, int(rows["passed"].sum()), len(rows), told)
