"""Taking turns: one request at a time to one host, with a pause between two."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_ENOUGH_REFUSALS = 3


@dataclass
class Host:
    """What is known of one host.

    Attributes:
        free_at: moment of ``time.monotonic()`` before which it is not asked.
        refusals: how often in a row it asked for a longer wait than is granted.
        refused_until: when that wait is over.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at: float = 0.0
    refusals: int = 0
    refused_until: float = 0.0

    def rest(self, seconds: float) -> None:
        """Ask nothing of it for so long, in whatever thread."""
        self.free_at = max(self.free_at, time.monotonic() + seconds)

    def refuse(self, seconds: float) -> None:
        """Note a wait that is too long."""
        self.refusals += 1
        self.refused_until = time.monotonic() + seconds

    @property
    def wants_peace(self) -> float:
        """Seconds for which there is no use in asking; 0 otherwise.

        One refusal may concern one picture; after three in a row the host means its visitor.
        """
        if self.refusals < _ENOUGH_REFUSALS:
            return 0.0
        return max(self.refused_until - time.monotonic(), 0.0)


class Hosts:
    """The hosts that were asked so far; may be used from several threads.

    Args:
        delay: seconds between the end of a request and the start of the next to the same host.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, name: str) -> Iterator[Host]:
        """Wait until a host may be asked, and keep others from asking it meanwhile."""
        with self._lock:
            host = self._hosts.setdefault(name.lower().rstrip("."), Host())
        with host.lock:
            time.sleep(max(host.free_at - time.monotonic(), 0.0))
            try:
                yield host
            finally:
                host.rest(self._delay)
