"""Folders that appear whole or not at all, and files that are stored once however often they are saved."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no flock; there stale folders are told by their age.
    fcntl = None

logger = logging.getLogger(__name__)

_PREFIX = ".staging-"
_STALE_SECONDS = 24 * 3600.0


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """A hidden folder in ``parent`` to prepare something in; gone afterwards, whatever happened.

    A lock file, which the operating system frees when the process dies, tells living folders from stale ones;
    stale ones are removed on the way.

    Args:
        parent: made where it is missing; the caller renames out of the staging folder within it.
    """
    parent.mkdir(parents=True, exist_ok=True)
    remove_stale(parent)
    name, lock = _locked_name(parent)
    folder = parent / name
    folder.mkdir()
    try:
        yield folder
    finally:
        _remove(folder)
        _lock_path(folder).unlink(missing_ok=True)
        os.close(lock)


def remove_stale(parent: Path) -> None:
    """Remove the staging folders of processes that are no more; put back what they had moved away."""
    for lock_file in sorted(parent.glob(f"{_PREFIX}*.lock")):
        # Somebody else may be removing it too, or it may belong to another user.
        with contextlib.suppress(OSError):
            descriptor = os.open(lock_file, os.O_RDWR)
            try:
                if _is_free(descriptor, lock_file):
                    folder = lock_file.with_suffix("")
                    _restore(folder)
                    _remove(folder)
                    lock_file.unlink(missing_ok=True)
            finally:
                os.close(descriptor)


def swap(new: Path, target: Path, staging: Path) -> None:
    """Put ``new`` in the place of the folder ``target``.

    Between the two renames there is a moment without ``target``; a process killed right there leaves the old one in
    its staging folder, and the next ``staging_folder`` or ``remove_stale`` puts it back.
    """
    if target.exists():
        replaced = staging / "replaced"
        replaced.mkdir()
        target.rename(replaced / target.name)
    new.rename(target)


def place(data: bytes, target: Path, store: Path | None) -> str:
    """Write a file, or link it to the same bytes in the store.

    Files are made read-only, since a stored file is shared by all versions that hold it.

    Args:
        data: content of the file.
        target: where it goes; its folder must exist.
        store: folder of the store; None writes a file of its own.

    Returns:
        The sha256 of the content, in hexadecimal.

    Raises:
        FileExistsError: ``target`` exists, under this name or, on some file systems, in other letter case.
    """
    digest = hashlib.sha256(data).hexdigest()
    stored = _stored(store, digest) if store else None
    if stored and _linked(stored, target, len(data)):
        return digest
    _write(data, target)
    if stored:
        try:
            stored.parent.mkdir(parents=True, exist_ok=True)
            os.link(target, stored)
        except FileExistsError:
            # Another thread or run stored the same bytes meanwhile.
            target.unlink()
            if not _linked(stored, target, len(data)):
                _write(data, target)
        except OSError:
            logger.debug("%s stays a copy: the file system refused the link.", target)
    return digest


def link(digest: str, size: int, target: Path, store: Path) -> bool:
    """Link ``target`` to the stored file of this sha256; False where the store does not hold it whole."""
    return _linked(_stored(store, digest), target, size)


def _stored(store: Path, digest: str) -> Path:
    return store / digest[:2] / digest


def _write(data: bytes, target: Path) -> None:
    with target.open("xb") as file:
        file.write(data)
    target.chmod(0o444)


def _linked(stored: Path, target: Path, size: int) -> bool:
    """Link ``target`` to ``stored``; False where that cannot be, or the stored file was cut off by a power failure."""
    try:
        if stored.stat().st_size != size:
            stored.unlink(missing_ok=True)
            return False
        os.link(stored, target)
    except OSError:
        return False
    return True


def _locked_name(parent: Path) -> tuple[str, int]:
    while True:
        name = f"{_PREFIX}{os.getpid()}-{uuid.uuid4().hex[:8]}"
        path = parent / f"{name}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        if fcntl:
            # Some network file systems know no locks: there a folder is never taken for stale.
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Somebody cleaning up may have removed the file before it was locked.
        if path.exists():
            return name, descriptor
        os.close(descriptor)


def _lock_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _is_free(descriptor: int, path: Path) -> bool:
    if fcntl is None:
        return time.time() - path.stat().st_mtime > _STALE_SECONDS
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _restore(folder: Path) -> None:
    replaced = folder / "replaced"
    for old in replaced.iterdir() if replaced.is_dir() else ():
        target = folder.parent / old.name
        if not target.exists():
            old.rename(target)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
