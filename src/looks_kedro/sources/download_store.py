"""A list in SQLite and the files that it names: what searches found, what URLs answered, what pictures are.

Rows are written one at a time, each a transaction of its own, and a file is whole before its row is written: so a
kill at any moment loses at most what was under way, and several processes may use one folder.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from looks_kedro.errors import BadInputError

_LAYOUT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS searches (key TEXT PRIMARY KEY, hits TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    url TEXT PRIMARY KEY, status INTEGER, type TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
    reason TEXT NOT NULL, final INTEGER NOT NULL, byte_limit INTEGER NOT NULL, time TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pictures (
    sha256 TEXT NOT NULL, max_pixels INTEGER NOT NULL, reason TEXT NOT NULL, suffix TEXT NOT NULL,
    perceptual_hash TEXT NOT NULL, PRIMARY KEY (sha256, max_pixels));
"""
_WAIT_FOR_LOCK = 60.0  # seconds
_STALE = 3600.0  # seconds


@dataclass(frozen=True)
class KeptAnswer:
    """What a URL answered.

    Attributes:
        url: as it was asked for.
        status: HTTP status, None where there was no answer.
        type: media type, "" unknown.
        sha256: of the content, "" where there is none.
        bytes: size of the content.
        reason: why there is no content, else "".
        final: asking again would give the same.
        byte_limit: the largest answer that was allowed.
        time: when it was asked for, ISO in UTC.
    """

    url: str
    status: int | None
    type: str
    sha256: str
    bytes: int
    reason: str
    final: bool
    byte_limit: int
    time: str


@dataclass(frozen=True)
class KeptPicture:
    """What a content is when it is decoded with a limit on its pixels.

    Attributes:
        reason: why it is no picture that can be used, else "".
        suffix: of a file of its format, such as ``.jpg``.
        perceptual_hash: 16 hexadecimal digits.
    """

    reason: str
    suffix: str
    perceptual_hash: str


class DownloadStore:
    """``downloads.sqlite``, and ``files/``, in which every content lies once under its sha256."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = root / "downloads.sqlite"
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._users = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the database open for many calls; not needed, but faster."""
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._connection.close()
                    self._connection = None

    def search(self, key: str) -> str | None:
        """What was kept of a search."""
        rows = self._run("SELECT hits FROM searches WHERE key = ?", key)
        return str(rows[0][0]) if rows else None

    def keep_search(self, key: str, hits: str) -> None:
        """Keep what a search found, instead of what was kept before."""
        self._run("INSERT OR REPLACE INTO searches VALUES (?, ?)", key, hits)

    def answer(self, url: str) -> KeptAnswer | None:
        """What a URL answered."""
        rows = self._run("SELECT * FROM answers WHERE url = ?", url)
        return KeptAnswer(*rows[0]) if rows else None

    def keep_answer(self, answer: KeptAnswer) -> None:
        """Keep what a URL answered; what is final is not replaced by what is not."""
        self._run(
            "INSERT INTO answers VALUES (:url, :status, :type, :sha256, :bytes, :reason, :final, :byte_limit, :time) "
            "ON CONFLICT (url) DO UPDATE SET status = excluded.status, type = excluded.type, "
            "sha256 = excluded.sha256, bytes = excluded.bytes, reason = excluded.reason, final = excluded.final, "
            "byte_limit = excluded.byte_limit, time = excluded.time WHERE excluded.final OR NOT answers.final",
            **asdict(answer),
        )

    def picture(self, sha256: str, max_pixels: int) -> KeptPicture | None:
        """What a content is."""
        rows = self._run(
            "SELECT reason, suffix, perceptual_hash FROM pictures WHERE sha256 = ? AND max_pixels = ?",
            sha256, max_pixels,
        )  # fmt: skip
        return KeptPicture(*rows[0]) if rows else None

    def keep_picture(self, sha256: str, max_pixels: int, picture: KeptPicture) -> None:
        """Keep what a content is."""
        self._run(
            "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?)",
            sha256, max_pixels, picture.reason, picture.suffix, picture.perceptual_hash,
        )  # fmt: skip

    def file(self, sha256: str) -> Path:
        """Where a content lies."""
        return self._root / "files" / sha256[:2] / sha256

    def is_whole(self, sha256: str, size: int) -> bool:
        """Whether a content is there; someone may have tidied up, and a power failure may have cut it off."""
        path = self.file(sha256)
        return path.is_file() and path.stat().st_size == size

    def keep_file(self, content: bytes, sha256: str) -> None:
        """Write a content, so that its file is whole as soon as it is there."""
        target = self.file(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming = self._root / "incoming"
        incoming.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _run(self, statement: str, *values: Any, **named: Any) -> list[Any]:
        with self.held(), self._lock:
            assert self._connection is not None
            try:
                return self._connection.execute(statement, named or values).fetchall()
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def _open(self) -> sqlite3.Connection:
        self._root.mkdir(parents=True, exist_ok=True)
        _remove_stale(self._root / "incoming")
        try:
            connection = sqlite3.connect(
                self._path, timeout=_WAIT_FOR_LOCK, isolation_level=None, check_same_thread=False
            )
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return connection

    def _unusable(self, error: sqlite3.Error) -> BadInputError:
        return BadInputError(
            f"{self._path}: the list of downloads cannot be used ({error}). Expected SQLite's format, layout "
            f"{_LAYOUT}, on a local disk with room. If the disk is full, make room; if another program holds the "
            f"file, end it; otherwise move {self._root} away, and what it held is fetched again."
        )


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where they are missing."""
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    if layout not in (0, _LAYOUT):
        raise sqlite3.DatabaseError(f"its layout is {layout}")
    connection.execute("PRAGMA synchronous = NORMAL")
    if layout == _LAYOUT:
        return
    # Two processes may begin at the same time, and SQLite does not wait with this switch.
    deadline = time.monotonic() + _WAIT_FOR_LOCK
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_LAYOUT}; COMMIT;")


def _remove_stale(incoming: Path) -> None:
    """Remove files that a killed process left half written; young ones may be another process's."""
    for path in incoming.glob("*"):
        try:
            if path.stat().st_mtime < time.time() - _STALE:
                path.unlink()
        except FileNotFoundError:
            continue  # its process was faster
