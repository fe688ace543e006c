from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from web_server import Reply, WebServer, cut, in_turn

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.datasets.encoding import check_name
from looks_kedro.errors import BadInputError
from looks_kedro.sources.downloads import Downloads, Hit
from looks_kedro.sources.names import folder_names
from looks_kedro.sources.web import Web, WebClient

QUICK = {"contact": "test@example.org", "delay": 0, "retries": 1, "backoff": 0.01, "timeout": 5, "allow_loopback": True}
PIXELS = 1_000_000


def picture(seed: int, form: str = "jpeg") -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((60, 48), Image.Resampling.NEAREST).save(file, form)
    return file.getvalue()


def fetched(root: Path, hits: list[Hit], *, max_pixels: int = PIXELS, **web):
    with WebClient(Web(**(QUICK | web))) as client:
        return Downloads(root).fetch(hits, client, source="bing", looks=1, max_pixels=max_pixels, description="")


def hits_of(server: WebServer, identity: str, *paths: str) -> list[Hit]:
    return [Hit(server.address(path), identity, identity.title(), rank) for rank, path in enumerate(paths, 1)]


def reasons(listing) -> dict[str, str]:
    """Path of each URL -> why it was left out."""
    return {re.sub("^http://[^/]*", "", row.origin): row.reason for row in listing.log.itertuples()}


def contents(listing) -> dict[str, bytes]:
    return {name: content.read_bytes() for name, content, _ in listing.items}


