"""Images decoded and resized once, in files on a bounded part of the disk, found again by their content."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.array_building import build_array, done_file, part_file
from looks_kedro.learning.decoding import DECODER, Colour
from looks_kedro.learning.file_locks import lock_file
from looks_kedro.learning.portrait_arrays import DecodedOnTheFly, PortraitRows, StoredPortraits
from looks_kedro.learning.reading_ahead import read_ahead
from looks_kedro.parallel import usable_cores

__all__ = ["ArrayStore", "array_key"]

log = logging.getLogger(__name__)

_LEFT_FREE = 500_000_000
"""Bytes of the disk that an array leaves to what else is written there, such as trained models."""


class ArrayStore:
    """A folder of decoded images; a place whose content may be deleted whenever no run is using it.

    An array is found by what it is made of: the images' bytes in their order, the size, the colour behind
    transparency and the decoder. So a new version of the same images opens the same array, and a changed image makes
    another. Several processes may use one store; one at a time builds or removes arrays.

    Args:
        folder: made with the first array.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"ArrayStore({self.folder.as_posix()!r})"

    def portraits(
        self,
        paths: Iterable[str | Path],
        size: int,
        *,
        digests: Sequence[str] | None = None,
        alpha_colour: Colour = (0, 0, 0),
        gigabytes: float = 30.0,
        workers: int | None = None,
    ) -> PortraitRows:
        """Images as an array, decoded at the first call for them only.

        A build that was killed goes on where it was. Before one starts, the arrays that were not used for longest
        are removed until the store keeps within its bound; those in use stay. What does not fit into the bound, or
        cannot be written (the disk is full), is decoded whenever it is asked for: slower, the same pixels.

        Args:
            paths: image files, in the order of the result.
            size: side of the square in pixels.
            digests: sha256 of each file in hexadecimal digits, where they are known; the files are read when none.
            alpha_colour: red, green, blue (0-255) behind transparent pixels. Black is what a plain conversion of
                cut-out portraits shows.
            gigabytes: what the store may hold, in 10^9 bytes; 0 stores nothing.
            workers: threads that decode; none takes one for each core.

        Returns:
            uint8 (N, size, size, 3), RGB, read from the disk row by row.

        Raises:
            BadInputError: there is no path, there are not as many digests, or a file is missing or unreadable (the
                message names it).
            BadParameterError: ``gigabytes`` is negative.
        """
        files = [Path(path) for path in paths]
        workers = workers or usable_cores()
        if gigabytes < 0:
            raise BadParameterError(f"array_gigabytes is {gigabytes:g}; expected 0 or more")
        if not files:
            raise BadInputError("no image to load: the list of files is empty; run the step before this one")
        digests = _digests_of(files, workers) if digests is None else digests
        if len(digests) != len(files):
            raise BadInputError(f"{len(files)} images but {len(digests)} digests: they are not of the same images")
        key = array_key(digests, size, alpha_colour)
        bound = int(gigabytes * 1e9)
        needed = len(files) * size * size * 3
        stored = self._opened(key)
        if stored is None and needed <= bound:
            try:
                stored = self._built(key, files, size, alpha_colour, bound, workers)
            except OSError as error:
                log.warning(
                    "%s: %d images cannot be stored (%s). They are decoded again in every epoch, which is slower: "
                    "free %.0f MB there, or move the data to another disk.",
                    self.folder, len(files), error.strerror or error, needed / 1e6,
                )  # fmt: skip
        elif stored is None:
            log.info(
                "%d images of %d px take %.1f GB, above the bound of %.1f GB: they are decoded in every epoch. "
                "Raise training.array_gigabytes to decode them once.",
                len(files), size, needed / 1e9, gigabytes,
            )  # fmt: skip
        return stored or DecodedOnTheFly(files, size, alpha_colour, key, workers)

    def _opened(self, key: str) -> StoredPortraits | None:
        path = self.folder / f"{key}.npy"
        try:
            portraits = StoredPortraits(path)
        except FileNotFoundError:
            return None
        except BadInputError as error:  # somebody else's doing; the array is built in its place
            log.warning("%s", error)
            return None
        # Use is noted in the time of change: the time of access is not kept on many systems.
        with contextlib.suppress(OSError):
            os.utime(path)
        return portraits

    def _built(
        self, key: str, files: Sequence[Path], size: int, alpha_colour: Colour, bound: int, workers: int
    ) -> StoredPortraits | None:
        """Build the array, unless another process has done so meanwhile; None where there is no room for it."""
        with self._alone():
            stored = self._opened(key)
            if stored is not None:
                return stored
            path = self.folder / f"{key}.npy"
            needed = len(files) * size * size * 3
            if not self._make_room(path, needed, bound):
                return None
            try:
                build_array(path, files, size, alpha_colour, workers)
            except OSError:
                _remove(part_file(path))
                raise
            return self._opened(key)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Work in the folder while no other process builds or removes arrays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not lock_file(file, shared=False, wait=False):
                log.info("%s: another run is decoding images; waiting for it", self.folder)
                lock_file(file, shared=False)
            yield
        finally:
            os.close(file)

    def _make_room(self, path: Path, needed: int, bound: int) -> bool:
        """Remove arrays that are not in use, the longest unused first, until ``needed`` bytes fit."""
        own = part_file(path)
        sizes = {file: file.stat() for pattern in ("*.npy", "*.part") for file in self.folder.glob(pattern)}
        begun = sizes.pop(own).st_size if own in sizes else 0
        total = sum(status.st_size for status in sizes.values())

        def free() -> int:
            return shutil.disk_usage(self.folder).free + begun - needed - _LEFT_FREE

        for file in sorted(sizes, key=lambda file: sizes[file].st_mtime_ns):
            if total + needed <= bound and free() >= 0:
                break
            if _remove(file):
                log.info("%s: removed, to make room for other images", file)
                total -= sizes[file].st_size
        if total + needed > bound:
            log.warning(
                "%s: %.1f GB are in use and %.1f GB more are needed, above the bound of %.1f GB: these images are "
                "decoded in every epoch, which is slower. Raise training.array_gigabytes to decode them once.",
                self.folder, total / 1e9, needed / 1e9, bound / 1e9,
            )  # fmt: skip
        elif free() < 0:
            log.warning(
                "%s: the disk is full: %.1f GB more would have to be free. These images are decoded in every epoch, "
                "which is slower; free some space to decode them once.",
                self.folder, -free() / 1e9,
            )  # fmt: skip
        else:
            return True
        return False


def array_key(digests: Iterable[str], size: int, alpha_colour: Colour) -> str:
    """What names an array: 64 hexadecimal digits of the images' content, the size, the colour and the decoder."""
    key = hashlib.sha256(f"{DECODER} {size} {tuple(alpha_colour)}\n".encode())
    for digest in digests:
        key.update(f"{digest}\n".encode())
    return key.hexdigest()


def _remove(file: Path) -> bool:
    """Remove an array that nobody, this process included, has opened."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        if not lock_file(descriptor, shared=False, wait=False):
            return False
        # First what says how much of it is good.
        done_file(file).unlink(missing_ok=True)
        file.unlink()
    except OSError:  # another user's, or in use on a system without locks
        return False
    finally:
        os.close(descriptor)
    return True


def _digests_of(files: Sequence[Path], workers: int) -> list[str]:
    return list(read_ahead(_digest_of, files, workers))


def _digest_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise BadInputError(f"{file}: expected an image, found {error.strerror}; restore it") from error
