"""FairFace as the Hugging Face hub has it: Parquet shards with the images inside."""

from __future__ import annotations

import hashlib
import logging
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field

from looks_kedro.errors import BadInputError
from looks_kedro.lists import PlusList
from looks_kedro.progress import track
from looks_kedro.sources.fairface import meaning
from looks_kedro.sources.hub_files import fetch_data_set
from looks_kedro.sources.label_files import HUB_CLASSES, class_names, words_of_numbers
from looks_kedro.sources.listing import Content, Listing
from looks_kedro.sources.media_types import ENOUGH, media_type
from looks_kedro.sources.packings import LeftOut, Padding, Photo, make_listing, spread
from looks_kedro.sources.shards import count_rows, read_header, read_rows
from looks_kedro.sources.walk import natural
from looks_kedro.tables import AGES, GENDERS, RACES

logger = logging.getLogger(__name__)

Split = Literal["train", "validation"]

_WORDS = {"age": AGES, "gender": GENDERS, "race": RACES}
_SPLITS: Mapping[str, Split] = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
}
_FOLDERS = {"train": "train", "validation": "val"}  # as in the original zips, so that names agree
_SUFFIXES = {"image/png": ".png", "image/webp": ".webp"}


class FairFaceSource(BaseModel, extra="forbid", frozen=True):
    """Where FairFace's Parquet shards come from."""

    repository: str = Field("HuggingFaceM4/FairFace", pattern=r"^[\w.-]+/[\w.-]+$")
    revision: str = Field("main", min_length=1, description="branch, tag or commit; its commit is kept with the files")
    padding: Padding = Field("0.25", description="border around the face: 0.25 tight, 1.25 loose")
    splits: Annotated[tuple[Split, ...], PlusList] = Field(("train", "validation"), min_length=1)
    path: str | None = Field(None, description="a folder with the shards; null downloads them")
    endpoint: str | None = Field(None, pattern="^https?://", description="address of the hub; null takes its own")


@dataclass(frozen=True)
class _Shard:
    """One Parquet file: where it lies, how it is called, and what it must still be when it is read again."""

    path: Path
    name: str
    origin: str
    split: Split
    state: tuple[int, int]


@dataclass(frozen=True)
class _Cell:
    shard: int
    row: int
    file: str


@dataclass
class _Found:
    """What the first pass gathers."""

    photos: list[Photo] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    rejections: list[dict[str, Any]] = field(default_factory=list)
    places: list[_Cell] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def fairface_parquet(settings: FairFaceSource, looks: int, *, limit: int | None, folder: Path) -> Listing:
    """List FairFace's images from Parquet shards, which stay packed: ``items`` reads them again, in the same order.

    Images are named ``train/1.jpg`` or ``val/1.jpg`` by the name inside the shard, or else by the row's number in its
    split, from 1. Each is its own identity.

    Args:
        settings: which shards.
        looks: class of the images: 1 celebrities, 0 ordinary.
        limit: take at most so many, evenly spread over all rows; None takes all.
        folder: where downloads are kept; unused for ``settings.path``.

    Raises:
        BadInputError: there is no shard, the hub cannot be reached, a shard is damaged or has no images.
        BadParameterError: ``limit`` is below 1.
    """
    if settings.path is not None:
        shards = _local_shards(Path(settings.path), settings)
    else:
        root, commit = fetch_data_set(
            settings.repository, settings.revision, lambda path: _split_of(path, settings) is not None, folder,
            settings.endpoint,
        )  # fmt: skip
        shards = _shards(root, settings, f"hf://datasets/{settings.repository}@{commit}")
    left_out = _missing(shards)
    rows = [count_rows(shard.path) for shard in shards]
    chosen = spread(sum(rows), limit, settings.path or settings.repository)
    label_source = "" if settings.path else settings.repository
    found = _read(shards, rows, chosen, label_source)
    if not found.photos:
        raise BadInputError(f"{shards[0].path.parent}: none of the {sum(rows)} rows of the shards holds an image.")
    logger.info("%s: %d images of %d rows in %d shards, %d left out.", settings.path or settings.repository,
                len(found.photos), sum(rows), len(shards), len(found.left_out))  # fmt: skip
    items = _PackedImages(tuple(shards), tuple(found.places))
    return make_listing("huggingface", looks, items, found.photos, found.left_out + left_out, found.rejections)