def test_a_picture_is_kept_under_its_person_and_bytes_with_all_that_is_known_of_it(web_server, images, tmp_path):
    web_server.routes["/a.jpg"] = images["jpeg"]
    url = web_server.address("/a.jpg?size=full&id=7")
    hit = Hit(url, "ada", "Ada Lorin", 3, "http://page", "A title", "CC BY 4.0", "http://cc", "Someone", "1990-05")
    listing = fetched(tmp_path, [hit])
    digest = hashlib.sha256(images["jpeg"]).hexdigest()
    file = f"ada/{digest[:16]}.jpg"
    assert [(name, path.read_bytes(), origin) for name, path, origin in listing.items] == [(file, images["jpeg"], url)]
    row = listing.log.iloc[0].to_dict()
    assert re.fullmatch("[0-9a-f]{16}", row.pop("perceptual_hash"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row.pop("time"))
    assert row == {
        "file": file, "looks": 1, "source": "bing", "origin": url, "page": "http://page", "title": "A title",
        "query": "Ada Lorin", "rank": 3, "status": 200, "type": "image/jpeg", "identity": "ada",
        "licence": "CC BY 4.0", "sha256": digest, "bytes": len(images["jpeg"]), "kept": True, "reason": "",
    }  # fmt: skip
    assert listing.labels.to_dict("records") == [
        {"file": file, "looks": 1, "age": "", "gender": "", "race": "", "label_source": "", "photo_date": "1990-05"}
    ]
    assert listing.attributions.to_dict("records") == [
        {"file": file, "looks": 1, "identity": "ada", "title": "A title", "author": "Someone", "licence": "CC BY 4.0",
         "licence_url": "http://cc", "page": "http://page", "origin": url}
    ]  # fmt: skip
    for name in ("log", "labels", "attributions"):
        schema = {"log": "acquisition_log", "labels": "source_labels"}.get(name, name)
        check_table(getattr(listing, name), schema, "test")


def test_what_is_final_is_never_asked_for_again_and_what_is_not_is(web_server, images, tmp_path):
    whole = images["jpeg"]
    web_server.routes |= {
        "/ok.jpg": whole,
        "/gone.jpg": 410,
        "/page.jpg": "<html>Please log in</html>",
        "/truncated.jpg": Reply(whole[: len(whole) // 2]),
        "/busy.jpg": in_turn(500, 500, images["png"]),
        "/cut.jpg": cut(whole, 100),
    }
    hits = hits_of(web_server, "ada", *web_server.routes, "/missing.jpg")
    first = fetched(tmp_path, hits)
    assert reasons(first) == {
        "/ok.jpg": "", "/gone.jpg": "http_410", "/page.jpg": "not_an_image", "/truncated.jpg": "truncated",
        "/busy.jpg": "server_error", "/cut.jpg": "wrong_length", "/missing.jpg": "http_404",
    }  # fmt: skip
    assert list(first.log["status"].dropna().astype(int))[:3] == [200, 410, 200]
    web_server.requests.clear()
    second = fetched(tmp_path, hits)
    assert sorted(set(web_server.paths)) == ["/busy.jpg", "/cut.jpg"]
    assert reasons(second) == reasons(first) | {"/busy.jpg": ""}
    steady = ~first.log["origin"].str.contains("busy|cut")
    pd.testing.assert_frame_equal(
        first.log[steady].set_index("origin").sort_index(),
        second.log[~second.log["origin"].str.contains("busy|cut")].set_index("origin").sort_index(),
    )


def test_the_same_bytes_are_kept_once_a_person_the_best_ranked_first(web_server, images, tmp_path):
    web_server.routes |= {"/a.jpg": Reply(images["jpeg"], wait=0.3), "/b.jpg": images["jpeg"], "/c": images["jpeg"]}
    listing = fetched(tmp_path, [*hits_of(web_server, "ada", "/a.jpg", "/b.jpg"), *hits_of(web_server, "bob", "/c")])
    assert reasons(listing) == {"/a.jpg": "", "/c": "", "/b.jpg": "duplicate"}
    duplicate = listing.log[listing.log["reason"] == "duplicate"].iloc[0]
    assert duplicate["file"] == listing.log.iloc[0]["file"]
    assert [name.split("/")[0] for name in contents(listing)] == ["ada", "bob"]


def test_a_url_that_several_searches_propose_is_asked_for_once(web_server, images, tmp_path):
    web_server.routes["/a.jpg"] = images["jpeg"]
    listing = fetched(
        tmp_path, [*hits_of(web_server, "ada", "/a.jpg", "/a.jpg"), *hits_of(web_server, "bob", "/a.jpg")]
    )
    assert web_server.paths == ["/a.jpg"]
    assert list(listing.log["identity"]) == ["ada", "bob"]
    assert list(listing.log["rank"]) == [1, 1]


@pytest.mark.parametrize(("form", "suffix"), [("jpeg", "jpg"), ("png", "png"), ("webp", "webp"), ("gif", "gif")])
def test_the_suffix_follows_the_content_whatever_the_url_says(web_server, images, tmp_path, form, suffix):
    web_server.routes["/photo.JPG"] = Reply(images[form], type=f"image/{form}")
    listing = fetched(tmp_path, hits_of(web_server, "ada", "/photo.JPG"))
    assert [Path(name).suffix for name in contents(listing)] == [f".{suffix}"]


def test_the_order_is_that_of_people_and_ranks_not_that_of_arrival(web_server, tmp_path):
    for number in range(6):
        web_server.routes[f"/{number}.jpg"] = Reply(picture(number), wait=0.2 if number == 0 else 0)
    hits = hits_of(web_server, "zoe", "/0.jpg", "/1.jpg", "/2.jpg") + hits_of(web_server, "ada", "/3.jpg", "/4.jpg")
    listing = fetched(tmp_path, [hits[2], *hits[3:], *hits[:2]])
    order = ["/0.jpg", "/1.jpg", "/2.jpg", "/3.jpg", "/4.jpg"]
    assert list(reasons(listing)) == order
    assert [origin for _, _, origin in listing.items] == [web_server.address(path) for path in order]


def test_a_slow_host_does_not_hold_up_the_others(images, tmp_path):
    asked = threading.Event()
    with WebServer() as slow, WebServer(host="127.0.0.2") as quick:

        def wait_for_the_other(_):
            return images["jpeg"] if asked.wait(10) else 500

        def answer(_):
            asked.set()
            return images["png"]

        slow.routes["/a.jpg"], quick.routes["/b.png"] = wait_for_the_other, answer
        listing = fetched(tmp_path, hits_of(slow, "ada", "/a.jpg") + hits_of(quick, "ada", "/b.png"), timeout=20)
    assert set(reasons(listing).values()) == {""}


def test_one_host_gets_one_request_at_a_time(web_server, tmp_path):
    for number in range(8):
        web_server.routes[f"/{number}.jpg"] = Reply(picture(number), wait=0.02)
    fetched(tmp_path, hits_of(web_server, "ada", *web_server.routes))
    assert (len(web_server.requests), web_server.busiest) == (8, 1)


def test_another_limit_of_pixels_is_applied_to_what_is_there(web_server, tmp_path):
    web_server.routes["/a.jpg"] = picture(1)
    hits = hits_of(web_server, "ada", "/a.jpg")
    assert reasons(fetched(tmp_path, hits, max_pixels=1000)) == {
        "/a.jpg": "too large: 60 x 48 pixels, at most 1000 in all are read"
    }
    assert reasons(fetched(tmp_path, hits)) == {"/a.jpg": ""}
    assert reasons(fetched(tmp_path, hits, max_pixels=1000)) != {"/a.jpg": ""}
    assert web_server.paths == ["/a.jpg"]


def test_an_answer_that_was_too_large_is_asked_for_again_once_more_is_allowed(web_server, images, tmp_path):
    web_server.routes["/a.jpg"] = images["jpeg"]
    hits = hits_of(web_server, "ada", "/a.jpg")
    assert reasons(fetched(tmp_path, hits, max_bytes=100)) == {"/a.jpg": "too_large"}
    asked = len(web_server.requests)
    assert reasons(fetched(tmp_path, hits, max_bytes=100)) == {"/a.jpg": "too_large"}
    assert len(web_server.requests) == asked
    assert reasons(fetched(tmp_path, hits, max_bytes=100_000)) == {"/a.jpg": ""}


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: os.truncate(path, 10)])
def test_a_kept_file_that_is_missing_or_cut_off_is_fetched_again(web_server, images, tmp_path, spoil):
    web_server.routes["/a.jpg"] = images["jpeg"]
    hits = hits_of(web_server, "ada", "/a.jpg")
    ((_, path, _),) = fetched(tmp_path, hits).items
    spoil(path)
    assert list(contents(fetched(tmp_path, hits)).values()) == [images["jpeg"]]
    assert len(web_server.requests) == 2


def test_an_address_that_may_not_be_followed_is_logged_and_not_final(web_server, images, tmp_path):
    web_server.routes["/a.jpg"] = images["jpeg"]
    hits = [*hits_of(web_server, "ada", "/a.jpg"), Hit("file:///etc/passwd", "ada", "Ada", 2)]
    closed = fetched(tmp_path, hits, allow_loopback=False)
    assert set(closed.log["reason"]) == {"forbidden_address", "forbidden_scheme"}
    assert reasons(fetched(tmp_path, hits)) == {"/a.jpg": "", "file:///etc/passwd": "forbidden_scheme"}


def test_hits_of_a_search_are_kept_whole(tmp_path):
    hits = [Hit("http://a/?x=1&y=é", "ada", "Ada", 1, title="日本 \U0001f600"), Hit("http://b", "ada", "Ada", 2)]
    assert Downloads(tmp_path).found("bing ada") is None
    Downloads(tmp_path).keep_found("bing ada", hits)
    Downloads(tmp_path).keep_found("bing bob", [])
    assert (Downloads(tmp_path).found("bing ada"), Downloads(tmp_path).found("bing bob")) == (hits, [])
    Downloads(tmp_path).keep_found("bing ada", hits[:1])
    assert Downloads(tmp_path).found("bing ada") == hits[:1]


def test_no_hits_give_an_empty_listing(tmp_path):
    listing = fetched(tmp_path, [])
    assert (list(listing.items), len(listing.log), len(listing.labels)) == ([], 0, 0)


def test_a_file_that_is_no_database_is_named_with_the_way_out(tmp_path):
    (tmp_path / "downloads.sqlite").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(BadInputError, match=r"downloads\.sqlite: .*move .* away"):
        Downloads(tmp_path).found("x")


def test_an_error_in_a_thread_is_raised_to_the_caller(web_server, images, tmp_path):
    web_server.routes["/a.jpg"] = images["jpeg"]
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(OSError, match="files"):
        fetched(tmp_path, hits_of(web_server, "ada", "/a.jpg"))


# --- names of folders ------------------------------------------------------------------------------------------------


def test_plain_identities_are_their_own_folders():
    names = ["ada", "Ada Lorin", "Zoë Ångström-O'Neil Jr.x", "山田太郎", "प्रिया", "n_01"]
    assert folder_names(names) == {name: name for name in names}


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "C:", "CON", "nul.txt", "x" * 300, " a", "a.",
                                  "a~b", "a\nb", "a\x00b", "e\u0301", "\ud800", "a?b*", "~"])  # fmt: skip
