from __future__ import annotations

import html
import io
import json
import logging
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
from bing_server import Bing
from PIL import Image
from pydantic import ValidationError
from web_server import Reply, WebServer, cut, in_turn

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.sources.bing import BingSearch, search_bing
from looks_kedro.sources.bing_crawler import parse_page
from looks_kedro.sources.downloads import Downloads
from looks_kedro.sources.web import FetchError, Web, WebClient

QUICK = {"contact": "test@example.org", "delay": 0, "retries": 1, "backoff": 0.01, "timeout": 5, "allow_loopback": True}


def picture(seed: int, form: str = "jpeg") -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((60, 48), Image.Resampling.NEAREST).save(file, form)
    return file.getvalue()


@pytest.fixture
def bing(web_server) -> Bing:
    return Bing(web_server)


def people(*names: str) -> pd.DataFrame:
    blank = dict.fromkeys(("rank_list", "birth_date", "gender", "race"), "")
    rows = [{"identity": name.lower().replace(" ", "_"), "name": name} | blank for name in names]
    return pd.DataFrame(rows, columns=["identity", "name", *blank])


def searched(bing: Bing, root: Path, table: pd.DataFrame, *, refresh=False, web=None, max_pixels=1_000_000, **settings):
    settings = BingSearch(**({"base_url": bing.server.address("/images/async"), "page_size": 5} | settings))
    with WebClient(Web(**(QUICK | (web or {})))) as client:
        return search_bing(table, 1, settings, client, Downloads(root), max_pixels, refresh)


def paths_of(listing) -> list[str]:
    return [re.sub("^http://[^/]*", "", origin) for origin in listing.log["origin"]]


def contents(listing) -> dict[str, bytes]:
    return {name: content.read_bytes() for name, content, _ in listing.items}


def serve(server: WebServer, *paths: str) -> None:
    for number, path in enumerate(paths):
        server.routes[path] = picture(number + 100 * len(server.routes))


def test_all_that_bing_says_of_a_hit_is_in_the_log(bing, tmp_path):
    bing.propose("Ada Lorin", "/a.jpg?size=full&id=7")
    serve(bing.server, "/a.jpg")
    listing = searched(bing, tmp_path, people("Ada Lorin"))
    check_table(listing.log, "acquisition_log", "test")
    row = listing.log.iloc[0]
    assert row["origin"] == bing.server.address("/a.jpg?size=full&id=7")
    assert "/a.jpg?size=full&id=7" in [request.target for request in bing.server.requests]
    said = ("page", "title", "query", "rank", "identity", "source", "status", "type", "kept")
    assert row[list(said)].tolist() == [
        "http://blog.example/0?a=1&b=2", 'Ada Lorin at "home" & <away> 0', "Ada Lorin", 1, "ada_lorin", "bing", 200,
        "image/jpeg", True,
    ]  # fmt: skip
    assert list(contents(listing).values()) == [bing.server.routes["/a.jpg"]]


def test_pictures_of_all_types_come_and_everything_else_is_told_by_its_reason(bing, tmp_path):
    routes = {
        "/1.JPG": picture(1), "/2.png": picture(2, "png"), "/3.webp": Reply(picture(3, "webp"), type="image/webp"),
        "/4": picture(4), "/5.jpg": 404, "/6.jpg": "<html>Log in</html>", "/7.jpg": picture(1),
        "/8.jpg": in_turn(500, picture(8)), "/9.jpg": cut(picture(9), 99), "/10.jpg": 403,
    }  # fmt: skip
    bing.server.routes |= routes
    bing.propose("Ada", *routes, "data:image/png;base64,xx")
    bing.results["Ada"][-1]["murl"] = "ftp://example.org/a.jpg"
    listing = searched(bing, tmp_path, people("Ada"))
    reasons = dict(zip(paths_of(listing), listing.log["reason"], strict=True))
    assert reasons == {
        "/1.JPG": "", "/2.png": "", "/3.webp": "", "/4": "", "/8.jpg": "", "/5.jpg": "http_404",
        "/6.jpg": "not_an_image", "/7.jpg": "duplicate", "/9.jpg": "wrong_length", "/10.jpg": "http_403",
        "ftp://example.org/a.jpg": "forbidden_scheme",
    }  # fmt: skip
    assert [Path(name).suffix for name in contents(listing)] == [".jpg", ".png", ".webp", ".jpg", ".jpg"]


