"""The epochs of one training, on one device or on one of several: learn, test, keep the state."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from looks_kedro.learning.augmentation import augment
from looks_kedro.learning.checkpoints import StateDict, portable
from looks_kedro.learning.data import batch_rows, portrait_batches, rank_rows
from looks_kedro.learning.device_memory import device_peak_mb, told_memory
from looks_kedro.learning.early_stop import EarlyStop
from looks_kedro.learning.epochs import FiniteLoss, logits_of, one_epoch, own_rows, whole_part
from looks_kedro.learning.optimization import LearningRate, build_optimizer, freeze_trunk, learning_mode
from looks_kedro.learning.portrait_arrays import Rows
from looks_kedro.learning.precision import memory_format, require_compiler
from looks_kedro.learning.recovery import RecoveryError, Slot
from looks_kedro.learning.reproducibility import reproducible, seed_epoch, shuffle_seed, thread_count
from looks_kedro.learning.resident import resident
from looks_kedro.learning.settings import Training
from looks_kedro.learning.task import History, Part, Task
from looks_kedro.progress import track

__all__ = ["fit_on_device"]

log = logging.getLogger(__name__)


def fit_on_device(
    fabric: Fabric,
    task: Task,
    parts: dict[str, Part],
    settings: Training,
    slot: Slot | None,
) -> tuple[StateDict, History]:
    """Train for the epochs of the settings, from where ``slot`` has got to.

    Args:
        fabric: device, precision and the other processes.
        task: what is learnt.
        parts: ``train``, ``test``, and ``validation`` where there is one.
        settings: how to train.
        slot: where the state is kept after each epoch.

    Returns:
        The weights, in main memory, and the rows of the history.
    """
    state = slot.load() if slot else None
    if state is not None and state["finished"]:
        log.info("%s: found the finished training of a run that was stopped", task.name)
        return state["weights"], state["history"]
    first = 1 if state is None else len(state["history"]) + 1
    with reproducible(settings, fabric.device), thread_count(settings.threads):
        with told_memory(task.name, first, settings, fabric.device):
            fitting = Fitting(fabric, task, parts, settings)
        return fitting.run(state, slot)


class Fitting:
    """A network on its device with everything that changes from epoch to epoch."""

    def __init__(self, fabric: Fabric, task: Task, parts: dict[str, Part], settings: Training) -> None:
        self.fabric, self.task, self.settings = fabric, task, settings
        placed = resident([part.images for part in parts.values()], fabric.device)
        self.parts = {
            name: Part(images, part.targets) for (name, part), images in zip(parts.items(), placed, strict=True)
        }
        self.network = self._build()
        self.optimizer = build_optimizer(self.network, settings)
        compiled: Any = self.network
        if settings.compile:
            require_compiler(fabric.device)
            compiled = torch.compile(self.network)
        # Fabric's wrapper of the optimiser would only stand between it and its steps.
        self.model, _ = fabric.setup(compiled, self.optimizer, move_to_device=False)
        self.targets = {
            name: torch.from_numpy(np.array(part.targets)).to(fabric.device) for name, part in parts.items()
        }
        self.steps = len(self._plan())
        self.rate = LearningRate(self.optimizer, settings, self.steps)
        self.early_stop = EarlyStop(settings.early_stop)
        self.best: StateDict | None = None
        self.history: History = []

    def run(self, state: dict[str, Any] | None, slot: Slot | None) -> tuple[StateDict, History]:
        """Go through the epochs that are left."""
        if state is not None:
            self._resume(state)
        if self.fabric.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.fabric.device)
        while len(self.history) < self.settings.epochs and not self.early_stop.stop:
            epoch = len(self.history) + 1
            if slot and self.fabric.is_global_zero:
                slot.check_space(self._state_bytes())
            with told_memory(self.task.name, epoch, self.settings, self.fabric.device):
                self._epoch(epoch)
            self._keep(slot)
        return self._weights(), self.history

    def _build(self) -> nn.Module:
        network = self.task.build()
        if self.settings.frozen_trunk:
            freeze_trunk(network)
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = self.settings.batch_norm_momentum
        if self.fabric.world_size > 1 and self.fabric.device.type == "cuda":
            # Means and spreads over the whole batch, as on one device; torch has none for the CPU.
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return network.to(self.fabric.device, memory_format=memory_format(self.settings))  # type: ignore[call-overload, no-any-return]

    def _resume(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.early_stop.load_state_dict(state["early_stop"])
        self.best, self.history = state["best"], state["history"]
        log.info("%s: goes on after epoch %d of a run that was stopped", self.task.name, len(self.history))

    def _keep(self, slot: Slot | None) -> None:
        """Write the state of a finished epoch, or of the finished training."""
        if slot and self.fabric.is_global_zero:
            finished = len(self.history) == self.settings.epochs or self.early_stop.stop
            state: dict[str, Any] = {"finished": finished, "history": self.history}
            if finished:
                state["weights"] = self._weights()
            else:
                state |= {
                    "model": self.network.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "early_stop": self.early_stop.state_dict(),
                    "best": self.best,
                }
            try:
                slot.save(state)
            except RecoveryError as error:
                raise RecoveryError(f"{self.task.name}, after epoch {len(self.history)}: {error}") from error
        self.fabric.barrier()

    def _weights(self) -> StateDict:
        return portable(self.network.state_dict()) if self.best is None else self.best

    def _state_bytes(self) -> int:
        """How much the state of an epoch takes, about: weights, what the optimiser holds for each, the best epoch's."""
        weights = sum(value.nbytes for value in self.network.state_dict().values())
        learning = sum(value.nbytes for value in self.network.parameters() if value.requires_grad)
        copies = 1 if self.settings.early_stop is None else 2
        return int(copies * weights + learning * (1 if self.settings.optimizer == "sgd" else 2))

    def _epoch(self, epoch: int) -> None:
        """Learn from every image once, then test."""
        began = time.perf_counter()
        watch = FiniteLoss(
            f"{self.task.name}, epoch {epoch}",
            f"set training.learning_rate below {self.settings.learning_rate:g}: the training then starts anew; "
            f"with the same settings it would come to the same loss",
        )
        train = self._learn(epoch, watch)
        training_seconds = time.perf_counter() - began
        none = (math.nan, math.nan)
        validation = self._test("validation")[0] if "validation" in self.parts else none
        test, scores = self._test("test")
        for part, (loss, _) in {"training": train, "validation": validation, "test": test}.items():
            if not math.isfinite(loss) and not (part == "validation" and "validation" not in self.parts):
                watch.fail(f"on the {part} part after step {self.steps}", loss)
        if self.settings.early_stop is not None and self.early_stop.update(epoch, validation[0]):
            self.best = portable(self.network.state_dict())
        rate = self.optimizer.param_groups[0]["lr"]
        seconds = time.perf_counter() - began
        speed = len(self.parts["train"].targets) / training_seconds
        self.history.append(
            [epoch, *train, *validation, *test, *scores, rate, seconds, speed, device_peak_mb(self.fabric.device)]
        )  # fmt: skip
        left = (self.settings.epochs - epoch) * seconds / 60
        log.info(
            "%s epoch %d/%d: train loss %.4f accuracy %.4f, test loss %.4f accuracy %.4f, "
            "%.1f s, %.0f images/s, about %.1f min left",
            self.task.name, epoch, self.settings.epochs, *train, *test, seconds, speed, left,
        )  # fmt: skip

    def _learn(self, epoch: int, watch: FiniteLoss) -> tuple[float, float]:
        """One pass over the training part; loss and accuracy as they were while the weights moved."""
        settings, fabric, part = self.settings, self.fabric, self.parts["train"]
        seed, first_step = shuffle_seed(settings, epoch), (epoch - 1) * self.steps
        batches = portrait_batches(
            part.images,
            settings.batch_size,
            fabric.device,
            targets=part.targets,
            seed=seed,
            workers=settings.workers,
            memory_format=memory_format(settings),
            augment=self._augment(epoch),
            rank=fabric.global_rank,
            world_size=fabric.world_size,
        )
        seed_epoch(settings, epoch, fabric.global_rank)
        learning_mode(self.network, frozen_trunk=settings.frozen_trunk)
        own = one_epoch(
            self.model,
            track(batches, f"{self.task.name} {epoch}/{settings.epochs}", self.steps)
            if fabric.is_global_zero
            else batches,
            self.task.step_loss,
            self.optimizer,
            prepare=lambda step: self.rate.set(first_step + step),
            backward=fabric.backward,
            watch=watch,
            shares=self._shares() if fabric.world_size > 1 else None,
            odd_batch=self._odd_batch,
        )
        count = len(part.targets)
        logits = whole_part(own, own_rows(fabric, count, settings.batch_size, seed), count, fabric)
        return self._means("train", logits)

    def _augment(self, epoch: int) -> Callable[[torch.Tensor, int], torch.Tensor] | None:
        """Variations of an epoch's batches, drawn anew in each; the same on one device and on several."""
        settings, fabric = self.settings, self.fabric
        if settings.augmentation.off:
            return None
        sizes = [len(rows) for rows in self._plan()]
        before = [
            sum(len(rank_rows(np.arange(size), rank, fabric.world_size)) for rank in range(fabric.global_rank))
            for size in sizes
        ]
        return lambda images, step: augment(images, settings.augmentation, (settings.seed, epoch, step), before[step])

    def _plan(self) -> list[Rows]:
        """The batches of all devices together, in any order of the images."""
        return batch_rows(len(self.parts["train"].targets), self.settings.batch_size, None, self.fabric.world_size)

    def _shares(self) -> list[float]:
        """Gradients are averaged over devices; this makes that the mean over images where their numbers differ."""
        fabric = self.fabric
        own = own_rows(fabric, len(self.parts["train"].targets), self.settings.batch_size, None)
        return [len(mine) * fabric.world_size / len(rows) for mine, rows in zip(own, self._plan(), strict=True)]

    def _test(self, name: str) -> tuple[tuple[float, float], tuple[float, float]]:
        """Loss and accuracy, then balanced accuracy and area under the curve, on a part."""
        part = self.parts[name]
        logits = logits_of(self.fabric, self.network, part.images, self.settings)
        scores = (math.nan, math.nan)
        if self.task.scores is not None:
            scores = self.task.scores(logits.cpu(), torch.from_numpy(np.array(part.targets)))
        return self._means(name, logits), scores

    @torch.no_grad()
    def _means(self, name: str, logits: torch.Tensor) -> tuple[float, float]:
        targets = self.targets[name]
        values = [self.task.loss(logits, targets).double(), self.task.accuracy(logits, targets).double()]
        loss, accuracy = torch.stack(values).tolist()
        return loss, accuracy

    def _odd_batch(self, images: int) -> AbstractContextManager[object]:
        """A batch of another size than most would be compiled anew, for minutes; it is computed without."""
        usual = self.settings.batch_size // self.fabric.world_size
        if self.settings.compile and images not in {usual, usual + 1}:
            return cast(AbstractContextManager[object], torch.compiler.set_stance("force_eager"))
        return nullcontext()
