"""Licensed photos, searched on servers that answer like Wikidata and Wikimedia Commons."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from web_server import Reply
from wikimedia_server import Wikimedia, api_error, commons_file, item, statement

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.sources.attributions import attributions_page
from looks_kedro.sources.commons import CommonsSearch, search_commons
from looks_kedro.sources.downloads import Downloads
from looks_kedro.sources.file_page import photo_date, plain_text
from looks_kedro.sources.listing import Listing, table
from looks_kedro.sources.web import Web, WebClient

FAST = Web(contact="someone@example.org", delay=0, backoff=0.02, retries=3, longest_wait=5, allow_loopback=True)
BORN = ("+1990-05-17T00:00:00Z", 11)
FREE = {"LicenseShortName": "CC BY-SA 4.0", "LicenseUrl": "//creativecommons.org/licenses/by-sa/4.0", "Artist": "Eve"}


@pytest.fixture
def wiki(web_server) -> Wikimedia:
    """Both sites, with one person of three photos in the category and one more as the item's picture."""
    wiki = Wikimedia(web_server)
    wiki.items["Q1"] = item("Ada Example", births=[BORN], picture="Ada, chosen.jpg", category="Ada Example")
    wiki.files |= {name: commons_file(**FREE) for name in ("Ada 1.jpg", "Ada 2.jpg", "Ada 3.jpg", "Ada, chosen.jpg")}
    wiki.categories["Ada Example"] = ["Ada 1.jpg", "Ada 2.jpg", "Ada 3.jpg", "Ada, chosen.jpg"]
    return wiki


def people(*rows: dict[str, str]) -> pd.DataFrame:
    return table("people", rows or ({"identity": "ada", "name": "Ada Example"},))


def search(
    wiki: Wikimedia, folder: Path, who: pd.DataFrame | None = None, web: Web = FAST, refresh: bool = False, **settings
) -> Listing:
    asked = CommonsSearch(wikidata_url=wiki.wikidata_url, commons_url=wiki.commons_url, **settings)
    with WebClient(web) as client:
        listing = search_commons(
            people() if who is None else who, 1, asked, client, Downloads(folder), 10_000_000, refresh=refresh
        )
    check_table(listing.log, "acquisition_log", "log")
    check_table(listing.labels, "source_labels", "labels")
    check_table(listing.attributions, "attributions", "attributions")
    return listing


def pages(listing: Listing) -> list[str]:
    """Names of the kept files on Commons, by rank."""
    kept = listing.log[listing.log["kept"]]
    return [page.rpartition("File:")[2] for page in kept["page"]]


def set_aside(listing: Listing) -> dict[str, str]:
    return {(row["page"].rpartition("File:")[2] or row["query"]): row["reason"]
            for _, row in listing.log[~listing.log["kept"]].iterrows()}  # fmt: skip


# --- the way of a person ---------------------------------------------------------------------------------------------


def test_a_person_gives_the_chosen_picture_first_and_each_file_once(wiki, tmp_path):
    listing = search(wiki, tmp_path)
    assert pages(listing) == ["Ada,_chosen.jpg", "Ada_1.jpg", "Ada_2.jpg", "Ada_3.jpg"]
    assert listing.log["rank"].to_list() == [1, 2, 3, 4]
    assert {origin for _, _, origin in listing.items} == set(listing.log["origin"])
    assert all("/1280px-" in origin for origin in listing.log["origin"])
    assert [content.read_bytes()[:2] for _, content, _ in listing.items] == [b"\xff\xd8"] * 4
    assert set(listing.log["source"]) == {"commons"}