def test_other_identities_get_safe_folders(name):
    folder = folder_names([name])[name]
    assert re.fullmatch(r".*~[0-9a-f]{12}", folder)
    assert len(folder.encode()) <= 100
    assert "/" not in folder
    assert check_name(f"{folder}/1.jpg")


def test_names_that_differ_in_case_or_spelling_of_accents_alone_get_two_folders():
    names = folder_names(["Ada", "ada", "Zo\u00eb", "Zoe\u0308"])
    assert len({folder.casefold() for folder in names.values()}) == 4


@given(st.lists(st.text(max_size=30), unique=True, max_size=8))
def test_no_two_identities_share_a_folder(identities):
    folders = folder_names(identities)
    assert len({folder.casefold() for folder in folders.values()}) == len(identities)
    for folder in folders.values():
        check_name(f"{folder}/1.jpg")


# --- kills and company -----------------------------------------------------------------------------------------------

PROGRAM = """
import json, sys
from pathlib import Path
from looks_kedro.sources.downloads import Downloads, Hit
from looks_kedro.sources.web import Web, WebClient
root, target, web, hits = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4])
with WebClient(Web(**web)) as client:
    listing = Downloads(root).fetch([Hit(**hit) for hit in hits], client, source="bing", looks=1,
                                    max_pixels=1_000_000, description="")
listing.log.to_pickle(target)
"""


