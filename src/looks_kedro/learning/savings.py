"""What saves most on this machine: the study's training loop, and the same with one thing changed at a time."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.cost_settings import SAVINGS, Saving
from looks_kedro.learning.data import choose_device, portrait_batches
from looks_kedro.learning.optimization import build_optimizer
from looks_kedro.learning.portrait_arrays import ChosenPortraits, Portraits
from looks_kedro.learning.precision import CompilerError, has_bf16, require_compiler
from looks_kedro.learning.reproducibility import thread_count
from looks_kedro.learning.settings import Training
from looks_kedro.learning.study_loop import Batch, study_loader, study_optimizer, study_step
from looks_kedro.progress import track

__all__ = ["SAVINGS_COLUMNS", "measure_savings"]

log = logging.getLogger(__name__)

SAVINGS_COLUMNS = ("option", "description", "images_per_second", "ratio", "note")

LEAD = 2
"""Steps before the clock starts: the loader fills its queue, the device chooses its algorithms."""

_DESCRIPTIONS: dict[Saving, str] = {
    "study": "as the study's scripts: files decoded in each epoch by processes, plane by plane, 32 bit, plain Adam",
    "decoded_once": "images decoded and resized once, into an array",
    "channels_last": "images and weights pixel by pixel in memory, not plane by plane",
    "fused": "the optimiser goes through the weights once",
    "bf16": "convolutions and matrix products in bf16",
    "compile": "torch.compile",
    "together": "all of these that this machine can do",
}


@dataclass(frozen=True)
class Setup:
    """Which savings are switched on; none is the study's loop."""

    decoded_once: bool = False
    channels_last: bool = False
    fused: bool = False
    bf16: bool = False
    compile: bool = False


class Trial:
    """A network that is trained with some savings, for as long as it is asked to."""

    def __init__(self, setup: Setup, backbone: str, settings: Training, device: torch.device) -> None:
        self.setup, self.device = setup, device
        self.format = torch.channels_last if setup.channels_last else torch.contiguous_format
        network = build_backbone(backbone).to(device, memory_format=self.format)  # type: ignore[call-overload]
        adam = Training(learning_rate=settings.learning_rate)
        self.optimizer = (
            build_optimizer(network, adam) if setup.fused else study_optimizer(network, settings.learning_rate)
        )
        network.train()
        self.model = cast(nn.Module, torch.compile(network)) if setup.compile else network

    def images_per_second(self, batches: Iterator[Batch], steps: int) -> float:
        """Speed of as many steps, input included, after ``LEAD`` others."""
        for batch in islice(batches, LEAD):
            self._step(batch)
        self._wait()
        began, count = time.perf_counter(), 0
        for batch in islice(batches, steps):
            self._step(batch)
            count += len(batch[0])
        self._wait()
        return count / (time.perf_counter() - began)

    def _step(self, batch: Batch) -> None:
        images = batch[0].to(self.device).contiguous(memory_format=self.format)
        study_step(self.model, images, batch[1].to(self.device), self.optimizer, self._precision())

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.setup.bf16 else nullcontext()

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def measure_savings(
    images: Portraits,
    targets: npt.NDArray[np.int64],
    backbone: str,
    settings: Training,
    *,
    files: Sequence[str | Path],
    options: Sequence[Saving] = SAVINGS,
    steps: int = 8,
    rounds: int = 5,
) -> pd.DataFrame:
    """Images a second of training steps, input included, with one saving at a time.

    The options take turns, round after round, so that whatever else the machine does hits all alike; the median round
    counts. Each option has a network of its own, which goes on learning; so memory must hold as many of them.

    Args:
        images: decoded, uint8 (N, S, S, 3).
        targets: int64 (N,).
        backbone: name for ``build_backbone``.
        settings: device, threads, workers, batch_size, learning_rate and seed are used; the optimiser is Adam.
        files: of the same images, in the same order; few of them are decoded again and again.
        options: which; the study's loop is always measured first.
        steps: timed in each round; as many images as a batch each.
        rounds: turns of each option.

    Returns:
        One row an option: ``SAVINGS_COLUMNS``. ``ratio`` is to the study's loop. Of what this machine cannot do, both
        numbers are missing and ``note`` says why.

    Raises:
        BadInputError: numbers of images, targets and files differ, or there are none.
    """
    if not len(images) == len(targets) == len(files) or not len(files):
        raise BadInputError(
            f"savings: expected as many images as targets and files, at least one; "
            f"found {len(images)}, {len(targets)} and {len(files)}"
        )
    device = choose_device(settings.device)
    wanted: list[Saving] = list(dict.fromkeys(("study", *options)))
    impossible = {option: reason for option in wanted if (reason := _reason_against(option, device))}
    generator = np.random.default_rng(settings.seed)
    needed = (LEAD + steps) * settings.batch_size
    measured: dict[Saving, list[float]] = {option: [] for option in wanted if option not in impossible}
    with thread_count(settings.threads), torch.random.fork_rng(_random_devices(device)):
        torch.manual_seed(settings.seed)
        trials = {option: Trial(_setup(option, measured), backbone, settings, device) for option in measured}
        for _ in track(range(rounds), "measuring savings"):
            for option, trial in trials.items():
                rows = generator.permutation(np.resize(generator.permutation(len(images)), needed))
                with contextlib.closing(_batches(trial, images, targets, files, rows, settings)) as batches:
                    measured[option].append(trial.images_per_second(batches, steps))
    return _table(wanted, measured, impossible)