def test_people_come_in_the_order_of_the_table_and_hits_by_rank_however_long_they_take(bing, tmp_path):
    serve(bing.server, *(f"/{number}.jpg" for number in range(14)))
    bing.server.routes["/0.jpg"] = Reply(picture(0), wait=0.3)
    bing.propose("Zoe", *(f"/{number}.jpg" for number in range(7)))
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(7, 14)))
    listing = searched(bing, tmp_path, people("Zoe", "Ada"))
    assert paths_of(listing) == [f"/{number}.jpg" for number in range(14)]
    assert list(listing.log["rank"]) == [*range(1, 8), *range(1, 8)]


@pytest.mark.parametrize("extra", [-2, 0, 3])
def test_pages_are_turned_until_there_are_enough_hits(bing, tmp_path, extra):
    bing.extra = extra
    serve(bing.server, *(f"/{number}.jpg" for number in range(20)))
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(20)))
    listing = searched(bing, tmp_path, people("Ada"), images_per_person=12)
    assert paths_of(listing) == [f"/{number}.jpg" for number in range(12)]
    step = 5 + extra
    assert [page["first"] for page in bing.turned] == [str(first) for first in range(1, 13, step)]


def test_pages_are_turned_no_further_when_one_brings_nothing_new(bing, tmp_path):
    serve(bing.server, *(f"/{number}.jpg" for number in range(7)))
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(7)), *["/0.jpg", "/1.jpg"] * 20)
    listing = searched(bing, tmp_path, people("Ada"))
    assert paths_of(listing) == [f"/{number}.jpg" for number in range(7)]
    assert [page["first"] for page in bing.turned] == ["1", "6", "11"]


def test_a_hit_that_comes_again_keeps_its_first_rank(bing, tmp_path):
    serve(bing.server, "/0.jpg", "/1.jpg", "/2.jpg")
    bing.propose("Ada", "/0.jpg", "/1.jpg", "/0.jpg", "/2.jpg", "/1.jpg", "/2.jpg")
    listing = searched(bing, tmp_path, people("Ada"))
    assert paths_of(listing) == ["/0.jpg", "/1.jpg", "/2.jpg"]
    assert list(listing.log["rank"]) == [1, 2, 3]


@pytest.mark.parametrize("ends_with_nothing", [False, True])
def test_the_end_of_the_hits_is_known_and_remembered_however_bing_tells_it(bing, tmp_path, ends_with_nothing):
    bing.ends_with_nothing = ends_with_nothing
    serve(bing.server, *(f"/{number}.jpg" for number in range(7)))
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(7)))
    for _ in range(2):
        assert len(searched(bing, tmp_path, people("Ada")).log) == 7
        assert [page["first"] for page in bing.turned] == ["1", "6", "8"]


def test_names_and_filters_arrive_as_bing_expects_them(bing, tmp_path):
    name = "Zoë O'Neil & Søn 山田"
    bing.propose(f"{name} portrait", "/a.jpg")
    serve(bing.server, "/a.jpg")
    words = {"words": "portrait", "face": "portrait", "size": ">400x300", "licence": "creativecommons"}
    listing = searched(bing, tmp_path, people(name), market="de-DE", safe_search="strict", **words)
    assert bing.turned[0] == {
        "q": f"{name} portrait", "async": "1", "first": "1", "count": "5", "adlt": "strict", "mkt": "de-DE",
        "qft": "".join(f" filterui:{rule}" for rule in
                       ("photo-photo", "imagesize-custom_400_300", "licenseType-Any", "face-portrait")),
    }  # fmt: skip
    assert listing.log["licence"].tolist() == ["creativecommons (by Bing's filter)"]
    assert "looks_kedro" in bing.server.requests[0].headers["User-Agent"]
    unfiltered = BingSearch(face=None, kind=None, market="").page_url("Ada", 1)
    assert unfiltered == "https://www.bing.com/images/async?q=Ada&async=1&first=1&count=35&adlt=moderate"


