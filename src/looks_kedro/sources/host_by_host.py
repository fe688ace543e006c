"""Many addresses on many hosts: each host is asked for one thing at a time, several hosts at once."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

HOSTS_AT_ONCE = 8
"""Hosts that are asked at the same time; each gets one request at a time."""


def each_done(urls: Sequence[str], do: Callable[[str], None]) -> Iterator[str]:
    """Do something for each URL, and give the URL when that is done.

    Args:
        urls: addresses.
        do: called in one of several threads; what it raises is raised here, and nothing more is begun.
    """
    hosts: dict[str, list[str]] = {}
    for url in urls:
        hosts.setdefault(_host(url), []).append(url)
    # The host with the most addresses takes longest, so it comes first.
    waiting = deque(sorted(hosts.values(), key=len, reverse=True))
    done: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()
    stop = threading.Event()

    def work(group: list[str]) -> None:
        try:
            for url in group:
                if stop.is_set():
                    return
                do(url)
                done.put(url)
        except BaseException as error:  # raised again below, in the thread that waits
            done.put(error)

    # Not an executor: its threads would have to end before Ctrl-C ends the program, and what they do needs no care.
    for _ in range(min(HOSTS_AT_ONCE, len(hosts))):
        threading.Thread(target=lambda: _work_off(waiting, work), daemon=True).start()
    try:
        for _ in urls:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stop.set()


def _work_off(waiting: deque[list[str]], work: Callable[[list[str]], None]) -> None:
    while waiting:
        try:
            group = waiting.popleft()
        except IndexError:  # another thread took the last one
            return
        work(group)


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""  # the client says what is wrong with it
