"""The page as text: what stands on it, in which order, and that nothing from outside can do harm."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from small_report import CELLS, HOSTILE, gathered, picture, reliance_rows, rich_report, small_report, verdict_of

from looks_kedro.mattes.quality import decide
from looks_kedro.reporting.page import render_page
from looks_kedro.reporting.words import words_of


@cache
def made(language: str = "en", rich: bool = True) -> str:
    return render_page(rich_report(language) if rich else small_report(language=language))


VOID = {"meta", "link", "img", "br", "i"}


class Elements(HTMLParser):
    """Every element with its attributes, and the text that a reader sees with the classes around it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, list[str]]] = []
        self._open: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append((tag, dict(attributes).get("class") or ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, text: str) -> None:
        if text.strip() and not {"style", "script"} & {tag for tag, _ in self._open}:
            self.texts.append((text.strip(), [part for pair in self._open for part in pair]))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_hostile_names_stay_text_and_keep_their_direction_to_themselves(language):
    elements = Elements(made(language))
    assert len(elements.all("script")) == 1
    assert all(name not in attributes for _, attributes in elements.found for name in ("onerror", "onclick", "onload"))
    shown = [around for text, around in elements.texts if HOSTILE in text]
    assert len(shown) > 4
    isolated = [around for around in shown if "bdi" in around]
    # What is no person's or file's name is told as it is: a reason in the funnel, a parameter.
    assert len(shown) - len(isolated) <= 2
    alternatives = [attributes["alt"] or "" for attributes in elements.all("img")]
    assert any(f"\u2068{HOSTILE}\u2069" in words for words in alternatives)
    assert not any("49" in text and "7 * 7" not in text for text, _ in elements.texts if "{{" in text)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_needs_nothing_beside_it_and_every_link_leads_somewhere(language):
    page = made(language)
    elements = Elements(page)
    assert f'<html lang="{language}">' in page
    assert '<meta charset="utf-8">' in page
    places = [attributes["id"] for _, attributes in elements.found if attributes.get("id")]
    assert len(places) == len(set(places))
    links = [attributes["href"] or "" for attributes in elements.all("a")]
    assert len(links) > 15
    assert {link.removeprefix("#") for link in links} <= set(places)
    sources = [attributes["src"] or "" for attributes in elements.all("img")]
    assert all(source.startswith("data:image/webp;base64,") for source in sources)
    assert not re.search(r"https?:|url\(|@import", page)


def test_headings_are_in_order_and_landmarks_are_there():
    elements = Elements(made())
    levels = [int(name[1]) for name, _ in elements.found if re.fullmatch("h[1-6]", name)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for landmark in ("header", "nav", "main"):
        assert len(elements.all(landmark)) == 1
    parts = elements.all("nav") + elements.all("section")
    assert all(one.get("aria-label") or one.get("aria-labelledby") for one in parts)


def test_every_picture_has_words_of_its_own_and_its_size():
    pictures = Elements(made(rich=False)).all("img")
    assert len(pictures) == 2 * (2 + 4 + 2 + 2 + 2 + 1)
    assert all(one["alt"] and int(one["width"] or 0) and int(one["height"] or 0) for one in pictures)


def test_no_picture_is_on_the_page_twice_and_the_second_points_to_the_first():
    report = small_report()
    one = picture(file="a.jpg", identity="ada")
    variants = {name: {**part, "examples": {"celebrities": [one]}} for name, part in report.variants.items()}
    page = render_page(replace(report, variants=variants))
    assert page.count(one["source"]) == 1
    place = re.search(r'<img id="(\w+)" src="' + re.escape(one["source"]), page)
    assert place is not None
    assert page.count(f'<a class="again" href="#{place[1]}">') == 1


def test_the_answer_comes_first_and_the_study_stands_beside_ours():
    elements = Elements(made(rich=False))
    texts = [text for text, around in elements.texts if "main" in around]
    assert texts[1] == "On original images, resnet18 is 94 % accurate, but its decisions depend on the background."
    published = [text for text, around in elements.texts if "number published" in around and "td" in around]
    # Tables 1, 2, 6 and 8: the study's ten epochs, and its last one at a glance; table 12 has five settings.
    assert len(published) == 4 * (10 + 1) * 2 + 5 * 4
    assert "99.52" in published


def test_a_run_without_the_other_pipelines_says_so():
    page, rich = made(rich=False), made()
    for words in ("This was not tried here", "This was not measured here", "No run has told what its nodes took"):
        assert words in page
        assert words not in rich
    assert "Of the run that wrote this page" in rich
    assert rich.count(">2026-01-01<") == 2
    assert "What tells the classes before any training" in rich
    assert "What tells the classes before any training" not in page


def test_a_column_of_numbers_stays_one_where_the_first_is_missing():
    page = made()
    table = page[page.index("<caption>Balanced accuracy under each control") :]
    table = table[: table.index("</table>")]
    assert re.findall(r"<th scope=.col.( class=.number.)?>([^<]+)</th>", table) == [
        ("", "Model"),
        ("", "Control"),
        (' class="number"', "Images"),
        (' class="number"', "Balanced accuracy"),
    ]
    assert '<td class="number">0</td><td class="number">–</td>' in table


def test_a_variant_whose_models_could_not_be_audited_says_so():
    part = gathered()
    part["reliance"] = {name: [] for name in part["reliance"]}
    part["verdicts"] = {name: verdict_of("CANNOT TELL") for name in part["verdicts"]}
    report = small_report()
    summary = report.summary.assign(verdict="CANNOT TELL", channels="")
    report = replace(report, variants=dict.fromkeys(report.variants, part), summary=summary)
    assert "Nothing could be exchanged" in render_page(report)
    assert "テストに写る人が少なすぎ" in render_page(replace(report, language="ja"))


def test_a_japanese_page_has_no_english_sentence():
    elements = Elements(made("ja"))
    told = [text for text, around in elements.texts if "code" not in around]
    names = ("alt", "aria-label", "title")
    told += [attributes[name] or "" for _, attributes in elements.found for name in names if name in attributes]
    told = [text.replace(HOSTILE, "") for text in told]
    sentences = [text for text in told if re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", text)]
    assert sentences == []
    assert sum(bool(re.search("[ぁ-ん一-龠]", text)) for text in told) > 300


def test_the_page_is_the_same_each_time_and_takes_a_title():
    report = small_report(title=HOSTILE)
    assert render_page(report) == render_page(report)
    assert "<script>alert" not in render_page(report)


def test_reliance_is_drawn_where_it_lies():
    part = gathered()
    part["reliance"]["resnet18"] = reliance_rows(background={"reliance": 0.45, "low": 0.1, "high": 2.0})
    report = small_report()
    page = render_page(replace(report, variants={**report.variants, "original": part}))
    # From -0.25 to 1.15: 0.45 is half-way, 0.1 a quarter, and 2 beyond the end.
    assert 'class="dot open" style="left:50.00%"' in page
    assert 'class="reach" style="left:25.00%;right:0.0%"' in page
    assert len(CELLS) == page.count('class="sentence"')


def test_where_people_are_met_again_the_answer_does_not_speak_of_new_ones():
    new = "photos of people whom the models have not seen"
    assert new in made()
    part = gathered() | {"apart": False, "known": 30}
    page = render_page(small_report(variants={"original": gathered(), "white": part}))
    assert new not in page
    assert "some of these show people or pictures of the training" in page
    japanese = render_page(small_report(variants={"original": gathered(), "white": part}, language="ja"))
    assert "テスト画像40枚のうち30枚は、訓練にもいる人の写真です" in japanese


def test_thresholds_are_those_of_the_verdicts():
    parts = {}
    for name in ("original", "white"):
        parts[name] = gathered()
        verdicts = parts[name]["verdicts"]
        rules = verdicts["custom"]["thresholds"] | {"delta": 0.3, "face": 0.4}
        parts[name]["verdicts"] = {one: verdict | {"thresholds": rules} for one, verdict in verdicts.items()}
    page = render_page(small_report(variants=parts))
    assert "threshold 0.3" in page
    assert "to carry more than 30 % of the accuracy above chance" in page
    assert "to carry more than 40 % of the accuracy above chance" in page


def test_names_and_notes_of_other_pipelines_stay_as_they_are():
    report = rich_report()
    controls = [{"backbone": "efficientnet_b0", "control": "face only", "note": "as_written"}]
    part = report.variants["original"] | {"tables": {"companions": None, "controls": controls, "repair": None}}
    page = render_page(replace(report, variants={**report.variants, "original": part}))
    assert '<th scope="row">efficientnet_b0</th>' in page
    assert '<td class="words">as_written</td>' in page


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_reason_that_the_program_gives_has_words(language):
    words = words_of(language)
    mattes = {measured["reason"] for measured in (
        decide({"foreground_fraction": fraction, "ellipse_overlap": overlap, "quality": quality})
        for fraction in (0.0, 0.5, 1.0) for overlap in (0.0, 1.0) for quality in (0.0, 1.0)
    )} - {""}  # fmt: skip
    assert mattes == {"no_person", "no_background", "face_cut", "low_quality"}
    for reason in (*mattes, "corrected", "other_person", "name_too_long", "broken_link", "empty_file", "unreadable"):
        assert f"reason.{reason}" in words
