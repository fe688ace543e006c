"""The page stands alone, is safe with hostile names, and fits a phone."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

from looks_kedro.comparison import find_runs, input_table, result_table, runs_table
from looks_kedro.comparison.page import comparison_lines, letters, render_comparison

FIRST, SECOND = "2026-01-01T10.00.00.000Z", "2026-01-02T10.00.00.000Z"
HOSTILE = "<script>document.title='caught'</script>\"'\u202e"


@pytest.fixture
def tables(tmp_path, write_run):
    good, poor = np.ones(40, dtype=bool), np.arange(40) % 2 == 0
    write_run(tmp_path, FIRST, correct=good, parameters={"training": {"epochs": 3}, HOSTILE: HOSTILE})
    write_run(tmp_path, SECOND, correct=poor, verdict="FACE", outcome=HOSTILE, parameters={"training": {"epochs": 5}})
    runs = find_runs([FIRST, SECOND], tmp_path)
    return runs_table(runs), input_table(runs), result_table(runs)


def test_the_page_begins_with_what_differs_and_whether_it_mattered(tables):
    page = render_comparison("Two runs", *tables)
    assert "What went in differs in parameters (2)." in page
    assert "the verdict reads otherwise for 1 of 1 models (resnet18 on white images)" in page
    assert "the balanced accuracy differs by more than chance for 1 of 1 models" in page
    assert comparison_lines(*tables)[:2] == [f"A: {FIRST}", f"B: {SECOND}"]


def test_nothing_on_the_page_comes_from_elsewhere_or_runs(tables):
    page = render_comparison(HOSTILE, *tables)
    assert "<script" not in page
    assert "http:" not in page
    assert "https:" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert "default-src 'none'" in page


def test_more_runs_than_letters_can_be_told_apart():
    assert letters(3) == ["A", "B", "C"]
    assert len(set(letters(60))) == 60


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium (apt-get install chromium)")
@pytest.mark.parametrize("width", [500, 1440])
def test_a_browser_shows_the_page_and_nothing_sticks_out(tables, tmp_path, width):
    asks = """<script>addEventListener("load", () => {
      for (const part of document.querySelectorAll("details")) part.open = true;
      const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
      document.title = `${innerWidth} px, sticks out: ${wide}`;
    });</script>"""
    page = re.sub(r"<meta http-equiv.*?>", "", render_comparison(HOSTILE, *tables))
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{asks}</body>"), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    folder, place = f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "page.html").as_uri()
    command = ["chromium", *flags.split(), "--virtual-time-budget=5000", f"--window-size={width},900", folder]
    done = subprocess.run([*command, "--dump-dom", place], capture_output=True, text=True, check=True, timeout=120)
    assert re.search(r"<title>(.*?)</title>", done.stdout)[1] == f"{width} px, sticks out: false"
