"""The tables of the study: the one place where their columns are defined.

Each table has a name, a pandera schema (``schema("face_table")``) and an order of columns. Text that is not known
is the empty string, never a missing value; numbers may be missing only where the schema says so.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    import pandera.pandas as pa

AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
"""Age groups of FairFace, in the order of its network's logits."""
GENDERS = ("Male", "Female")
"""Genders of FairFace, in the order of its network's logits."""
RACES = ("White", "Black", "Latino_Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern")
"""Races of FairFace, in the order of its network's logits."""

_POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
LANDMARKS = tuple(f"{point}_{axis}" for point in _POINTS for axis in "xy")
"""Columns of the five landmarks; left and right as seen in the image."""
CROP_LANDMARKS = tuple(f"crop_{name}" for name in LANDMARKS)
"""The same five landmarks in pixels of the aligned 300 x 300 face."""

NAMES = (
    "people",
    "acquisition_log",
    "source_labels",
    "attributions",
    "weights_table",
    "corrections",
    "face_table",
    "decisions",
    "rejections",
    "label_corrections",
    "label_rejections",
    "labels",
    "matte_quality",
    "split_table",
    "balance_table",
    "leak_table",
    "model_input",
    "history",
    "fairface_history",
    "predictions",
    "attention",
    "funnel",
    "study_table",
    "summary",
)
"""Names that ``schema`` knows."""

Kind = Literal["text", "whole", "number", "flag"]


@cache
def schema(name: str) -> pa.DataFrameSchema:
    """The pandera schema of a table.

    Args:
        name: one of ``NAMES``.

    Returns:
        A strict, ordered schema; coercion is left to ``check_table``, which names the offending row.

    Raises:
        BadInputError: no table has this name.
    """
    import pandera.pandas as pa

    if name not in NAMES:
        raise BadInputError(f"There is no table schema {name!r}; expected one of {', '.join(NAMES)}.")
    columns = _columns(name)
    return pa.DataFrameSchema(
        columns, checks=_table_checks(name), strict=True, ordered=True, unique=_UNIQUE.get(name), name=name
    )


def columns(name: str) -> list[str]:
    """Names of a table's columns, in order."""
    return list(schema(name).columns)


def kinds(name: str) -> dict[str, Kind]:
    """What each column of a table holds: text, whole (int64), number (float64) or flag (bool)."""
    return {column: part.metadata["kind"] for column, part in schema(name).columns.items()}


def empty_table(name: str) -> pd.DataFrame:
    """A table without rows, with the schema's columns and types."""
    dtypes: dict[Kind, str] = {"text": "str", "whole": "int64", "number": "float64", "flag": "bool"}
    return pd.DataFrame({column: pd.Series([], dtype=dtypes[kind]) for column, kind in kinds(name).items()})


# --- columns ---------------------------------------------------------------------------------------------------------


def _column(kind: Kind, *checks: Any, missing: bool = False) -> pa.Column:
    import pandera.pandas as pa

    # Types are settled by check_table before pandera sees the values, the same way for pandas 2 and 3.
    return pa.Column(None, checks=list(checks), nullable=missing, metadata={"kind": kind})


def _text(required: bool = False) -> pa.Column:
    import pandera.pandas as pa

    checks = [pa.Check(lambda values: values.str.len() > 0, error="a text that is not empty")] if required else []
    return _column("text", *checks)


def _matching(pattern: str, meaning: str) -> pa.Column:
    import pandera.pandas as pa

    return _column("text", pa.Check(lambda values: values.str.fullmatch(pattern), error=meaning))


def _key() -> pa.Column:
    pattern = r"(?!/)(?!.*(^|/)\.{1,2}(/|$))(?!.*//)(?s:.)*[^/]"
    return _matching(pattern, "a relative file name with forward slashes, such as ada/0001.jpg")