@pytest.mark.parametrize(
    "wrong",
    [{"faces": "face"}, {"face": "nose"}, {"size": ">400"}, {"images_per_person": 0}, {"base_url": "file:///etc"},
     {"licence": "any"}, {"market": "english"}],
)  # fmt: skip
def test_parameters_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValidationError):
        BingSearch(**wrong)


def test_the_parameters_are_known_without_loading_what_searching_needs():
    code = "import sys, looks_kedro.sources.bing as b; b.BingSearch(); print([m for m in ('icrawler','bs4','torch') if m in sys.modules])"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_second_run_asks_for_nothing_and_gives_the_same(bing, tmp_path):
    serve(bing.server, *(f"/{number}.jpg" for number in range(7)))
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(7)))
    first = searched(bing, tmp_path, people("Ada"))
    asked = len(bing.server.requests)
    second = searched(bing, tmp_path, people("Ada"))
    assert len(bing.server.requests) == asked
    pd.testing.assert_frame_equal(first.log, second.log)


def test_refresh_searches_again_but_fetches_only_new_pictures(bing, tmp_path):
    serve(bing.server, "/0.jpg", "/1.jpg", "/new.jpg")
    bing.propose("Ada", "/0.jpg", "/1.jpg")
    searched(bing, tmp_path, people("Ada"))
    bing.results.clear()
    bing.propose("Ada", "/new.jpg", "/1.jpg")
    bing.server.requests.clear()
    assert paths_of(searched(bing, tmp_path, people("Ada"))) == ["/0.jpg", "/1.jpg"]
    assert bing.server.requests == []
    assert paths_of(searched(bing, tmp_path, people("Ada"), refresh=True)) == ["/new.jpg", "/1.jpg"]
    assert [path for path in bing.server.paths if path != "/images/async"] == ["/new.jpg"]


def test_more_images_a_person_ask_only_for_what_is_new(bing, tmp_path):
    serve(bing.server, *(f"/{number}.jpg" for number in range(20)))
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(20)))
    searched(bing, tmp_path, people("Ada"), images_per_person=5)
    bing.server.requests.clear()
    assert len(searched(bing, tmp_path, people("Ada"), images_per_person=10).log) == 10
    assert [page["first"] for page in bing.turned] == ["6"]
    assert sorted(bing.server.paths)[:5] == sorted(f"/{number}.jpg" for number in range(5, 10))


def test_not_one_hit_for_anybody_is_an_error_that_says_what_to_do(bing, tmp_path):
    with pytest.raises(
        BadInputError, match=r"not one picture for any of 2 people.*changed its pages.*correct the names"
    ):
        searched(bing, tmp_path, people("Ada", "Bob"))
    # A bad moment of Bing's is not remembered.
    bing.propose("Ada", "/a.jpg")
    serve(bing.server, "/a.jpg")
    assert len(searched(bing, tmp_path, people("Ada", "Bob")).log) == 1


def test_not_one_picture_for_anybody_is_an_error_with_the_reasons(bing, tmp_path):
    bing.server.routes |= {"/a.jpg": 403, "/b.jpg": 403, "/c.jpg": "<html></html>"}
    bing.propose("Ada", *("/a.jpg", "/b.jpg", "/c.jpg"))
    with pytest.raises(BadInputError, match=r"not one could be got: http_403 \(2\), not_an_image \(1\).*network"):
        searched(bing, tmp_path, people("Ada"))


def test_nobody_to_search_for_is_an_error(bing, tmp_path):
    with pytest.raises(BadInputError, match="nobody to search"):
        searched(bing, tmp_path, people())


def test_people_without_a_picture_are_warned_of(bing, tmp_path, caplog):
    serve(bing.server, "/a.jpg")
    bing.server.routes["/b.jpg"] = 404
    bing.propose("Ada", "/a.jpg")
    bing.propose("Bob", "/b.jpg")
    with caplog.at_level(logging.WARNING):
        searched(bing, tmp_path, people("Ada", "Bob", "Cyd"))
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == 2
    assert any("could be got" in text and "of bob" in text and "http_404" in text for text in warnings)
    assert any("no picture of cyd" in text and "'Cyd'" in text for text in warnings)


