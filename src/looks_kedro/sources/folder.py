"""Images from a folder on disk: a folder a person, a flat folder, or FairFace's own layout."""

from __future__ import annotations

import logging
import math
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.sources.fairface import LabelTable, read_fairface_labels, read_labels
from looks_kedro.sources.listing import Listing, table
from looks_kedro.sources.walk import Found, find_files, has_long_name
from looks_kedro.tables import empty_table

logger = logging.getLogger(__name__)

Layout = Literal["people", "flat", "fairface"]

_SPLITS = {"train", "val", "valid", "validation", "test", "training"}


@dataclass(frozen=True)
class SourceImage:
    """One image of a source.

    Args:
        file: its name in the raw folder, with forward slashes.
        path: where it lies.
        identity: the person, or the image's own name where nobody says who it is.
        sha256: of the file, in hexadecimal.
        bytes: size of the file.
        time: when the file was last changed, ISO in UTC.
        age: FairFace age group, "" where unknown.
        gender: FairFace gender, "" where unknown.
        race: FairFace race, "" where unknown.
        label_source: the label file's name, "" where there is no label.
    """

    file: str
    path: Path
    identity: str
    sha256: str
    bytes: int
    time: str
    age: str = ""
    gender: str = ""
    race: str = ""
    label_source: str = ""


@dataclass(frozen=True, eq=False)
class FolderListing:
    """What a folder holds.

    Args:
        root: the folder.
        layout: ``people`` (a folder a person), ``flat``, or ``fairface``.
        looks: class of the images, 1 or 0.
        kept: the images, in natural order of their names.
        rejected: files that were left out.
        mended: spoilt ages -> (age group, number of rows in the label files).
        label_rejections: table ``label_rejections``, the cells of the label files that mean nothing.
    """

    root: Path
    layout: Layout
    looks: int
    kept: tuple[SourceImage, ...]
    rejected: tuple[Found, ...]
    mended: dict[str, tuple[str, int]]
    label_rejections: pd.DataFrame

    def __len__(self) -> int:
        return len(self.kept)

    def items(self) -> list[tuple[str, Path, str]]:
        """Name, file and origin of each image, as an image folder dataset takes them."""
        return [(image.file, image.path, _shown(image.path)) for image in self.kept]

    @cached_property
    def log(self) -> pd.DataFrame:
        """Table ``acquisition_log``, the kept images first."""
        shared = {"looks": self.looks, "source": "folder"}
        rows: list[dict[str, Any]] = [
            {"file": image.file, "origin": _shown(image.path), "identity": image.identity, "sha256": image.sha256,
             "bytes": image.bytes, "time": image.time, "kept": True}
            for image in self.kept
        ]  # fmt: skip
        rows += [
            {"file": found.name, "origin": _shown(found.path), "bytes": found.bytes, "reason": found.reason}
            for found in self.rejected
        ]
        return table("acquisition_log", [shared | row for row in rows])

    @cached_property
    def labels(self) -> pd.DataFrame:
        """Table ``source_labels``, one row an image, in the order of ``kept``."""
        names = ("file", "age", "gender", "race", "label_source")
        rows = [{name: getattr(image, name) for name in names} | {"looks": self.looks} for image in self.kept]
        return table("source_labels", rows)

    @property
    def listing(self) -> Listing:
        """What every source gives."""
        return Listing(self.items(), self.log, self.labels, label_rejections=self.label_rejections)


def scan_folder(
    path: str | Path,
    looks: int,
    labels: str | Path | None = None,
    *,
    limit: int | None = None,
    threads: int = 4,
) -> FolderListing:
    """List the images of a folder, with identities, labels and hashes.

    Layouts: with ``fairface_label_*.csv`` in the folder it is FairFace's, each photo its own identity; with
    subfolders each first-level folder is a person (unless these are train, val and the like); otherwise it is flat,
    each photo its own identity. Hidden files and bookkeeping files are passed over in silence, other files that are
    no images are listed with their reason.

    Args:
        path: the folder.
        looks: class of its images: 1 celebrities, 0 ordinary.
        labels: CSV or Parquet file with ``file, age, gender, race`` and perhaps ``identity``; ``file`` as seen from
            the folder.
        limit: take at most so many images, evenly spread over the folder; None takes all.
        threads: threads that read and hash.

    Raises:
        BadInputError: the folder is missing, empty or without an image; a label file is unusable or names none of
            the images.
        BadParameterError: ``limit`` is below 1.
    """
    root = Path(path)
    if limit is not None and limit < 1:
        raise BadParameterError(f"The limit of images for {root} is {limit}; expected at least 1, or none.")
    found, rejected = _find(root)
    tables = _label_tables(root, labels)
    own = [] if labels else tables
    layout = _layout(found, bool(own))
    known = _match(tables, {entry.name for entry in found}, root)
    chosen = found if limit is None else _even(found, limit)
    if len(chosen) < len(found):
        logger.info("%s: took %d of %d images, evenly spread.", root, len(chosen), len(found))
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(_hash, chosen))
    people = _people(found) if layout == "people" else {}
    kept = [
        _image(entry, digest, people.get(entry.name, ""), known.get(entry.name, {}))
        for entry, digest in zip(chosen, results, strict=True)
        if isinstance(digest, str)
    ]
    rejected += [result for result in results if isinstance(result, Found)]
    if not kept:
        raise _nothing(root, rejected)
    _warn_of_one_person(root, found, layout)
    logger.info("%s: %d images of %d identities (%s), %d files left out.", root, len(kept),
                len({image.identity for image in kept}), layout, len(rejected))  # fmt: skip
    cells = [read.rejected for read in tables] or [empty_table("label_rejections")]
    return FolderListing(
        root, layout, looks, tuple(kept), tuple(rejected), _all_mended(tables), pd.concat(cells, ignore_index=True)
    )