def started(root: Path, target: Path, hits: list[Hit]) -> subprocess.Popen:
    words = [str(root), str(target), json.dumps(QUICK), json.dumps([vars(hit) for hit in hits])]
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env={**os.environ, "OMP_NUM_THREADS": "1"})


def misbehaving(server: WebServer) -> list[Hit]:
    """Thirty addresses of two people, of which some misbehave the same way each time."""
    for number in range(30):
        server.routes[f"/{number}.jpg"] = Reply(picture(number % 20), wait=0.03)  # from 20 on the same bytes again
    server.routes |= {"/3.jpg": 404, "/7.jpg": "<html>no</html>", "/11.jpg": Reply(picture(11)[:300], wait=0.03)}
    server.routes |= {"/13.jpg": cut(picture(13), 200), "/17.jpg": Reply(picture(17, "webp"), type="image/webp")}
    paths = [f"/{number}.jpg" for number in range(30)]
    return hits_of(server, "ada", *paths[::2]) + hits_of(server, "bob", *paths[1::2])


def finished(root: Path) -> set[str]:
    path = root / "downloads.sqlite"
    if not path.exists():
        return set()
    with sqlite3.connect(path) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'answers'").fetchall():
            return set()
        found = {url for (url,) in database.execute("SELECT url FROM answers WHERE final")}
    database.close()
    return found


def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one_and_asks_for_nothing_twice(web_server, tmp_path):
    hits = misbehaving(web_server)
    undisturbed = fetched(tmp_path / "whole", hits)
    root = tmp_path / "killed"
    done: set[str] = set()
    for moment in (1, 4, 7, 5, 6):
        web_server.requests.clear()
        process = started(root, tmp_path / "never", hits)
        while len(web_server.requests) < moment and process.poll() is None:
            time.sleep(0.002)
        time.sleep(0.005 * moment)  # anywhere between a request and its row
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it must not have ended by itself"
        assert not {web_server.address(path) for path in web_server.paths} & done
        now = finished(root)
        assert done <= now
        done = now
    assert 5 < len(done) < 29
    web_server.requests.clear()
    resumed = fetched(root, hits)
    assert not {web_server.address(path) for path in web_server.paths} & done
    pd.testing.assert_frame_equal(resumed.log.drop(columns="time"), undisturbed.log.drop(columns="time"))
    assert contents(resumed) == contents(undisturbed)
    pd.testing.assert_frame_equal(resumed.labels, undisturbed.labels)


def test_two_processes_on_one_store_agree(web_server, tmp_path):
    hits = misbehaving(web_server)
    processes = [started(tmp_path / "store", tmp_path / f"{number}.log", hits) for number in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    logs = [pd.read_pickle(tmp_path / f"{number}.log").drop(columns="time") for number in range(2)]
    alone = fetched(tmp_path / "alone", hits).log.drop(columns="time")
    for log in logs:
        pd.testing.assert_frame_equal(log, alone)
    for path in (tmp_path / "store" / "files").glob("*/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    with sqlite3.connect(tmp_path / "store" / "downloads.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    assert list((tmp_path / "store" / "incoming").iterdir()) == []
