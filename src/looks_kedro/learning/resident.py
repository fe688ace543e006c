"""Portraits that live on a GPU as bytes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator, Sequence

import numpy as np
import torch

from looks_kedro.learning.decoding import ImageArray
from looks_kedro.learning.portrait_arrays import PortraitRows, Portraits, Rows, pixels_digest, read_rows
from looks_kedro.learning.reading_ahead import read_ahead

__all__ = ["ResidentPortraits", "gathered", "resident"]

log = logging.getLogger(__name__)

_UPLOADED_AT_ONCE = 256


def gathered(images: Portraits, rows: Rows, buffer: torch.Tensor | None = None, *, pinned: bool) -> torch.Tensor:
    """The rows as bytes; in pinned memory, from which a GPU fetches them by itself."""
    shape = (len(rows), *images.shape[1:])
    pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned) if buffer is None else buffer
    read_rows(images, rows, pixels.numpy())
    return pixels


class ResidentPortraits(PortraitRows):
    """Portraits that live on a device as bytes: their batches are gathered there.

    Args:
        portraits: uint8 (N, S, S, 3).
        device: which has room for them.
    """

    def __init__(self, portraits: Portraits, device: torch.device | str) -> None:
        key = portraits.key if isinstance(portraits, PortraitRows) else ""
        super().__init__(len(portraits), portraits.shape[1], key)
        self.pixels = torch.empty(self.shape, dtype=torch.uint8, device=device)
        pinned = self.pixels.device.type == "cuda"
        numbers = np.arange(len(portraits))
        blocks = [numbers[start : start + _UPLOADED_AT_ONCE] for start in range(0, len(numbers), _UPLOADED_AT_ONCE)]
        uploads = read_ahead(lambda rows: gathered(portraits, rows, pinned=pinned), blocks, workers=2)
        with contextlib.closing(uploads):
            for rows, block in zip(blocks, uploads, strict=True):
                self.pixels[rows[0] : rows[-1] + 1].copy_(block, non_blocking=True)

    @property
    def key(self) -> str:
        """Names the content, wherever it lives."""
        self._key = self._key or pixels_digest(self)
        return self._key

    def read_into(self, rows: Rows, out: ImageArray) -> None:
        """Fetch rows back from the device."""
        wanted = torch.from_numpy(rows).to(self.pixels.device)
        out[:] = self.pixels.index_select(0, wanted).cpu().numpy()

    def batches(self, plan: Sequence[Rows]) -> Generator[torch.Tensor]:
        """The rows of each batch as bytes, gathered where they live; their numbers are sent at once."""
        order = torch.from_numpy(np.concatenate(plan)).to(self.pixels.device)
        for rows in torch.split(order, [len(rows) for rows in plan]):
            yield self.pixels.index_select(0, rows)


def resident(parts: Sequence[Portraits], device: torch.device | str, share: float = 0.5) -> list[Portraits]:
    """Those portraits on the GPU that fit into a share of its free memory, first come first served; others as they are.

    Args:
        parts: each uint8 (N, S, S, 3).
        device: a CPU gains nothing: there they stay where they are.
        share: of the memory that is free before the first of them, 0..1, for all together; the network needs the rest.

    Returns:
        The same pixels, in the same order.
    """
    place = torch.device(device)
    if place.type != "cuda":
        return list(parts)
    # What torch holds in reserve counts as taken by the driver's account, and is free for what comes next.
    reserve = torch.cuda.memory_reserved(place) - torch.cuda.memory_allocated(place)
    room = int(share * (torch.cuda.mem_get_info(place)[0] + reserve))
    placed: list[Portraits] = []
    for portraits in parts:
        placed.append(_placed(portraits, place, room))
        if isinstance(placed[-1], ResidentPortraits):
            room -= int(np.prod(portraits.shape, dtype=np.int64))
    return placed


def _placed(portraits: Portraits, place: torch.device, room: int) -> Portraits:
    needed = int(np.prod(portraits.shape, dtype=np.int64))
    if needed > room:
        log.info("%.1f GB of images stay off the GPU, which has %.1f GB for them", needed / 1e9, room / 1e9)
        return portraits
    try:
        return ResidentPortraits(portraits, place)
    except torch.cuda.OutOfMemoryError:  # somebody else took it meanwhile
        log.warning("%.1f GB of images do not fit on the GPU after all; they are sent batch by batch", needed / 1e9)
        return portraits