def test_people_with_one_search_name_are_warned_of_and_each_get_the_pictures(bing, tmp_path, caplog):
    serve(bing.server, "/a.jpg")
    bing.propose("Ada", "/a.jpg")
    table = people("Ada", "Ada").assign(identity=["ada_1", "ada_2"])
    with caplog.at_level(logging.WARNING):
        listing = searched(bing, tmp_path, table)
    assert "ada_1 and ada_2 have the same search name" in caplog.text
    assert list(listing.log["identity"]) == ["ada_1", "ada_2"]
    assert bing.server.paths.count("/a.jpg") == 1


def test_a_page_that_cannot_be_got_is_an_error_and_the_next_run_goes_on(bing, tmp_path):
    serve(bing.server, "/a.jpg", "/b.jpg")
    bing.propose("Ada", "/a.jpg")
    bing.propose("Bob", "/b.jpg")
    pages = bing.page
    bing.server.routes["/images/async"] = lambda request: 503 if request.query["q"] == "Bob" else pages(request)
    with pytest.raises(BadInputError, match=r"page of hits could not be got.*q=Bob.*Run again") as raised:
        searched(bing, tmp_path, people("Ada", "Bob"))
    assert isinstance(raised.value.__cause__, FetchError)
    bing.server.routes["/images/async"] = pages
    bing.server.requests.clear()
    assert len(searched(bing, tmp_path, people("Ada", "Bob")).log) == 2
    assert [page["q"] for page in bing.turned] == ["Bob", "Bob"]


