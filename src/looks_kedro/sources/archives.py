"""FairFace's original zips, read without unpacking them."""

from __future__ import annotations

import hashlib
import logging
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from looks_kedro.errors import BadInputError
from looks_kedro.progress import track
from looks_kedro.sources.fairface import LabelTable, read_fairface_labels, read_labels
from looks_kedro.sources.listing import Content, Listing
from looks_kedro.sources.media_types import ENOUGH, describe, media_type
from looks_kedro.sources.packings import LeftOut, Padding, Photo, make_listing, spread
from looks_kedro.sources.walk import BOOKKEEPING_SUFFIXES, IMAGE_SUFFIXES, has_long_name, natural

logger = logging.getLogger(__name__)

LARGEST_IMAGE = 50_000_000
"""Bytes of one image, unpacked; more is no photo."""
_MOST_MEMBERS = 1_000_000
_HARMLESS = 1_000_000  # bytes; up to here even the best packed member does no harm
_BEST_PACKED = 100  # photos are packed already: a large member that shrinks more than this is a bomb
_SPLITS = ("train", "val")
_LABELS = re.compile(r"fairface_label_\w+\.csv")
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError,
           ValueError)  # fmt: skip
"""What ``zipfile`` raises for damaged, encrypted and exotically packed members."""


@dataclass(frozen=True)
class _Member:
    """An image in a zip: its name in the raw folder, its place in the zip's directory, its origin."""

    file: str
    number: int
    origin: str
    bytes: int


@dataclass(frozen=True)
class _ZippedImages(Iterable[tuple[str, Content, str]]):
    """Name, bytes and origin of the images, read from the zip whenever this is gone through."""

    path: Path
    state: tuple[int, int]
    members: tuple[_Member, ...]

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[tuple[str, Content, str]]:
        if _state(self.path) != self.state:
            raise BadInputError(f"{self.path}: the zip was changed since it was listed. Run again.")
        with _open(self.path) as archive:
            directory = archive.infolist()
            for member in self.members:
                yield member.file, _content(archive, directory[member.number]), member.origin