def _word(*words: str, unknown: bool = False) -> pa.Column:
    import pandera.pandas as pa

    told = ", ".join(words) + (", or empty where unknown" if unknown else "")
    allowed = [*words, ""] if unknown else list(words)
    return _column("text", pa.Check(lambda values: values.isin(allowed), error=f"one of {told}"))


def _range(kind: Kind, low: float, high: float, missing: bool = False) -> pa.Column:
    import pandera.pandas as pa

    told = f"a number from {low:g} to {high:g}" if high != float("inf") else f"a number of at least {low:g}"
    return _column(kind, pa.Check(lambda values: (values >= low) & (values <= high), error=told), missing=missing)


def _whole(low: int = 0) -> pa.Column:
    return _range("whole", low, float("inf"))


def _number(low: float = -1e9, high: float = 1e9, missing: bool = False) -> pa.Column:
    return _range("number", low, high, missing)


def _looks() -> pa.Column:
    import pandera.pandas as pa

    return _column("whole", pa.Check(lambda values: values.isin([0, 1]), error="1 (celebrity) or 0 (ordinary)"))


def _attributes() -> dict[str, pa.Column]:
    return {name: _word(*words, unknown=True) for name, words in (("age", AGES), ("gender", GENDERS), ("race", RACES))}


def _split() -> dict[str, pa.Column]:
    head = {"file": _key(), "parent": _key(), "part": _word("train", "test"), "mirrored": _column("flag")}
    head |= {"rotation": _number(-180, 180), "brightness": _number(0.01, 100)}
    return head | {"group": _text(True), "looks": _looks(), "identity": _text(True)} | _attributes()


def _face_table() -> dict[str, pa.Column]:
    head = {"file": _key(), "raw_file": _key(), "looks": _looks(), "identity": _text(True), "source": _text()}
    size = {"raw_width": _whole(1), "raw_height": _whole(1)}
    box = {f"box_{side}": _number() for side in ("left", "top", "right", "bottom")} | {"probability": _number(0, 1)}
    pose = {angle: _number(-180, 180) for angle in ("yaw", "pitch", "roll")}
    pose |= {"pose_method": _text(True), "frontal": _column("flag"), "kept": _column("flag")}
    pose |= {"crop_scale": _number(1e-6, 1e6)}
    return head | size | box | {name: _number() for name in LANDMARKS} | pose | _crop_landmarks() | _picture()


def _picture() -> dict[str, pa.Column]:
    """Properties of the picture and of its face crop, which the audit may hold against the accuracy."""
    measured = {"jpeg_quality": _number(1, 100, missing=True), "sharpness": _number(0)}
    measured |= {name: _number(0, 255) for name in ("brightness", "contrast", "saturation", "red", "green", "blue")}
    source = {"photo_date": _day(), "perceptual_hash": _perceptual_hash()}
    return source | measured | {"person_distance": _number(0, 2, missing=True)}


def _day() -> pa.Column:
    return _matching(r"(\d{4}(-\d\d(-\d\d)?)?)?", "a date such as 1990-05-17, 1990-05 or 1990, or empty")


def _perceptual_hash() -> pa.Column:
    return _matching("([0-9a-f]{16})?", "16 hexadecimal digits, or empty")


def _sha256() -> pa.Column:
    return _matching("([0-9a-f]{64})?", "64 hexadecimal digits, or empty")


def _crop_landmarks() -> dict[str, pa.Column]:
    # A face is 300 px; the far eye or mouth corner of a turned head may lie a little outside.
    return {name: _number(-150, 450) for name in CROP_LANDMARKS}


