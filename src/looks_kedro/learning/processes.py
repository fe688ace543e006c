"""A training in this process, or in one process for each of several devices."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import multiprocessing
import pickle
import tempfile
from collections.abc import Iterator
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric

from looks_kedro.errors import BadParameterError, LooksError
from looks_kedro.learning.checkpoints import StateDict
from looks_kedro.learning.fitting import fit_on_device
from looks_kedro.learning.precision import make_fabric, unchanged_environment
from looks_kedro.learning.recovery import Slot
from looks_kedro.learning.settings import Training
from looks_kedro.learning.task import History, Part, Task

__all__ = ["launch"]


def launch(task: Task, parts: dict[str, Part], settings: Training, slot: Slot | None) -> tuple[StateDict, History]:
    """Train on the devices of the settings.

    Args:
        task: what is learnt.
        parts: ``train``, ``test``, and ``validation`` where there is one.
        settings: how to train.
        slot: where the state is kept after each epoch.

    Returns:
        The weights, in main memory, and the rows of the history.

    Raises:
        LooksError: as one process raises it.
    """
    fabric = make_fabric(settings)
    if settings.devices == 1:
        return fit_on_device(fabric, task, parts, settings, slot)
    # The result goes through a file: Fabric's queue would block on it, and it cannot carry an error.
    with (
        tempfile.TemporaryDirectory(prefix="looks_kedro-") as name,
        unchanged_environment(),
        _log_of_others() as records,
    ):
        folder = Path(name)
        work = partial(_train_in_process, task, parts, settings, slot, folder, records, _log_level())
        try:
            fabric.launch(work)
        except (AttributeError, pickle.PicklingError) as error:
            raise BadParameterError(
                f"{task.name}: training.devices is {settings.devices}, but a part of the task cannot be sent to other "
                f"processes ({error}); set training.devices to 1"
            ) from error
        except Exception:
            for file in sorted(folder.glob("error-*")):
                # Our own processes wrote it into our own folder.
                raise cast(LooksError, pickle.loads(file.read_bytes())) from None
            raise
        result = torch.load(folder / "result", weights_only=True)
    return result["weights"], result["history"]


def _train_in_process(
    task: Task,
    parts: dict[str, Part],
    settings: Training,
    slot: Slot | None,
    folder: Path,
    records: Queue[Any],
    level: int,
    fabric: Fabric,
) -> None:
    """One of the processes; the first one leaves the result in ``folder``, any one its error."""
    if fabric.is_global_zero:
        root = logging.getLogger()
        root.addHandler(logging.handlers.QueueHandler(records))
        root.setLevel(level)
    try:
        weights, history = fit_on_device(fabric, task, parts, settings, slot)
    except LooksError as error:
        staged = folder / f"staged-{fabric.global_rank}"
        staged.write_bytes(pickle.dumps(error))
        staged.replace(folder / f"error-{fabric.global_rank}")
        raise
    if fabric.is_global_zero:
        torch.save({"weights": weights, "history": history}, folder / "result")


def _log_level() -> int:
    """What the other processes are to say."""
    return logging.getLogger("looks_kedro").getEffectiveLevel()


@contextlib.contextmanager
def _log_of_others() -> Iterator[Queue[Any]]:
    """A queue whose records are handled here as if they were logged here."""
    records: Queue[Any] = multiprocessing.get_context("spawn").Queue()

    class Here(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logging.getLogger(record.name).handle(record)

    listener = logging.handlers.QueueListener(records, Here())
    listener.start()
    try:
        yield records
    finally:
        listener.stop()
        records.close()
