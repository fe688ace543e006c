"""The one way in which this package asks the web: politely, within limits, of public hosts only."""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlencode

from tenacity import RetryCallState, Retrying, retry_if_exception

from looks_kedro import __version__
from looks_kedro.sources.download import Download
from looks_kedro.sources.exchange import Visit, Visitor
from looks_kedro.sources.fetch_error import FetchError, broken_at
from looks_kedro.sources.media_types import ENOUGH, describe, is_pixel_image, media_type
from looks_kedro.sources.web_settings import Web

__all__ = ["Answer", "Expect", "FetchError", "Web", "WebClient"]

logger = logging.getLogger(__name__)

Expect = Literal["image", "json", "page", "any"]
T = TypeVar("T")

_ACCEPT = {
    # Photographs as they were put there: no AVIF or WebP made on the way.
    "image": "image/jpeg,image/png;q=0.9,image/*;q=0.8,*/*;q=0.5",
    "json": "application/json",
    "page": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5",
    "any": "*/*",
}


@dataclass(frozen=True)
class Answer:
    """What a URL gave.

    Attributes:
        url: the URL that was asked for.
        final_url: the one that answered, after redirects.
        status: HTTP status.
        type: media type by the content where it is known, else by the header; "" unknown.
        content: the body, unpacked.
        headers: looked up whatever their letter case.
    """

    url: str
    final_url: str
    status: int
    type: str
    content: bytes
    headers: Mapping[str, str]


class WebClient:
    """Asks for URLs; a context manager that closes its connections; may be used from several threads.

    Only http and https, only public addresses (checked on the connection, behind every redirect), one request at a time
    to a host with a pause between two, an identifying User-Agent, no cookies, no proxies and no passwords from the
    environment. Failures that may pass are tried again with growing pauses; a server's Retry-After is honoured.

    Args:
        settings: limits and manners, parameters ``acquisition.web``.
    """

    def __init__(self, settings: Web) -> None:
        self.settings = settings
        self._visitor = Visitor(settings, user_agent(settings.contact))
        if proxies := {"http", "https", "all"} & urllib.request.getproxies().keys():
            logger.info("The environment's proxies (%s) are not used; see docs of acquisition.web.", ", ".join(proxies))

    def __enter__(self) -> WebClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._visitor.close()

    def get(
        self,
        url: str,
        *,
        expect: Expect = "any",
        max_bytes: int | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Fetch a URL into memory.

        Args:
            url: http or https.
            expect: what the content must be, whatever the server calls it; HTML, Git LFS pointers, videos and the
                like in the place of an image are refused after their first bytes.
            max_bytes: largest answer, after unpacking; None takes the settings'.
            params: query parameters to add.

        Raises:
            FetchError: nothing that can be used came; its ``reason`` is one word.
        """
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        limit = self.settings.max_bytes if max_bytes is None else max_bytes
        breaks: list[tuple[int, int]] = []

        def attempt() -> Answer:
            try:
                with self._visitor.visit(url, {"Accept": _ACCEPT[expect], "Accept-Encoding": "gzip, deflate"}) as visit:
                    return _read(visit, expect, limit)
            except FetchError as error:
                raise _always_short(error, breaks) or error from error.__cause__

        return retrying(self.settings)(attempt)

    def download(
        self,
        url: str,
        target: Path,
        *,
        sha256: str | None = None,
        size: int | None = None,
        md5: str | None = None,
        description: str = "",
    ) -> None:
        """Fetch a large file to disk: streamed, resumed where it was left, checked, and put in place in one step.

        What has come is kept beside it in ``NAME.part``, also when the process is killed, and continued by the next
        call. A file that is there already and is the right one is left alone.

        Args:
            url: http or https.
            target: where the file goes; its folder is made.
            sha256: expected hash in hexadecimal.
            size: expected number of bytes.
            md5: expected hash where nobody gives a sha256.
            description: words for the progress bar and the log, such as ``HopeNet weights``.

        Raises:
            FetchError: the web gave nothing that can be used.
            BadInputError: the file cannot be written.
        """
        patience = self.settings.total_time
        file = Download(url, target, sha256=sha256, size=size, md5=md5, description=description, patience=patience)
        file.run(self._visitor, lambda spared: retrying(self.settings, spared))


def user_agent(contact: str = "") -> str:
    """How every server is told who asks."""
    return f"looks_kedro/{__version__} (+{contact})" if contact else f"looks_kedro/{__version__}"


def retrying(settings: Web, spared: Callable[[], int] = lambda: 0) -> Retrying:
    """Try again after failures that may pass, with pauses that double, or as long as the server asked for.

    Args:
        settings: number of retries and the pauses.
        spared: how many of the attempts so far do not count, since they brought something.
    """

    def failed(state: RetryCallState) -> int:
        return max(state.attempt_number - spared(), 1)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, FetchError) else None
        return asked if asked is not None else min(settings.backoff * 2.0 ** (failed(state) - 1), settings.longest_wait)

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        logger.info("%s; trying again in %.1f s.", error, state.upcoming_sleep)

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, FetchError) and error.retry),
        stop=lambda state: failed(state) > settings.retries,
        wait=wait,
        before_sleep=tell,
        reraise=True,
    )


def _read(visit: Visit, expect: Expect, limit: int) -> Answer:
    if visit.length is not None and visit.length > limit:
        visit.fail("too_large", f"announces {visit.length} bytes; at most {limit} are taken")
    content = bytearray()
    judged = False
    for piece in visit.pieces(limit):
        content += piece
        if not judged and len(content) >= ENOUGH:
            _judge(visit, bytes(content[:ENOUGH]), expect)
            judged = True
    if not content:
        visit.fail("empty", "the answer is empty")
    body = bytes(content)
    if not judged:
        _judge(visit, body, expect)
    if expect == "json":
        try:
            json.loads(body)
        except ValueError as error:
            visit.fail("not_json", f"expected JSON; found {describe(body)} ({error})")
    kind = media_type(body) or visit.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(visit.url, visit.final_url, visit.status, kind, body, visit.headers)


def _judge(visit: Visit, start: bytes, expect: Expect) -> None:
    """Refuse what cannot be the expected thing, by its first bytes."""
    kind = media_type(start)
    if expect == "image" and not is_pixel_image(kind):
        named = visit.headers.get("Content-Type", "no type")
        visit.fail("not_an_image", f"expected an image; found {describe(start)}, sent as {named}")
    if expect == "page" and kind.split("/")[0] not in {"text", "application", ""}:
        visit.fail("not_a_page", f"expected a web page; found {describe(start)}")


def _always_short(error: FetchError, breaks: list[tuple[int, int]]) -> FetchError | None:
    """Tell a server that claims a wrong length from a connection that was cut.

    Both look the same once; the same number of bytes twice in a row is no accident, and no further attempt helps.
    """
    broken = broken_at(error.__cause__)
    again = broken is not None and broken[0] > 0 and breaks[-1:] == [broken]
    breaks.append(broken or (0, 0))
    if broken is None or not again:
        return None
    received, missing = broken
    detail = f"the server announces {received + missing} bytes but sends only {received}, twice in a row"
    return FetchError(error.url, "wrong_length", detail, error.status, transient=True, retry=False)