def test_every_kept_image_has_licence_author_page_and_date(wiki, tmp_path):
    wiki.files["Ada 1.jpg"] = commons_file(
        LicenseShortName="CC BY 2.0",
        LicenseUrl="https://creativecommons.org/licenses/by/2.0",
        Artist='<a rel="nofollow" href="//example.org">Bob &amp; Co</a><span style="display: none;">Bob</span>',
        DateTimeOriginal='<time class="dtstart" datetime="2012-05-20">20 May 2012</time>',
        ObjectName="Ada at a fair",
    )
    listing = search(wiki, tmp_path)
    kept = [name for name, _, _ in listing.items]
    assert listing.attributions["file"].to_list() == kept
    assert listing.labels["file"].to_list() == kept
    row = listing.attributions[listing.attributions["title"] == "Ada at a fair"].iloc[0]
    assert (row["author"], row["licence"]) == ("Bob & Co", "CC BY 2.0")
    assert row["licence_url"] == "https://creativecommons.org/licenses/by/2.0"
    assert row["page"] == "https://commons.example/wiki/File:Ada_1.jpg"
    other = listing.attributions[listing.attributions["title"] == "Ada 2"].iloc[0]
    assert other["licence_url"] == "https://creativecommons.org/licenses/by-sa/4.0"
    dates = dict(zip(listing.labels["file"], listing.labels["photo_date"], strict=True))
    assert dates[row["file"]] == "2012-05-20"
    assert dates[other["file"]] == ""


def test_a_prescribed_attribution_goes_before_the_author(wiki, tmp_path):
    wiki.files["Ada 1.jpg"] = commons_file(**FREE, Attribution="<b>Photo: Eve / Example Press</b>")
    assert "Photo: Eve / Example Press" in search(wiki, tmp_path).attributions["author"].to_list()


def test_long_categories_are_paged_and_answers_in_two_halves_are_put_together(wiki, tmp_path):
    wiki.categories["Ada Example"] = [f"Ada {k}.jpg" for k in range(11)]
    wiki.files |= {name: commons_file(**FREE) for name in wiki.categories["Ada Example"]}
    wiki.page_size, wiki.halves = 4, True
    listing = search(wiki, tmp_path)
    assert sorted(pages(listing)) == sorted(["Ada,_chosen.jpg", *(f"Ada_{k}.jpg" for k in range(11))])
    members = [question for question in wiki.questions() if question.get("generator")]
    assert len(members) == 6  # three pages, each in two halves


def test_only_as_many_pages_are_asked_for_as_are_looked_at(wiki, tmp_path):
    wiki.page_size = 1
    assert len(pages(search(wiki, tmp_path, files_per_person=2))) == 2
    assert len([question for question in wiki.questions() if question.get("generator")]) == 1


def test_subcategories_are_looked_into_one_level_deep_or_not_at_all(wiki, tmp_path):
    wiki.page_size = 1
    wiki.categories["Ada Example"] += ["Category:Ada in 2019", "Category:Ada in 2020"]
    wiki.categories |= {"Ada in 2019": ["Ada 2019.jpg", "Category:Deep"], "Ada in 2020": ["Ada 2020.jpg"]}
    wiki.categories["Deep"] = ["Deep.jpg"]
    wiki.files |= {name: commons_file(**FREE) for name in ("Ada 2019.jpg", "Ada 2020.jpg", "Deep.jpg")}
    assert len(pages(search(wiki, tmp_path / "flat", subcategories=0))) == 4
    assert pages(search(wiki, tmp_path / "deep"))[-2:] == ["Ada_2019.jpg", "Ada_2020.jpg"]


def test_a_moved_category_and_a_moved_file_are_followed(wiki, tmp_path):
    wiki.items["Q1"] = item("Ada Example", picture="Old name.jpg", category="Ada")
    wiki.moved |= {"Ada": "Ada (actor)", "Old name.jpg": "Ada, chosen.jpg"}
    wiki.texts["Ada (actor)"] = "Moved.\n{{Category redirect|1=Category:Ada Example}}"
    assert len(pages(search(wiki, tmp_path))) == 4


def test_the_link_to_commons_stands_in_for_a_missing_category(wiki, tmp_path):
    wiki.items["Q1"] = item("Ada Example", link="Category:Ada Example")
    assert len(pages(search(wiki, tmp_path))) == 4


def test_files_that_are_no_photos_or_are_gone_are_passed_over(wiki, tmp_path):
    wiki.categories["Ada Example"] += ["Signature.svg", "Book.pdf", "Gone.jpg", "Scan.tif"]
    wiki.files["Signature.svg"] = commons_file("image/svg+xml", **FREE)
    wiki.files["Book.pdf"] = commons_file("application/pdf", **FREE)
    wiki.files["Scan.tif"] = commons_file("image/tiff", **FREE)
    assert len(search(wiki, tmp_path).log) == 4
    assert not [path for path in wiki.fetched() if "Signature" in path or "Book" in path or "Scan" in path]