def _random_devices(device: torch.device) -> list[int]:
    return [torch.cuda.current_device()] if device.type == "cuda" else []


def _reason_against(option: Saving, device: torch.device) -> str:
    """Why this machine cannot do something; empty where it can."""
    if option == "bf16" and not has_bf16(device):
        return "not measured: this processor has no bf16 instructions"
    if option == "compile":
        try:
            require_compiler(device)
        except CompilerError:
            return "not measured: torch.compile needs a C++ compiler on the CPU, or triton on a GPU; none was found"
    return ""


def _setup(option: Saving, possible: dict[Saving, list[float]]) -> Setup:
    chosen = set(possible) - {"study", "together"} if option == "together" else {option} - {"study"}
    return Setup(**dict.fromkeys(chosen, True))


def _batches(
    trial: Trial,
    images: Portraits,
    targets: npt.NDArray[np.int64],
    files: Sequence[str | Path],
    rows: npt.NDArray[np.int64],
    settings: Training,
) -> Generator[Batch, None, None]:
    """Batches of the rows, from the array or from files."""
    if trial.setup.decoded_once:
        yield from portrait_batches(
            ChosenPortraits(images, rows),
            settings.batch_size,
            trial.device,
            targets=targets[rows],
            workers=settings.workers,
            memory_format=trial.format,
        )
    else:
        yield from study_loader(
            [files[row] for row in rows],
            targets[rows],
            size=images.shape[1],
            batch_size=settings.batch_size,
            workers=settings.workers,
        )


def _table(wanted: list[Saving], measured: dict[Saving, list[float]], impossible: dict[Saving, str]) -> pd.DataFrame:
    base = float(np.median(measured["study"]))
    rows = []
    for option in wanted:
        speeds = measured.get(option)
        speed = float(np.median(speeds)) if speeds else np.nan
        note = f"rounds from {min(speeds):.1f} to {max(speeds):.1f}" if speeds else impossible[option]
        if option == "together":
            note = f"{', '.join(sorted(set(measured) - {'study', 'together'})) or 'nothing'}; {note}"
        rows.append((option, _DESCRIPTIONS[option], speed, speed / base, note))
        if speeds:
            log.info("%s: %.1f images/s, %.2f times the study's loop (%s)", option, speed, speed / base, note)
    return pd.DataFrame(rows, columns=list(SAVINGS_COLUMNS))
