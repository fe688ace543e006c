"""Finding the image files below a folder, safely and always in the same order."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".ppm", ".pgm"}
)
BOOKKEEPING_SUFFIXES = frozenset(
    {".csv", ".tsv", ".txt", ".md", ".json", ".jsonl", ".xml", ".yml", ".yaml", ".html", ".htm", ".url", ".ini", ".db",
     ".log", ".xlsx", ".xls", ".ods", ".parquet", ".py", ".ipynb", ".sh", ".sha256", ".md5"}
)  # fmt: skip
LONGEST_NAME = 235
"""Bytes of a file's name; file systems allow 255, and ``.mirrored``, ``.jpg``, ``.png`` and the like are appended."""
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")


@dataclass(frozen=True)
class Found:
    """A file that was found.

    Args:
        name: path below the root, with forward slashes.
        path: the file.
        bytes: its size.
        modified: when it was last changed, seconds since 1970.
        reason: why it is left out: ``not_an_image``, ``empty_file``, ``broken_link``, ``unreadable``,
            ``name_not_unicode`` or ``backslash_in_name``; "" for an image. Listings add ``name_too_long``.
    """

    name: str
    path: Path
    bytes: int = 0
    modified: float = 0.0
    reason: str = ""


def find_files(root: Path) -> list[Found]:
    """All files below a folder that are images or should have been, in natural order (2 before 10).

    Hidden and bookkeeping files (label tables, ``Thumbs.db``) are passed over. Links to folders are followed, each
    folder once, so that loops end.

    Args:
        root: an existing folder.
    """
    found: list[Found] = []
    seen: set[tuple[int, int]] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True, onerror=_note(found, root)):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        subfolders[:] = sorted((name for name in subfolders if not name.startswith((".", "__MACOSX"))), key=natural)
        for name in files:
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix.lower() not in BOOKKEEPING_SUFFIXES:
                found.append(_look_at(path, path.relative_to(root).as_posix()))
    return sorted(found, key=lambda entry: natural(entry.name))


def natural(name: str) -> tuple[object, ...]:
    """A key to sort names by, in which 2 comes before 10; ties are broken by the name itself."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return (*(_rank(part) for part in parts), (0, name))


def _rank(part: str) -> tuple[int, str]:
    if not (part.isascii() and part.isdigit()):  # other digits, such as ①, are letters here
        return -1, part
    # Compared as text, since Python makes no number of more than 4,300 digits.
    digits = part.lstrip("0")
    return len(digits), digits


def has_long_name(name: str) -> bool:
    """Whether a file's name leaves no room for those of its face, its matte and its copies.

    Args:
        name: path with forward slashes.
    """
    return len(name.rpartition("/")[2].encode()) > LONGEST_NAME


def _look_at(path: Path, name: str) -> Found:
    shown = name.encode("utf-8", "backslashreplace").decode()
    try:
        status = path.stat()
        if shown != name or "\\" in name:
            return Found(
                shown, path, status.st_size, reason="name_not_unicode" if shown != name else "backslash_in_name"
            )
        found = Found(name, path, status.st_size, status.st_mtime)
        if not path.is_file():
            return Found(name, path, reason="not_an_image")
        if path.suffix.lower() not in IMAGE_SUFFIXES and not _looks_like_image(path):
            return Found(name, path, status.st_size, reason="not_an_image")
        return found if status.st_size else Found(name, path, reason="empty_file")
    except FileNotFoundError:
        return Found(shown, path, reason="broken_link")
    except OSError:
        return Found(shown, path, reason="unreadable")


def _looks_like_image(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(16)
    return start.startswith(_MAGIC) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP") or start[4:12] == b"ftypavif"


def _note(found: list[Found], root: Path) -> Callable[[OSError], None]:
    def note(error: OSError) -> None:
        path = Path(str(error.filename))
        found.append(Found(path.relative_to(root).as_posix(), path, reason="unreadable"))

    return note