def test_originals_are_fetched_without_a_width(wiki, tmp_path):
    search(wiki, tmp_path, width=None)
    assert wiki.fetched()
    assert not [path for path in wiki.fetched() if "/thumb/" in path]


# --- who is meant ----------------------------------------------------------------------------------------------------


def test_what_is_no_human_is_passed_over(wiki, tmp_path):
    wiki.items = {"Q9": item("Ada Example", kind="Q11424", picture="Film poster.jpg")} | wiki.items
    wiki.files["Film poster.jpg"] = commons_file(**FREE)
    assert "Film_poster.jpg" not in pages(search(wiki, tmp_path))
    assert len(wiki.fetched()) == 4


@pytest.mark.parametrize(
    ("birth_date", "chosen"),
    [("1990-05-17", "Ada_1.jpg"), ("1990-05", "Ada_1.jpg"), ("1990", "Ada_1.jpg"), ("1971-02-03", "Other.jpg"),
     ("", "Other.jpg")],
)  # fmt: skip
def test_the_date_of_birth_tells_people_of_one_name_apart(wiki, tmp_path, birth_date, chosen, caplog):
    # Of the other one only the year is known, and withdrawn statements do not count.
    other = item("Ada Example", births=[("+1971-00-00T00:00:00Z", 9)], category="Other")
    other["claims"]["P569"].insert(0, statement("P569", {"time": BORN[0], "precision": 11}, rank="deprecated"))
    wiki.items = {"Q9": other} | wiki.items
    wiki.categories["Other"] = ["Other.jpg"]
    wiki.files["Other.jpg"] = commons_file(**FREE)
    row = {"identity": "ada", "name": "Ada Example", "birth_date": birth_date}
    with caplog.at_level(logging.WARNING):
        assert chosen in pages(search(wiki, tmp_path, people(row)))
    assert ("2 humans on Wikidata; took the first" in caplog.text) == (birth_date == "")


def test_another_date_of_birth_leaves_the_person_out_with_the_reason(wiki, tmp_path, caplog):
    wiki.items["Q2"] = item("Bob Example", births=[("+1985-01-01T00:00:00Z", 11)], picture="Bob.jpg")
    wiki.files["Bob.jpg"] = commons_file(**FREE)
    rows = [
        {"identity": "ada", "name": "Ada Example"},
        {"identity": "bob", "name": "Bob Example", "birth_date": "1986"},
    ]
    with caplog.at_level(logging.WARNING):
        listing = search(wiki, tmp_path, people(*rows))
    assert set(listing.log.loc[listing.log["kept"], "identity"]) == {"ada"}
    last = listing.log.iloc[-1]
    assert (last["identity"], last["query"], last["reason"]) == ("bob", "Bob Example", "birth_date_differs")
    assert last["page"] == "https://www.wikidata.org/wiki/Q2"
    assert "people.csv has birth_date 1986 and Wikidata 1985-01-01" in caplog.text


def test_an_unknown_date_of_birth_is_no_objection(wiki, tmp_path):
    del wiki.items["Q1"]["claims"]["P569"]
    row = {"identity": "ada", "name": "Ada Example", "birth_date": "1990-05-17"}
    assert len(pages(search(wiki, tmp_path, people(row)))) == 4


def test_people_without_photos_are_listed_with_the_reason(wiki, tmp_path):
    wiki.items["Q3"] = item("Carl Example")
    wiki.items["Q4"] = item("Dora Example", kind="Q5398426")
    wiki.items["Q5"] = item("Fred Example", category="Nothing [in] it", picture="Gone.jpg")
    names = {"ada": "Ada Example", "carl": "Carl Example", "dora": "Dora Example", "eve": "Eve", "fred": "Fred Example"}
    who = people(*({"identity": key, "name": name} for key, name in names.items()))
    listing = search(wiki, tmp_path, who)
    assert set_aside(listing) == {
        "https://www.wikidata.org/wiki/Q3": "no_files", "Dora Example": "no_human", "Eve": "no_such_person",
        "https://www.wikidata.org/wiki/Q5": "no_files"}  # fmt: skip