def test_an_error_in_a_thread_reaches_the_caller_soon_and_ends_the_threads(bing, tmp_path):
    serve(bing.server, *(f"/{number}.jpg" for number in range(300)))
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(300)))
    (tmp_path / "files").write_text("in the way")
    before = time.monotonic()
    with pytest.raises(OSError, match="files"):
        searched(bing, tmp_path, people("Ada"), images_per_person=300)
    assert time.monotonic() - before < 10
    deadline = time.monotonic() + 5
    while any(thread.name.startswith(("feeder", "parser", "downloader")) for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a thread is still running"
        time.sleep(0.02)


def test_more_hits_than_the_queues_hold_all_arrive(bing, tmp_path):
    # A full queue is where icrawler loses what it was given.
    serve(bing.server, *(f"/{number}.jpg" for number in range(120)))
    bing.server.routes["/0.jpg"] = Reply(picture(0), wait=0.5)
    bing.propose("Ada", *(f"/{number}.jpg" for number in range(120)))
    listing = searched(bing, tmp_path, people("Ada"), images_per_person=120, page_size=120)
    assert paths_of(listing) == [f"/{number}.jpg" for number in range(120)]


def test_the_programs_logging_is_left_as_it_is(bing, tmp_path):
    serve(bing.server, "/a.jpg")
    bing.propose("Ada", "/a.jpg")
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    root.handlers.clear()
    try:
        searched(bing, tmp_path, people("Ada"))
        assert root.handlers == []
    finally:
        root.handlers[:] = before[0]
    assert root.level == before[1]


# --- pages -----------------------------------------------------------------------------------------------------------


def urls(page: str) -> list[str]:
    return [hit.url for hit in parse_page(page.encode(), "Ada")]


def test_hits_are_read_however_their_json_is_escaped():
    m = json.dumps({"murl": "http://a/x.jpg?a=1&b=2", "t": "é"})
    forms = [html.escape(m), html.escape(html.escape(m)), m.replace('"', "&#34;"), m.replace('"', "&#x22;")]
    for form in forms:
        assert urls(f'<a class="iusc other" m="{form}"></a>') == ["http://a/x.jpg?a=1&b=2"]
    assert urls(f"<a class='iusc' m='{m}'></a>") == ["http://a/x.jpg?a=1&b=2"]


def test_hits_are_found_under_another_class_too():
    assert urls("""<li><div class="new" m='{"murl": "http://a/x.jpg"}'></div></li>""") == ["http://a/x.jpg"]


@pytest.mark.parametrize("m", ["", "{", "[1]", "{}", '{"murl": null}', '{"murl": 3}', '{"murl": " "}',
                               '{"murl": "http://a/\\ud800.jpg"}'])  # fmt: skip
def test_broken_hits_are_passed_over_with_a_warning(m, caplog):
    good = """<a class="iusc" m='{"murl": "http://a/x.jpg"}'></a>"""
    with caplog.at_level(logging.WARNING):
        assert urls(f"<a class='iusc' m='{m}'></a>{good}") == ["http://a/x.jpg"]
    assert len(caplog.records) == 1


def test_pages_that_hold_no_hit_give_none():
    for page in ("", "<html><body>Are you a robot?</body></html>", "\x00\xff", '<a class="iusc">x</a>'):
        assert urls(page) == []


def test_titles_are_one_line_that_every_table_can_hold():
    said = {"murl": "http://a/x.jpg", "t": "\ue000Ada\ue001\u200b &amp;\r\n Bob\x00 \ud83d \U0001f600", "purl": 7}
    (hit,) = parse_page(f'<a class="iusc" m="{html.escape(json.dumps(said))}"></a>'.encode(), "Ada")
    assert (hit.title, hit.page) == ("Ada & Bob \U0001f600", "")


# --- kills -----------------------------------------------------------------------------------------------------------

PROGRAM = """
import json, sys
from pathlib import Path
import pandas as pd
from looks_kedro.sources.bing import BingSearch, search_bing
from looks_kedro.sources.downloads import Downloads
from looks_kedro.sources.web import Web, WebClient
root, table, web, settings = sys.argv[1:]
with WebClient(Web(**json.loads(web))) as client:
    search_bing(pd.read_csv(table, keep_default_na=False), 1, BingSearch(**json.loads(settings)), client,
                Downloads(Path(root)), 1_000_000)
"""


def test_a_search_killed_again_and_again_ends_as_an_undisturbed_one_and_asks_for_nothing_twice(bing, tmp_path):
    table = people("Ada", "Bob", "Cyd")
    for number in range(36):
        bing.server.routes[f"/{number}.jpg"] = Reply(picture(number % 30), wait=0.03)
    bing.server.routes |= {"/4.jpg": 404, "/9.jpg": "<html></html>", "/15.jpg": picture(15)[:300]}
    paths = [f"/{number}.jpg" for number in range(36)]
    for place, name in enumerate(("Ada", "Bob", "Cyd")):
        bing.propose(name, *paths[place::3], "/0.jpg")
    pages = bing.page
    bing.server.routes["/images/async"] = lambda request: Reply(pages(request), type="text/html", wait=0.05)
    undisturbed = searched(bing, tmp_path / "whole", table)
    table.to_csv(tmp_path / "people.csv", index=False)
    settings = json.dumps({"base_url": bing.server.address("/images/async"), "page_size": 5})
    root = tmp_path / "killed"
    words = [sys.executable, "-c", PROGRAM, str(root), str(tmp_path / "people.csv"), json.dumps(QUICK), settings]
    done: set[str] = set()
    for moment in (1, 4, 11, 17, 9):
        bing.server.requests.clear()
        process = subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1"})
        while len(bing.server.requests) < moment and process.poll() is None:
            time.sleep(0.002)
        time.sleep(0.0007 * moment)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it must not have ended by itself"
        assert not {bing.server.address(request.target) for request in bing.server.requests} & done
        now = finished(root)
        assert done <= now
        done = now
    bing.server.requests.clear()
    resumed = searched(bing, root, table)
    assert len(done) > 10
    assert bing.server.requests
    assert not {bing.server.address(request.target) for request in bing.server.requests} & done
    pd.testing.assert_frame_equal(resumed.log.drop(columns="time"), undisturbed.log.drop(columns="time"))
    pd.testing.assert_frame_equal(resumed.labels, undisturbed.labels)
    assert contents(resumed) == contents(undisturbed)


def finished(root: Path) -> set[str]:
    """Addresses, of pages too, that a store has for good."""
    path = root / "downloads.sqlite"
    if not path.exists():
        return set()
    database = sqlite3.connect(path)
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    found = set()
    if {"answers", "searches"} <= tables:
        found |= {url for (url,) in database.execute("SELECT url FROM answers WHERE final")}
        found |= {key.removeprefix("bing ") for (key,) in database.execute("SELECT key FROM searches")}
    database.close()
    return found
