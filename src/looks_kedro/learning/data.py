"""Images decoded once into one array, and batches of it on the network's device."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD
from looks_kedro.mattes.compositing import without_alpha

__all__ = ["choose_device", "load_portraits", "on_device", "portrait_batches"]

log = logging.getLogger(__name__)

ImageArray = npt.NDArray[np.uint8]


def choose_device(name: str) -> torch.device:
    """The device of a settings' name: ``auto`` takes a GPU where there is one.

    Raises:
        BadParameterError: ``cuda`` is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise BadParameterError("device is 'cuda', but torch finds no usable GPU; set device to auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def read_portrait(path: Path, size: int, alpha_colour: tuple[int, int, int]) -> ImageArray:
    """Decode one image to RGB and resize it to a square.

    Shrinking averages over the area of each pixel, enlarging is bilinear. A network sees three channels: a picture
    with transparency is laid on ``alpha_colour``, ``a image + (1 - a) colour``, before it is resized.

    Returns:
        uint8 (size, size, 3).

    Raises:
        BadInputError: the file is missing or no readable image.
    """
    import cv2

    try:
        with Image.open(path) as opened:
            if opened.mode in {"RGBA", "LA", "PA"} or "transparency" in opened.info:
                pixels = without_alpha(np.asarray(opened.convert("RGBA")), alpha_colour)
            else:
                pixels = np.asarray(opened.convert("RGB"), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInputError(f"{path}: expected a readable image, found {error}; restore or remove it") from error
    if pixels.shape[:2] != (size, size):
        shrinks = min(pixels.shape[:2]) >= size
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return pixels


def load_portraits(
    paths: Iterable[str | Path],
    size: int,
    cache_file: str | Path | None = None,
    *,
    alpha_colour: tuple[int, int, int] = (0, 0, 0),
    workers: int = 2,
) -> ImageArray:
    """Decode and resize images once, on threads, into one array.

    Args:
        paths: image files, in the order of the result.
        size: side of the square in pixels.
        cache_file: where the array is kept, memory-mapped, instead of in memory; a second call with the same
            files (by path, size in bytes and time of change), size and colour opens it without decoding.
        alpha_colour: red, green, blue (0-255) behind transparent pixels: the network sees three channels only.
            Black is what a plain conversion of cut-out portraits shows.
        workers: decoding threads.

    Returns:
        uint8 (N, size, size, 3), RGB.

    Raises:
        BadInputError: there is no path, or a file is missing or unreadable (the message names it).
    """
    files = [Path(path) for path in paths]
    if not files:
        raise BadInputError("no image to load: the list of files is empty; run the step before this one")
    shape = (len(files), size, size, 3)
    if cache_file is None:
        images: ImageArray = np.empty(shape, dtype=np.uint8)
        _fill(images, files, alpha_colour, workers)
        return images
    cache_file = Path(cache_file)
    key = _fingerprint(files, size, alpha_colour)
    key_file = cache_file.with_name(cache_file.name + ".key")
    if cache_file.is_file() and key_file.is_file() and key_file.read_text() == key:
        log.info("opened %d decoded images from %s", len(files), cache_file.name)
    else:
        cache_file.parent.mkdir(parents=True, exist_ok=True)
        staged = cache_file.with_name(cache_file.name + ".part")
        images = np.lib.format.open_memmap(staged, mode="w+", dtype=np.uint8, shape=shape)
        _fill(images, files, alpha_colour, workers)
        del images
        key_file.unlink(missing_ok=True)
        staged.replace(cache_file)
        key_file.write_text(key)
    opened: ImageArray = np.load(cache_file, mmap_mode="r")
    return opened


def _fill(images: ImageArray, files: Sequence[Path], alpha_colour: tuple[int, int, int], workers: int) -> None:
    def fill(row: int) -> None:
        images[row] = read_portrait(files[row], images.shape[1], alpha_colour)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for _ in pool.map(fill, range(len(files))):
            pass


def _fingerprint(files: Sequence[Path], size: int, alpha_colour: tuple[int, int, int]) -> str:
    digest = hashlib.sha256(f"{size} {alpha_colour}".encode())
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise BadInputError(f"{file}: expected an image, found {error.strerror}; restore it") from error
        digest.update(f"{file.absolute()} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def on_device(images: ImageArray, device: torch.device) -> torch.Tensor:
    """Normalise images on the device by ImageNet's mean and standard deviation.

    Args:
        images: uint8 (N, H, W, 3).
        device: where the result lives.

    Returns:
        float32 (N, 3, H, W), laid out channels-last (the order of the bytes in the input).
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    if device.type == "cuda":
        pixels = pixels.pin_memory().to(device, non_blocking=True)
    mean = torch.tensor(IMAGENET_MEAN, device=device) * 255
    std = torch.tensor(IMAGENET_STD, device=device) * 255
    return pixels.float().sub_(mean).div_(std).permute(0, 3, 1, 2)


def batch_rows(count: int, batch_size: int, seed: int | None) -> list[npt.NDArray[np.int64]]:
    """The rows of each batch; a last batch of one image joins the one before it.

    Batch normalisation cannot estimate a spread from one image, hence the join.

    Args:
        count: number of images.
        batch_size: images a batch.
        seed: of the shuffle; none keeps the order.

    Returns:
        One int64 array a batch; together they hold each of 0..count-1 once.
    """
    order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
    starts = list(range(0, count, batch_size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    return [order[start:stop] for start, stop in zip(starts, [*starts[1:], count], strict=True)]


def portrait_batches(
    images: ImageArray,
    batch_size: int,
    device: torch.device | str = "cpu",
    *,
    targets: npt.NDArray[np.int64] | None = None,
    seed: int | None = None,
    workers: int = 0,
) -> Iterator[Any]:
    """Normalised batches, read ahead on threads.

    Args:
        images: uint8 (N, S, S, 3), in memory or memory-mapped.
        batch_size: images a batch.
        device: where the batches live.
        targets: int64, N rows; when given, each batch is a pair.
        seed: of the shuffle; none keeps the order.
        workers: threads that gather batches ahead of the network; the order never depends on them.

    Yields:
        float32 (n, 3, S, S), or pairs of that and the int64 targets (n, ...), on the device.
    """
    place = torch.device(device)

    def gather(rows: npt.NDArray[np.int64]) -> ImageArray:
        gathered: ImageArray = images[rows]
        return gathered

    def finish(rows: npt.NDArray[np.int64], pixels: ImageArray) -> Any:
        batch = on_device(pixels, place)
        return batch if targets is None else (batch, torch.from_numpy(targets[rows]).to(place))

    plan = batch_rows(len(images), batch_size, seed)
    if workers == 0:
        for rows in plan:
            yield finish(rows, gather(rows))
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[tuple[npt.NDArray[np.int64], Future[ImageArray]]] = deque()
        for rows in plan:
            ahead.append((rows, pool.submit(gather, rows)))
            if len(ahead) > workers:
                ready, future = ahead.popleft()
                yield finish(ready, future.result())
        while ahead:
            ready, future = ahead.popleft()
            yield finish(ready, future.result())
