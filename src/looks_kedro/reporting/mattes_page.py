"""The page of rejected mattes: faces that were cut out badly, why, and how many (the study's figure 9)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

CLASSES = {1: "celebrities", 0: "ordinary"}
"""Names of the classes, in the order of the page."""

_GROUND = (255, 255, 255)
_GAP = 2
_NOT_MEASURES = ("file", "looks", "method", "passed", "reason")


@dataclass(frozen=True)
class CutOut:
    """A face and its matte, which are to be shown side by side.

    Attributes:
        file: name of the face.
        face: its file.
        matte: the file of its matte.
        key: what both depend on; a picture may be cached by it.
    """

    file: str
    face: Path
    matte: Path
    key: str = ""


@dataclass(frozen=True)
class Rejected:
    """One failed matte on the page.

    Attributes:
        file: name of the face.
        numbers: its measures, by name.
        strip: face, matte and face on white side by side, as JPEG; None where there is no picture.
    """

    file: str
    numbers: Mapping[str, float]
    strip: bytes | None


@dataclass(frozen=True)
class Group:
    """Failed mattes of one class with one reason: how many there are, and those shown."""

    looks: int
    reason: str
    total: int
    shown: Sequence[Rejected]


@dataclass(frozen=True)
class MattesPage:
    """Everything on the page.

    Attributes:
        counts: ``step, celebrities, ordinary``: all mattes, those that passed, the failed ones by reason (negative).
        groups: failed mattes, by class and reason.
        method: how the mattes were made.
        limits: when a matte counts as failed, by name.
        rejected: whether failed ones are left out of the data set.
        side: size of a picture, px.
    """

    counts: pd.DataFrame
    groups: Sequence[Group]
    method: str
    limits: Mapping[str, float]
    rejected: bool
    side: int = 150
    title: str = "Faces that were cut out badly"
    classes: Mapping[int, str] = field(default_factory=lambda: CLASSES)


def matte_counts(matte_quality: pd.DataFrame) -> pd.DataFrame:
    """Count mattes by class and reason.

    Args:
        matte_quality: one row a matte, with ``looks``, ``passed`` and ``reason``.

    Returns:
        ``step, celebrities, ordinary``: ``mattes``, the failed ones by reason with a minus sign (most first), and
        ``passed``, which is the sum of the rows before it.
    """
    failed = matte_quality[~matte_quality["passed"]]
    rows = [("mattes", matte_quality, 1)]
    rows += [(str(reason), failed[failed["reason"] == reason], -1) for reason in failed["reason"].value_counts().index]
    rows.append(("passed", matte_quality[matte_quality["passed"]], 1))
    table = pd.DataFrame({"step": [name for name, _, _ in rows]})
    for looks, name in CLASSES.items():
        table[name] = [sign * int((part["looks"] == looks).sum()) for _, part, sign in rows]
    return table


def files_shown(matte_quality: pd.DataFrame, per_group: int) -> list[str]:
    """Names of the failed mattes that the page shows: of each class and reason some, evenly from worst to best.

    Args:
        matte_quality: one row a matte.
        per_group: most of one class with one reason.

    Returns:
        Names of faces.
    """
    files: list[str] = []
    for _, rows in _failed(matte_quality):
        files += _spread(rows, per_group)["file"].tolist()
    return files


def draw_strip(side: int, item: CutOut) -> str:
    """Face, matte and the face on white, side by side.

    Args:
        side: size of each in px.
        item: which ones.

    Returns:
        A JPEG, three times as wide as high and two narrow gaps, as base64 text.
    """
    from PIL import Image

    from looks_kedro.mattes.compositing import on_colour

    with Image.open(item.face) as opened:
        face = np.asarray(opened.convert("RGB"))
    with Image.open(item.matte) as opened:
        matte = np.asarray(opened.convert("L"))
    pictures = [face, np.repeat(matte[:, :, None], 3, axis=2), on_colour(face, matte, _GROUND)]
    size = (side, round(side * face.shape[0] / face.shape[1]))
    strip = Image.new("RGB", (3 * side + 2 * _GAP, size[1]), (128, 128, 128))
    for number, picture in enumerate(pictures):
        strip.paste(Image.fromarray(picture).resize(size, Image.Resampling.BOX), (number * (side + _GAP), 0))
    stream = BytesIO()
    strip.save(stream, "JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def strip_key(face_sha256: str, matte_sha256: str) -> str:
    """What the picture of a cut-out depends on."""
    return hashlib.sha256(f"{face_sha256} {matte_sha256}".encode()).hexdigest()


def mattes_page(
    matte_quality: pd.DataFrame,
    strips: Mapping[str, bytes],
    *,
    limits: Mapping[str, float],
    rejected: bool,
    per_group: int = 24,
    side: int = 150,
) -> str:
    """Write the page of rejected mattes.

    Args:
        matte_quality: one row a matte.
        strips: pictures by face (see :func:`draw_strip`), of those of :func:`files_shown`.
        limits: when a matte counts as failed, by name.
        rejected: whether failed ones are left out of the data set.
        per_group: most pictures of one class with one reason.
        side: size of a picture, px.

    Returns:
        A whole HTML document that needs nothing beside it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    measures = [str(name) for name in matte_quality if name not in _NOT_MEASURES]
    groups = [
        Group(
            looks,
            reason,
            len(rows),
            [
                Rejected(row["file"], {name: row[name] for name in measures}, strips.get(row["file"]))
                for row in _spread(rows, per_group).to_dict("records")
            ],
        )
        for (looks, reason), rows in _failed(matte_quality)
    ]
    methods = ", ".join(sorted(set(matte_quality["method"])))
    page = MattesPage(matte_counts(matte_quality), groups, methods, limits, rejected, side)
    environment = Environment(
        loader=PackageLoader("looks_kedro.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    return environment.get_template("mattes.html.j2").render(page=page)


def _failed(matte_quality: pd.DataFrame) -> list[tuple[tuple[int, str], pd.DataFrame]]:
    """Failed mattes by class and reason, the most frequent reason first, the worst matte first."""
    failed = matte_quality[~matte_quality["passed"]].sort_values(["quality", "file"], kind="stable")
    found = [
        ((looks, str(reason)), failed[(failed["looks"] == looks) & (failed["reason"] == reason)])
        for looks in CLASSES
        for reason in failed["reason"].value_counts().index
    ]
    return [(name, rows) for name, rows in found if len(rows)]


def _spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    if len(rows) <= most:
        return rows
    return rows.iloc[np.linspace(0, len(rows) - 1, most).astype(int)]
