"""The review page: a contact sheet of what was kept and what was rejected, on which a person overrules the program."""

from __future__ import annotations

import base64
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

CLASSES = {1: "celebrities", 0: "ordinary"}
"""Names of the classes, in the order of the page."""

_FEWEST = 3
"""People with fewer pictures share one part of the page."""
_MOST_PEOPLE = 300
"""People of a class that get a part of their own; those with most rejections come first."""


@dataclass(frozen=True)
class ReviewPicture:
    """One picture and what the program decided, before any correction.

    Attributes:
        file: its name, as in the tables and in ``corrections.csv``.
        looks: its class.
        identity: who it is filed under.
        kept: whether it goes on.
        reason: why not, in one word; "" where kept.
        detail: the numbers behind the reason.
        duplicate_of: the file that is kept in its place, or "".
        thumbnail: a small JPEG; None when it cannot be shown, or is not (see :func:`files_shown`).
    """

    file: str
    looks: int
    identity: str
    kept: bool
    reason: str = ""
    detail: str = ""
    duplicate_of: str = ""
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class Group:
    """Pictures of one part of the page with one reason; ``reason`` is "" for those kept."""

    reason: str
    total: int
    shown: Sequence[ReviewPicture]


@dataclass(frozen=True)
class Section:
    """A part of the page: one person, or all those of a class who have only a few pictures."""

    looks: int
    identity: str
    people: int
    groups: Sequence[Group]

    @property
    def total(self) -> int:
        """Pictures, shown or not."""
        return sum(group.total for group in self.groups)

    @property
    def kept(self) -> int:
        """Those that the program kept."""
        return sum(group.total for group in self.groups if not group.reason)


@dataclass(frozen=True)
class ThumbnailSource:
    """A picture to be shown small; ``sha256`` of its bytes is what the result may be cached by."""

    file: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Thumbnails:
    """How small pictures are made: longest side, and the pixels of the largest file that is opened."""

    side: int = 128
    max_pixels: int = 64_000_000


