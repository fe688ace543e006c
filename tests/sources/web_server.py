"""A real HTTP server on 127.0.0.1 for tests, which behaves like the real ones and misbehaves.

In a test the fixture ``web_server`` gives a fresh one, and ``from web_server import Reply, drip, ...`` gives the
answers:

    def test_a_photo_is_kept(web_server, images):
        web_server.routes["/a.jpg"] = images["jpeg"]                    # bytes: 200, type by the path's suffix
        web_server.routes["/b.jpg"] = 404                               # a status with an error page
        web_server.routes["/c"] = {"hits": []}                          # a dict or list: JSON
        web_server.routes["/d"] = "<html>...</html>"                    # text: a web page
        web_server.routes["/e"] = Reply(b"...", status=503, headers={"Retry-After": "1"})
        web_server.routes["/f"] = in_turn(500, images["jpeg"])          # one after the other, the last for ever
        web_server.routes["/g"] = lambda request: Reply(request.query["q"].encode())
        web_server.routes["/h"] = redirect("/a.jpg")
        web_server.routes["/big"] = ranged(data)                        # honours Range and If-Range
        web_server.address("/a.jpg")                                    # http://127.0.0.1:PORT/a.jpg
        web_server.paths                                                # paths asked for, in order
        web_server.requests[0].headers["User-Agent"]                    # also .query, .time, .method, .target

Misbehaviour: ``drip`` (slowly), ``cut`` (closes early), ``endless`` (never ends), ``packed`` (gzip),
``Reply(length=...)`` (a wrong Content-Length), ``Reply(wait=...)`` (late).
A path without a route is answered 404; ``routes`` may be changed at any time.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from mimetypes import guess_type
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request that arrived.

    Attributes:
        path: without the query, percent signs decoded.
        target: as it stood in the request line.
        query: the first value of each key.
        headers: looked up whatever their letter case.
        time: ``time.monotonic()`` of its arrival.
        host: name and port that the client asked for.
    """

    method: str
    path: str
    target: str
    query: dict[str, str]
    headers: Message
    time: float
    host: str
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        body: bytes, text, or pieces that are made while sending (then without Content-Length, closed at the end).
        type: Content-Type; None takes it from the path's suffix, "" sends none.
        length: Content-Length to claim; None claims the truth.
        wait: seconds before anything is sent.
        pause: seconds after each piece.
        close: close the connection afterwards.
    """

    body: bytes | str | Iterable[bytes] = b""
    status: int = 200
    type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    wait: float = 0.0
    pause: float = 0.0
    close: bool = False


Route = Reply | bytes | str | int | dict[str, Any] | list[Any] | Callable[[Request], Any]


def redirect(to: str, status: int = 302) -> Reply:
    """Send the client elsewhere: a path of this server or any address."""
    return Reply(status=status, headers={"Location": to}, type="")


def drip(body: bytes, pause: float = 0.1, piece: int = 1) -> Reply:
    """Send the whole body, ``piece`` bytes every ``pause`` seconds, with its true length."""
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]
    return Reply(pieces, pause=pause, length=len(body))


def cut(body: bytes, after: int) -> Reply:
    """Claim the whole length, send so many bytes, and close."""
    return Reply(body[:after], length=len(body), close=True)


def endless(start: bytes = b"", piece: bytes = bytes(65536)) -> Callable[[Request], Reply]:
    """Zeros without end and without Content-Length, after some first bytes."""

    def pieces() -> Iterator[bytes]:
        yield start
        yield from repeat(piece)

    return lambda _: Reply(pieces(), type="image/jpeg")


def packed(body: bytes, type: str = "image/png") -> Reply:
    """The body under Content-Encoding gzip."""
    return Reply(gzip.compress(body, 9), headers={"Content-Encoding": "gzip"}, type=type)


def in_turn(*routes: Route) -> Callable[[Request], Route]:
    """One answer after the other; the last one for all further requests."""
    left = list(routes)
    lock = threading.Lock()

    def answer(_: Request) -> Route:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def ranged(body: bytes, etag: str = '"1"', stop_after: int | None = None) -> Callable[[Request], Reply]:
    """A big file: Range and If-Range are honoured.

    Args:
        body: the whole file.
        etag: its version; an If-Range with another one gets the whole file.
        stop_after: every answer breaks off after so many bytes.
    """

    def answer(request: Request) -> Reply:
        asked = request.headers.get("Range", "")
        headers = {"Accept-Ranges": "bytes", "ETag": etag}
        start = 0
        status = 200
        if asked.startswith("bytes=") and request.headers.get("If-Range", etag) == etag:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start = int(first)
            if start >= len(body):
                return Reply(b"", 416, headers={"Content-Range": f"bytes */{len(body)}"})
            end = min(int(last) + 1 if last else len(body), len(body))
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
        else:
            end = len(body)
        part = body[start:end]
        if stop_after is not None and len(part) > stop_after:
            return Reply(part[:stop_after], status, "application/octet-stream", headers, length=len(part), close=True)
        return Reply(part, status, "application/octet-stream", headers)

    return answer


class WebServer:
    """The server; a context manager that stops it.

    Attributes:
        routes: path (without query) -> answer, see the module's text.
        requests: what arrived, in order.
        busiest: the largest number of requests that were being answered at the same time.
    """

    def __init__(self, routes: Mapping[str, Route] | None = None, host: str = "127.0.0.1") -> None:
        self.routes: dict[str, Route] = dict(routes or {})
        self.requests: list[Request] = []
        self.busiest = 0
        self._running = 0
        self._lock = threading.Lock()
        self._server = _Server((host, 0), _Handler)
        self._server.owner = self
        self.host = host
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address without a path, such as ``http://127.0.0.1:40000``."""
        return f"http://{self.host}:{self.port}"

    def address(self, path: str) -> str:
        """Full address of a path."""
        return f"{self.url}/{path.removeprefix('/')}"

    @property
    def paths(self) -> list[str]:
        """Paths that were asked for, in order."""
        return [request.path for request in self.requests]

    def stop(self) -> None:
        """Refuse connections from now on; answers that are being sent break off."""
        self._server.stopped = True
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> WebServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, request: Request) -> Reply:
        """The answer to a request, from the routes."""
        route: Any = self.routes.get(request.path, 404)
        while callable(route):
            route = route(request)
        return as_reply(route, request.path)

    def arrived(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
            self._running += 1
            self.busiest = max(self.busiest, self._running)

    def left(self) -> None:
        with self._lock:
            self._running -= 1


def as_reply(route: Any, path: str) -> Reply:
    """What the short ways to write an answer stand for."""
    if isinstance(route, Reply):
        return route
    if isinstance(route, bytes):
        return Reply(route)
    if isinstance(route, str):
        return Reply(route, type="text/html; charset=utf-8")
    if isinstance(route, int):
        return Reply(f"<!doctype html><html><body>Error {route}</body></html>", route, "text/html; charset=utf-8")
    if isinstance(route, dict | list):
        return Reply(json.dumps(route), type="application/json")
    raise TypeError(f"The route of {path} is {route!r}; expected bytes, text, a status, JSON, a Reply or a function.")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: WebServer
    stopped = False

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30
    server: _Server

    def _serve(self) -> None:
        target = urllib.parse.urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        request = Request(
            self.command,
            urllib.parse.unquote(target.path),
            self.path,
            {key: values[0] for key, values in urllib.parse.parse_qs(target.query, keep_blank_values=True).items()},
            self.headers,
            time.monotonic(),
            self.headers.get("Host", ""),
            self.rfile.read(size) if size else b"",
        )
        owner = self.server.owner
        owner.arrived(request)
        try:
            self._send(owner.answer(request), request)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            owner.left()

    do_GET = do_HEAD = do_POST = _serve  # noqa: N815 - names that http.server asks for

    def _send(self, reply: Reply, request: Request) -> None:
        time.sleep(reply.wait)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        pieces = [body] if isinstance(body, bytes) else body
        length = len(body) if isinstance(body, bytes) and reply.length is None else reply.length
        self.send_response(reply.status)
        kind = reply.type if reply.type is not None else guess_type(request.path)[0] or "application/octet-stream"
        if kind:
            self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.close or length is None:
            self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        for piece in pieces if self.command != "HEAD" else ():
            if self.server.stopped:
                break
            self.wfile.write(piece)
            self.wfile.flush()
            sent += len(piece)
            time.sleep(reply.pause)
        if reply.close or length is None or sent != length:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""
