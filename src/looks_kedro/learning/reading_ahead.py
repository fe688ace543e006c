"""Work on threads, a few items ahead of whoever takes the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Generator[Result]:
    """Apply a function on threads and give the results in the items' order.

    At most ``workers + 1`` results wait or are being made, so that memory does not grow with the number of items.
    A failure is raised at the next ``next``, also when results before it are still to come.

    Args:
        function: called in the threads, with one item at a time.
        items: taken one by one, as results are asked for.
        workers: threads; 0 works in the caller's, when a result is asked for.

    Yields:
        The results.
    """
    if workers == 0:
        yield from map(function, items)
        return
    source = iter(items)
    ahead: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ahead")
    try:
        while True:
            ahead.extend(pool.submit(function, item) for item in islice(source, workers + 1 - len(ahead)))
            _raise_a_failure(ahead)
            if not ahead:
                return
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _raise_a_failure(ahead: Iterable[Future[Result]]) -> None:
    for future in ahead:
        error = future.exception() if future.done() else None
        if error is not None:
            raise error
