"""Memory of the device: the most that was used, and the message when it is used up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from looks_kedro.errors import LooksError
from looks_kedro.learning.settings import Training
from looks_kedro.manifest import peak_memory_mb

__all__ = ["DeviceMemoryError", "device_peak_mb", "told_memory"]


class DeviceMemoryError(LooksError):
    """A batch does not fit into the memory of the device."""


def device_peak_mb(device: torch.device) -> float:
    """The most, in MB, that torch held on a GPU since its last reset; for the CPU what the process held."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_memory_mb()


@contextmanager
def told_memory(name: str, epoch: int, settings: Training, device: torch.device) -> Iterator[None]:
    """Say what to do when memory runs out inside the block.

    Raises:
        DeviceMemoryError: it ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch has a type for a GPU that is full, and for main memory only a text.
        full = isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)
        if not full:
            raise
        raise DeviceMemoryError(
            f"{name}, epoch {epoch}: the memory of the {'GPU' if device.type == 'cuda' else 'machine'} is used up by "
            f"batches of training.batch_size = {settings.batch_size} images of {settings.image_size} px; "
            f"{epoch - 1} finished epochs are kept. Free memory that other programs hold and run again to go on, or "
            f"lower training.batch_size and train anew"
        ) from error