def test_nobody_with_a_photo_is_an_error_that_counts_the_reasons(wiki, tmp_path):
    with pytest.raises(BadInputError, match=r"no photo of any of the 2 people \(no_such_person 2\).*people.csv"):
        search(wiki, tmp_path, people({"identity": "a", "name": "Zoe"}, {"identity": "b", "name": "Yan"}))
    with pytest.raises(BadInputError, match=r"people.csv has no rows"):
        search(wiki, tmp_path, people().iloc[:0])


# --- licences --------------------------------------------------------------------------------------------------------


def test_images_without_an_allowed_licence_are_set_aside_and_not_fetched(wiki, tmp_path):
    wiki.files["Ada 1.jpg"] = commons_file(Artist="Eve")
    wiki.files["Ada 2.jpg"] = commons_file()
    wiki.files["Ada 3.jpg"] = commons_file(LicenseShortName="GFDL 1.2")
    listing = search(wiki, tmp_path, licences=("CC-BY", "Public domain"))
    assert pages(listing) == ["Ada,_chosen.jpg"]
    assert set_aside(listing) == {
        "Ada_1.jpg": "no_licence", "Ada_2.jpg": "no_licence", "Ada_3.jpg": "licence_not_allowed"}  # fmt: skip
    assert len(wiki.fetched()) == 1
    assert listing.log["file"].iloc[1:].to_list() == ["", "", ""]
    before = len(wiki.questions())
    assert len(pages(search(wiki, tmp_path))) == 2
    assert len(wiki.questions()) == before


def test_a_smaller_number_of_images_is_part_of_a_larger_one_and_holds_the_chosen_picture(wiki, tmp_path):
    wiki.categories["Ada Example"] = [f"Ada {k:02}.jpg" for k in range(30)]
    wiki.files |= {name: commons_file(**FREE) for name in wiki.categories["Ada Example"]}
    few = pages(search(wiki, tmp_path, images_per_person=6))
    questions = len(wiki.questions())
    more = pages(search(wiki, tmp_path, images_per_person=12))
    assert (len(few), len(more)) == (6, 12)
    assert set(few) < set(more)
    assert few[0] == "Ada,_chosen.jpg"
    assert few[1:] != [f"Ada_{k:02}.jpg" for k in range(5)]  # not one event after the other
    assert len(wiki.questions()) == questions


# --- sites that do not answer as they should -------------------------------------------------------------------------


def test_no_contact_is_refused_before_anything_is_asked(wiki, tmp_path):
    with pytest.raises(BadParameterError, match=r"acquisition\.web\.contact is empty.*e-mail"):
        search(wiki, tmp_path, web=FAST.model_copy(update={"contact": " "}))
    assert wiki.server.requests == []


@pytest.mark.parametrize(
    "trouble",
    [api_error("maxlag", "Waiting for db1: 6 seconds lagged", **{"Retry-After": "1"}), api_error("ratelimited"),
     api_error("internal_api_error_DBQueryError"), Reply(b"slow down", 429, "text/plain", {"Retry-After": "1"}), 503],
    ids=["maxlag", "ratelimited", "internal", "429", "503"],
)  # fmt: skip
def test_a_busy_site_is_asked_again(wiki, tmp_path, trouble):
    wiki.errors += [trouble]
    start = time.monotonic()
    assert len(pages(search(wiki, tmp_path))) == 4
    assert [question["action"] for question in wiki.questions()[:2]] == ["wbsearchentities"] * 2
    if isinstance(trouble, Reply) and "Retry-After" in trouble.headers:
        assert time.monotonic() - start >= 1


def test_a_site_that_stays_busy_ends_the_run_and_the_next_one_goes_on(wiki, tmp_path):
    wiki.items["Q2"] = item("Bob Example", picture="Bob.jpg")
    wiki.files["Bob.jpg"] = commons_file(**FREE)
    who = people({"identity": "ada", "name": "Ada Example"}, {"identity": "bob", "name": "Bob Example"})
    search(wiki, tmp_path)
    wiki.errors += [api_error("ratelimited", "You've exceeded your rate limit")] * (FAST.retries + 1)
    with pytest.raises(BadInputError, match=r"search for 'Bob Example' failed.*rate limit.*run the same command"):
        search(wiki, tmp_path, who)
    assert wiki.errors == []
    before = len(wiki.questions())
    assert len(pages(search(wiki, tmp_path, who))) == 5
    assert {question.get("search") for question in wiki.questions()[before:]} == {"Bob Example", None}


