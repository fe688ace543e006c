"""The side of a worker process: what it is given, how it works, what it gives back."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Work:
    """What is done with the items, as it is sent to the processes."""

    function: Callable[..., Any]
    setup: Callable[[], Any] | None
    batch_size: int | None

    def state(self) -> tuple[Any, ...]:
        """What the function gets beside its items: one thing, or nothing."""
        return () if self.setup is None else (self.setup(),)

    def results(self, state: tuple[Any, ...], batch: list[Any]) -> list[Any]:
        """The results of a batch, one an item."""
        if self.batch_size is None:
            return [self.function(*state, batch[0])]
        results = list(self.function(*state, batch))
        if len(results) != len(batch):
            raise ValueError(f"{len(results)} results for {len(batch)} items; expected one each")
        return results

    def batches(self, items: Iterable[Any]) -> Iterator[list[Any]]:
        """The items as the function gets them, one alone or several at a time."""
        source = iter(items)
        return iter(lambda: list(itertools.islice(source, self.batch_size or 1)), [])


@dataclass
class Done:
    """What a worker gives back for a chunk: the results up to the first failure, and that failure."""

    results: list[Any]
    error: Exception | None = None
    failed: list[Any] = field(default_factory=list)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and OpenCV use one thread, and restore their numbers afterwards.

    A torch that is imported meanwhile begins with one thread too, and has its usual number afterwards.
    """
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    before = (torch.get_num_threads() if torch else 0, cv2.getNumThreads() if cv2 else 0)
    given = os.environ.get("OMP_NUM_THREADS")
    if torch is None:
        os.environ["OMP_NUM_THREADS"] = "1"
    elif before[0] != 1:
        torch.set_num_threads(1)
    if cv2 and before[1] != 1:
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        if torch is None:
            _restore_threads(given)
        elif before[0] != 1:
            torch.set_num_threads(before[0])
        if cv2 and before[1] != 1:
            cv2.setNumThreads(before[1])


def _restore_threads(given: str | None) -> None:
    if given is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    else:
        os.environ["OMP_NUM_THREADS"] = given
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(int(given) if given and given.isdigit() else os.cpu_count() or 1)


_packed: bytes = b""
_unpacked: tuple[Work, tuple[Any, ...]] | None = None


def start_worker(work: bytes) -> None:
    """Make the process a good citizen, before anything heavy is imported."""
    global _packed
    _packed = work
    for variable in _THREAD_VARIABLES:
        os.environ[variable] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends the workers
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this process when its parent is gone, also when that was killed: nobody will send work again."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def work_on(chunk: list[Any]) -> Done:
    """Work through a chunk up to the first failure; the state is made before a process's first chunk."""
    global _unpacked
    if _unpacked is None:
        work = pickle.loads(_packed)
        _unpacked = (work, work.state())
    work, state = _unpacked
    done = Done([])
    with one_thread():
        for batch in work.batches(chunk):
            try:
                done.results.extend(work.results(state, batch))
            except Exception as error:  # told to the parent, which names the item
                done.error, done.failed = _portable(error), batch
                break
    return done


def _portable(error: Exception) -> Exception:
    """The exception with its traceback as a note, or a stand-in when it cannot be sent to another process."""
    note = "In a worker process:\n" + "".join(traceback.format_exception(error))
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # an exception may fail to be pickled in any way
        copy = None
    sent = copy if isinstance(copy, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
    sent.add_note(note)
    return sent
