"""The same seed, the same numbers: random states, determinism and threads, put back afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from looks_kedro.learning.settings import Training

__all__ = ["reproducible", "seed_epoch", "shuffle_seed", "thread_count"]


@contextmanager
def reproducible(settings: Training, device: torch.device) -> Iterator[None]:
    """Seed torch inside the block and put its random state and determinism flags back afterwards."""
    flags = (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)
    strict, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if device.type == "cuda" and settings.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            torch.manual_seed(settings.seed)
            torch.backends.cudnn.deterministic = settings.deterministic
            torch.backends.cudnn.benchmark = not settings.deterministic
            torch.use_deterministic_algorithms(settings.deterministic, warn_only=True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            yield
        finally:
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)
            torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


def shuffle_seed(settings: Training, epoch: int) -> int:
    """Seed of the order of images in an epoch (from 1), the same on all devices."""
    return settings.seed * 100_003 + epoch


def seed_epoch(settings: Training, epoch: int, rank: int) -> None:
    """Seed what a network draws in an epoch, such as dropout, on one of the devices.

    Each epoch begins from a state of its own, so a training that goes on after a stop draws what it would have drawn.
    """
    state = np.random.SeedSequence([settings.seed, epoch, rank]).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]))


@contextmanager
def thread_count(threads: int | None) -> Iterator[None]:
    """Use this many CPU threads inside the block; none changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