def _columns(name: str) -> dict[str, pa.Column]:
    log = {"file": _text(), "looks": _looks(), "source": _text(True)}
    log |= {name: _text() for name in ("origin", "page", "title", "query")}
    log |= {"rank": _number(1, missing=True), "status": _number(100, 599, missing=True)}
    log |= {name: _text() for name in ("type", "identity", "licence")}
    log |= {"sha256": _sha256(), "perceptual_hash": _perceptual_hash(), "bytes": _whole()}
    time = r"(\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?"
    log |= {"time": _matching(time, "an ISO time such as 2024-05-01T12:00:00Z, or empty")}
    result = {"file": _key(), "looks": _looks(), "identity": _text(True)}
    share = {"foreground_fraction": _number(0, 1), "ellipse_overlap": _number(0, 1, missing=True)}
    losses = {f"{part}_{what}": _number(0, 1e9 if what == "loss" else 1) for part in ("train", "test")
              for what in ("loss", "accuracy")}  # fmt: skip
    history = {"epoch": _whole()} | losses | {"seconds": _number(0)}
    cell = {"variant": _text(True), "backbone": _text(True)}
    measured = ("accuracy", "balanced_accuracy", "face_share", "face_area")
    logits = {"logit_ordinary": _number(), "logit_celebrity": _number(), "probability": _number(0, 1)}
    said = {name: _text() for name in ("title", "author", "licence", "licence_url", "page", "origin")}
    tables: dict[str, dict[str, pa.Column]] = {
        "people": {"identity": _text(True), "name": _text(True), "rank_list": _text(), "birth_date": _day(),
                   "gender": _word(*GENDERS, unknown=True), "race": _word(*RACES, unknown=True)},
        "acquisition_log": log | {"kept": _column("flag"), "reason": _text()},
        "source_labels": {"file": _key(), "looks": _looks()} | _attributes()
        | {"label_source": _text(), "photo_date": _day()},
        "attributions": {"file": _key(), "looks": _looks(), "identity": _text(True)} | said,
        "weights_table": {"name": _text(True), "file": _text(), "bytes": _whole(), "sha256": _sha256(),
                          "origin": _text(), "state": _text(True)},
        "corrections": {"file": _key(), "decision": _word("keep", "reject"), "reason": _text()},
        "face_table": _face_table(),
        "decisions": {"file": _key(), "raw_file": _key(), "looks": _looks(), "identity": _text(True),
                      "reason": _text(), "detail": _text(), "duplicate_of": _text(),
                      "correction": _word("keep", "reject", unknown=True)},
        "rejections": {"file": _text(True), "looks": _looks(), "identity": _text(), "stage": _text(True),
                       "reason": _text(True), "detail": _text(), "duplicate_of": _text()},
        "label_corrections": {"file": _key()} | _attributes(),
        "label_rejections": {"table": _text(True), "row": _whole(1), "column": _text(True), "file": _text(),
                             "value": _text(), "detail": _text(True)},
        "labels": {"file": _key()} | _attributes() | {"looks": _looks(), "identity": _text(True), "source": _text(),
                                                      "label_source": _text()}
        | {f"{name}_probability": _number(0, 1, missing=True) for name in ("age", "gender", "race")},
        "matte_quality": {"file": _key(), "looks": _looks(), "method": _text(True)} | share
        | {"edge_certainty": _number(0, 1, missing=True), "parts": _whole(), "holes": _whole()}
        | {name: _number(0, missing=True) for name in ("head_cover", "roughness", "asymmetry", "weak_edge", "surround",
                                                       "variety", "texture")}
        | {"quality": _number(0, 1, missing=True), "passed": _column("flag"), "reason": _text()},
        "split_table": _split(),
        "balance_table": {"looks": _looks(), "part": _word("train", "test"),
                          "attribute": _word("age", "gender", "race", "image"), "value": _text(True),
                          "before": _whole(), "after": _whole(), "before_share": _number(0, 1),
                          "after_share": _number(0, 1)},
        "leak_table": {"looks": _looks(), "unit": _word("parent", "group", "identity")}
        | {name: _whole() for name in ("in_train", "in_test", "in_both", "test_images", "leaking")}
        | {"share": _number(0, 1)},
        "model_input": _split() | _crop_landmarks(),
        "history": history,
        "fairface_history": history,
        "funnel": {"class": _word("celebrities", "ordinary"), "step": _text(True), "reason": _text(),
                   "count": _column("whole")},
        "study_table": cell | {"epoch": _whole()} | _study_columns(),
        "summary": cell | {"test_images": _whole()} | {name: _number(0, 1, missing=True) for name in measured}
        | {"face_ratio": _number(0, missing=True)},
        "predictions": result | logits | {"predicted": _looks(), "correct": _column("flag")},
        "attention": result | {"predicted": _looks(), "share": _number(0, 1, missing=True), "area": _number(0, 1),
                               "ratio": _number(0, missing=True)},
    }  # fmt: skip
    return tables[name]


