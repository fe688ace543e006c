"""Which photos are to be predicted: a file, all of a folder, or all that a pattern names."""

from __future__ import annotations

import glob
import logging
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from looks_kedro.errors import BadInputError
from looks_kedro.sources.walk import find_files, natural

log = logging.getLogger(__name__)

READ_ANYWAY = ("name_not_unicode", "backslash_in_name")
"""What a folder of the study refuses for the name's sake; here the name is only shown."""

_SHOWN = 60


@dataclass(frozen=True)
class Photo:
    """A photo to be predicted.

    Attributes:
        path: where it lies.
        file: what tables and messages call it: relative, with forward slashes.
        reason: why it cannot be read, "" where it may be one.
    """

    path: Path
    file: str
    reason: str = ""


def find_photos(images: str | os.PathLike[str]) -> list[Photo]:
    """The photos that a path stands for, in natural order (2 before 10).

    Args:
        images: a file; a folder, searched to the end, bookkeeping and hidden files left out; or a pattern such as
            ``photos/**/*.jpg``. What exists under the very name is taken before it is read as a pattern.

    Returns:
        Each photo once; files of the folder that cannot be photos have a ``reason``.

    Raises:
        BadInputError: there is no such file or folder, or nothing in it.
    """
    given = Path(images).expanduser()
    if given.is_dir():
        found = [_photo(one.path, one.name, one.reason) for one in find_files(given)]
        if not found:
            raise BadInputError(f"prediction.images is {images}: the folder holds no photo. Correct the path.")
        return found
    if given.exists() or given.is_symlink():
        return [_photo(given, given.name, "" if given.is_file() else "not a file")]
    if not glob.has_magic(str(given)):
        raise BadInputError(
            f"prediction.images is {images}; expected a photo, a folder of photos, or a pattern such as "
            f"'photos/*.jpg'; found nothing of this name in {Path.cwd()}. Correct the path."
        )
    return _matching(given)


def shown_name(file: str, most: int = _SHOWN) -> str:
    """A file's name as a line of text may show it: what steers a terminal or turns the reading becomes an escape.

    Args:
        file: any name.
        most: characters shown; the middle of longer ones is left out.
    """
    shown = "".join(
        one if unicodedata.category(one)[0] != "C" and unicodedata.category(one) not in {"Zl", "Zp"} else _escape(one)
        for one in file
    )
    return shown if len(shown) <= most else f"{shown[: most // 2 - 1]}…{shown[-(most - most // 2) :]}"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _photo(path: Path, name: str, reason: str) -> Photo:
    told = "" if reason in READ_ANYWAY else reason.replace("_", " ")
    # Bytes of a name that are no text become escapes; a table is UTF-8.
    return Photo(path, name.encode("utf-8", "backslashreplace").decode(), told)


def _matching(pattern: Path) -> list[Photo]:
    # Path.glob takes no absolute pattern.
    paths = [Path(path) for path in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207
    files = sorted((path for path in paths if not path.is_dir()), key=lambda path: natural(path.as_posix()))
    if not files:
        raise BadInputError(
            f"prediction.images is {pattern}: no file matches this pattern in {Path.cwd()}. Correct it; ** goes into "
            "folders, as in 'photos/**/*.jpg'."
        )
    if len(files) < len(paths):
        log.info("%d folders match the pattern, too; their photos are left out.", len(paths) - len(files))
    # Path.resolve would follow links; a name says where the link lies.
    places = [os.path.abspath(path) for path in files]  # noqa: PTH100
    root = os.path.commonpath([os.path.dirname(place) for place in places])  # noqa: PTH120
    names = (Path(os.path.relpath(place, root)).as_posix() for place in places)
    reasons = ("" if path.is_file() else "broken link" for path in files)
    return [_photo(path, name, reason) for path, name, reason in zip(files, names, reasons, strict=True)]
