"""What can go wrong when the web is asked, in one word and a sentence."""

from __future__ import annotations

import http.client
import socket

from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    IncompleteRead,
    InvalidHeader,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from looks_kedro.errors import LooksError


class FetchError(LooksError):
    """A URL gave nothing that can be used.

    Attributes:
        url: the URL that was asked for, before any redirect.
        reason: one word, such as ``http_404``, ``timeout`` or ``not_an_image``.
        detail: what was found, and what was expected.
        status: HTTP status, None where there was no answer.
        transient: it may go better in a later run.
        retry: it may go better in a moment.
        wait: seconds that the server asked to wait.
    """

    def __init__(
        self,
        url: str,
        reason: str,
        detail: str,
        status: int | None = None,
        transient: bool = False,
        retry: bool | None = None,
        wait: float | None = None,
    ) -> None:
        super().__init__(url, reason, detail, status, transient, retry, wait)
        self.url = url
        self.reason = reason
        self.detail = detail
        self.status = status
        self.transient = transient
        self.retry = transient if retry is None else retry
        self.wait = wait

    def __str__(self) -> str:
        return f"{self.url}: {self.detail}"


def explain(url: str, error: Exception, status: int | None = None) -> FetchError:
    """What went wrong on the connection, in one word and a sentence."""
    if isinstance(error, NameResolutionError):
        cause = error.__cause__
        # Without a network every name is unknown: worth a later run, but not a moment's wait.
        passing = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN
        return FetchError(url, "no_such_host", f"the name of the host cannot be looked up ({cause}); "
                          f"correct it, or check the network", status, True, passing)  # fmt: skip
    if isinstance(error, NewConnectionError):  # a kind of ConnectTimeoutError to urllib3
        return FetchError(url, "cut_connection", f"no connection: {error}", status, True)
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError | TimeoutError):
        return FetchError(url, "timeout", "the server did not answer in time (timeout)", status, True)
    if isinstance(error, SSLError) or isinstance(error.__cause__, SSLError):
        if "certificate" in str(error).lower():
            return FetchError(url, "bad_certificate", f"the server's certificate cannot be trusted: {error}", status)
        return FetchError(url, "cut_connection", f"the encrypted connection failed: {error}", status, True)
    if isinstance(error, DecodeError):
        return FetchError(url, "bad_encoding", f"the answer is not packed as its header says: {error}", status)
    if isinstance(error, InvalidHeader):
        return FetchError(url, "wrong_length", f"contradictory headers: {error}", status)
    if isinstance(error, LocationParseError):
        return FetchError(url, "bad_url", f"not a valid address: {error}", status)
    broken = broken_at(error)
    if broken is not None:
        received, missing = broken
        return FetchError(url, "cut_connection", f"the connection was cut after {received} bytes, {missing} are "
                          f"missing", status, True)  # fmt: skip
    if isinstance(error, HTTPError | OSError | http.client.HTTPException):
        return FetchError(url, "cut_connection", f"the connection failed: {error}", status, True)
    return FetchError(url, "bad_url", f"cannot be asked for: {error}", status)


def broken_at(error: BaseException | None) -> tuple[int, int] | None:
    """Bytes that came and bytes that are missing of an answer with a Content-Length that broke off."""
    while error is not None:
        if isinstance(error, IncompleteRead) and isinstance(error.partial, int) and isinstance(error.expected, int):
            return error.partial, error.expected
        error = error.__cause__ or (error.args[1] if _holds_error(error) else None)
    return None


def _holds_error(error: BaseException) -> bool:
    return len(error.args) > 1 and isinstance(error.args[1], BaseException)
