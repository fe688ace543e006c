"""Tables of the images: layers 01 to 05, from what was found to what the networks see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from looks_kedro.tables.kinds import (
    attributes,
    column,
    day,
    file_key,
    looks,
    matching,
    number,
    perceptual_hash,
    sha256,
    text,
    whole,
    word,
)
from looks_kedro.tables.vocabulary import CROP_LANDMARKS, GENDERS, LANDMARKS, RACES

if TYPE_CHECKING:
    import pandera.pandas as pa

Columns = dict[str, "pa.Column"]


def image_tables() -> dict[str, Columns]:
    """Columns of each table of the images, by the table's name."""
    return _sources() | _faces() | _labels() | _parts()


def _sources() -> dict[str, Columns]:
    log = {"file": text(), "looks": looks(), "source": text(True)}
    log |= {name: text() for name in ("origin", "page", "title", "query")}
    log |= {"rank": number(1, missing=True), "status": number(100, 599, missing=True)}
    log |= {name: text() for name in ("type", "identity", "licence")}
    log |= {"sha256": sha256(), "perceptual_hash": perceptual_hash(), "bytes": whole()}
    time = r"(\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?"
    log |= {"time": matching(time, "an ISO time such as 2024-05-01T12:00:00Z, or empty")}
    said = {name: text() for name in ("title", "author", "licence", "licence_url", "page", "origin")}
    return {
        "people": {"identity": text(True), "name": text(True), "rank_list": text(), "birth_date": day(),
                   "gender": word(*GENDERS, unknown=True), "race": word(*RACES, unknown=True)},
        "acquisition_log": log | {"kept": column("flag"), "reason": text()},
        "source_labels": {"file": file_key(), "looks": looks()} | attributes()
        | {"label_source": text(), "photo_date": day()},
        "attributions": {"file": file_key(), "looks": looks(), "identity": text(True)} | said,
        "weights_table": {"name": text(True), "file": text(), "bytes": whole(), "sha256": sha256(),
                          "origin": text(), "state": text(True)},
    }  # fmt: skip


def _faces() -> dict[str, Columns]:
    return {
        "corrections": {"file": file_key(), "decision": word("keep", "reject"), "reason": text()},
        "face_table": _face_table(),
        "decisions": {"file": file_key(), "raw_file": file_key(), "looks": looks(), "identity": text(True),
                      "reason": text(), "detail": text(), "duplicate_of": text(),
                      "correction": word("keep", "reject", unknown=True)},
        "rejections": {"file": text(True), "looks": looks(), "identity": text(), "stage": text(True),
                       "reason": text(True), "detail": text(), "duplicate_of": text()},
    }  # fmt: skip


def _labels() -> dict[str, Columns]:
    share = {"foreground_fraction": number(0, 1), "ellipse_overlap": number(0, 1, missing=True)}
    return {
        "label_corrections": {"file": file_key()} | attributes(),
        "label_rejections": {"table": text(True), "row": whole(1), "column": text(True), "file": text(),
                             "value": text(), "detail": text(True)},
        "labels": {"file": file_key()} | attributes() | {"looks": looks(), "identity": text(True), "source": text(),
                                                         "label_source": text()}
        | {f"{name}_probability": number(0, 1, missing=True) for name in ("age", "gender", "race")},
        "matte_quality": {"file": file_key(), "looks": looks(), "method": text(True)} | share
        | {"edge_certainty": number(0, 1, missing=True), "parts": whole(), "holes": whole()}
        | {name: number(0, missing=True) for name in ("head_cover", "roughness", "asymmetry", "weak_edge", "surround",
                                                      "variety", "texture")}
        | {"quality": number(0, 1, missing=True), "passed": column("flag"), "reason": text()},
    }  # fmt: skip


def _parts() -> dict[str, Columns]:
    return {
        "split_table": _split(),
        "balance_table": {"looks": looks(), "part": word("train", "test"),
                          "attribute": word("age", "gender", "race", "image"), "value": text(True),
                          "before": whole(), "after": whole(), "before_share": number(0, 1),
                          "after_share": number(0, 1)},
        "leak_table": {"looks": looks(), "unit": word("parent", "group", "identity")}
        | {name: whole() for name in ("in_train", "in_test", "in_both", "test_images", "leaking")}
        | {"share": number(0, 1)},
        "model_input": _split() | _crop_landmarks(),
    }  # fmt: skip


def _split() -> dict[str, pa.Column]:
    head = {"file": file_key(), "parent": file_key(), "part": word("train", "test"), "mirrored": column("flag")}
    head |= {"rotation": number(-180, 180), "brightness": number(0.01, 100)}
    return head | {"group": text(True), "looks": looks(), "identity": text(True)} | attributes()


def _face_table() -> dict[str, pa.Column]:
    head = {"file": file_key(), "raw_file": file_key(), "looks": looks(), "identity": text(True), "source": text()}
    size = {"raw_width": whole(1), "raw_height": whole(1)}
    box = {f"box_{side}": number() for side in ("left", "top", "right", "bottom")} | {"probability": number(0, 1)}
    pose = {angle: number(-180, 180) for angle in ("yaw", "pitch", "roll")}
    pose |= {"pose_method": text(True), "frontal": column("flag"), "kept": column("flag")}
    pose |= {"crop_scale": number(1e-6, 1e6)}
    return head | size | box | {name: number() for name in LANDMARKS} | pose | _crop_landmarks() | _picture()


def _picture() -> dict[str, pa.Column]:
    """Properties of the picture and of its face crop, which the audit may hold against the accuracy."""
    measured = {"jpeg_quality": number(1, 100, missing=True), "sharpness": number(0)}
    measured |= {name: number(0, 255) for name in ("brightness", "contrast", "saturation", "red", "green", "blue")}
    source = {"photo_date": day(), "perceptual_hash": perceptual_hash()}
    return source | measured | {"person_distance": number(0, 2, missing=True)}


def _crop_landmarks() -> dict[str, pa.Column]:
    # A face is 300 px; the far eye or mouth corner of a turned head may lie a little outside.
    return {name: number(-150, 450) for name in CROP_LANDMARKS}
