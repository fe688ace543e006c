"""One epoch: its steps, the watch over its loss, and the logits of a part on one device or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from looks_kedro.errors import LooksError
from looks_kedro.learning.data import batch_rows, portrait_batches, rank_rows
from looks_kedro.learning.portrait_arrays import Portraits, Rows
from looks_kedro.learning.precision import memory_format
from looks_kedro.learning.settings import Training
from looks_kedro.learning.task import Loss

__all__ = ["DivergedError", "FiniteLoss", "logits_of", "one_epoch", "own_rows", "whole_part"]

Batch = tuple[torch.Tensor, torch.Tensor]

CHECK_STEPS = 50
"""Steps between two looks at the losses."""


class DivergedError(LooksError):
    """The loss became infinite or not a number."""


class FiniteLoss:
    """Watches the loss without holding up the device: it reads losses that were computed many steps before.

    Args:
        place: for the message: which training, and which epoch.
        remedy: for the message: what to do.
    """

    def __init__(self, place: str, remedy: str) -> None:
        self._place, self._remedy = place, remedy
        self._losses: list[torch.Tensor] = []
        self._asked: tuple[torch.Tensor, torch.cuda.Event | None, int] | None = None
        self._steps = 0

    def add(self, loss: torch.Tensor) -> None:
        """Take the loss of one step.

        Raises:
            DivergedError: a loss of about ``CHECK_STEPS`` steps before is not finite.
        """
        self._losses.append(loss)
        self._steps += 1
        if len(self._losses) == CHECK_STEPS:
            self._read()
            self._ask()

    def finish(self) -> None:
        """Look at all losses that are left.

        Raises:
            DivergedError: one of them is not finite.
        """
        self._read()
        self._ask()
        self._read()

    def fail(self, where: str, loss: float) -> None:
        """Raise the error of a loss that is not finite."""
        raise DivergedError(f"{self._place}, {where}: the loss is {loss}; {self._remedy}")

    def _ask(self) -> None:
        """Send the losses on their way to main memory."""
        if not self._losses:
            return
        first = self._steps - len(self._losses) + 1
        losses = torch.stack(self._losses).float()
        self._losses = []
        if losses.device.type != "cuda":
            self._asked = (losses, None, first)
            return
        copied = torch.empty(losses.shape, dtype=losses.dtype, pin_memory=True).copy_(losses, non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(losses.device))
        self._asked = (copied, event, first)

    def _read(self) -> None:
        """Look at the losses that were asked for last time."""
        if self._asked is None:
            return
        losses, event, first = self._asked
        self._asked = None
        if event is not None:
            event.synchronize()
        for offset in torch.nonzero(~torch.isfinite(losses)).flatten().tolist():
            self.fail(f"step {first + offset}", float(losses[offset]))


def one_epoch(
    model: nn.Module,
    batches: Iterable[Batch],
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    *,
    prepare: Callable[[int], object],
    backward: Callable[[torch.Tensor], None],
    watch: FiniteLoss,
    shares: Sequence[float] | None = None,
    odd_batch: Callable[[int], AbstractContextManager[object]] = nullcontext,
) -> torch.Tensor:
    """One pass of steps.

    Args:
        model: the network, in the mode that it learns in.
        batches: images and targets.
        loss: of logits and targets, the mean over images.
        optimizer: of the weights.
        prepare: called with the number of the step, from 0, before it.
        backward: computes the gradients of a loss.
        watch: told each loss.
        shares: factor of each step's loss, where this device holds more or fewer images of it than others.
        odd_batch: gives, for a number of images, the context that the network is called in.

    Returns:
        The logits as they were while the weights moved, in the order of the batches.
    """
    seen: list[torch.Tensor] = []
    for step, (images, targets) in enumerate(batches):
        prepare(step)
        optimizer.zero_grad(set_to_none=True)
        with odd_batch(len(images)):
            logits = model(images)
            value = loss(logits, targets)
            backward(value if shares is None else value * shares[step])
        optimizer.step()
        watch.add(value.detach())
        seen.append(logits.detach())
    watch.finish()
    return torch.cat(seen)


@torch.inference_mode()
def logits_of(fabric: Fabric, network: nn.Module, images: Portraits, settings: Training) -> torch.Tensor:
    """Logits of a part, in evaluation mode.

    Args:
        fabric: device, precision and the other processes.
        network: the network itself; the same on each device.
        images: uint8 (N, S, S, 3).
        settings: batch size, workers and memory format.

    Returns:
        Float32 (N, classes), on the device, in the order of the images.
    """
    if fabric.world_size > 1:
        # Running means are each device's own: the first one's network is tested and kept.
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)
    network.eval()
    batches = portrait_batches(
        images,
        settings.batch_size,
        fabric.device,
        workers=settings.workers,
        memory_format=memory_format(settings),
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    with fabric.autocast():  # around all batches: the weights are rounded to bf16 once
        own = torch.cat([network(batch) for batch in batches]).float()
    return whole_part(own, own_rows(fabric, len(images), settings.batch_size, None), len(images), fabric)


def own_rows(fabric: Fabric, count: int, batch_size: int, seed: int | None) -> list[Rows]:
    """The rows of each batch that are this device's, as ``portrait_batches`` gives them."""
    plan = batch_rows(count, batch_size, seed, fabric.world_size)
    return [rank_rows(rows, fabric.global_rank, fabric.world_size) for rows in plan]


@torch.no_grad()
def whole_part(own: torch.Tensor, rows: Sequence[Rows], count: int, fabric: Fabric) -> torch.Tensor:
    """Bring the logits of all devices together.

    Args:
        own: float (n, classes), this device's, in the order of its batches.
        rows: the rows of those batches.
        count: images of the part, N.
        fabric: the processes.

    Returns:
        Float32 (N, classes), in the order of the part, on every device.
    """
    whole = torch.zeros((count, own.shape[1]), device=own.device)
    whole.index_copy_(0, torch.from_numpy(np.concatenate(rows)).to(own.device), own.float())
    if fabric.world_size > 1:
        torch.distributed.all_reduce(whole)  # each row is one device's; the others add zeros
    return whole
