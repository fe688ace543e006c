"""Large files from the web: streamed to disk, resumed where they were left, checked, put in place in one step.

Beside ``NAME`` there are for the time being ``NAME.part``, what has come so far, and ``NAME.part.json``, which version
of which URL that is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from tenacity import Retrying
from tqdm import tqdm

from looks_kedro.errors import BadInputError
from looks_kedro.sources.exchange import Visit, Visitor
from looks_kedro.sources.fetch_error import FetchError
from looks_kedro.sources.media_types import ENOUGH, LFS_POINTER, describe, media_type

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no flock; there two downloads of one file must not run at once.
    fcntl = None

logger = logging.getLogger(__name__)

_LARGEST = 50_000_000_000
_PROGRESS = 1_000_000


@dataclass(frozen=True)
class _Version:
    """What the part on disk is a part of.

    Attributes:
        url: the URL that was asked for.
        validator: ETag or date by which the server recognises its version, "" where it gives none.
        length: bytes of the whole file, None where the server does not say.
    """

    url: str
    validator: str
    length: int | None


class Download:
    """One file on its way.

    Args:
        url: where it lies.
        target: where it goes.
        sha256: expected hash.
        size: expected number of bytes.
        md5: expected hash.
        description: words for the progress bar and the messages.
        patience: seconds in which a megabyte must come.
    """

    def __init__(
        self,
        url: str,
        target: Path,
        *,
        sha256: str | None,
        size: int | None,
        md5: str | None,
        description: str,
        patience: float,
    ) -> None:
        self._url = url
        self._target = target
        self._hashes = {name: value.lower() for name, value in (("sha256", sha256), ("md5", md5)) if value}
        self._size = size
        self._description = description or target.name
        self._patience = patience
        self._part = target.with_name(f"{target.name}.part")
        self._notes = target.with_name(f"{target.name}.part.json")
        self._attempts = 0
        self._spared = 0

    def run(self, visitor: Visitor, retrying: Callable[[Callable[[], int]], Retrying]) -> None:
        """Fetch the file unless it is there.

        Args:
            visitor: asks the web.
            retrying: makes what repeats an attempt, given the number of attempts that do not count.
        """
        try:
            if self._is_there():
                return
            self._target.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self._part) as file:
                # Another process may have brought it while this one waited for its turn.
                if not self._is_there():
                    self._fetch(file, visitor, retrying)
        except OSError as error:
            raise BadInputError(
                f"{self._target}: cannot be written ({error.strerror or error}). Make room or correct the folder; what "
                f"has come is kept in {self._part.name} and continued by the next run."
            ) from error

    def _fetch(self, file: BinaryIO, visitor: Visitor, retrying: Callable[[Callable[[], int]], Retrying]) -> None:
        for continued in (_size(file) > 0, False):
            self._attempts = self._spared = 0
            retrying(lambda: self._spared)(self._attempt, file, visitor)
            problem = self._problem(self._part)
            if not problem:
                break
            self._begin(file)
            if not continued:
                raise FetchError(
                    self._url,
                    "wrong_content",
                    f"{problem}. What came was thrown away. Run again; if it happens again, the server has another "
                    f"file: correct the address or the expected value, or give a local file",
                )
            logger.warning("%s: %s, after a continued download; starting again.", self._url, problem)
        os.fsync(file.fileno())
        self._notes.unlink(missing_ok=True)
        self._part.replace(self._target)
        logger.info("%s: %d bytes in %s.", self._description, self._target.stat().st_size, self._target)

    def _attempt(self, file: BinaryIO, visitor: Visitor) -> None:
        """Bring what is missing."""
        self._attempts += 1
        before = _size(file)
        try:
            if not self._continue(file, visitor):
                self._begin(file)
                before = 0
                self._continue(file, visitor)
        except FetchError:
            if _size(file) - before >= _PROGRESS:
                self._spared = self._attempts - 1
            raise
        finally:
            file.flush()

    def _continue(self, file: BinaryIO, visitor: Visitor) -> bool:
        """Ask for the rest; False where what is there is of no use."""
        have = _size(file)
        known = self._version() if have else None
        if have and (known is None or known.url != self._url or not (known.validator or self._hashes)):
            return False
        if known and known.length == have:
            return True  # killed between the last byte and the renaming
        headers = {"Accept-Encoding": "identity"}
        if known:
            headers["Range"] = f"bytes={have}-"
            if known.validator:
                headers["If-Range"] = known.validator
        takes = frozenset({200, 206, 416} if known else {200})
        with visitor.visit(self._url, headers, takes=takes, endless=True) as visit:
            if visit.status == 416:
                return _span(visit) == (None, have)
            if visit.status == 206:
                whole = _span(visit)[1]
                if known is None or _span(visit)[0] != have or known.length not in {None, whole}:
                    return False
                self._receive(file, visit, have)
                return True
            self._begin(file)
            self._receive(file, visit, 0)
            return True

    def _receive(self, file: BinaryIO, visit: Visit, have: int) -> None:
        head = b""
        told = visit.length if not visit.headers.get("Content-Encoding") else None
        whole = have + told if told is not None else None
        since, arrived = time.monotonic(), 0
        with tqdm(
            desc=self._description, total=whole, initial=have, unit="B", unit_scale=True, leave=False,
            disable=not sys.stderr.isatty(), dynamic_ncols=True,
        ) as bar:  # fmt: skip
            for piece in visit.pieces(_LARGEST):
                if have == 0 and len(head) < ENOUGH:
                    head += piece
                    if len(head) < ENOUGH:
                        continue
                    piece = head
                    self._start(visit, head, whole)
                if self._size is not None and file.tell() + len(piece) > self._size:
                    self._begin(file)
                    visit.fail("too_large", f"sends more than the expected {self._size} bytes: another file")
                file.write(piece)
                bar.update(len(piece))
                arrived += len(piece)
                if arrived >= _PROGRESS:
                    since, arrived = time.monotonic(), 0
                elif time.monotonic() - since > self._patience:
                    visit.fail("timeout", f"only {arrived} bytes in {self._patience:g} s", transient=True)
        if have == 0 and len(head) < ENOUGH:
            self._start(visit, head, whole)
            file.write(head)

    def _start(self, visit: Visit, head: bytes, whole: int | None) -> None:
        """Judge a file by its first bytes, and note what it is before they are written."""
        if not head:
            visit.fail("empty", "the answer is empty")
        kind = media_type(head)
        if kind in {"text/html", LFS_POINTER}:
            visit.fail(
                "web_page" if kind == "text/html" else "lfs_pointer",
                f"expected {self._description}; found {describe(head)}. Open the address in a browser, save the real "
                f"file, and give its path",
            )
        if self._size is not None and whole is not None and whole != self._size:
            visit.fail("wrong_content", f"expected {self._size} bytes; the server has {whole}. The file there is "
                       f"another one: correct the address or the expected value, or give a local file")  # fmt: skip
        etag = visit.headers.get("ETag", "")
        # A weak tag (W/...) does not promise the same bytes.
        validator = etag if etag.startswith('"') else visit.headers.get("Last-Modified", "")
        if not visit.headers.get("Content-Encoding"):
            fresh = self._notes.with_name(f"{self._notes.name}.new")
            fresh.write_text(json.dumps(asdict(_Version(self._url, validator, whole))), encoding="utf-8")
            fresh.replace(self._notes)

    def _version(self) -> _Version | None:
        try:
            return _Version(**json.loads(self._notes.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _begin(self, file: BinaryIO) -> None:
        """Throw away what is there."""
        self._notes.unlink(missing_ok=True)
        file.truncate(0)
        file.seek(0)

    def _is_there(self) -> bool:
        if not self._target.exists():
            return False
        problem = self._problem(self._target)
        if problem:
            logger.warning("%s: %s; fetching it again.", self._target, problem)
        return not problem

    def _problem(self, path: Path) -> str:
        """In what a file differs from what is expected; "" where it does not."""
        size = path.stat().st_size
        if self._size is not None and size != self._size:
            return f"expected {self._size} bytes; found {size}"
        for name, expected in self._hashes.items():
            with path.open("rb") as file:
                found = hashlib.file_digest(file, name).hexdigest()
            if found != expected:
                return f"expected {name} {expected}; found {found}"
        return ""


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _span(visit: Visit) -> tuple[int | None, int | None]:
    """First byte and whole length by Content-Range, None for what it does not say."""
    match = re.fullmatch(r"\s*bytes\s+(?:(\d+)-\d+|\*)/(\d+|\*)\s*", visit.headers.get("Content-Range", ""))
    if not match:
        return None, None
    first, whole = match.groups()
    return int(first) if first else None, int(whole) if whole != "*" else None


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """The part opened for appending, by one process at a time; an empty one does not stay."""
    while True:
        file = part.open("ab")
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX)
        # Whoever held it before may have put it in place.
        if part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat()):
            break
        file.close()
    try:
        yield file
    finally:
        file.flush()
        if part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat()) and not _size(file):
            part.unlink()
        file.close()