def review_page(
    pictures: Sequence[ReviewPicture],
    *,
    corrections: pd.DataFrame | None = None,
    corrections_path: str = "corrections.csv",
    per_group: int = 24,
    beyond_keeping: Collection[str] = ("unreadable", "no_face"),
    title: str = "Which portraits go on",
) -> str:
    """Write the review page.

    Each person has a part of the page; people with fewer than three pictures share one a class. Within a part the
    pictures stand by reason, those rejected first. Pictures with a correction are always shown.

    Args:
        pictures: all pictures, with thumbnails at least for those of :func:`files_shown`.
        corrections: table ``corrections`` that this run applied; all its rows go into the file that the page gives.
        corrections_path: where that file is to be saved, as the reader is told.
        per_group: most pictures shown for a person and a reason; of more, some spread evenly over the names.
        beyond_keeping: reasons that no correction can lift.
        title: heading of the page.

    Returns:
        A whole HTML document that needs nothing beside it.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    given = _given(corrections)
    by_file = {picture.file: picture for picture in pictures}
    environment = Environment(
        loader=PackageLoader("looks_kedro.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda reason: reason.replace("_", " ") or "kept"
    environment.filters["base64"] = lambda content: base64.b64encode(content).decode("ascii")
    return environment.get_template("review.html.j2").render(
        title=title,
        sections=_sections(pictures, given, per_group),
        summary=summary(pictures, given, beyond_keeping),
        classes=CLASSES,
        reasons=sorted({picture.reason for picture in pictures if not picture.kept}),
        given=given,
        by_file=by_file,
        beyond_keeping=frozenset(beyond_keeping),
        corrections_path=corrections_path,
    )


def files_shown(
    pictures: Sequence[ReviewPicture], *, corrections: pd.DataFrame | None = None, per_group: int = 24
) -> list[str]:
    """The files of which :func:`review_page` shows thumbnails, sorted; the one kept beside a copy included."""
    sections = _sections(pictures, _given(corrections), per_group)
    shown = [picture for section in sections for group in section.groups for picture in group.shown]
    known = {picture.file for picture in pictures}
    beside = {picture.duplicate_of for picture in shown if picture.duplicate_of in known}
    return sorted({picture.file for picture in shown} | beside)


def summary(
    pictures: Sequence[ReviewPicture], given: Mapping[str, Mapping[str, str]], beyond_keeping: Collection[str]
) -> list[tuple[str, dict[int, int], bool]]:
    """Count the pictures by class and reason.

    Returns:
        Rows (words, number a class, whether it is a sum): all pictures; minus those rejected, by reason; plus and
        minus what corrections changed; those that go on. Each column adds up.
    """
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    back, out = Counter[int](), Counter[int]()
    for picture in pictures:
        decision = given.get(picture.file, {}).get("decision")
        if not picture.kept:
            counts[picture.reason][picture.looks] -= 1
        if picture.kept and decision == "reject":
            out[picture.looks] -= 1
        elif not picture.kept and decision == "keep" and picture.reason not in beyond_keeping:
            back[picture.looks] += 1
    rows = [("all pictures", Counter(picture.looks for picture in pictures), True)]
    rows += [(reason.replace("_", " "), counts[reason], False) for reason in sorted(counts)]
    rows += [("kept by the program", sum_of([row for _, row, _ in rows]), True)]
    if back or out:
        rows += [("kept by a correction", back, False), ("rejected by a correction", out, False)]
        rows += [("go on", sum_of([row for _, row, _ in rows[-3:]]), True)]
    return [(words, {looks: row[looks] for looks in CLASSES}, total) for words, row, total in rows]


def sum_of(rows: Sequence[Counter[int]]) -> Counter[int]:
    """Add counts, negative ones too."""
    return Counter({looks: sum(row[looks] for row in rows) for looks in CLASSES})


def thumbnail_jpeg(path: Path, side: int = 128, max_pixels: int = 64_000_000) -> bytes | None:
    """Make a small picture of a file.

    Args:
        path: an image of any kind that the pipelines read.
        side: its longest side.
        max_pixels: larger pictures are not opened.

    Returns:
        JPEG without metadata; None when the file cannot be read.
    """
    from PIL import Image

    from looks_kedro.faces.decode import UnreadableImageError, decode

    try:
        picture = Image.fromarray(decode(path, max_pixels))
    except UnreadableImageError:
        return None
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=75, optimize=True)
    return stream.getvalue()


def make_thumbnails(settings: Thumbnails, items: Sequence[ThumbnailSource]) -> list[str]:
    """A batch for ``map_images``: base64 of each small picture, "" for files that cannot be read."""
    made = (thumbnail_jpeg(item.path, settings.side, settings.max_pixels) for item in items)
    return [base64.b64encode(content or b"").decode("ascii") for content in made]


def _given(corrections: pd.DataFrame | None) -> dict[str, dict[str, str]]:
    if corrections is None:
        return {}
    rows: list[dict[Any, Any]] = corrections.to_dict("records")
    return {
        row["file"]: {"decision": row["decision"], "reason": row["reason"]}
        for row in sorted(rows, key=lambda row: str(row["file"]))
    }


def _sections(pictures: Sequence[ReviewPicture], given: Collection[str], per_group: int) -> list[Section]:
    people: dict[tuple[int, str], list[ReviewPicture]] = defaultdict(list)
    for picture in sorted(pictures, key=lambda picture: picture.file):
        people[picture.looks, picture.identity].append(picture)
    sections: list[Section] = []
    for looks in CLASSES:
        mine = {name: theirs for (group, name), theirs in people.items() if group == looks}
        large = [name for name, theirs in mine.items() if name and len(theirs) >= _FEWEST]
        large.sort(key=lambda name: (sum(picture.kept for picture in mine[name]) - len(mine[name]), name))
        own = sorted(large[:_MOST_PEOPLE])
        others = [picture for name in sorted(mine.keys() - set(own)) for picture in mine[name]]
        sections += [Section(looks, name, 1, _groups(mine[name], given, per_group)) for name in own]
        if others:
            others.sort(key=lambda picture: picture.file)
            sections.append(Section(looks, "", len(mine) - len(own), _groups(others, given, per_group)))
    return sections


def _groups(pictures: Sequence[ReviewPicture], given: Collection[str], per_group: int) -> list[Group]:
    """Rejected pictures by reason, the most frequent first, then those kept."""
    by_reason: dict[str, list[ReviewPicture]] = defaultdict(list)
    for picture in pictures:
        by_reason["" if picture.kept else picture.reason].append(picture)
    order = sorted(by_reason, key=lambda reason: (not reason, -len(by_reason[reason]), reason))
    return [Group(reason, len(by_reason[reason]), _some(by_reason[reason], given, per_group)) for reason in order]


def _some(pictures: Sequence[ReviewPicture], given: Collection[str], most: int) -> list[ReviewPicture]:
    """At most so many, spread evenly, and those that have a correction."""
    step = max(1.0, len(pictures) / most) if most > 0 else math.inf
    chosen = {int(number * step) for number in range(min(most, len(pictures)))}
    return [picture for number, picture in enumerate(pictures) if number in chosen or picture.file in given]
