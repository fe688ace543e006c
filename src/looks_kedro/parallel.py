"""The one seam for work that is done image by image.

Everything that goes through thousands of images (detection, head pose, mattes, maps) is written as a function of one
item and handed to :func:`map_images`. What happens behind it (processes, a cache that lets a killed run go on)
changes here and nowhere else. So the function must be pure: its result depends on the state and the item alone, it can
be repeated, and it can be stopped at any time.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import multiprocessing
import multiprocessing.connection
import os
import pickle
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from looks_kedro.cache import Cached
from looks_kedro.errors import BadInputError, BadParameterError, LooksError
from looks_kedro.progress import track
from looks_kedro.workers import Done, Work, one_thread, start_worker, work_on

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNKS_AHEAD = 2
"""Chunks that wait for a free process, on top of the one that each process works on."""

_LOOKED_UP_AT_ONCE = 256


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
    cache: Cached | None = None,
) -> Iterator[Result]:
    """Apply a function to every item, in several processes, and give the results in the items' order.

    Each process works with one thread, so that the results do not depend on the number of processes. Items are
    taken, and results kept, for only a few chunks at a time. Processes are spawned: ``function`` and ``setup`` must
    be importable (defined in a module), items and results picklable.

    With a cache, results that it holds are not computed again, and new ones are kept as soon as they are there: a run
    that was killed goes on where it was. No process is started when all results are known.

    Args:
        function: called as ``function(item)``, or as ``function(state, item)`` when there is a ``setup``.
        items: what is worked through; may be a generator of any length.
        setup: makes the state (a network, a session), once in each process.
        processes: number of worker processes; 1 works in the caller, None takes one for each usable core.
        description: words in front of the progress bar; empty for no bar.
        chunk_size: items sent to a process at a time; None chooses up to 16, fewer when there are few items.
        cache: where results are kept, and by what; they must be made of what JSON knows.

    Returns:
        An iterator of the results, as many as there are items. Work starts with its first ``next``.

    Raises:
        BadParameterError: ``processes`` or ``chunk_size`` is below 1.
        ItemError: while iterating, when the function raises; names the item. A ``LooksError`` of the function
            becomes a ``BadInputError`` that names the item.
        LostWorkerError: while iterating, when a worker process is killed or runs out of memory.
    """
    return _run(Work(function, setup, None), items, processes, description, chunk_size, cache)


def map_batches(
    function: Callable[..., Sequence[Result]],
    items: Iterable[Item],
    *,
    batch_size: int,
    setup: Callable[[], Any] | None = None,
    processes: int | Callable[[], int | None] | None = None,
    description: str = "",
    cache: Cached | None = None,
) -> Iterator[Result]:
    """Apply a function that takes several items at a time; otherwise as :func:`map_images`.

    Args:
        function: called with a list of items, after the state when there is a ``setup``; gives as many results. A
            result must not depend on the other items of its batch, which a cache may shuffle.
        items: what is worked through.
        batch_size: items in a list, at most.
        setup: makes the state, once in each process.
        processes: number of worker processes; None takes one for each usable core; a function that gives it is
            called only when something is to be computed.
        description: words in front of the progress bar; empty for no bar.
        cache: where results are kept, and by what.

    Returns:
        An iterator of the results, one an item.
    """
    return _run(Work(function, setup, batch_size), items, processes, description, None, cache)


def _run(
    work: Work,
    items: Iterable[Item],
    processes: int | Callable[[], int | None] | None,
    description: str,
    chunk_size: int | None,
    cache: Cached | None,
) -> Iterator[Any]:
    for name, value in (("processes", processes), ("chunk_size", chunk_size), ("batch_size", work.batch_size)):
        if isinstance(value, int) and value < 1:
            raise BadParameterError(f"{name} is {value}; expected a whole number of at least 1, or none for automatic.")
    total = len(items) if isinstance(items, Sized) else None

    def compute(asked: Iterable[Item]) -> Generator[Any]:
        first = list(itertools.islice(asked, 1))
        if not first:
            return
        wanted = processes() if callable(processes) else processes
        workers = wanted or usable_cores()
        size = max(chunk_size or _chunk_size(total, workers), work.batch_size or 1)
        if total is not None:
            workers = max(1, min(workers, -(-total // size)))
        if workers > 1 and multiprocessing.current_process().daemon:
            log.info("Working in one process: a daemon process may not start others.")
            workers = 1
        asked = itertools.chain(first, asked)
        yield from _map_here(work, asked) if workers == 1 else _map_in_processes(work, asked, workers, size)

    results = compute(iter(items)) if cache is None else _map_cached(compute, items, cache)
    return _with_progress(results, description, total) if description else results


def usable_cores() -> int:
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


def _map_cached(
    compute: Callable[[Iterable[Item]], Generator[Result]], items: Iterable[Item], cached: Cached
) -> Generator[Result]:
    """Give known results from the cache and the others from ``compute``, in the items' order."""
    # Key of each result to come, and whether it is known. Its text is read when it is due: known results may be far
    # ahead of the one that is being computed.
    waiting: deque[tuple[str, bool]] = deque()

    def unknown() -> Iterator[Item]:
        source = iter(items)
        for window in iter(lambda: list(itertools.islice(source, _LOOKED_UP_AT_ONCE)), []):
            keys = [cached.key_of(item) for item in window]
            known = cached.results.has(keys)
            for item, key in zip(window, keys, strict=True):
                waiting.append((key, key in known))
                if key not in known:
                    yield item

    def due() -> Iterator[Result]:
        while waiting and waiting[0][1]:
            at_once = itertools.takewhile(lambda entry: entry[1], itertools.islice(waiting, _LOOKED_UP_AT_ONCE))
            keys = [key for key, _ in at_once]
            texts = cached.results.known(keys)
            for key in keys:
                waiting.popleft()
                if key not in texts:
                    raise BadInputError(
                        f"{cached.results.path}: a result that was there is gone: expected nobody to change the file "
                        f"during a run. Run again."
                    )
                yield json.loads(texts[key])

    with cached.results, contextlib.closing(compute(unknown())) as results:
        for result in results:
            yield from due()
            key, _ = waiting.popleft()
            text = json.dumps(result, allow_nan=True)
            cached.results.keep(key, text)
            # What comes from the computation and what comes from the cache shall not differ in type.
            yield json.loads(text)
        yield from due()


