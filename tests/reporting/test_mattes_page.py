from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from looks_kedro.reporting.mattes_page import CutOut, draw_strip, files_shown, matte_counts, mattes_page

LIMITS = {"min_foreground": 0.15, "min_quality": 0.5}


def qualities() -> pd.DataFrame:
    """Ten celebrities and six ordinary people, of whom four and three were cut out badly."""
    reasons = ["holes"] * 3 + ["face_cut"] + [""] * 6 + ["holes", "face_cut", "face_cut"] + [""] * 3
    looks = [1] * 10 + [0] * 6
    return pd.DataFrame(
        {
            "file": [f"{'celebrities' if one else 'ordinary'}/{i:02}.jpg" for i, one in enumerate(looks)],
            "looks": looks,
            "method": "grabcut",
            "foreground_fraction": 0.5,
            "quality": np.linspace(0.1, 0.9, 16),
            "passed": [reason == "" for reason in reasons],
            "reason": reasons,
        }
    )


def strip(colour: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (90, 30), (colour, 0, 0)).save(stream, "JPEG")
    return stream.getvalue()


def page(table: pd.DataFrame, per_group: int = 24) -> str:
    strips = {file: strip(9 * i) for i, file in enumerate(files_shown(table, per_group))}
    return mattes_page(table, strips, limits=LIMITS, rejected=True, per_group=per_group, side=30)


def test_the_counts_add_up_for_each_class():
    counts = matte_counts(qualities()).set_index("step")
    assert counts.loc["mattes"].tolist() == [10, 6]
    assert counts.loc["holes"].tolist() == [-3, -1]
    assert counts.loc["face_cut"].tolist() == [-1, -2]
    assert (counts.iloc[:-1].sum() == counts.loc["passed"]).all()


def test_every_failed_matte_is_on_the_page_and_no_other():
    text = page(qualities())
    for row in qualities().to_dict("records"):
        assert (row["file"] in text) == (not row["passed"])
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    assert len(pictures) == 7
    for content in pictures:
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            assert picture.size == (90, 30)
    assert text.index("celebrities/00.jpg") < text.index("celebrities/02.jpg"), "worst first"


def test_of_many_some_are_shown_from_the_worst_to_the_best_and_all_are_counted():
    table = qualities()
    assert [file for file in files_shown(table, 2) if file.startswith("celebrities")] == [
        "celebrities/00.jpg",
        "celebrities/02.jpg",
        "celebrities/03.jpg",
    ]
    text = page(table, per_group=2)
    assert "holes: 3" in text
    assert "(2 shown)" in text


def test_the_page_stands_alone_and_escapes_names():
    table = qualities()
    table.loc[0, "file"] = 'celebrities/<script>alert("x")</script>.jpg'
    text = page(table)
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!data:image/|#)', text)
    assert "http://" not in text
    assert "https://" not in text


def test_a_page_without_a_failed_matte_says_so():
    assert "No matte failed." in page(qualities().assign(passed=True, reason=""))


def test_the_page_says_what_becomes_of_failed_mattes():
    kept = mattes_page(qualities(), {}, limits=LIMITS, rejected=False)
    assert "background.reject: never" in kept
    assert "background.reject: before_balancing" in page(qualities())


def test_the_picture_is_face_matte_and_face_on_white_side_by_side(tmp_path):
    face = np.full((60, 60, 3), (200, 30, 30), np.uint8)
    matte = np.zeros((60, 60), np.uint8)
    matte[:, :30] = 255
    Image.fromarray(face).save(tmp_path / "face.png")
    Image.fromarray(matte).save(tmp_path / "matte.png")
    drawn = draw_strip(60, CutOut("a", tmp_path / "face.png", tmp_path / "matte.png"))
    with Image.open(io.BytesIO(base64.b64decode(drawn))) as picture:
        shown = np.asarray(picture).astype(int)
    assert shown.shape == (60, 184, 3)
    middles = {column: shown[30, column].tolist() for column in (15, 45, 77, 107, 139, 169)}
    expected = {
        15: (200, 30, 30),
        45: (200, 30, 30),
        77: (255,) * 3,
        107: (0,) * 3,
        139: (200, 30, 30),
        169: (255,) * 3,
    }
    for column, colour in expected.items():
        assert np.abs(np.subtract(middles[column], colour)).max() < 12, column


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium (apt-get install chromium)")
@pytest.mark.parametrize("width", [500, 1440])
def test_a_browser_shows_every_picture_and_nothing_sticks_out(tmp_path, width):
    table = qualities()
    table.loc[0, "file"] = "celebrities/" + "a_very_long_name_" * 12 + ".jpg"
    asks = """<script>addEventListener("load", () => {
      const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
      const shown = [...document.images].filter(picture => picture.naturalWidth > 0).length;
      document.title = `${innerWidth} px: shown ${shown}, sticks out: ${wide}`;
    });</script>"""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", page(table)).replace('loading="lazy"', "")
    (tmp_path / "page.html").write_text(text.replace("</body>", f"{asks}</body>"), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    command = ["chromium", *flags.split(), "--virtual-time-budget=10000", f"--window-size={width},900"]
    place = [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", (tmp_path / "page.html").as_uri()]
    done = subprocess.run([*command, *place], capture_output=True, text=True, check=True, timeout=120)
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None
    assert title[1] == f"{width} px: shown 7, sticks out: false"