@dataclass(frozen=True)
class _PackedImages(Iterable[tuple[str, Content, str]]):
    """Name, bytes and origin of the images, read from the shards whenever this is gone through."""

    shards: tuple[_Shard, ...]
    places: tuple[_Cell, ...]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[tuple[str, Content, str]]:
        by_shard: dict[int, list[_Cell]] = defaultdict(list)
        for place in self.places:
            by_shard[place.shard].append(place)
        for number, places in by_shard.items():
            shard = self.shards[number]
            if _state(shard.path) != shard.state:
                raise BadInputError(f"{shard.path}: the shard was changed since it was listed. Run again.")
            rows = read_rows(shard.path, [place.row for place in places], ["image"])
            for place, (_, cells) in zip(places, rows, strict=True):
                content, _ = _image(cells["image"])
                yield place.file, content or b"", f"{shard.origin}#{place.row}"


def _local_shards(root: Path, settings: FairFaceSource) -> list[_Shard]:
    if not root.is_dir():
        raise BadInputError(f"{root}: there is no such folder. Name the folder that holds FairFace's Parquet shards.")
    shards = _shards(root, settings, None)
    if not shards:
        found = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.parquet"))
        raise BadInputError(
            f"{root}: expected Parquet shards of FairFace {settings.padding}, such as "
            f"{settings.padding}/train-00000-of-00002-*.parquet; found {', '.join(found[:5]) or 'no Parquet file'}. "
            f"Correct the folder, the padding or the splits."
        )
    return shards


def _shards(root: Path, settings: FairFaceSource, origin: str | None) -> list[_Shard]:
    """The shards below a folder, training part first."""
    shards = []
    inside = root.name if root.name in get_args(Padding) else ""
    for path in root.rglob("*.parquet"):
        name = path.relative_to(root).as_posix()
        split = _split_of(f"{inside}/{name}", settings)
        if split is not None:
            shown = f"{origin}/{name}" if origin else path.as_posix()
            shards.append(_Shard(path, name, shown, split, _state(path)))
    return sorted(shards, key=lambda shard: (get_args(Split).index(shard.split), natural(shard.name)))


def _split_of(name: str, settings: FairFaceSource) -> Split | None:
    """The split of a shard by its path; None where it is no shard, or of another padding or split."""
    path = PurePosixPath(name)
    paddings = set(get_args(Padding)).intersection(path.parts)
    if path.suffix != ".parquet" or (paddings and settings.padding not in paddings):
        return None
    words = chain([re.split(r"[-_.]", path.name, maxsplit=1)[0]], reversed(path.parts[:-1]))
    split = next((_SPLITS[word.lower()] for word in words if word.lower() in _SPLITS), None)
    return split if split in settings.splits else None


def _missing(shards: Sequence[_Shard]) -> list[LeftOut]:
    """Shards that the names of the others speak of. Some may be left out on purpose, so this is told and no error."""
    sets: dict[tuple[str, int], set[int]] = defaultdict(set)
    for shard in shards:
        numbered = re.fullmatch(r"(.*?)-(\d{5})-of-(\d{5})\b.*", shard.name)
        if numbered:
            sets[numbered[1], int(numbered[3])].add(int(numbered[2]))
    names = [
        f"{start}-{number:05}-of-{count:05}"
        for (start, count), there in sets.items()
        for number in sorted(set(range(count)) - there)
    ]
    if names:
        logger.warning("%d shards are missing: %s. Their images are not in the study.", len(names), ", ".join(names))
    return [LeftOut("", name, "missing_shard") for name in names]