def is_archive(path: str | Path) -> bool:
    """Whether a path is a zip, or a folder that holds zips and neither images nor folders of them."""
    path = Path(path)
    if path.is_file():
        return zipfile.is_zipfile(path) or path.suffix.lower() == ".zip"
    if not path.is_dir():
        return False
    entries = [entry for entry in path.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    unpacked = any(entry.is_dir() or entry.suffix.lower() in IMAGE_SUFFIXES for entry in entries)
    return not unpacked and any(entry.suffix.lower() == ".zip" for entry in entries)


def fairface_archive(
    path: str | Path,
    looks: int,
    labels: str | Path | None = None,
    *,
    limit: int | None = None,
    padding: Padding | None = None,
) -> Listing:
    """List FairFace's images from an original zip, such as ``fairface-img-margin025-trainval.zip``.

    Images are named ``train/1.jpg`` and so on, whatever folders lie around these in the zip. Each is its own
    identity. Labels are ``fairface_label_train.csv`` and ``fairface_label_val.csv`` beside the zip, or inside it.

    Members that are damaged, too large, packed beyond belief, encrypted, or named so that they would leave the folder
    are left out with their reason. Nothing is written to disk.

    Args:
        path: the zip, or the folder in which it lies.
        looks: class of the images: 1 celebrities, 0 ordinary.
        labels: CSV with ``file, age, gender, race``; None takes FairFace's own where they are.
        limit: take at most so many, evenly spread; None takes all.
        padding: which zip to take where a folder has both.

    Raises:
        BadInputError: there is no zip, or not the one asked for; it is damaged as a whole; it holds no image; or a
            label file is unusable or names none of the images.
        BadParameterError: ``limit`` is below 1.
    """
    archive_path = _choose(Path(path), padding)
    state = _state(archive_path)
    with _open(archive_path) as archive:
        directory = archive.infolist()
        if len(directory) > _MOST_MEMBERS:
            raise BadInputError(f"{archive_path}: {len(directory):,} members; expected at most {_MOST_MEMBERS:,}.")
        members, left_out = _sort(archive_path, directory)
        if not members:
            told = "; ".join(f"{left.file} ({left.reason})" for left in left_out[:3])
            raise BadInputError(f"{archive_path}: the zip holds no image{f', but {told}' if told else ''}.")
        tables = [read_labels(Path(labels))] if labels else _own_labels(archive_path, archive)
        known = _match(tables, {member.file for member in members}, archive_path)
        chosen = [members[index] for index in spread(len(members), limit, str(archive_path))]
        kept: list[_Member] = []
        photos: list[Photo] = []
        for member in track(chosen, archive_path.name, len(chosen)):
            try:
                content = _content(archive, directory[member.number])
            except _BROKEN as error:
                reason = "encrypted" if directory[member.number].flag_bits & 1 else "damaged"
                logger.warning("%s: left out as %s: %s.", member.origin, reason, error)
                left_out.append(LeftOut(member.file, member.origin, reason, member.bytes))
                continue
            kept.append(member)
            photos.append(_photo(member, content, known.get(member.file, {})))
    if not photos:
        raise BadInputError(f"{archive_path}: none of its {len(chosen)} images can be read. Download the zip again.")
    logger.info("%s: %d of %d images, %d members left out.", archive_path, len(photos), len(members), len(left_out))
    rejections: list[dict[str, Any]] = [row for labels in tables for row in labels.rejected.to_dict("records")]  # type: ignore[misc]
    items = _ZippedImages(archive_path, state, tuple(kept))
    return make_listing("archive", looks, items, photos, left_out, rejections)


def _choose(path: Path, padding: Padding | None) -> Path:
    """The zip to read."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise BadInputError(f"{path}: there is no such file or folder. Correct the path of FairFace's zip.")
    zips = sorted(entry for entry in path.iterdir() if entry.suffix.lower() == ".zip" and entry.name[0] != ".")
    wanted = [entry for entry in zips if padding is None or padding.replace(".", "") in entry.name.replace(".", "")]
    if len(wanted) == 1:
        return wanted[0]
    told = ", ".join(entry.name for entry in zips) or "none"
    asked = f" with padding {padding}" if padding else ""
    remedy = "Name the zip itself" if padding else "Name the zip itself, or set the padding"
    raise BadInputError(f"{path}: expected one zip of FairFace{asked}; found {told}. {remedy}.")


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        found = "nothing that can be read"
        if path.is_file():
            with path.open("rb") as content:
                start = content.read(ENOUGH)
            whole = media_type(start) != "application/zip"
            found = describe(start) if whole else f"{path.stat().st_size:,} bytes of a zip that is damaged or cut off"
        raise BadInputError(f"{path}: expected a zip, found {found} ({error}). Download it again.") from error


def _sort(path: Path, directory: Sequence[zipfile.ZipInfo]) -> tuple[list[_Member], list[LeftOut]]:
    """Images in natural order of their names, and members that should have been images."""
    found: list[_Member] = []
    left_out: list[LeftOut] = []
    for number, info in enumerate(directory):
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)
        suffix = PurePosixPath(info.filename).suffix.lower()
        if info.is_dir() or hidden or suffix in BOOKKEEPING_SUFFIXES:
            continue
        member = _Member("/".join(parts), number, f"{path.as_posix()}!/{info.filename}", info.file_size)
        reason = _reason_by_name(info, suffix)
        if reason:
            left_out.append(LeftOut(member.file, member.origin, reason, info.file_size))
        else:
            found.append(member)
    return _named(found, left_out), left_out


def _named(found: Sequence[_Member], left_out: list[LeftOut]) -> list[_Member]:
    """The images under their names from ``train`` or ``val`` on, each name once."""
    around = _common_folders([member.file for member in found])
    members: dict[str, _Member] = {}
    for member in found:
        parts = member.file.split("/")
        start = next((index for index, part in enumerate(parts[:-1]) if part in _SPLITS), around)
        file = "/".join(parts[start:])
        if file in members:
            left_out.append(LeftOut(file, member.origin, "name_taken", member.bytes))
        else:
            members[file] = _Member(file, member.number, member.origin, member.bytes)
    return sorted(members.values(), key=lambda member: natural(member.file))


def _common_folders(names: Sequence[str]) -> int:
    """How many folders all names begin with."""
    folders = [name.split("/")[:-1] for name in names]
    return next(
        (depth for depth, level in enumerate(zip(*folders, strict=False)) if len(set(level)) > 1),
        min(map(len, folders), default=0),
    )


def _reason_by_name(info: zipfile.ZipInfo, suffix: str) -> str:
    """Why a member is not even read; "" for an image."""
    name = info.filename
    leaves = name.startswith(("/", "\\")) or ".." in PurePosixPath(name.replace("\\", "/")).parts
    if leaves or "\\" in name or re.match(r"[A-Za-z]:", name) or not name.isprintable():
        return "unsafe_name"
    if suffix not in IMAGE_SUFFIXES or stat.S_ISLNK(info.external_attr >> 16):
        return "not_an_image"
    if has_long_name(name):
        return "name_too_long"
    if info.file_size == 0:
        return "empty_file"
    if info.file_size > LARGEST_IMAGE:
        return "too_large"
    if info.file_size > max(_HARMLESS, _BEST_PACKED * info.compress_size):
        return "zip_bomb"
    return ""


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Bytes of a member, checked against its CRC; never more than its directory entry says."""
    with archive.open(info) as member:
        content = member.read(LARGEST_IMAGE + 1)
    if len(content) != info.file_size:
        raise zipfile.BadZipFile(f"{len(content)} bytes instead of {info.file_size}")
    return content


def _photo(member: _Member, content: bytes, row: Mapping[str, str]) -> Photo:
    labels = {column: row[column] for column in ("age", "gender", "race") if column in row}
    digest = hashlib.sha256(content).hexdigest()
    source = row.get("label_source", "")
    kind = media_type(content[:ENOUGH])
    return Photo(member.file, member.origin, digest, len(content), kind, labels, source, row.get("identity", ""))


def _own_labels(path: Path, archive: zipfile.ZipFile) -> list[LabelTable]:
    """FairFace's own label files beside the zip, else those inside it."""
    beside = sorted(entry for entry in path.parent.iterdir() if _LABELS.fullmatch(entry.name))
    if beside:
        return [read_fairface_labels(entry) for entry in beside]
    inside = [info for info in archive.infolist() if _LABELS.fullmatch(PurePosixPath(info.filename).name)]
    with TemporaryDirectory() as folder:
        tables = []
        for info in sorted(inside, key=lambda info: info.filename):
            copy = Path(folder, PurePosixPath(info.filename).name)
            try:
                copy.write_bytes(_content(archive, info))
                tables.append(read_fairface_labels(copy))
            except _BROKEN as error:
                raise BadInputError(f"{path}!/{info.filename}: the labels cannot be read: {error}.") from error
            except BadInputError as error:
                # The reader names the copy, which is gone when the user reads this.
                raise BadInputError(str(error).replace(str(copy), f"{path}!/{info.filename}")) from error
    return tables


def _match(tables: Sequence[LabelTable], names: set[str], path: Path) -> dict[str, dict[str, str]]:
    """Labels by image; rows without an image, and images without a row, are told."""
    known: dict[str, dict[str, Any]] = {}
    for labels in tables:
        rows = labels.table.assign(label_source=labels.path.name).set_index("file")
        absent = [name for name in rows.index if name not in names]
        if absent:
            logger.warning("%s: %d of %d rows name no image in %s, such as %s.", labels.path.name, len(absent),
                           len(rows), path, ", ".join(absent[:3]))  # fmt: skip
        known |= rows.to_dict(orient="index")  # type: ignore[arg-type]
    unlabelled = len(names - known.keys())
    if tables and unlabelled == len(names):
        told = ", ".join(labels.path.name for labels in tables)
        raise BadInputError(
            f"{told}: none of the {len(known)} rows names an image in {path}; the first is "
            f"{next(iter(known), '(no row)')!r}, the zip's first is {min(names)!r}."
        )
    if unlabelled:
        why = "have no row in the labels" if tables else "have no labels: there is no fairface_label_*.csv"
        logger.warning("%s: %d of %d images %s; they stay unknown.", path, unlabelled, len(names), why)
    return known


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise BadInputError(f"{path}: the zip cannot be read: {error}.") from error
    return status.st_size, status.st_mtime_ns
