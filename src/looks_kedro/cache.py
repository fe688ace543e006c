"""Results that are kept on disk by what they depend on, so that nothing is computed twice.

A result is kept under a key that names everything it depends on: the content of the image, the settings, the code and
the libraries. So an entry is never wrong, only unused; the whole folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import BaseModel

from looks_kedro.errors import BadInputError

WAIT_SECONDS = 60.0
"""How long another process that writes is waited for; it writes an entry at a time, so this is far beyond need."""

_ASKED_AT_ONCE = 500


class ResultCache:
    """Texts by key in one SQLite file; safe for several threads and processes, and against being killed.

    Args:
        path: the file; it and its folder are made with the first entry.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"ResultCache({self.path.as_posix()!r})"

    def __enter__(self) -> ResultCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[ResultCache], tuple[Path]]:
        return ResultCache, (self.path,)

    def __len__(self) -> int:
        with self._lock, self._told():
            return int(self._open().execute("SELECT count(*) FROM results").fetchone()[0])

    def has(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that have an entry; the entries are not read."""
        return {key for (key,) in self._rows("key", keys)}

    def known(self, keys: Iterable[str]) -> dict[str, str]:
        """The entries that exist among the keys."""
        return dict(self._rows("key, value", keys))

    def keep(self, key: str, value: str) -> None:
        """Keep an entry, in place of an older one; a process that is killed afterwards does not lose it."""
        with self._lock, self._told():
            self._open().execute("INSERT OR REPLACE INTO results VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Let go of the file; the cache may be used again afterwards."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _rows(self, columns: str, keys: Iterable[str]) -> list[Any]:
        wanted = list(dict.fromkeys(keys))
        found: list[Any] = []
        with self._lock, self._told():
            database = self._open()
            for start in range(0, len(wanted), _ASKED_AT_ONCE):
                part = wanted[start : start + _ASKED_AT_ONCE]
                marks = ",".join("?" * len(part))
                found += database.execute(f"SELECT {columns} FROM results WHERE key IN ({marks})", part)
        return found

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Without isolation level each entry is its own transaction: nobody knows when the next one comes, and an
            # open one would be lost in a kill and keep other processes from writing.
            database = sqlite3.connect(self.path, timeout=WAIT_SECONDS, check_same_thread=False, isolation_level=None)
            try:
                # Readers and one writer at a time; a killed process leaves a whole file behind.
                with contextlib.suppress(sqlite3.OperationalError):  # another process is just switching it
                    database.execute("PRAGMA journal_mode=WAL")
                # With WAL an entry costs no wait for the disk; only a power cut may lose the last ones.
                database.execute("PRAGMA synchronous=NORMAL")
                database.execute("CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
            except sqlite3.DatabaseError:
                database.close()
                raise
            self._database = database
        return self._database

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise BadInputError(
                f"{self.path}: expected a cache of results to read and write, found: {error}. Wait for other runs "
                f"that use it, see that its disk has room and its folder may be written to, and run again: what is "
                f"done is kept."
            ) from error
        except sqlite3.DatabaseError as error:
            raise BadInputError(
                f"{self.path}: expected a cache of results, found a file that cannot be read as one ({error}). "
                f"Delete it: everything in it can be computed again."
            ) from error


@dataclass(frozen=True)
class Cached:
    """How the results of one kind of work are found again.

    Attributes:
        results: where they are kept.
        fingerprint: what all of them depend on; see :func:`fingerprint`.
        key: what one of them depends on beside that, such as the sha256 of the image.
    """

    results: ResultCache
    fingerprint: str
    key: Callable[[Any], str]

    def key_of(self, item: object) -> str:
        """The key of an item's result: 64 hexadecimal digits."""
        return hashlib.sha256(f"{self.fingerprint}\n{self.key(item)}".encode()).hexdigest()


def fingerprint(
    *settings: BaseModel | Mapping[str, Any] | str | float | None,
    code: Sequence[str] = (),
    packages: Sequence[str] = (),
    files: Sequence[Path] = (),
) -> str:
    """What results depend on beside the image itself, as 64 hexadecimal digits.

    Args:
        settings: parameters; models by their fields.
        code: our own modules or packages (``looks_kedro.faces``): a change in their source files makes results stale.
        packages: names of installed distributions, by their version.
        files: weights, by their content.
    """
    parts: list[Any] = [
        setting.model_dump(mode="json") if isinstance(setting, BaseModel) else setting for setting in settings
    ]
    parts.append([[name, _source_digest(name)] for name in code])
    parts.append([[name, importlib.metadata.version(name)] for name in packages])
    parts.append([_file_digest(path, path.stat().st_mtime_ns) for path in files])
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@cache
def _source_digest(name: str) -> str:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise BadInputError(f"There is no module {name!r} whose source could be looked at.")
    origin = Path(found.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(origin.parent).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _file_digest(path: Path, modified: int) -> str:  # noqa: ARG001 - a changed file is hashed anew
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
