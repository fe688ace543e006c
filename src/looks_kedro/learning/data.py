"""Portraits in memory, and normalised batches of portraits on the network's device."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.decoding import Colour, ImageArray, read_portrait
from looks_kedro.learning.portrait_arrays import Portraits, Rows
from looks_kedro.learning.reading_ahead import read_ahead
from looks_kedro.learning.resident import ResidentPortraits, gathered
from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD

__all__ = [
    "ImageArray",
    "batch_rows",
    "choose_device",
    "load_portraits",
    "normalise",
    "on_device",
    "planned_batches",
    "portrait_batches",
    "rank_rows",
    "read_portrait",
]

Augment = Callable[[torch.Tensor, int], torch.Tensor]
"""Normalised images of a batch, and the number of the batch in the epoch from 0 on, to changed images."""


def choose_device(name: str) -> torch.device:
    """The device of a settings' name: ``auto`` takes a GPU where there is one.

    Raises:
        BadParameterError: ``cuda`` is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise BadParameterError("device is 'cuda', but torch finds no usable GPU; set device to auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def load_portraits(
    paths: Iterable[str | Path], size: int, *, alpha_colour: Colour = (0, 0, 0), workers: int = 2
) -> ImageArray:
    """Decode and resize images once, on threads, into one array in memory; :class:`ArrayStore` keeps them on disk.

    Args:
        paths: image files, in the order of the result.
        size: side of the square in pixels.
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
    images: ImageArray = np.empty((len(files), size, size, 3), dtype=np.uint8)

    def decode(row: int) -> None:
        images[row] = read_portrait(files[row], size, alpha_colour)

    for _ in read_ahead(decode, range(len(files)), workers):
        pass
    return images


def normalise(pixels: torch.Tensor, memory_format: torch.memory_format = torch.channels_last) -> torch.Tensor:
    """Normalise by ImageNet's mean and standard deviation, where the pixels are: ``(p / 255 - mean) / std``.

    One multiplication and addition, over whole lines: with a last axis of three, torch would work through as many
    loops as there are pixels.

    Args:
        pixels: uint8 (N, H, W, 3), contiguous.
        memory_format: how the result lies in memory; ``channels_last`` is the order of the pixels, which costs no
            copy.

    Returns:
        float32 (N, 3, H, W).
    """
    count, height, width, _ = pixels.shape
    scale, shift = _scale_and_shift(pixels.device)
    if memory_format == torch.contiguous_format:
        planes = pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
        return torch.addcmul(shift.view(3, 1, 1), planes, scale.view(3, 1, 1), out=planes)
    lines = pixels.to(torch.float32).view(count, height, width * 3)
    torch.addcmul(shift.repeat(width), lines, scale.repeat(width), out=lines)
    return lines.view(count, height, width, 3).permute(0, 3, 1, 2)


@lru_cache(maxsize=16)
def _scale_and_shift(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Kept on the device: sending them with each batch would wait for it."""
    mean, deviation = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
    with torch.inference_mode(mode=False):
        scale = torch.tensor(1 / (255 * deviation), dtype=torch.float32, device=device)
        shift = torch.tensor(-mean / deviation, dtype=torch.float32, device=device)
    return scale, shift


def on_device(images: ImageArray, device: torch.device) -> torch.Tensor:
    """Send images to the device and normalise them there.

    Args:
        images: uint8 (N, H, W, 3).
        device: where the result lives.

    Returns:
        float32 (N, 3, H, W), laid out channels-last (the order of the bytes in the input).
    """
    return normalise(torch.from_numpy(np.ascontiguousarray(images)).to(device))


def batch_rows(count: int, batch_size: int, seed: int | None, world_size: int = 1) -> list[Rows]:
    """The rows of each batch; a last batch that leaves a device fewer than two images joins the one before it.

    Batch normalisation cannot estimate a spread from one image, hence the join.

    Args:
        count: number of images.
        batch_size: images a batch, over all devices.
        seed: of the shuffle; none keeps the order.
        world_size: devices that share a batch.

    Returns:
        One int64 array a batch; together they hold each of 0..count-1 once.

    Raises:
        BadParameterError: a batch would leave a device without two images.
        BadInputError: there are fewer images than devices.
    """
    if batch_size < 2 * world_size > 2:
        raise BadParameterError(
            f"batch_size is {batch_size}; expected at least {2 * world_size}, two images for each of {world_size} "
            "devices. Raise batch_size or lower devices."
        )
    if count < world_size:
        raise BadInputError(f"{count} images for {world_size} devices; expected at least one each. Lower devices.")
    order = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
    starts = list(range(0, count, batch_size))
    if len(starts) > 1 and count - starts[-1] < 2 * world_size:
        starts.pop()
    return [order[start:stop] for start, stop in zip(starts, [*starts[1:], count], strict=True)]


