"""The one seam for work that is done image by image.

Everything that goes through thousands of images (detection, head pose, mattes, maps) is written as a function of one
item and handed to :func:`map_images`. What happens behind it - processes now, a resumable engine with a cache keyed by
content later - changes here and nowhere else. So the function must be pure: its result depends on the state and the
item alone, it can be repeated, and it can be stopped at any time.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from looks_kedro.errors import BadInputError, BadParameterError, LooksError
from looks_kedro.progress import track

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNKS_AHEAD = 2
"""Chunks that wait for a free process, on top of the one that each process works on."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class ItemError(RuntimeError):
    """The function failed on one item; the message names the item, ``__cause__`` is what it raised."""


class LostWorkerError(LooksError):
    """A worker process ended before its work was done."""


def map_images(
    function: Callable[..., Result],
    items: Iterable[Item],
    *,
    setup: Callable[[], Any] | None = None,
    processes: int | None = None,
    description: str = "",
    chunk_size: int | None = None,
) -> Iterator[Result]:
    """Apply a function to every item, in several processes, and give the results in the items' order.

    Each process works with one thread, so that the results do not depend on the number of processes. Items are
    taken, and results kept, for only a few chunks at a time. Processes are spawned: ``function`` and ``setup`` must
    be importable (defined in a module), items and results picklable.

    Args:
        function: called as ``function(item)``, or as ``function(state, item)`` when there is a ``setup``.
        items: what is worked through; may be a generator of any length.
        setup: makes the state (a network, a session), once in each process.
        processes: number of worker processes; 1 works in the caller, None takes one for each usable core.
        description: words in front of the progress bar; empty for no bar.
        chunk_size: items sent to a process at a time; None chooses up to 16, fewer when there are few items.

    Returns:
        An iterator of the results, as many as there are items. Work starts with its first ``next``.

    Raises:
        BadParameterError: ``processes`` or ``chunk_size`` is below 1.
        ItemError: while iterating, when the function raises; names the item. A ``LooksError`` of the function
            becomes a ``BadInputError`` that names the item.
        LostWorkerError: while iterating, when a worker process is killed or runs out of memory.
    """
    for name, value in (("processes", processes), ("chunk_size", chunk_size)):
        if value is not None and value < 1:
            raise BadParameterError(f"{name} is {value}; expected a whole number of at least 1, or none for automatic.")
    total = len(items) if isinstance(items, Sized) else None
    workers = processes or _usable_cores()
    size = chunk_size or _chunk_size(total, workers)
    if total is not None:
        workers = max(1, min(workers, -(-total // size)))
    if workers > 1 and multiprocessing.current_process().daemon:
        log.info("Working in one process: a daemon process may not start others.")
        workers = 1
    if workers == 1:
        results = _map_here(function, setup, items)
    else:
        results = _map_in_processes(function, setup, items, workers, size)
    return _with_progress(results, description, total) if description else results


def _usable_cores() -> int:
    """Cores that this process may run on (a container or a queue may allow fewer than there are)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _chunk_size(total: int | None, workers: int) -> int:
    """Large enough to hide the cost of sending, small enough that all processes end together."""
    return 16 if total is None else max(1, min(16, total // (4 * workers)))


def _with_progress(results: Generator[Result], description: str, total: int | None) -> Generator[Result]:
    with contextlib.closing(results):
        yield from track(results, description, total)


def _map_here(
    function: Callable[..., Result], setup: Callable[[], Any] | None, items: Iterable[Item]
) -> Generator[Result]:
    """Work in the calling process, with one thread during each item, as many as before in between."""
    state: tuple[Any, ...] | None = None
    for item in items:
        if state is None:
            state = () if setup is None else (setup(),)
        with _one_thread():
            try:
                result = function(*state, item)
            except Exception as error:
                raise _named(item_name(item), error) from error
        yield result


def _map_in_processes(
    function: Callable[..., Result],
    setup: Callable[[], Any] | None,
    items: Iterable[Item],
    workers: int,
    size: int,
) -> Generator[Result]:
    """Keep ``workers + CHUNKS_AHEAD`` chunks in flight and give their results in order."""
    work = pickle.dumps((function, setup))
    source = iter(items)
    chunks = iter(lambda: list(itertools.islice(source, size)), [])
    waiting: deque[tuple[list[Item], Future[_Done]]] = deque()
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker, initargs=(work,)
    )
    try:
        while True:
            for chunk in itertools.islice(chunks, workers + CHUNKS_AHEAD - len(waiting)):
                waiting.append((chunk, pool.submit(_work_on, chunk)))
            if not waiting:
                break
            chunk, future = waiting.popleft()
            done = _result_of(future, chunk)
            yield from cast("list[Result]", done.results)
            _raise_failure(done, chunk)
    except BrokenProcessPool as error:
        first = waiting[0][0] if waiting else chunk
        raise _lost(first) from error
    except BaseException:
        _stop(pool)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass
class _Done:
    """What a worker gives back for a chunk: the results up to the first failure, and that failure."""

    results: list[Any]
    error: Exception | None = None


def _result_of(future: Future[_Done], chunk: list[Item]) -> _Done:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _lost(chunk) from error


def _raise_failure(done: _Done, chunk: list[Any]) -> None:
    if done.error is not None:
        raise _named(item_name(chunk[len(done.results)]), done.error) from done.error


def _lost(chunk: list[Any]) -> LostWorkerError:
    return LostWorkerError(
        f"A worker process ended while working on {item_name(chunk[0])} or one of the items near it. Most often "
        "the memory was full: run again with fewer processes (1 works without any), or free memory."
    )


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the worker processes of a pool at once: whoever waits for them has given up."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()


def item_name(item: object) -> str:
    """How messages call an item: its ``file``, its ``name``, or the start of its ``repr``."""
    for attribute in ("file", "name"):
        value = getattr(item, attribute, None)
        if value:
            return str(value)
    text = item if isinstance(item, str) else repr(item)
    return text if len(text) <= 200 else text[:200] + "..."


def _named(name: str, error: Exception) -> Exception:
    if isinstance(error, LooksError):
        return BadInputError(f"{name}: {error}")
    return ItemError(f"{name}: {type(error).__name__}: {error}")


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch and OpenCV, where they are loaded, use one thread, and restore their numbers afterwards."""
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    before = (torch.get_num_threads() if torch else 0, cv2.getNumThreads() if cv2 else 0)
    if torch and before[0] != 1:
        torch.set_num_threads(1)
    if cv2 and before[1] != 1:
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        if torch and before[0] != 1:
            torch.set_num_threads(before[0])
        if cv2 and before[1] != 1:
            cv2.setNumThreads(before[1])


# ---------------------------------------------------------------------------------------------------------------------
# The side of the worker processes.

_packed: bytes = b""
_unpacked: tuple[Callable[..., Any], tuple[Any, ...]] | None = None


def _start_worker(work: bytes) -> None:
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


def _work_on(chunk: list[Any]) -> _Done:
    """Work through a chunk up to the first failure; the state is made before a process's first chunk."""
    global _unpacked
    if _unpacked is None:
        function, setup = pickle.loads(_packed)
        _unpacked = (function, () if setup is None else (setup(),))
    function, state = _unpacked
    done = _Done([])
    with _one_thread():
        for item in chunk:
            try:
                done.results.append(function(*state, item))
            except Exception as error:  # told to the parent, which names the item
                done.error = _portable(error)
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
