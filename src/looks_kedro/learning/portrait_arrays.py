"""Arrays of portraits that need not lie in memory: what a network reads batches from."""

from __future__ import annotations

import hashlib
import mmap
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError
from looks_kedro.learning.decoding import Colour, ImageArray, read_portrait
from looks_kedro.learning.file_locks import lock_file

__all__ = [
    "ChosenPortraits",
    "DecodedOnTheFly",
    "PortraitRows",
    "Portraits",
    "Rows",
    "StoredPortraits",
    "content_key",
    "pixels_digest",
    "read_rows",
]

Rows = npt.NDArray[np.int64]

_BUFFERS_AT_ONCE = 512
"""Of one system call; the least that POSIX systems allow is 16, Linux and macOS allow 1024."""


class Portraits(Protocol):
    """uint8 (N, S, S, 3) in RGB, wherever it lies; a numpy array is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, S, S, 3)."""

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8."""

    @property
    def ndim(self) -> int:
        """4."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Rows, /) -> ImageArray:
        """The rows in the order asked for: uint8 (n, S, S, 3)."""


class PortraitRows(ABC):
    """Portraits that are read row by row; indexed along the first axis by numpy's rules.

    Attributes:
        shape: (N, S, S, 3).
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, count: int, size: int, key: str = "") -> None:
        self.shape: tuple[int, ...] = (count, size, size, 3)
        self._key = key

    @property
    def key(self) -> str:
        """Names the content: portraits of one key are equal."""
        return self._key

    @abstractmethod
    def read_into(self, rows: Rows, out: ImageArray) -> None:
        """Read rows (each of 0..N-1, in any order) into ``out``, a contiguous uint8 (n, S, S, 3)."""

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shape[0]} of {self.shape[1]} px)"

    def __getitem__(self, rows: Any, /) -> ImageArray:
        wanted = np.asarray(np.arange(len(self))[rows])
        out: ImageArray = np.empty((wanted.size, *self.shape[1:]), dtype=np.uint8)
        self.read_into(wanted.ravel(), out)
        return out.reshape(*wanted.shape, *self.shape[1:])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


class StoredPortraits(PortraitRows):
    """Portraits in an ``.npy`` file, of which only the rows asked for are read.

    The pages of a memory map count as memory of the process, as many as it has touched; so rows are read into their
    own buffer, and memory does not grow with the number of images. Several threads may read, and copies that are
    sent to other processes open the file again. The file is marked as used (a shared lock) while this lives.

    Args:
        path: the file.
        key: names the content; the stem of the file when none.

    Raises:
        FileNotFoundError: there is no such file.
        BadInputError: it does not hold what its header says.
    """

    def __init__(self, path: Path, key: str | None = None) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)
        lock_file(self._file, shared=True)
        with open(self._file, "rb", closefd=False) as file:
            shape, self._start = _read_header(file, path)
        super().__init__(shape[0], shape[1], key or path.stem)

    def __reduce__(self) -> tuple[type[StoredPortraits], tuple[Path, str]]:
        return StoredPortraits, (self.path, self.key)

    def read_into(self, rows: Rows, out: ImageArray) -> None:
        """Read rows in the order of the file, neighbours together, each into its place."""
        if not hasattr(os, "preadv"):
            np.take(self._mapped(), rows, axis=0, out=out)
            return
        if not out.flags.c_contiguous:
            raise ValueError("the rows can be read into a contiguous buffer only")
        length = int(np.prod(self.shape[1:]))
        places = out.reshape(-1).data
        order = np.argsort(rows, kind="stable")
        ends = np.flatnonzero(np.diff(rows[order]) != 1) + 1
        for run in np.split(order, ends):
            for first in range(0, len(run), _BUFFERS_AT_ONCE):
                part = run[first : first + _BUFFERS_AT_ONCE].tolist()
                buffers = [places[row * length : (row + 1) * length] for row in part]
                self._fill(buffers, self._start + int(rows[part[0]]) * length)

    def _fill(self, buffers: list[memoryview], offset: int) -> None:
        """Read until the buffers are full; the system may give less than was asked for."""
        while buffers:
            count = os.preadv(self._file, buffers, offset)
            if count == 0:
                raise BadInputError(f"{self.path}: the file ends too early; delete it, it is built again")
            offset += count
            while buffers and count >= len(buffers[0]):
                count -= len(buffers.pop(0))
            if count:
                buffers[0] = buffers[0][count:]

    def _mapped(self) -> ImageArray:
        content = mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)
        return np.ndarray(self.shape, dtype=np.uint8, buffer=content, offset=self._start)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """The whole array, mapped read-only: nothing is read until it is looked at."""
        mapped = np.asarray(self._mapped(), dtype=dtype)
        return mapped.copy() if copy else mapped


def _read_header(file: Any, path: Path) -> tuple[tuple[int, ...], int]:
    """Shape, and where the pixels start, of a file that is whole."""
    try:
        np.lib.format.read_magic(file)
        shape, by_columns, kind = np.lib.format.read_array_header_1_0(file)
    except ValueError as error:
        raise BadInputError(f"{path}: expected an array of portraits, found {error}; delete it") from error
    start = int(file.tell())
    square = len(shape) == 4 and shape[1] == shape[2] and shape[3] == 3
    if by_columns or kind != np.uint8 or not square:
        raise BadInputError(f"{path}: expected uint8 (N, S, S, 3), found {kind} {shape}; delete it")
    expected, found = start + int(np.prod(shape, dtype=np.int64)), os.fstat(file.fileno()).st_size
    if found != expected:
        raise BadInputError(f"{path}: expected {expected} bytes, found {found}; delete it, it is built again")
    return shape, start


class DecodedOnTheFly(PortraitRows):
    """Portraits that are decoded whenever they are asked for, with the pixels that a stored array would have.

    Args:
        paths: image files, in the order of the rows.
        size: side of the square in pixels.
        alpha_colour: red, green, blue (0-255) behind transparent pixels.
        key: names the content.
        workers: threads that decode.
    """

    def __init__(self, paths: Sequence[Path], size: int, alpha_colour: Colour, key: str, workers: int = 2) -> None:
        super().__init__(len(paths), size, key)
        # As text, a path takes a third of the memory.
        self._paths = [os.fspath(path) for path in paths]
        self._alpha_colour, self._workers = alpha_colour, max(1, workers)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")

    def __reduce__(self) -> tuple[type[DecodedOnTheFly], tuple[Any, ...]]:
        return DecodedOnTheFly, (self._paths, self.shape[1], self._alpha_colour, self.key, self._workers)

    def read_into(self, rows: Rows, out: ImageArray) -> None:
        """Decode the rows on threads; an unreadable image is told by its path."""

        def decode(place: int) -> None:
            out[place] = read_portrait(Path(self._paths[rows[place]]), self.shape[1], self._alpha_colour)

        for _ in self._pool.map(decode, range(len(rows))):
            pass


class ChosenPortraits(PortraitRows):
    """Some rows of other portraits, such as the people who are kept aside for validation; nothing is copied.

    Args:
        portraits: what the rows are of.
        rows: int64, numbers of rows in 0..N-1, in the order wanted.
    """

    def __init__(self, portraits: Portraits, rows: Rows) -> None:
        chosen = np.asarray(rows, dtype=np.int64)
        super().__init__(len(chosen), portraits.shape[1])
        if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(portraits):
            raise IndexError(f"rows {chosen.min()} to {chosen.max()} of {len(portraits)} portraits")
        self._portraits, self._rows = portraits, chosen

    @cached_property
    def key(self) -> str:
        """Names the rows and what they are of."""
        return hashlib.sha256(content_key(self._portraits).encode() + self._rows.tobytes()).hexdigest()

    def read_into(self, rows: Rows, out: ImageArray) -> None:
        """Read the rows from what they are of."""
        read_rows(self._portraits, self._rows[rows], out)


def read_rows(portraits: Portraits, rows: Rows, out: ImageArray) -> None:
    """Read rows into a buffer, without a copy in between where that can be.

    Args:
        portraits: any.
        rows: int64 (n,), each in 0..N-1.
        out: uint8 (n, S, S, 3), contiguous.
    """
    if isinstance(portraits, PortraitRows):
        portraits.read_into(rows, out)
    else:
        out[:] = portraits[rows]


def content_key(portraits: Portraits) -> str:
    """What names the content of portraits: their ``key``, or for an array in memory the sha256 of its pixels."""
    return portraits.key if isinstance(portraits, PortraitRows) else pixels_digest(portraits)


def pixels_digest(portraits: Portraits) -> str:
    """The sha256 of the shape and all pixels, as hexadecimal digits."""
    digest = hashlib.sha256(str(tuple(portraits.shape)).encode())
    for start in range(0, len(portraits), 256):
        rows = np.arange(start, min(start + 256, len(portraits)))
        digest.update(np.ascontiguousarray(portraits[rows]).data)
    return digest.hexdigest()