def rank_rows(rows: Rows, rank: int, world_size: int) -> Rows:
    """One device's part of a batch: the parts lie one after another, and differ by one image at most.

    Args:
        rows: of the whole batch.
        rank: 0..world_size-1.
        world_size: devices.
    """
    return np.array_split(rows, world_size)[rank]


def portrait_batches(
    images: Portraits,
    batch_size: int,
    device: torch.device | str = "cpu",
    *,
    targets: npt.NDArray[np.int64] | None = None,
    seed: int | None = None,
    workers: int = 0,
    memory_format: torch.memory_format = torch.channels_last,
    augment: Augment | None = None,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[Any]:
    """Normalised batches, read ahead on threads and sent to the device as bytes.

    Args:
        images: uint8 (N, S, S, 3), in memory, on the disk, decoded on the fly, or on the device.
        batch_size: images a batch, over all devices.
        device: where the batches live.
        targets: int64, N rows; when given, each batch is a pair.
        seed: of the shuffle; none keeps the order.
        workers: threads that gather batches ahead of the network; the order never depends on them.
        memory_format: how a batch lies in memory: ``channels_last`` or ``contiguous_format``.
        augment: changes the normalised images of a batch, on the device.
        rank: which part of each batch, when several devices share it; every device makes as many steps.
        world_size: devices that share a batch.

    Returns:
        An iterator of float32 (n, 3, S, S), or of pairs of that and the int64 targets (n, ...), on the device.

    Raises:
        BadInputError: while iterating, an image cannot be read; also when batches before it are still to come.
    """
    plan = [rank_rows(rows, rank, world_size) for rows in batch_rows(len(images), batch_size, seed, world_size)]
    return planned_batches(
        images, plan, device, targets=targets, workers=workers, memory_format=memory_format, augment=augment
    )


def planned_batches(
    images: Portraits,
    plan: Sequence[Rows],
    device: torch.device | str = "cpu",
    *,
    targets: npt.NDArray[np.int64] | None = None,
    workers: int = 0,
    memory_format: torch.memory_format = torch.channels_last,
    augment: Augment | None = None,
) -> Iterator[Any]:
    """Normalised batches of given rows; otherwise as :func:`portrait_batches`.

    Args:
        images: uint8 (N, S, S, 3).
        plan: the rows of each batch, each in 0..N-1.
        device: where the batches live.
        targets: int64, N rows; when given, each batch is a pair.
        workers: threads that gather batches ahead of the network.
        memory_format: how a batch lies in memory.
        augment: changes the normalised images of a batch, on the device.

    Yields:
        float32 (n, 3, S, S), or pairs of that and the int64 targets (n, ...), on the device.
    """
    if not plan:
        return
    place = torch.device(device)
    # Fresh memory costs a fault for each page of it. A GPU may still be fetching from the last buffer.
    used: deque[torch.Tensor] = deque(maxlen=workers + 2)

    def read(rows: Rows) -> torch.Tensor:
        try:
            buffer = used.popleft()
        except IndexError:
            return gathered(images, rows, pinned=place.type == "cuda")
        return gathered(images, rows, buffer if len(buffer) == len(rows) else None, pinned=False)

    wanted: Sequence[torch.Tensor] | None = None
    if targets is not None:
        # All at once, in the order of the epoch: a transfer with each batch would wait for the device.
        ordered = torch.from_numpy(targets[np.concatenate(plan)]).to(place)
        wanted = torch.split(ordered, [len(rows) for rows in plan])
    batches = images.batches(plan) if isinstance(images, ResidentPortraits) else read_ahead(read, plan, workers)
    with contextlib.closing(batches):
        for step, pixels in enumerate(batches):
            batch = normalise(pixels.to(place, non_blocking=True), memory_format)
            if place.type == "cpu":
                used.append(pixels)
            if augment is not None:
                batch = augment(batch, step)
            yield batch if wanted is None else (batch, wanted[step])
