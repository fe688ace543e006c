"""The page in a headless browser: it asks for nothing, shows every picture, sorts, chooses, enlarges, and fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_report import HOSTILE, rich_report

from devtools import CHROMIUM, Page, browser
from looks_kedro.reporting.page import render_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")

SHOWN = """(async () => {
  const all = [...document.images];
  for (const one of all) one.loading = "eager";
  await Promise.all(all.map(one => one.complete || new Promise(go => { one.onload = one.onerror = go; })));
  return [all.length, all.filter(one => one.naturalWidth > 0).length];
})()"""
EVERYTHING = """(() => {
  for (const field of document.querySelectorAll(".choose select")) field.value = "";
  document.querySelector(".choose").dispatchEvent(new Event("change"));
  for (const one of document.querySelectorAll("details")) one.open = true;
})()"""
# What is wider than the screen and does not scroll in a box of its own.
STICKS_OUT = """[...document.querySelectorAll("body *")]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".wide, dialog, .skip"))
  .map(one => one.outerHTML.slice(0, 80))"""
LOWEST_CONTRAST = """(() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  const light = colour => {
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
      .map(one => one / 255).map(one => one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const kinds = "p, th, td, a, figcaption, caption, .finding, summary, h1, h2, h3, h4, text";
  const texts = [...document.querySelectorAll(kinds)];
  return Math.min(...texts.map(one => {
    const style = getComputedStyle(one), own = light(one.tagName === "text" ? style.fill : style.color);
    return (Math.max(own, ground) + .05) / (Math.min(own, ground) + .05);
  }));
})()"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Page]:
    with browser() as page:
        yield page


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("the reports")
    for language in ("en", "ja"):
        (folder / f"{language}.html").write_text(render_page(rich_report(language)), encoding="utf-8")
    return {language: folder / f"{language}.html" for language in ("en", "ja")}


@pytest.mark.parametrize(
    ("language", "width", "dark"),
    [("en", 390, False), ("ja", 390, True), ("en", 1440, True), ("ja", 1440, False)],
)
def test_every_picture_is_shown_nothing_sticks_out_and_all_can_be_read(chromium, reports, language, width, dark):
    chromium.screen(width, dark=dark, phone=width < 500)
    chromium.open(reports[language])
    chromium.run(EVERYTHING)
    assert chromium.run(SHOWN) == [27, 27]
    assert chromium.run("innerWidth") == width
    assert chromium.run("document.documentElement.scrollWidth") == width
    assert chromium.run(STICKS_OUT) == []
    assert chromium.run("matchMedia('(prefers-color-scheme: dark)').matches") == dark
    assert chromium.complaints() == []
    assert chromium.run(LOWEST_CONTRAST) >= 4.5


def test_a_name_that_would_be_a_script_does_nothing(chromium, reports):
    chromium.screen(900)
    chromium.open(reports["en"])
    assert chromium.run("document.scripts.length") == 1
    isolated = "[...document.querySelectorAll('bdi')].filter(one => one.textContent === name).length"
    assert chromium.run(f"(name => {isolated})({json.dumps(HOSTILE)})") > 4


def test_a_table_is_sorted_by_keyboard_both_ways_and_what_is_missing_stays_last(chromium, reports):
    chromium.screen(900)
    chromium.open(reports["en"])
    column = "[...document.querySelectorAll('#cost tbody tr')].map(row => row.cells[8].textContent.trim())"
    heading = "document.querySelectorAll('#cost thead th')[8]"
    assert chromium.run(f"{heading}.querySelector('button').focus()") is None
    for way, order in (("ascending", ["32.34", "–"]), ("descending", ["32.34", "–"])):
        chromium.press("Enter", 13, "\r")
        assert chromium.run(f"{heading}.getAttribute('aria-sort')") == way
        assert chromium.run(column) == order
    chromium.run("document.querySelectorAll('#models thead th button')[2].click()")
    rows = "[...document.querySelectorAll('#models table')[0].tBodies[0].rows]"
    numbers = f"{rows}.map(row => Number(row.cells[2].textContent))"
    assert chromium.run(numbers) == [1, 2, 6, 8]
    chromium.run("document.querySelectorAll('#models thead th button')[2].click()")
    assert chromium.run(numbers) == [8, 6, 2, 1]


def test_choosing_a_model_shows_it_in_every_part_and_a_link_chooses_too(chromium, reports):
    chromium.screen(900)
    chromium.open(reports["en"])
    shown = "[...document.querySelectorAll('.cell')].filter(one => one.checkVisibility())"
    names = f"[...new Set({shown}.map(one => `${{one.dataset.variant}} ${{one.dataset.backbone}} ${{one.open}}`))]"
    # It opens with the first model about which something can be said.
    assert chromium.run(names) == ["original resnet18 true"]
    chromium.run("""(() => { const form = document.querySelector(".choose");
      form.elements.variant.value = "white"; form.elements.backbone.value = "custom";
      form.elements.variant.dispatchEvent(new Event("change", { bubbles: true })); })()""")
    assert chromium.run(names) == ["white custom true"]
    assert chromium.run(f"{shown}.length") == 7
    chromium.run("document.querySelector('#answer a[data-open=\"original custom\"]').click()")
    assert chromium.run(names) == ["original custom true"]
    assert chromium.run("location.hash") == "#original-custom"
    chromium.run("document.querySelector('.choose select[name=variant]').focus()")
    assert chromium.run("document.activeElement.labels[0].textContent.trim().startsWith('Images')")


def test_a_picture_is_enlarged_by_keyboard_and_esc_gives_the_focus_back(chromium, reports):
    chromium.screen(900)
    chromium.open(reports["en"])
    chromium.run("document.querySelector('#data .zoom').focus()")
    chromium.press("Enter", 13, "\r")
    assert chromium.run("document.querySelector('dialog').open")
    same = "document.querySelector('dialog img').src === document.querySelector('#data .zoom img').src"
    assert chromium.run(same)
    assert HOSTILE in chromium.run("document.querySelector('dialog .told').textContent")
    chromium.press("Escape", 27)
    assert not chromium.run("document.querySelector('dialog').open")
    assert chromium.run("document.activeElement === document.querySelector('#data .zoom')")
    assert chromium.complaints() == []


def test_without_scripts_everything_is_there_and_paper_shows_no_controls(chromium, reports):
    chromium.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.screen(390, phone=True)
        chromium.open(reports["en"])
        assert not chromium.run("document.querySelector('.choose').checkVisibility()")
        assert chromium.run("document.querySelectorAll('details.cell').length") == 4 * 7
        assert chromium.run("[...document.querySelectorAll('details.cell')].every(one => one.checkVisibility())")
        assert chromium.run("document.documentElement.scrollWidth") == 390
    finally:
        chromium.ask("Emulation.setScriptExecutionDisabled", value=False)
    chromium.open(reports["en"])
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    chromium.ask("Emulation.setEmulatedMedia", media="print", features=dark)
    assert not chromium.run("document.querySelector('.choose').checkVisibility()")
    assert chromium.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert chromium.run("getComputedStyle(document.querySelector('.lead')).color") == "rgb(0, 0, 0)"
    chromium.ask("Emulation.setEmulatedMedia", media="")


def test_paper_has_every_model_whatever_the_screen_shows(chromium, reports):
    chromium.open(reports["en"])
    verdicts = "[...document.querySelectorAll('#reliance details')]"
    shown = f"{verdicts}.filter(one => one.open && one.checkVisibility()).length"
    assert chromium.run(shown) == 1
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    assert chromium.run(shown) == chromium.run(f"{verdicts}.length") == 4
    chromium.run("dispatchEvent(new Event('afterprint'))")
    assert chromium.run(shown) == 1
    assert chromium.complaints() == []