def _map_here(work: Work, items: Iterable[Any]) -> Generator[Any]:
    """Work in the calling process, with one thread during each item, as many as before in between."""
    state: tuple[Any, ...] | None = None
    for batch in work.batches(items):
        if state is None:
            state = work.state()
        with one_thread():
            try:
                results = work.results(state, batch)
            except Exception as error:
                raise _named(_batch_name(batch), error) from error
        yield from results


def _map_in_processes(work: Work, items: Iterable[Item], workers: int, size: int) -> Generator[Any]:
    """Keep ``workers + CHUNKS_AHEAD`` chunks in flight and give their results in order."""
    packed = pickle.dumps(work)
    source = iter(items)
    chunks = iter(lambda: list(itertools.islice(source, size)), [])
    waiting: deque[tuple[list[Item], Future[Done]]] = deque()
    pool = ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=start_worker, initargs=(packed,)
    )
    try:
        while True:
            for chunk in itertools.islice(chunks, workers + CHUNKS_AHEAD - len(waiting)):
                waiting.append((chunk, pool.submit(work_on, chunk)))
            if not waiting:
                break
            chunk, future = waiting.popleft()
            done = _result_of(future, chunk)
            yield from done.results
            _raise_failure(done)
    except BrokenProcessPool as error:
        first = waiting[0][0] if waiting else chunk
        raise _lost(first) from error
    except BaseException:
        _stop(pool)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result_of(future: Future[Done], chunk: list[Item]) -> Done:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _lost(chunk) from error


def _raise_failure(done: Done) -> None:
    if done.error is not None:
        raise _named(_batch_name(done.failed), done.error) from done.error


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


def _batch_name(batch: list[Any]) -> str:
    """How messages call items that are worked on together."""
    first = item_name(batch[0])
    return first if len(batch) == 1 else f"{first} or one of the {len(batch) - 1} after it"


def _named(name: str, error: Exception) -> Exception:
    if isinstance(error, LooksError):
        return BadInputError(f"{name}: {error}")
    return ItemError(f"{name}: {type(error).__name__}: {error}")
