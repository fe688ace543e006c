"""Connections to public addresses only, however a URL, a redirect or a name server disguises a private one.

A name is resolved once, its addresses are judged, and the connection goes to one that was judged: between the check and
the connection there is no second look-up that could answer otherwise (DNS rebinding). The connected socket is asked for
its peer again before a byte is sent.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import certifi
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class ForbiddenAddressError(Exception):
    """A host has no address that may be followed."""


def is_allowed(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether an IP address may be connected to.

    Public addresses may; private, link-local, shared, multicast, reserved and unspecified ones, IPv4 addresses
    written as IPv6 (``::ffff:1.2.3.4``), and IPv6 tunnels to an IPv4 address that may not, are refused.

    Args:
        address: IPv4 or IPv6 in the usual writing.
        allow_loopback: this machine's own addresses count as allowed.
    """
    ip = ipaddress.ip_address(address)
    if ip.is_loopback:
        return allow_loopback
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            # Networks without IPv4 reach every IPv4 host under such an address.
            return is_allowed(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.is_site_local or ip.scope_id:
            return False
    return ip.is_global and not (ip.is_private or ip.is_multicast or ip.is_reserved or ip.is_link_local)


class _Clock(threading.local):
    """When the exchange that this thread is in must be over."""

    deadline: float = float("inf")


_clock = _Clock()


@contextmanager
def deadline(moment: float) -> Iterator[None]:
    """Connections that this thread opens or waits on are hung up at a moment of ``time.monotonic()``."""
    before = _clock.deadline
    _clock.deadline = min(moment, before)
    try:
        yield
    finally:
        _clock.deadline = before


@contextmanager
def hang_up(moment: float, action: Callable[[], object]) -> Iterator[threading.Event]:
    """Call ``action`` from another thread when the moment comes before the block is left.

    A server that sends a byte now and then never exceeds a socket's own time limit, which counts from byte to byte.

    Yields:
        Event that tells whether the moment came.
    """
    event = threading.Event()

    def fire() -> None:
        event.set()
        with contextlib.suppress(OSError, ValueError):
            action()

    if moment == float("inf"):
        yield event
        return
    timer = threading.Timer(max(moment - time.monotonic(), 0.0), fire)
    timer.daemon = True
    timer.start()
    try:
        yield event
    finally:
        timer.cancel()


class _Guarded(HTTPConnection):
    """Connects to allowed addresses, and hangs up at the deadline of its thread."""

    allow_loopback: ClassVar[bool] = False
    _wire: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        candidates = self._allowed(self._resolve())
        failure: OSError | None = None
        for family, kind, protocol, _, address in candidates:
            wire = socket.socket(family, kind, protocol)
            try:
                self._connect(wire, address)
            except OSError as error:
                wire.close()
                failure = error
                continue
            except BaseException:
                wire.close()
                raise
            # TLS takes the socket over; a second handle can still hang it up.
            self._wire = wire.dup()
            return wire
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"no connection to {self.host} in {self.timeout} s") from failure
        raise NewConnectionError(self, f"no connection to {self.host}: {failure}") from failure

    def _resolve(self) -> list[tuple[Any, Any, int, str, Any]]:
        try:
            return socket.getaddrinfo(self._dns_host.strip("[]"), self.port, 0, socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except UnicodeError as error:
            missing = socket.gaierror(socket.EAI_NONAME, "not a name that can be looked up")
            raise NameResolutionError(self.host, self, missing) from error

    def _allowed(self, found: list[tuple[Any, Any, int, str, Any]]) -> list[tuple[Any, Any, int, str, Any]]:
        allowed = [entry for entry in found if is_allowed(entry[4][0], allow_loopback=self.allow_loopback)]
        if not allowed:
            addresses = ", ".join(sorted({str(entry[4][0]) for entry in found})) or "none"
            raise ForbiddenAddressError(f"{self.host} has no public address, but {addresses}")
        return allowed

    def _connect(self, wire: socket.socket, address: Any) -> None:
        for option in self.socket_options or ():
            wire.setsockopt(*option)
        patience = self.timeout if isinstance(self.timeout, int | float) else None
        left = max(_clock.deadline - time.monotonic(), 0.001)
        wire.settimeout(left if patience is None or left < patience else patience)
        wire.connect(address)
        peer = wire.getpeername()[0]
        if not is_allowed(peer, allow_loopback=self.allow_loopback):
            raise ForbiddenAddressError(f"{self.host} led to {peer}, which is no public address")

    def connect(self) -> None:
        with hang_up(_clock.deadline, self._cut):
            super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        with hang_up(_clock.deadline, self._cut):
            return super().getresponse()

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        super().close()

    def _cut(self) -> None:
        if self._wire is not None:
            self._wire.shutdown(socket.SHUT_RDWR)


class _GuardedTls(_Guarded, HTTPSConnection):
    """The same under TLS."""


class _OwnMachine(_Guarded):
    allow_loopback = True


class _OwnMachineTls(_GuardedTls):
    allow_loopback = True


@cache
def _trusted() -> ssl.SSLContext:
    """The system's certificates, and the well-known ones where a system has none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class PublicPools(PoolManager):
    """Connections by host, kept open between requests, to public addresses only.

    Args:
        allow_loopback: addresses of this machine are allowed too.
    """

    def __init__(self, *, allow_loopback: bool = False) -> None:
        super().__init__(num_pools=64, maxsize=1, ssl_context=_trusted())
        self._classes: dict[str, type[Any]] = (
            {"http": _OwnMachine, "https": _OwnMachineTls}
            if allow_loopback
            else {"http": _Guarded, "https": _GuardedTls}
        )

    def _new_pool(self, scheme: str, host: str, port: int, request_context: Any = None) -> HTTPConnectionPool:
        pool = super()._new_pool(scheme, host, port, request_context)
        pool.ConnectionCls = self._classes[scheme]
        return pool
