"""One question to the web and its answer: redirects followed by hand, every failure told in one word."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urljoin

from urllib3 import Timeout
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import Url, parse_url

from looks_kedro.sources.addresses import ForbiddenAddressError, PublicPools, deadline, hang_up
from looks_kedro.sources.fetch_error import FetchError, explain
from looks_kedro.sources.hosts import Host, Hosts
from looks_kedro.sources.web_settings import Web

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

_REDIRECTS = {301, 302, 303, 307, 308}
_MAY_PASS = {408, 425}
_PIECE = 1 << 16


@dataclass(frozen=True)
class Visit:
    """An answer whose status and headers have come; its body is still to be read.

    Attributes:
        url: the URL that was asked for.
        final_url: the one that answered, after redirects.
        status: HTTP status, 200 or another one that the caller takes.
        headers: looked up whatever their letter case.
    """

    url: str
    final_url: str
    status: int
    headers: Mapping[str, str]
    _response: BaseHTTPResponse
    _until: float

    def pieces(self, max_bytes: int) -> Iterator[bytes]:
        """The body, unpacked, piece by piece.

        Args:
            max_bytes: more are not taken.

        Raises:
            FetchError: it is too large, too slow, or breaks off.
        """
        total = 0
        with hang_up(self._until, self._response.shutdown) as late:
            while True:
                try:
                    piece = self._response.read1(_PIECE, decode_content=True)
                except (HTTPError, OSError, http.client.HTTPException, ValueError) as error:
                    if not late.is_set():
                        raise explain(self.url, error, self.status) from error
                    piece = b""
                # A connection that was hung up looks like one that ended.
                if late.is_set():
                    self.fail("timeout", f"still sending when the time was over, after {total} bytes",
                              transient=True, retry=False)  # fmt: skip
                if not piece:
                    return
                total += len(piece)
                if total > max_bytes:
                    self.fail("too_large", f"sends more than the {max_bytes} bytes that are taken")
                yield piece

    @property
    def length(self) -> int | None:
        """Content-Length, None where it is unknown or no number."""
        value = self.headers.get("Content-Length", "").strip()
        return int(value) if value.isascii() and value.isdigit() else None

    def fail(self, reason: str, detail: str, *, transient: bool = False, retry: bool | None = None) -> NoReturn:
        """Raise what makes this answer useless."""
        raise FetchError(self.url, reason, detail, self.status, transient, retry)


class Visitor:
    """Asks for URLs; may be used from several threads.

    Args:
        settings: limits and manners.
        agent: the User-Agent.
    """

    def __init__(self, settings: Web, agent: str) -> None:
        self._settings = settings
        self._headers = {"User-Agent": agent}
        self._pools = PublicPools(allow_loopback=settings.allow_loopback)
        self._hosts = Hosts(settings.delay)

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._pools.clear()

    @contextmanager
    def visit(
        self, url: str, headers: Mapping[str, str], *, takes: frozenset[int] = frozenset({200}), endless: bool = False
    ) -> Iterator[Visit]:
        """Ask once for a URL and follow its redirects; nobody else asks the host before the block is left.

        Args:
            url: http or https.
            headers: further request headers.
            takes: statuses that are an answer.
            endless: the body may take longer than the settings' ``total_time``.

        Raises:
            FetchError: there is no such answer.
        """
        seen: list[str] = []
        left = self._settings.total_time
        here = url
        while True:
            target = self._judge(url, here, seen)
            seen.append(target.url)
            with self._hosts.turn(target.host or "") as host:
                self._check_peace(url, host)
                begin = time.monotonic()
                until = begin + left
                response = self._ask(url, target, headers, until)
                try:
                    elsewhere = _location(response, target.url)
                    if elsewhere is None:
                        self._check_status(url, response, host, takes)
                        yield Visit(url, target.url, response.status, response.headers, response,
                                    float("inf") if endless else until)  # fmt: skip
                        return
                finally:
                    _leave(response)
                left -= time.monotonic() - begin
            here = elsewhere

    def _judge(self, url: str, here: str, seen: list[str]) -> Url:
        """Check an address before anything is sent."""
        hop = "" if not seen else f"redirects to {here}, "
        scheme = here.strip().partition(":")[0].lower()
        if scheme not in {"http", "https"}:
            raise FetchError(url, "forbidden_scheme", f"{hop}which is neither http nor https" if hop else
                             "neither http nor https; only such addresses are followed")  # fmt: skip
        try:
            target = parse_url(here.strip())
        except LocationParseError as error:
            raise FetchError(url, "bad_url", f"{hop}not a valid address: {error}") from error
        if not target.host or re.search(r"[\x00-\x20\x7f]", target.url):
            raise FetchError(url, "bad_url", f"{hop}not a valid address: no host, or spaces in it")
        if target.auth is not None:
            raise FetchError(url, "forbidden_address",
                             f"{hop}an address with a user name in it; such addresses are not followed")  # fmt: skip
        target = target._replace(fragment=None)
        if target.url in seen:
            raise FetchError(url, "redirect_loop", f"redirects in a circle, back to {target.url}")
        if len(seen) > self._settings.max_redirects:
            raise FetchError(url, "too_many_redirects",
                             f"redirects more than {self._settings.max_redirects} times (max_redirects)")  # fmt: skip
        return target

    def _check_peace(self, url: str, host: Host) -> None:
        if seconds := host.wants_peace:
            detail = (
                f"not asked: the host refused several requests in a row and wants to be left alone for {seconds:.0f} "
                f"s; run again later"
            )
            raise FetchError(url, "too_many_requests", detail, 429, transient=True, retry=False)

    def _ask(self, url: str, target: Url, headers: Mapping[str, str], until: float) -> BaseHTTPResponse:
        try:
            with deadline(until):
                return self._pools.urlopen(
                    "GET",
                    target.url,
                    redirect=False,
                    retries=False,
                    headers={**self._headers, **headers},
                    preload_content=False,
                    timeout=Timeout(connect=self._settings.timeout, read=self._settings.timeout),
                )
        except ForbiddenAddressError as error:
            raise FetchError(url, "forbidden_address", f"{error}; only public addresses are followed") from error
        except (HTTPError, OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= until:
                raise FetchError(url, "timeout", "no answer in the time for a whole answer (total_time)",
                                 None, True, False) from error  # fmt: skip
            raise explain(url, error) from error

    def _check_status(self, url: str, response: BaseHTTPResponse, host: Host, takes: frozenset[int]) -> None:
        status = response.status
        if status in takes:
            host.refusals = 0
            return
        wait = seconds_to_wait(response.headers.get("Retry-After"))
        busy = status == 429 or status >= 500
        reason = "too_many_requests" if status == 429 else "server_error" if busy else f"http_{status}"
        detail = f"the server answered {status} {http.client.responses.get(status, '')}".rstrip()
        transient = busy or status in _MAY_PASS
        if not busy or wait is None:
            raise FetchError(url, reason, detail, status, transient)
        detail += f" and asks to wait {wait:.0f} s"
        if wait > self._settings.longest_wait:
            if status == 429:
                host.refuse(wait)
            detail += f", more than the {self._settings.longest_wait:g} s that are waited (longest_wait)"
            raise FetchError(url, reason, detail, status, transient, retry=False)
        host.rest(wait)
        raise FetchError(url, reason, detail, status, transient, wait=wait)


def _location(response: BaseHTTPResponse, here: str) -> str | None:
    """Where a redirect leads."""
    target = response.headers.get("Location")
    if response.status not in _REDIRECTS or not target:
        return None
    # http.client reads headers as Latin-1, but servers write UTF-8.
    with suppress(UnicodeError):
        target = target.encode("latin-1").decode("utf-8")
    return urljoin(here, target.strip())


def _leave(response: BaseHTTPResponse) -> None:
    """Keep the connection of a body that was read to its end, close any other."""
    if getattr(response, "length_remaining", None) == 0:
        # An empty body too must be read before the connection takes the next question.
        response.drain_conn()
        response.release_conn()
    else:
        response.close()


def seconds_to_wait(value: str | None) -> float | None:
    """Meaning of a Retry-After header: seconds, or an HTTP date; None where it says nothing."""
    if not value:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