def test_a_wait_that_is_too_long_is_not_waited_for(wiki, tmp_path):
    wiki.errors += [api_error("maxlag", **{"Retry-After": "3600"})]
    with pytest.raises(BadInputError, match="maxlag"):
        search(wiki, tmp_path)


@pytest.mark.parametrize(
    ("answer", "told"),
    [(api_error("badvalue", "Unrecognized value for parameter"), r"'badvalue' \(Unrecognized value"),
     (Reply("[]", type="application/json"), "expected the JSON of a MediaWiki API"),
     (Reply('{"search"', type="application/json"), "expected JSON")],
)  # fmt: skip
def test_an_answer_that_repeating_does_not_mend_is_told_at_once(wiki, tmp_path, answer, told):
    wiki.errors += [answer]
    with pytest.raises(BadInputError, match=told):
        search(wiki, tmp_path)
    assert len(wiki.questions()) == 1


def test_an_answer_that_never_ends_is_given_up(wiki, tmp_path):
    def endless(request):
        return {"continue": {"gcmcontinue": "0", "continue": "gcmcontinue||"}, "query": {"pages": []}}

    search(wiki, tmp_path)
    wiki.server.routes["/commons/w/api.php"] = endless
    with pytest.raises(BadInputError, match="never ends"):
        search(wiki, tmp_path, refresh=True)


def test_photos_that_cannot_be_fetched_are_listed_and_all_of_them_are_an_error(wiki, tmp_path):
    search(wiki, tmp_path / "ask")
    paths = sorted(set(wiki.fetched()))
    wiki.server.routes[paths[0]] = 404
    listing = search(wiki, tmp_path / "one")
    assert len(pages(listing)) == 3
    assert list(set_aside(listing).values()) == ["http_404"]
    assert len(listing.attributions) == 3
    wiki.server.routes |= dict.fromkeys(paths, 404)
    with pytest.raises(BadInputError, match=r"None of the 4 photos could be fetched \(http_404 4\)"):
        search(wiki, tmp_path / "none")


# --- again -----------------------------------------------------------------------------------------------------------


def test_a_second_run_asks_nothing_and_refresh_asks_again(wiki, tmp_path):
    who = people({"identity": "ada", "name": "Ada Example"}, {"identity": "eve", "name": "Nobody"})
    first = search(wiki, tmp_path, who)
    requests = len(wiki.server.requests)
    second = search(wiki, tmp_path, who)
    assert len(wiki.server.requests) == requests
    assert_frame_equal(first.log, second.log)
    assert_frame_equal(first.attributions, second.attributions)
    wiki.categories["Ada Example"].append("Ada new.jpg")
    wiki.files["Ada new.jpg"] = commons_file(**FREE)
    third = search(wiki, tmp_path, who, refresh=True)
    assert len(pages(third)) == 5
    assert len(wiki.fetched()) == 5  # known photos are not fetched again


KILLED = """
import sys
from pathlib import Path
from looks_kedro.sources.commons import CommonsSearch, search_commons
from looks_kedro.sources.downloads import Downloads
from looks_kedro.sources.listing import table
from looks_kedro.sources.web import Web, WebClient
url, folder = sys.argv[1:]
people = table("people", [{"identity": n.lower(), "name": f"{n} Example"} for n in ("Ada", "Bob", "Carl")])
settings = CommonsSearch(wikidata_url=url + "/wikidata/w/api.php", commons_url=url + "/commons/w/api.php")
web = Web(contact="someone@example.org", delay=0.02, allow_loopback=True)
with WebClient(web) as client:
    search_commons(people, 1, settings, client, Downloads(Path(folder)), 10_000_000)
"""


