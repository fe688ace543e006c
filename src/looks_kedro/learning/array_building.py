"""Building one array of decoded images: it appears whole, and a killed build goes on where it was."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from looks_kedro.learning.decoding import Colour, ImageArray, read_portrait
from looks_kedro.learning.reading_ahead import read_ahead
from looks_kedro.progress import track
from looks_kedro.workers import one_thread

__all__ = ["build_array", "done_file", "part_file"]

log = logging.getLogger(__name__)

BLOCK = 32
"""Images that a thread decodes at a time."""

SAFE_SECONDS = 2.0
"""A killed build repeats at most about this much."""


def part_file(path: Path) -> Path:
    """Where an array is built before it appears as ``path``."""
    return path.with_suffix(".part")


def done_file(path: Path) -> Path:
    """What says how many images of a half-built array are safe on the disk."""
    return path.with_suffix(".done")


def build_array(path: Path, files: Sequence[Path], size: int, alpha_colour: Colour, workers: int) -> None:
    """Decode images into an ``.npy`` file of uint8 (N, size, size, 3), on threads, and go on with one begun before.

    The file grows in the order of the images under another name, which a rename makes the right one when all is on
    the disk. Threads do as well as processes here: decoding and resizing leave Python's lock alone.

    Args:
        path: the file to be; nobody else may be building it.
        files: images, the same ones in the same order as in a build before.
        size: side of the square in pixels.
        alpha_colour: red, green, blue (0-255) behind transparent pixels.
        workers: threads.

    Raises:
        BadInputError: an image is missing or unreadable; what is decoded is kept.
        OSError: the disk is full, or cannot be written.
    """
    part, done = part_file(path), done_file(path)
    header = _header((len(files), size, size, 3))
    length = size * size * 3
    first = _safe_images(part, header, length)
    if first:
        log.info("decoding images, from number %d of %d on: the others are left from a run before", first, len(files))
    else:
        done.unlink(missing_ok=True)
    starts = range(first, len(files), BLOCK)

    def decode(start: int) -> ImageArray:
        return np.stack([read_portrait(file, size, alpha_colour) for file in files[start : start + BLOCK]])

    with part.open("r+b" if first else "wb", buffering=0) as file, one_thread():
        if not first:
            _write(file, header)
        file.seek(len(header) + first * length)
        file.truncate()
        saved = time.monotonic()
        with contextlib.closing(read_ahead(decode, starts, workers)) as blocks:
            for start, block in zip(starts, track(blocks, "decoding images", len(starts)), strict=True):
                _write(file, block.data)
                if time.monotonic() - saved > SAFE_SECONDS:
                    os.fsync(file.fileno())
                    _note(done, start + len(block))
                    saved = time.monotonic()
        os.fsync(file.fileno())
    part.replace(path)
    done.unlink(missing_ok=True)
    log.info("decoded %d images of %d px to %s", len(files), size, path)


def _header(shape: tuple[int, ...]) -> bytes:
    from io import BytesIO

    content = BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return content.getvalue()


def _safe_images(part: Path, header: bytes, length: int) -> int:
    """How many images a build before has left; 0 where it left nothing that fits."""
    try:
        count = int(done_file(part).read_text())
        with part.open("rb") as file:
            fits = file.read(len(header)) == header and part.stat().st_size >= len(header) + count * length
    except (OSError, ValueError):  # no such files, or cut off
        return 0
    return count if fits else 0


def _write(file: BinaryIO, content: bytes | memoryview) -> None:
    """Write all of it: without a buffer, the system may take less at a time."""
    rest = memoryview(content).cast("B")
    while rest:
        rest = rest[file.write(rest) :]


def _note(done: Path, count: int) -> None:
    staged = done.with_suffix(".count")
    staged.write_text(str(count))
    staged.replace(done)
