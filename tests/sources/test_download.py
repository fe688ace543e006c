"""Large files: resumed, checked, put in place in one step, from a real server on this machine."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_server import Reply, WebServer, cut, drip, endless, in_turn, packed, ranged, redirect

from looks_kedro.errors import BadInputError
from looks_kedro.sources.web import FetchError, Web, WebClient

WEIGHTS = random.Random(0).randbytes(3_500_000)
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
MD5 = hashlib.md5(WEIGHTS).hexdigest()
QUICK = Web(delay=0.0, timeout=1.0, total_time=5.0, max_bytes=1000, retries=2, backoff=0.02, allow_loopback=True)


@pytest.fixture
def client() -> Iterator[WebClient]:
    with WebClient(QUICK) as made:
        yield made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "weights of mine" / "net.pth"


def asked_from(server: WebServer) -> list[str | None]:
    """The Range of each request."""
    return [request.headers["Range"] for request in server.requests]


def beside(target: Path) -> list[str]:
    """Files next to the target, itself left out."""
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def leave_a_part(server: WebServer, target: Path, after: int, etag: str = '"1"', body: bytes = WEIGHTS) -> None:
    """A download that breaks off after so many bytes."""
    server.routes["/w"] = ranged(body, etag, stop_after=after)
    with WebClient(QUICK.model_copy(update={"retries": 0})) as client, pytest.raises(FetchError):
        client.download(server.address("/w"), target)
    assert target.with_name("net.pth.part").stat().st_size == after
    server.requests.clear()


def test_a_large_file_comes_whole_and_leaves_nothing_beside_it(web_server, client, target):
    web_server.routes["/w"] = ranged(WEIGHTS)
    client.download(web_server.address("/w"), target, sha256=SHA256.upper(), size=len(WEIGHTS), md5=MD5)
    assert target.read_bytes() == WEIGHTS
    assert beside(target) == []


def test_a_file_without_any_length_comes_too(web_server, client, target):
    web_server.routes["/w"] = Reply([WEIGHTS[:1000], WEIGHTS[1000:]])
    client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS


@pytest.mark.parametrize("size", [1, 300, 511, 512, 513])
def test_small_files_come_too(web_server, client, target, size):
    web_server.routes["/w"] = drip(WEIGHTS[:size], pause=0.0, piece=100)
    client.download(web_server.address("/w"), target, size=size)
    assert target.read_bytes() == WEIGHTS[:size]


def test_a_file_behind_a_redirect_is_resumed_too(web_server, client, target):
    web_server.routes |= {"/latest": redirect("/w"), "/w": ranged(WEIGHTS, stop_after=2_000_000)}
    client.download(web_server.address("/latest"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS
    assert asked_from(web_server) == [None, None, "bytes=2000000-", "bytes=2000000-"]


def test_a_right_file_is_not_fetched_again(web_server, client, target):
    web_server.routes["/w"] = ranged(WEIGHTS)
    for _ in range(2):
        client.download(web_server.address("/w"), target, sha256=SHA256)
    assert len(web_server.requests) == 1


def test_a_wrong_file_is_replaced(web_server, client, target, caplog):
    target.parent.mkdir()
    target.write_bytes(b"an old version")
    web_server.routes["/w"] = ranged(WEIGHTS)
    client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS
    assert "fetching it again" in caplog.text


def test_a_wrong_file_stays_until_the_right_one_is_there(web_server, client, target):
    target.parent.mkdir()
    target.write_bytes(b"an old version")
    web_server.routes["/w"] = 404
    with pytest.raises(FetchError, match="404"):
        client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == b"an old version"
    assert beside(target) == []


def test_a_cut_connection_is_continued_where_it_was_cut(web_server, client, target):
    web_server.routes["/w"] = ranged(WEIGHTS, stop_after=1_500_000)
    client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS
    assert asked_from(web_server) == [None, "bytes=1500000-", "bytes=3000000-"]
    assert [request.headers["If-Range"] for request in web_server.requests] == [None, '"1"', '"1"']


def test_cuts_do_not_count_as_long_as_a_megabyte_comes_between_them(web_server, target):
    web_server.routes["/w"] = ranged(WEIGHTS, stop_after=1_000_000)
    with WebClient(QUICK.model_copy(update={"retries": 1})) as client:
        client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS
    assert len(web_server.requests) == 4


def test_cuts_without_progress_come_to_an_end(web_server, client, target):
    web_server.routes["/w"] = cut(WEIGHTS, 100)
    with pytest.raises(FetchError, match="cut after") as caught:
        client.download(web_server.address("/w"), target)
    assert caught.value.transient
    assert len(web_server.requests) == 1 + QUICK.retries


def test_a_later_call_continues_what_is_there(web_server, client, target):
    leave_a_part(web_server, target, 2_000_000)
    web_server.routes["/w"] = ranged(WEIGHTS)
    client.download(web_server.address("/w"), target)
    assert target.read_bytes() == WEIGHTS
    assert asked_from(web_server) == ["bytes=2000000-"]


@pytest.mark.parametrize("after", [2_000_000, 3_480_000])
def test_a_server_that_knows_no_ranges_starts_again(web_server, client, target, after):
    leave_a_part(web_server, target, after)
    web_server.routes["/w"] = WEIGHTS
    client.download(web_server.address("/w"), target, sha256=SHA256, size=len(WEIGHTS))
    assert target.read_bytes() == WEIGHTS
    assert asked_from(web_server) == [f"bytes={after}-"]


def test_a_file_that_changed_meanwhile_starts_again(web_server, client, target):
    leave_a_part(web_server, target, 2_000_000, body=WEIGHTS[::-1])
    web_server.routes["/w"] = ranged(WEIGHTS, etag='"2"')
    client.download(web_server.address("/w"), target)
    assert target.read_bytes() == WEIGHTS


def test_a_file_that_changed_on_a_server_that_ignores_the_version_is_noticed_by_its_hash(
    web_server, client, target, caplog
):
    leave_a_part(web_server, target, 2_000_000, body=bytes(len(WEIGHTS)))
    web_server.routes["/w"] = ranged(WEIGHTS)  # the same tag for other bytes
    client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS
    assert "starting again" in caplog.text


def test_a_file_of_another_length_starts_again(web_server, client, target):
    leave_a_part(web_server, target, 2_000_000, body=WEIGHTS + b"more")
    web_server.routes["/w"] = ranged(WEIGHTS)
    client.download(web_server.address("/w"), target)
    assert target.read_bytes() == WEIGHTS


def test_a_shorter_file_than_the_part_starts_again(web_server, client, target):
    leave_a_part(web_server, target, 2_000_000)
    web_server.routes["/w"] = ranged(WEIGHTS[:1_000_000])
    client.download(web_server.address("/w"), target)
    assert target.read_bytes() == WEIGHTS[:1_000_000]


def test_the_part_of_another_address_starts_again(web_server, client, target):
    leave_a_part(web_server, target, 2_000_000, body=bytes(3_000_000))
    web_server.routes["/other"] = ranged(WEIGHTS)
    client.download(web_server.address("/other"), target)
    assert target.read_bytes() == WEIGHTS
    assert asked_from(web_server) == [None]


def test_a_part_of_unknown_origin_starts_again(web_server, client, target):
    target.parent.mkdir()
    target.with_name("net.pth.part").write_bytes(b"who knows" * 1000)
    web_server.routes["/w"] = ranged(WEIGHTS)
    client.download(web_server.address("/w"), target)
    assert target.read_bytes() == WEIGHTS
    assert beside(target) == []


def test_without_version_and_hash_nothing_is_continued(web_server, client, target):
    leave_a_part(web_server, target, 2_000_000, etag="")
    web_server.routes["/w"] = ranged(WEIGHTS, etag="")
    client.download(web_server.address("/w"), target)
    assert target.read_bytes() == WEIGHTS
    assert asked_from(web_server) == [None]


def test_a_whole_part_is_only_put_in_place(web_server, client, target):
    leave_a_part(web_server, target, 2_000_000)
    part = target.with_name("net.pth.part")
    part.write_bytes(WEIGHTS)
    client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS
    assert web_server.requests == []


def test_a_killed_process_is_continued(web_server, client, target):
    web_server.routes["/w"] = lambda request: Reply(
        drip(WEIGHTS, pause=0.02, piece=100_000).body, headers={"ETag": '"1"'}, pause=0.02, length=len(WEIGHTS)
    )
    program = (
        "import sys, pathlib; from looks_kedro.sources.web import Web, WebClient; "
        "WebClient(Web(allow_loopback=True)).download(sys.argv[1], pathlib.Path(sys.argv[2]))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, web_server.address("/w"), str(target)])
    part = target.with_name("net.pth.part")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not (part.exists() and part.stat().st_size > 500_000):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    have = part.stat().st_size
    assert 500_000 < have < len(WEIGHTS)
    assert not target.exists()
    web_server.requests.clear()
    web_server.routes["/w"] = ranged(WEIGHTS)
    client.download(web_server.address("/w"), target, sha256=SHA256)
    assert target.read_bytes() == WEIGHTS
    assert asked_from(web_server) == [f"bytes={have}-"]


def test_two_that_want_the_same_file_fetch_it_once(web_server, target):
    web_server.routes["/w"] = drip(WEIGHTS, pause=0.02, piece=500_000)

    def fetch() -> None:
        with WebClient(QUICK) as client:
            client.download(web_server.address("/w"), target, sha256=SHA256)

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == WEIGHTS
    assert len(web_server.requests) == 1
    assert beside(target) == []


@pytest.mark.parametrize("expected", [{"sha256": "0" * 64}, {"md5": "0" * 32}])
def test_wrong_content_is_thrown_away_and_told(web_server, client, target, expected):
    web_server.routes["/w"] = ranged(WEIGHTS)
    with pytest.raises(FetchError) as caught:
        client.download(web_server.address("/w"), target, **expected)
    name = next(iter(expected))
    found = {"sha256": SHA256, "md5": MD5}[name]
    assert f"expected {name} {expected[name]}; found {found}" in str(caught.value)
    assert "give a local file" in str(caught.value)
    assert (caught.value.reason, caught.value.transient) == ("wrong_content", False)
    assert list(target.parent.iterdir()) == []
    assert len(web_server.requests) == 1


def test_a_wrong_size_is_told_before_anything_is_fetched(web_server, client, target):
    web_server.routes["/w"] = lambda request: Reply(endless()(request).body, length=10**9)
    with pytest.raises(FetchError, match="expected 5 bytes; the server has 1000000000"):
        client.download(web_server.address("/w"), target, size=5)
    assert list(target.parent.iterdir()) == []


def test_a_file_that_never_ends_is_bounded_by_its_expected_size(web_server, client, target):
    web_server.routes["/w"] = endless()
    with pytest.raises(FetchError) as caught:
        client.download(web_server.address("/w"), target, size=2_000_000)
    assert caught.value.reason == "too_large"
    assert list(target.parent.iterdir()) == []


def test_a_page_is_named_also_where_a_smaller_file_is_expected(web_server, client, target):
    web_server.routes["/w"] = "<html>" + " " * 5000
    with pytest.raises(FetchError) as caught:
        client.download(web_server.address("/w"), target, size=100)
    assert caught.value.reason == "web_page"


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        ("<!doctype html><html><title>Virus scan warning</title>" + " " * 2000, "web_page", "a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "lfs_pointer", "Git LFS pointer"),
        (b"", "empty", "empty"),
    ],
    ids=["web page", "LFS pointer", "nothing"],
)
def test_what_stands_in_the_place_of_the_file_is_named(web_server, client, target, body, reason, words):
    web_server.routes["/w"] = body
    with pytest.raises(FetchError) as caught:
        client.download(web_server.address("/w"), target, sha256=SHA256, size=len(WEIGHTS), description="the weights")
    assert (caught.value.reason, caught.value.transient) == (reason, False)
    assert words in str(caught.value)
    assert list(target.parent.iterdir()) == []


def test_a_server_error_is_waited_out(web_server, client, target):
    web_server.routes["/w"] = in_turn(503, 500, ranged(WEIGHTS))
    client.download(web_server.address("/w"), target)
    assert target.read_bytes() == WEIGHTS


def test_a_packed_file_is_unpacked(web_server, client, target):
    web_server.routes["/w"] = packed(WEIGHTS, "application/octet-stream")
    client.download(web_server.address("/w"), target, sha256=SHA256, size=len(WEIGHTS))
    assert target.read_bytes() == WEIGHTS


def test_a_download_that_hardly_moves_is_given_up(web_server, target):
    web_server.routes["/w"] = drip(WEIGHTS, pause=0.05, piece=1000)
    with WebClient(QUICK.model_copy(update={"total_time": 0.4, "retries": 0})) as client:
        begin = time.monotonic()
        with pytest.raises(FetchError, match="only") as caught:
            client.download(web_server.address("/w"), target)
    assert caught.value.reason == "timeout"
    assert time.monotonic() - begin < 5.0


def test_a_large_file_may_take_longer_than_an_answer_as_long_as_it_moves(web_server, target):
    web_server.routes["/w"] = drip(WEIGHTS, pause=0.2, piece=600_000)
    with WebClient(QUICK.model_copy(update={"total_time": 0.8, "retries": 0})) as client:
        begin = time.monotonic()
        client.download(web_server.address("/w"), target, sha256=SHA256)
    assert time.monotonic() - begin > 0.8


def test_a_folder_that_cannot_be_written_is_named(web_server, client, tmp_path):
    web_server.routes["/w"] = ranged(WEIGHTS)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="cannot be written"):
        client.download(web_server.address("/w"), tmp_path / "file" / "net.pth")


def test_private_addresses_are_refused_for_large_files_too(web_server, target):
    with WebClient(Web(retries=0)) as client, pytest.raises(FetchError) as caught:
        client.download(web_server.address("/w"), target)
    assert caught.value.reason == "forbidden_address"
    assert web_server.requests == []