def test_a_run_that_is_killed_anywhere_goes_on_to_the_same_result(wiki, tmp_path):
    for number, name in enumerate(("Bob", "Carl"), 2):
        wiki.items[f"Q{number}"] = item(f"{name} Example", category=name)
        wiki.categories[name] = [f"{name} {k}.jpg" for k in range(6)]
        wiki.files |= {file: commons_file(**FREE) for file in wiki.categories[name]}
    wiki.page_size = 3
    wiki.files["Bob 2.jpg"] = commons_file(Artist="Eve")
    who = people(*({"identity": n.lower(), "name": f"{n} Example"} for n in ("Ada", "Bob", "Carl")))
    whole = search(wiki, tmp_path / "whole", who)
    # In the search for each of the three, and among the pictures.
    for after in (3, 9, 8, 5, 10):
        wiki.server.requests.clear()
        run = subprocess.Popen([sys.executable, "-c", KILLED, wiki.server.url, str(tmp_path / "killed")])
        while len(wiki.server.requests) < after and run.poll() is None:
            time.sleep(0.001)
        run.kill()
        assert run.wait(60) == -signal.SIGKILL
    resumed = search(wiki, tmp_path / "killed", who)
    assert_frame_equal(whole.log.drop(columns="time"), resumed.log.drop(columns="time"))
    assert_frame_equal(whole.attributions, resumed.attributions)
    assert_frame_equal(whole.labels, resumed.labels)
    contents = [[(name, content.read_bytes()) for name, content, _ in listing.items] for listing in (whole, resumed)]
    assert contents[0] == contents[1]
    assert len(contents[0]) == 4 + 5 + 6


# --- small parts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "date"),
    [("2012-05-20 14:03:11", "2012-05-20"), ("2012:05:20 14:03:11", "2012-05-20"), ("2012-05", "2012-05"),
     ("2012", "2012"), ("20 May 2012", "2012-05-20"), ("May 20, 2012", "2012-05-20"), ("May 2012", "2012-05"),
     ('<time class="dtstart" datetime="2015-06-10">10 June 2015</time>', "2015-06-10"),
     ("Taken on 5 June 2014, 12:30", "2014-06-05"), ("2014-06-05 (according to Exif data)", "2014-06-05"),
     ('1990<div style="display: none;">date QS:P571,+1990-00-00T00:00:00Z/9</div>', "1990"),
     ("circa 1990", ""), ("c. 1990", ""), ("before 1990", ""), ("1990s", ""), ("between 1990 and 1995", ""),
     ("1990-1995", ""), ("2012-13-45", ""), ("31 June 2012", ""), ("0000:00:00 00:00:00", ""), ("Unknown date", ""),
     ("", "")],
)  # fmt: skip
def test_a_date_is_taken_where_it_is_exact(markup, date):
    assert photo_date(markup) == date


@pytest.mark.parametrize(
    ("markup", "text"),
    [("<p>One<br>two</p>\n<p>three</p>", "One two three"), ("a &lt;b&gt; &amp; c", "a <b> & c"),
     ('Unknown author<span style="display: none;">Unknown author</span>', "Unknown author"),
     ('<span style="display:none"><img src="x"><b>hidden</span>seen', "seen"), ("<style>p {}</style>x", "x"),
     ("5 < 6 and <a href='#'>link", "5 < 6 and link")],
)  # fmt: skip
def test_markup_is_taken_away_and_hidden_text_with_it(markup, text):
    assert plain_text(markup) == text


def test_the_attributions_page_names_title_author_licence_and_page(wiki, tmp_path):
    wiki.files["Ada 1.jpg"] = commons_file(LicenseShortName="CC0", ObjectName="A [fine] *day*")
    listing = search(wiki, tmp_path)
    page = attributions_page(listing.attributions)
    assert "## ada" in page
    file = listing.attributions.loc[listing.attributions["licence"] == "CC0", "file"].iloc[0]
    link = "[A \\[fine\\] \\*day\\*](<https://commons.example/wiki/File:Ada_1.jpg>)"
    assert f"- {link}, by author not named, CC0 (`{file}`)" in page
    assert ", by Eve, [CC BY-SA 4.0](<https://creativecommons.org/licenses/by-sa/4.0>)" in page
    assert page.count("\n- ") == len(listing.attributions)
    assert "No photo needs" in attributions_page(listing.attributions.iloc[:0])