def _read(shards: Sequence[_Shard], rows: Sequence[int], chosen: Sequence[int], label_source: str) -> _Found:
    """Go once through all chosen rows: hashes, names, labels."""
    found = _Found()
    start = dict.fromkeys(get_args(Split), 0)
    first = 0
    for number, (shard, count) in enumerate(zip(shards, rows, strict=True)):
        mine = [row - first for row in chosen[bisect_left(chosen, first) : bisect_left(chosen, first + count)]]
        there, metadata = read_header(shard.path)
        names = {**HUB_CLASSES, **class_names(metadata)}
        columns = _columns(shard.path, there)
        for row, cells in track(read_rows(shard.path, mine, columns), shard.name, len(mine)):
            _take(
                found, shard, _Cell(number, row, ""), cells, names, start[shard.split], label_source or shard.path.name
            )
        first += count
        start[shard.split] += count
    return found


def _take(
    found: _Found,
    shard: _Shard,
    cell: _Cell,
    cells: Mapping[str, Any],
    names: Mapping[str, Sequence[str]],
    start: int,
    label_source: str,
) -> None:
    """One row: an image that is kept, or the reason why not."""
    content, path = _image(cells["image"])
    origin = f"{shard.origin}#{cell.row}"
    kind = media_type(content[:ENOUGH]) if content else ""
    file = _name(path, kind, shard.split, start + cell.row + 1, found.names)
    if not content:
        found.left_out.append(LeftOut(file, origin, "no_image"))
        return
    labels = {}
    for column, words in _WORDS.items():
        text = _text(cells.get(column), names[column])
        meant = meaning(text, words)
        labels[column] = meant or ""
        if meant is None:
            # Rows are counted as in a spreadsheet, the header being row 1.
            found.rejections.append(
                {"table": shard.path.name, "row": cell.row + 2, "column": column, "file": file, "value": text,
                 "detail": f"expected one of {', '.join(words)}, or their numbers"}
            )  # fmt: skip
    digest = hashlib.sha256(content).hexdigest()
    source = label_source if any(labels.values()) else ""
    found.photos.append(Photo(file, origin, digest, len(content), kind, labels, source))
    found.places.append(_Cell(cell.shard, cell.row, file))


def _name(path: str, kind: str, split: Split, number: int, taken: set[str]) -> str:
    """A name such as ``train/17.jpg``, by the name inside the shard where that is fit and free."""
    given = PurePosixPath(path.replace("\\", "/")).name
    plain = re.fullmatch(r"[\w-][\w.-]*\.\w+", given, re.ASCII) is not None
    stem = PurePosixPath(given).stem if plain else "row"
    suffix = _SUFFIXES.get(kind, ".jpg")
    name = f"{_FOLDERS[split]}/{given if plain else f'{number}{suffix}'}"
    while name in taken:
        # Copies whose shards count their images anew have each name several times.
        name = f"{_FOLDERS[split]}/{stem}_{number}{suffix}"
        stem += "_"
    taken.add(name)
    return name


def _text(value: Any, names: Sequence[str]) -> str:
    return value if isinstance(value, str) else words_of_numbers([value], names)[0]


def _image(cell: Any) -> tuple[bytes | None, str]:
    """Bytes and name of an image's cell."""
    if isinstance(cell, Mapping):
        return cell.get("bytes"), str(cell.get("path") or "")
    return cell, ""


def _columns(path: Path, there: Sequence[str]) -> list[str]:
    """Columns to read."""
    if "image" not in there:
        raise BadInputError(
            f"{path}: column 'image' is missing; found {', '.join(there)}; expected image, age, gender, race. "
            f"Is it another data set?"
        )
    missing = [column for column in _WORDS if column not in there]
    if missing:
        logger.warning("%s: column %s is missing; its images have no such label.", path, ", ".join(missing))
    return ["image", *(column for column in _WORDS if column in there)]


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
