"""The web client against a real server on this machine that behaves and misbehaves."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError
from web_server import Reply, WebServer, cut, drip, endless, in_turn, packed, redirect

from looks_kedro import __version__
from looks_kedro.errors import LooksError
from looks_kedro.sources import addresses
from looks_kedro.sources.addresses import is_allowed
from looks_kedro.sources.exchange import seconds_to_wait
from looks_kedro.sources.media_types import describe, media_type
from looks_kedro.sources.web import FetchError, Web, WebClient

QUICK = Web(
    delay=0.0,
    timeout=0.5,
    total_time=2.0,
    max_bytes=1_000_000,
    max_redirects=3,
    retries=2,
    backoff=0.02,
    longest_wait=1.5,
    allow_loopback=True,
)


def quick(**changes: object) -> WebClient:
    return WebClient(Web.model_validate(QUICK.model_dump() | changes))


@pytest.fixture
def client() -> Iterator[WebClient]:
    with WebClient(QUICK) as made:
        yield made


def failure(client: WebClient, url: str, **options: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        client.get(url, **options)  # type: ignore[arg-type]
    assert caught.value.url == url
    assert url in str(caught.value)
    return caught.value


# What a good answer gives


def test_an_image_comes_with_its_bytes_and_its_real_type(web_server, images, client):
    web_server.routes["/a"] = Reply(images["png"], type="application/octet-stream", headers={"X-Licence": "CC0"})
    answer = client.get(web_server.address("/a"), expect="image")
    assert (answer.content, answer.type, answer.status) == (images["png"], "image/png", 200)
    assert answer.headers["x-licence"] == "CC0"
    assert answer.url == answer.final_url == web_server.address("/a")


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "gif"])
def test_every_kind_of_image_is_taken_under_a_wrong_type(web_server, images, client, kind):
    web_server.routes["/a"] = Reply(images[kind], type="text/html")
    assert client.get(web_server.address("/a"), expect="image").type == f"image/{kind}"


def test_the_server_is_told_who_asks(web_server, images):
    web_server.routes["/a.jpg"] = images["jpeg"]
    with quick(contact="someone@example.org") as client:
        client.get(web_server.address("/a.jpg"))
    assert web_server.requests[0].headers["User-Agent"] == f"looks_kedro/{__version__} (+someone@example.org)"


def test_a_contact_cannot_smuggle_in_a_header():
    with pytest.raises(ValidationError):
        Web(contact="me\r\nX-Evil: 1")


def test_parameters_are_added_to_the_query(web_server, client):
    web_server.routes["/api"] = lambda request: request.query
    answer = client.get(web_server.address("/api?a=1"), expect="json", params={"q": "Ada & Bob ü"})
    assert json.loads(answer.content) == {"a": "1", "q": "Ada & Bob ü"}
    assert answer.type == "application/json"


def test_spaces_umlauts_and_fragments_in_an_address_are_sent_as_they_must(web_server, images, client):
    web_server.routes["/Ädä Löve.jpg"] = images["jpeg"]
    client.get(web_server.address("/Ädä Löve.jpg#top"), expect="image")
    assert web_server.requests[0].target == "/%C3%84d%C3%A4%20L%C3%B6ve.jpg"


def test_a_connection_is_kept_between_two_requests(web_server, images, client):
    ports = []
    web_server.routes["/a.jpg"] = images["jpeg"]
    original = web_server._server.process_request
    web_server._server.process_request = lambda request, peer: (ports.append(peer), original(request, peer))
    for _ in range(3):
        client.get(web_server.address("/a.jpg"), expect="image")
    assert len(ports) == 1


def test_a_packed_answer_is_unpacked(web_server, images, client):
    web_server.routes["/a.png"] = packed(images["png"])
    assert client.get(web_server.address("/a.png"), expect="image").content == images["png"]


def test_cookies_are_not_kept(web_server, images, client):
    web_server.routes["/a.jpg"] = Reply(images["jpeg"], headers={"Set-Cookie": "id=1; Path=/"})
    client.get(web_server.address("/a.jpg"))
    client.get(web_server.address("/a.jpg"))
    assert web_server.requests[1].headers["Cookie"] is None


def test_proxies_and_passwords_of_the_environment_are_not_used(web_server, images, client, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    web_server.routes["/a.jpg"] = images["jpeg"]
    with quick() as fresh:
        assert fresh.get(web_server.address("/a.jpg")).content == images["jpeg"]
    assert web_server.requests[0].headers["Authorization"] is None


# Statuses


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_final_refusal_is_asked_for_once(web_server, client, status):
    web_server.routes["/a.jpg"] = status
    error = failure(client, web_server.address("/a.jpg"), expect="image")
    assert (error.reason, error.status, error.transient) == (f"http_{status}", status, False)
    assert len(web_server.requests) == 1


def test_after_a_server_error_the_answer_comes(web_server, images, client):
    web_server.routes["/a.jpg"] = in_turn(500, 503, images["jpeg"])
    assert client.get(web_server.address("/a.jpg"), expect="image").content == images["jpeg"]
    assert len(web_server.requests) == 3


def test_a_lasting_server_error_is_tried_as_often_as_set_with_growing_pauses(web_server):
    web_server.routes["/a.jpg"] = 502
    with quick(retries=3, backoff=0.05) as client:
        error = failure(client, web_server.address("/a.jpg"))
    assert (error.reason, error.status, error.transient) == ("server_error", 502, True)
    times = [request.time for request in web_server.requests]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(pauses) == 3
    assert [pauses[0] >= 0.05, pauses[1] >= 0.1, pauses[2] >= 0.2] == [True] * 3
    assert pauses[2] < 2.0


def test_the_wait_that_a_server_asks_for_is_kept(web_server, images, client):
    web_server.routes["/a.jpg"] = in_turn(Reply(status=429, headers={"Retry-After": "1"}), images["jpeg"])
    assert client.get(web_server.address("/a.jpg"), expect="image").content == images["jpeg"]
    first, second = (request.time for request in web_server.requests)
    assert 1.0 <= second - first < 2.5


def test_the_wait_holds_for_other_pictures_of_that_host_too(web_server, images):
    web_server.routes |= {"/a.jpg": Reply(status=429, headers={"Retry-After": "0.4"}), "/b.jpg": images["jpeg"]}
    with quick(retries=0) as client:
        assert failure(client, web_server.address("/a.jpg")).reason == "too_many_requests"
        client.get(web_server.address("/b.jpg"))
    assert web_server.requests[1].time - web_server.requests[0].time >= 0.4


def test_too_long_a_wait_is_not_waited_for_and_says_so(web_server, client):
    web_server.routes["/a.jpg"] = Reply(status=429, headers={"Retry-After": "3600"})
    begin = time.monotonic()
    error = failure(client, web_server.address("/a.jpg"))
    assert (error.reason, error.status, error.transient) == ("too_many_requests", 429, True)
    assert "3600 s" in error.detail
    assert "longest_wait" in error.detail
    assert time.monotonic() - begin < 2.0
    assert len(web_server.requests) == 1


def test_a_host_that_keeps_refusing_is_left_alone(web_server, images, client):
    web_server.routes |= {f"/{k}.jpg": Reply(status=429, headers={"Retry-After": "3600"}) for k in range(3)}
    web_server.routes["/good.jpg"] = images["jpeg"]
    reasons = [failure(client, web_server.address(f"/{k}.jpg")).reason for k in range(3)]
    last = failure(client, web_server.address("/good.jpg"))
    assert {*reasons, last.reason} == {"too_many_requests"}
    assert last.transient
    assert len(web_server.requests) == 3


def test_a_wait_may_be_given_as_a_date():
    soon = datetime.now(UTC) + timedelta(seconds=90)
    assert 85 < (seconds_to_wait(format_datetime(soon, usegmt=True)) or 0) <= 90
    assert seconds_to_wait(format_datetime(soon - timedelta(days=1), usegmt=True)) == 0.0
    assert seconds_to_wait("120") == 120.0
    assert [seconds_to_wait(text) for text in (None, "", "soon", "-5")] == [None] * 4


# Limits


def test_a_slow_drip_ends_with_the_time_for_a_whole_answer(web_server, images):
    web_server.routes["/a.jpg"] = drip(images["jpeg"], pause=0.05)
    with quick(total_time=0.6) as client:
        begin = time.monotonic()
        error = failure(client, web_server.address("/a.jpg"), expect="image")
    assert (error.reason, error.transient) == ("timeout", True)
    assert 0.5 < time.monotonic() - begin < 3.0  # the whole would take half a minute


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"],
    ids=["headers", "chunk length"],
)
def test_a_drip_in_the_headers_or_between_chunks_ends_too(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve() -> None:
            wire, _ = listener.accept()
            with wire:
                wire.recv(65536)
                try:
                    wire.sendall(start)
                    while not stop.wait(0.05):
                        wire.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        begin = time.monotonic()
        with quick(total_time=0.5, retries=0) as client:
            error = failure(client, f"http://127.0.0.1:{listener.getsockname()[1]}/a.jpg")
        assert error.reason == "timeout"
        assert time.monotonic() - begin < 3.0
        stop.set()
        thread.join()


def test_a_server_that_says_nothing_is_given_up(web_server, images):
    web_server.routes["/a.jpg"] = Reply(images["jpeg"], wait=2.0)
    with quick(timeout=0.2, retries=1) as client:
        begin = time.monotonic()
        error = failure(client, web_server.address("/a.jpg"))
    assert (error.reason, error.status, error.transient) == ("timeout", None, True)
    assert time.monotonic() - begin < 1.8
    assert len(web_server.requests) == 2


def test_an_answer_without_end_is_bounded_in_memory_and_time(web_server, images):
    web_server.routes["/a.jpg"] = endless(images["jpeg"])
    tracemalloc.start()
    try:
        begin = time.monotonic()
        with quick(max_bytes=5_000_000, total_time=20.0) as client:
            error = failure(client, web_server.address("/a.jpg"), expect="image")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (error.reason, error.transient) == ("too_large", False)
    assert time.monotonic() - begin < 10.0
    assert peak < 12_000_000
    assert len(web_server.requests) == 1


def test_a_gigabyte_that_is_announced_is_not_read(web_server):
    sent = []

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield bytes(1_000_000)

    web_server.routes["/a.jpg"] = lambda _: Reply(pieces(), length=1_000_000_000)
    error = failure(quick(), web_server.address("/a.jpg"), expect="image")
    assert error.reason == "too_large"
    assert "1000000000" in error.detail
    time.sleep(0.05)
    assert len(sent) < 20


def test_a_gzip_bomb_is_bounded(web_server, images):
    bomb = gzip.compress(images["jpeg"] + bytes(60_000_000), 1)
    assert len(bomb) < 400_000
    web_server.routes["/a.jpg"] = Reply(bomb, headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        with quick(max_bytes=1_000_000) as client:
            error = failure(client, web_server.address("/a.jpg"), expect="image")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.reason == "too_large"
    assert peak < 5_000_000


def test_the_limit_of_one_request_goes_before_the_settings(web_server, images, client):
    web_server.routes["/a.jpg"] = images["jpeg"]
    size = len(images["jpeg"])
    assert client.get(web_server.address("/a.jpg"), max_bytes=size).content == images["jpeg"]
    assert failure(client, web_server.address("/a.jpg"), max_bytes=size - 1).reason == "too_large"


def test_an_answer_that_is_packed_otherwise_than_it_says_is_named(web_server, images, client):
    web_server.routes["/a.jpg"] = Reply(images["jpeg"], headers={"Content-Encoding": "gzip"})
    assert failure(client, web_server.address("/a.jpg")).reason == "bad_encoding"


# Broken connections


def test_after_a_cut_connection_the_whole_answer_comes(web_server, images, client):
    web_server.routes["/a.jpg"] = in_turn(cut(images["jpeg"], 100), images["jpeg"])
    assert client.get(web_server.address("/a.jpg"), expect="image").content == images["jpeg"]


def test_connections_that_are_cut_here_and_there_are_named(web_server, images, client):
    web_server.routes["/a.jpg"] = in_turn(*(cut(images["jpeg"], after) for after in (100, 200, 300)))
    error = failure(client, web_server.address("/a.jpg"), expect="image")
    assert (error.reason, error.transient) == ("cut_connection", True)
    assert len(web_server.requests) == 3


def test_a_connection_that_is_closed_without_an_answer_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(3):
                listener.accept()[0].close()

        thread = threading.Thread(target=serve)
        thread.start()
        error = failure(quick(), f"http://127.0.0.1:{listener.getsockname()[1]}/a.jpg")
        thread.join()
    assert (error.reason, error.transient) == ("cut_connection", True)


def test_a_port_where_nobody_listens_is_named(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert failure(client, f"http://127.0.0.1:{port}/").reason == "cut_connection"


def test_a_length_that_is_always_wrong_is_told_from_an_accident(web_server, images):
    size = len(images["jpeg"])
    web_server.routes["/a.jpg"] = Reply(images["jpeg"], length=size + 10, close=True)
    with quick(retries=4) as client:
        error = failure(client, web_server.address("/a.jpg"), expect="image")
    assert error.reason == "wrong_length"
    assert f"{size + 10} bytes but sends only {size}" in error.detail
    assert len(web_server.requests) == 2


def test_an_empty_answer_is_named(web_server, client):
    web_server.routes["/a.jpg"] = b""
    assert failure(client, web_server.address("/a.jpg"), expect="image").reason == "empty"


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_the_last_address_told(web_server, images, client, status):
    web_server.routes |= {"/a": redirect("b/c.jpg", status), "/b/c.jpg": images["jpeg"]}
    answer = client.get(web_server.address("/a"), expect="image")
    assert (answer.url, answer.final_url) == (web_server.address("/a"), web_server.address("/b/c.jpg"))


def test_a_redirect_in_a_circle_is_named(web_server, client):
    web_server.routes |= {"/a": redirect("/b"), "/b": redirect("/a")}
    error = failure(client, web_server.address("/a"))
    assert (error.reason, error.transient) == ("redirect_loop", False)
    assert web_server.paths == ["/a", "/b"]


def test_too_many_redirects_are_named(web_server, client):
    web_server.routes |= {f"/{k}": redirect(f"/{k + 1}") for k in range(20)}
    assert failure(client, web_server.address("/0")).reason == "too_many_redirects"
    assert len(web_server.requests) == QUICK.max_redirects + 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/a.jpg", "data:image/png;base64,AA",
                                    "javascript:alert(1)", "gopher://127.0.0.1:25/"])  # fmt: skip
def test_a_redirect_out_of_the_web_is_refused(web_server, client, target):
    web_server.routes["/a"] = redirect(target)
    error = failure(client, web_server.address("/a"))
    assert (error.reason, error.transient) == ("forbidden_scheme", False)
    assert target in error.detail


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
                                  "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "224.0.0.1",
                                  "255.255.255.255"])  # fmt: skip
def test_a_redirect_to_a_private_address_is_refused(web_server, client, host):
    web_server.routes["/a"] = redirect(f"http://{host}/secret")
    begin = time.monotonic()
    error = failure(client, web_server.address("/a"))
    assert (error.reason, error.transient) == ("forbidden_address", False)
    assert time.monotonic() - begin < 0.5  # no attempt to connect, which would last that long and be repeated


def test_a_redirect_without_a_target_is_no_answer(web_server, client):
    web_server.routes["/a"] = Reply(status=302, type="")
    assert failure(client, web_server.address("/a")).reason == "http_302"


def test_the_body_of_a_redirect_is_not_read(web_server, images, client):
    web_server.routes |= {"/b.jpg": images["jpeg"]}
    web_server.routes["/a"] = lambda request: Reply(endless()(request).body, 302, headers={"Location": "/b.jpg"})
    begin = time.monotonic()
    assert client.get(web_server.address("/a"), expect="image").content == images["jpeg"]
    assert time.monotonic() - begin < 1.0


# Addresses


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/a", "//example.org/a", "/etc/passwd", "",
                                 "mailto:a@example.org", "httpx://example.org"])  # fmt: skip
def test_only_the_web_is_asked(client, url):
    assert failure(client, url).reason == "forbidden_scheme"


@pytest.mark.parametrize("url", ["http://", "http:///a.jpg", "http://[::1", "http://a:99999/", "https:/a.jpg"])
def test_a_broken_address_is_named(client, url):
    assert failure(client, url).reason == "bad_url"


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/a", "http://localhost:{port}/a", "http://LOCALHOST:{port}/a",
                                 "http://2130706433:{port}/a", "http://0x7f.1:{port}/a", "http://0177.0.0.1:{port}/a",
                                 "http://127.1:{port}/a", "http://0:{port}/a", "http://[::1]:{port}/a",
                                 "http://[::ffff:127.0.0.1]:{port}/a", "http://[::]:{port}/a", "https://localhost:{port}/a",
                                 "http://example.org@127.0.0.1:{port}/a", "http://127.0.0.1:{port}\\@example.org/a",
                                 "http://127.0.0.1:{port}#@example.org/"])  # fmt: skip
def test_without_the_switch_this_machine_is_never_asked(web_server, images, url):
    web_server.routes["/a"] = images["jpeg"]
    with quick(allow_loopback=False) as client:
        error = failure(client, url.format(port=web_server.port))
    assert (error.reason, error.transient) == ("forbidden_address", False)
    assert web_server.requests == []


def test_a_name_is_looked_up_once_for_a_connection(web_server, images, client, monkeypatch):
    """Between the check of the address and the connection no name server is asked again."""
    asked = []
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *what, **how: (asked.append(what[0]), look_up(*what, **how))[1])
    web_server.routes["/a"] = images["jpeg"]
    client.get(f"http://localhost:{web_server.port}/a")
    assert asked == ["localhost"]


def test_names_and_passwords_in_an_address_are_not_sent(web_server, images, client):
    web_server.routes["/a"] = images["jpeg"]
    assert failure(client, f"http://user:secret@127.0.0.1:{web_server.port}/a").reason == "forbidden_address"
    assert web_server.requests == []


def test_an_unknown_host_is_named(client):
    error = failure(client, "http://nowhere.invalid/a.jpg")
    assert (error.reason, error.transient) == ("no_such_host", True)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("8.8.8.8", True), ("2606:4700::1111", True), ("64:ff9b::808:808", True), ("64:ff9b::7f00:1", False),
     ("64:ff9b::a00:1", False), ("127.0.0.1", False), ("127.8.8.8", False), ("::1", False), ("10.1.2.3", False),
     ("192.168.0.1", False), ("172.31.255.255", False), ("169.254.169.254", False), ("100.64.0.1", False),
     ("224.0.1.1", False), ("240.0.0.1", False), ("255.255.255.255", False), ("0.0.0.0", False), ("::", False),
     ("::ffff:8.8.8.8", False), ("::ffff:10.0.0.1", False), ("fe80::1", False), ("fc00::1", False), ("fec0::1", False),
     ("ff0e::1", False), ("2001:db8::1", False), ("2002:7f00:1::", False), ("192.0.2.1", False),
     ("198.18.0.1", False), ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False)],
)  # fmt: skip
def test_only_public_addresses_are_allowed(address, allowed):
    assert is_allowed(address) is allowed
    loopback = address.startswith("127.") or address == "::1"
    assert is_allowed(address, allow_loopback=True) is (allowed or loopback)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate that nobody has signed, and its key, made for this test."""
    program = shutil.which("openssl")
    if not program:
        pytest.skip("needs the program openssl")
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([program, *words.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def encrypted(server: WebServer, certificate: tuple[Path, Path]) -> str:
    """Let a server speak TLS; gives its address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
    return f"https://localhost:{server.port}"


def test_a_certificate_that_nobody_signed_is_refused(web_server, images, client, certificate):
    web_server.routes["/a.jpg"] = images["jpeg"]
    error = failure(client, encrypted(web_server, certificate) + "/a.jpg")
    assert (error.reason, error.transient) == ("bad_certificate", False)
    assert web_server.requests == []


def test_limits_hold_on_encrypted_connections_too(web_server, images, certificate, monkeypatch):
    trusted = ssl.create_default_context(cafile=certificate[0])
    monkeypatch.setattr(addresses, "_trusted", lambda: trusted)
    url = encrypted(web_server, certificate)
    web_server.routes |= {"/a.jpg": images["jpeg"], "/slow.jpg": drip(images["jpeg"], 0.05), "/big.jpg": endless()}
    with quick(total_time=0.5) as client:
        assert failure(client, url + "/slow.jpg").reason == "timeout"
    # What has to arrive is given time, for a busy machine takes long to agree on a key.
    with quick(total_time=30) as client:
        assert client.get(url + "/a.jpg", expect="image").content == images["jpeg"]
        assert failure(client, url + "/big.jpg").reason == "too_large"
        assert client.get(url + "/a.jpg", expect="image").content == images["jpeg"]


# Content


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"<!DOCTYPE html><html>Not found</html>", "web page"), (b"\xef\xbb\xbf \n<html><head>", "web page"),
     (b"<!-- saved -->\n<html>", "web page"), (b'<?xml version="1.0"?><svg xmlns="x"/>', "vector drawing"),
     (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "Git LFS pointer"),
     (b'{"error": "none"}', "JSON"), (b"%PDF-1.7\n", "PDF"), (b"\0\0\0\x18ftypmp42", "video"),
     (b"sorry", "plain text"), (b"\x00\x01\x02\x03", "unknown kind")],
)  # fmt: skip
def test_what_is_no_image_is_named_whatever_the_server_calls_it(web_server, client, body, words):
    web_server.routes["/a.jpg"] = Reply(body, type="image/jpeg")
    error = failure(client, web_server.address("/a.jpg"), expect="image")
    assert (error.reason, error.status, error.transient) == ("not_an_image", 200, False)
    assert words in error.detail
    assert "image/jpeg" in error.detail


def test_an_endless_page_in_the_place_of_an_image_is_named_at_once(web_server):
    web_server.routes["/a.jpg"] = endless(b"<html><body>" + b" " * 600)
    with quick(max_bytes=10**9, total_time=60.0) as client:
        begin = time.monotonic()
        assert failure(client, web_server.address("/a.jpg"), expect="image").reason == "not_an_image"
        assert time.monotonic() - begin < 1.0


def test_a_page_in_the_place_of_json_and_an_image_in_the_place_of_a_page_are_named(web_server, images, client):
    web_server.routes |= {"/api": "<html>busy</html>", "/page": images["jpeg"]}
    assert failure(client, web_server.address("/api"), expect="json").reason == "not_json"
    assert failure(client, web_server.address("/page"), expect="page").reason == "not_a_page"
    assert client.get(web_server.address("/api"), expect="page").type == "text/html"


def test_the_words_for_a_file_tell_images_from_the_rest(images):
    assert describe(images["webp"]) == "an image (WEBP)"
    assert describe(b"") == "an empty file"
    assert media_type(b"PK\x03\x04") == "application/zip"
    assert media_type(b"BMW is a car") == "text/plain"


# Manners


def test_two_requests_to_a_host_are_a_pause_apart(web_server, images):
    web_server.routes["/a.jpg"] = Reply(images["jpeg"], wait=0.05)
    with quick(delay=0.2) as client:
        for _ in range(3):
            client.get(web_server.address("/a.jpg"))
    times = [request.time for request in web_server.requests]
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(times))
    assert times[-1] - times[0] < 3.0


def test_redirects_within_a_host_keep_the_pause_too(web_server, images):
    web_server.routes |= {"/a": redirect("/b.jpg"), "/b.jpg": images["jpeg"]}
    with quick(delay=0.2) as client:
        client.get(web_server.address("/a"))
    first, second = (request.time for request in web_server.requests)
    assert second - first >= 0.2


def test_threads_ask_one_host_one_after_the_other(web_server, images):
    web_server.routes["/a.jpg"] = Reply(images["jpeg"], wait=0.03)
    with quick(delay=0.05) as client, ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: client.get(web_server.address("/a.jpg")), range(6)))
    assert {answer.content for answer in answers} == {images["jpeg"]}
    times = sorted(request.time for request in web_server.requests)
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(times))
    assert web_server.busiest == 1


def test_two_hosts_are_asked_at_the_same_time(images):
    slow = Reply(images["jpeg"], wait=0.4)
    with WebServer({"/a.jpg": slow}) as one, quick() as client, ThreadPoolExecutor(2) as pool:
        begin = time.monotonic()
        urls = [one.address("/a.jpg"), f"http://localhost:{one.port}/a.jpg"]
        assert len(list(pool.map(client.get, urls))) == 2
        assert time.monotonic() - begin < 0.75


def test_an_error_survives_the_way_between_processes():
    error = FetchError("http://example.org/a", "http_404", "the server answered 404", 404)
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, LooksError)
    assert (str(copy), copy.reason, copy.status) == (str(error), "http_404", 404)


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError):
        Web.model_validate({"dealy": 1})