def _study_columns() -> dict[str, pa.Column]:
    names = [f"{part}_accuracy_percent" for part in ("train", "test")]
    ours = {name: _number(0, 100) for name in names}
    published = {f"published_{name}": _number(0, 100, missing=True) for name in names}
    return ours | {"published_table": _number(1, 10, missing=True)} | published


_UNIQUE: dict[str, list[str]] = {
    "people": ["identity"],
    "source_labels": ["looks", "file"],
    "attributions": ["looks", "file"],
    "weights_table": ["name"],
    "corrections": ["file"],
    "decisions": ["file"],
    "label_corrections": ["file"],
    "face_table": ["file"],
    "labels": ["file"],
    "matte_quality": ["file"],
    "split_table": ["file"],
    "balance_table": ["looks", "part", "attribute", "value"],
    "leak_table": ["looks", "unit"],
    "model_input": ["file"],
    "history": ["epoch"],
    "fairface_history": ["epoch"],
    "funnel": ["class", "step", "reason"],
    "study_table": ["variant", "backbone", "epoch"],
    "summary": ["variant", "backbone"],
    "predictions": ["file"],
    "attention": ["file"],
}


# --- rules across columns --------------------------------------------------------------------------------------------


def _table_checks(name: str) -> list[pa.Check]:
    import pandera.pandas as pa

    def once_kept(table: pd.DataFrame) -> pd.Series[bool]:
        return ~(
            table["kept"] & table[table["kept"]].duplicated(["looks", "file"]).reindex(table.index, fill_value=False)
        )

    rules: dict[str, list[tuple[Any, str]]] = {
        "acquisition_log": [
            (lambda t: t["kept"] == (t["reason"] == ""), "a reason for each image that was not kept, and no other"),
            (lambda t: ~t["kept"] | (t["file"] != ""), "a file name for each image that was kept"),
            (once_kept, "each file once a class among the kept images"),
        ],
        "matte_quality": [
            (lambda t: t["passed"] == (t["reason"] == ""), "a reason for each that failed, and for no other")
        ],
        "face_table": [
            (lambda t: (t["box_right"] > t["box_left"]) & (t["box_bottom"] > t["box_top"]), "a box that is not empty")
        ],
        "split_table": [(_copied, _COPIED)],
        "model_input": [(_copied, _COPIED)],
    }
    return [pa.Check(rule, error=told) for rule, told in rules.get(name, [])]


_COPIED = "a file other than its parent exactly where mirrored is true, rotation is not 0 or brightness is not 1"


def _copied(table: pd.DataFrame) -> pd.Series[bool]:
    copied = table["mirrored"] | (table["rotation"] != 0) | (table["brightness"] != 1)
    return copied == (table["file"] != table["parent"])


def check_no_leak(split_table: pd.DataFrame) -> None:
    """See that no person, no group of like pictures and no face is in both parts.

    Apart from the schema, because the published protocol leaks and is still a valid table.

    Args:
        split_table: table ``split_table`` or ``model_input``.

    Raises:
        BadInputError: a ``group``, ``parent`` or ``identity`` has rows in both parts; the message names up to three.
    """
    for column in ("group", "parent", "identity"):
        parts = split_table.groupby(column, sort=False)["part"].nunique()
        leaking = [str(value) for value in parts.index[parts > 1]]
        if leaking:
            raise BadInputError(
                f"The split leaks: {len(leaking)} value(s) of '{column}' are in both train and test, among them "
                f"{', '.join(leaking[:3])}. Run balancing again with balancing.protocol: identity."
            )