def _shown(path: Path) -> str:
    """The path as text that a table can hold; bytes of a file name that are no text become escapes."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode()


def _find(root: Path) -> tuple[list[Found], list[Found]]:
    """Images, and files that should have been."""
    if not root.exists():
        raise BadInputError(f"{root}: there is no such folder. Correct the path of the folder of images.")
    if not root.is_dir():
        raise BadInputError(f"{root}: expected a folder of images; found a file. Name the folder that it lies in.")
    # A name that is too long for the files made of it would end the run hours later.
    entries = [
        replace(entry, reason="name_too_long") if not entry.reason and has_long_name(entry.name) else entry
        for entry in find_files(root)
    ]
    images = [entry for entry in entries if not entry.reason]
    rejected = [entry for entry in entries if entry.reason]
    if not images:
        raise _nothing(root, rejected)
    return images, rejected


def _nothing(root: Path, rejected: Sequence[Found]) -> BadInputError:
    if not rejected:
        return BadInputError(
            f"{root}: the folder holds no image. Put JPEG, PNG or WebP files into it, or correct the path."
        )
    told = ", ".join(f"{entry.name} ({entry.reason})" for entry in rejected[:3])
    return BadInputError(
        f"{root}: none of its {len(rejected)} files is an image that can be read, among them {told}. "
        f"Expected JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF files; convert them, or correct the path."
    )


def _label_tables(root: Path, labels: str | Path | None) -> list[LabelTable]:
    if labels:
        return [read_labels(Path(labels))]
    return [read_fairface_labels(path) for path in sorted(root.glob("fairface_label_*.csv"))]


def _layout(found: Sequence[Found], fairface: bool) -> Layout:
    if fairface:
        return "fairface"
    return "people" if any(_people(found).values()) else "flat"


def _people(found: Sequence[Found]) -> dict[str, str]:
    """Person of each image: its first-level folder, "" for none. Folders of a split are looked through."""
    folders = {entry.name: entry.name.split("/")[:-1] for entry in found}
    # A stray image beside the folders says nothing of what these are.
    split = all(parts[0].lower() in _SPLITS for parts in folders.values() if parts)
    return {name: next(iter(parts[split:]), "") for name, parts in folders.items()}


def _warn_of_one_person(root: Path, found: Sequence[Found], layout: Layout) -> None:
    """Tell when the folders of the persons seem to lie one level deeper."""
    folders = {tuple(entry.name.split("/")[:2]) if entry.name.count("/") > 1 else () for entry in found}
    people = set(_people(found).values())
    if layout == "people" and len(people) == 1 and () not in folders and len(folders) > 1:
        person = people.pop()
        logger.warning(
            "%s: all images lie below %s and count as one person; if its folders are the persons, name %s instead.",
            root, person, root / person,
        )  # fmt: skip


def _match(tables: Sequence[LabelTable], names: set[str], root: Path) -> dict[str, dict[str, str]]:
    """Labels by image; rows without an image are told."""
    known: dict[str, dict[str, str]] = {}
    for labels in tables:
        rows = labels.table.assign(label_source=labels.path.name).set_index("file")
        absent = [name for name in rows.index if name not in names]
        if len(absent) == len(rows):
            raise BadInputError(
                f"{labels.path}: none of its {len(rows)} rows names an image in {root}; its first is "
                f"{next(iter(rows.index), '(no row)')!r}, the folder's first is {min(names, default='')!r}. "
                f"Column file must give the paths as seen from that folder. Labels of one class alone are set as "
                f"acquisition.celebrities.labels or acquisition.ordinary.labels."
            )
        if absent:
            told = ", ".join(absent[:3])
            logger.warning("%s: %d of %d rows name no image, such as %s.", labels.path, len(absent), len(rows), told)
        known |= rows.to_dict(orient="index")  # type: ignore[arg-type]
    unlabelled = len(names - known.keys())
    if tables and unlabelled:
        logger.warning(
            "%s: %d of %d images have no row in the labels; they stay unknown.", root, unlabelled, len(names)
        )
    return known


def _even(found: Sequence[Found], limit: int) -> list[Found]:
    """At most ``limit`` entries, evenly spread."""
    count = min(limit, len(found))
    return [found[math.floor((k + 0.5) * len(found) / count)] for k in range(count)]


def _hash(entry: Found) -> str | Found:
    """The sha256 of a file, or the entry with the reason why it cannot be read."""
    try:
        with entry.path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return Found(entry.name, entry.path, entry.bytes, reason="unreadable")


def _image(entry: Found, digest: str, person: str, labels: dict[str, str]) -> SourceImage:
    row = dict(labels)
    # One name in two spellings of Unicode is one person; the name of a file stays as it is on disk.
    identity = unicodedata.normalize("NFC", row.pop("identity", "") or person).strip() or entry.name
    time = datetime.fromtimestamp(entry.modified, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return SourceImage(entry.name, entry.path, identity, digest, entry.bytes, time, **row)


def _all_mended(tables: Sequence[LabelTable]) -> dict[str, tuple[str, int]]:
    """Mended ages of all label files, with their rows added up."""
    total: dict[str, tuple[str, int]] = {}
    for labels in tables:
        for found, (meant, count) in labels.mended.items():
            total[found] = (meant, count + total.get(found, (meant, 0))[1])
    return total
