from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from looks_kedro.datasets.csv_files import read_table
from looks_kedro.reporting.review import (
    CLASSES,
    ReviewPicture,
    Thumbnails,
    ThumbnailSource,
    files_shown,
    make_thumbnails,
    review_page,
    thumbnail_jpeg,
)

HOSTILE = "celebrities/x\"></script><script>alert(1)</script>, 'y'/\u202e1.jpg"
needs_a_browser = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="needs chromium (apt-get install chromium)"
)


def jpeg(colour: tuple[int, int, int] = (200, 90, 60), size: tuple[int, int] = (40, 30)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "JPEG")
    return stream.getvalue()


def kept(file: str, identity: str = "ada", looks: int = 1) -> ReviewPicture:
    return ReviewPicture(file, looks, identity, kept=True, thumbnail=jpeg())


def rejected(file: str, reason: str = "side_view", identity: str = "ada", looks: int = 1, **more: str) -> ReviewPicture:
    return ReviewPicture(file, looks, identity, kept=False, reason=reason, thumbnail=jpeg((40, 90, 160)), **more)


def corrections(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["file", "decision", "reason"])


ADA = [
    *(kept(f"celebrities/ada/{number:02}.jpg") for number in range(5)),
    rejected("celebrities/ada/05.jpg", detail="yaw 41, at most 30 wanted"),
    rejected("celebrities/ada/06.jpg", "near_duplicate", duplicate_of="celebrities/ada/00.jpg"),
    rejected("celebrities/ada/07.jpg", "no_face", detail="nothing found"),
]
CROWD = [
    *(kept(f"ordinary/{number:03}.jpg", f"o{number}", 0) for number in range(40)),
    *(rejected(f"ordinary/{number:03}.jpg", "too_small", f"o{number}", 0) for number in range(40, 50)),
]


class Page(HTMLParser):
    """Figures by file, with what stands in them, and the texts of table rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.figures: dict[str, dict[str, object]] = {}
        self.rows: list[list[str]] = []
        self.heads: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        if tag == "figure":
            self.figure = {"images": [], "text": "", "button": False}
            self.figures[str(values["data-file"])] = self.figure
        elif tag == "img":
            self.figure["images"].append(values["alt"])
        elif tag == "button" and hasattr(self, "figure"):
            self.figure["button"] = True
        elif tag == "tr":
            self.rows.append([])
        self.words = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if hasattr(self, "figure"):
            self.figure["text"] = f"{self.figure['text']}{data}"

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self.rows[-1].append("".join(self.words))
        if tag == "figure":
            del self.figure


def test_each_rejected_picture_has_its_reason_and_detail_and_a_copy_the_one_kept_beside_it() -> None:
    figures = Page(review_page(ADA)).figures
    assert set(figures) == {picture.file for picture in ADA}
    assert "side view: yaw 41, at most 30 wanted" in str(figures["celebrities/ada/05.jpg"]["text"])
    copy = figures["celebrities/ada/06.jpg"]
    assert copy["images"] == ["celebrities/ada/06.jpg", "kept in its place: celebrities/ada/00.jpg"]
    assert "celebrities/ada/00.jpg" in str(copy["text"])


def test_rejected_pictures_come_before_those_kept() -> None:
    order = list(Page(review_page(ADA)).figures)
    assert {name[-6:-4] for name in order[:3]} == {"05", "06", "07"}


def test_a_picture_without_a_face_cannot_be_chosen() -> None:
    figures = Page(review_page(ADA)).figures
    assert not figures["celebrities/ada/07.jpg"]["button"]
    assert "cannot be kept" in str(figures["celebrities/ada/07.jpg"]["text"])
    assert all(figure["button"] for file, figure in figures.items() if not file.endswith("07.jpg"))


def test_the_table_counts_all_pictures_and_adds_up() -> None:
    given = corrections(
        ("celebrities/ada/05.jpg", "keep", ""),
        ("celebrities/ada/07.jpg", "keep", "no face: has no effect"),
        ("ordinary/003.jpg", "reject", ""),
        ("ordinary/004.jpg", "reject", ""),
        ("ordinary/045.jpg", "reject", "it is anyway"),
    )
    rows = {
        row[0]: [int(n.replace("−", "-")) for n in row[1:]]
        for row in Page(review_page(ADA + CROWD, corrections=given)).rows[1:]
    }
    assert rows == {
        "all pictures": [8, 50, 58],
        "near duplicate": [-1, 0, -1],
        "no face": [-1, 0, -1],
        "side view": [-1, 0, -1],
        "too small": [0, -10, -10],
        "kept by the program": [5, 40, 45],
        "kept by a correction": [1, 0, 1],
        "rejected by a correction": [0, -2, -2],
        "go on": [6, 38, 44],
    }


def test_people_of_few_pictures_share_one_part_of_the_page() -> None:
    page = review_page(ADA + CROWD + [kept(f"celebrities/{n}/1.jpg", n) for n in ("grace", "mary")])
    heads = [re.sub(r"<[^>]+>", "", head) for head in re.findall(r"<h2.*?</h2>", page)]
    assert heads == [
        "ada (celebrities)",
        "2 people without a part of their own (celebrities)",
        "50 people without a part of their own (ordinary)",
    ]


def test_of_many_pictures_some_are_shown_and_the_number_of_the_rest_is_told() -> None:
    page = review_page(CROWD, per_group=4)
    figures = Page(page).figures
    assert len(figures) == 8
    assert 'Kept: 40 <span class="soft">(36 more, not shown)</span>' in page
    assert sum(int(file[9:12]) >= 20 for file in figures if int(file[9:12]) < 40) == 2
    assert files_shown(CROWD, per_group=4) == sorted(figures)


def test_pictures_with_a_correction_and_those_kept_beside_a_copy_are_among_those_to_be_shown() -> None:
    copy = rejected("celebrities/ada/99.jpg", "near_duplicate", duplicate_of="ordinary/017.jpg")
    given = corrections(("ordinary/031.jpg", "reject", "blurred"), ("celebrities/gone.jpg", "keep", ""))
    shown = files_shown([*CROWD, copy], corrections=given, per_group=1)
    assert {"ordinary/031.jpg", "ordinary/017.jpg", "celebrities/ada/99.jpg"} < set(shown)
    assert len(shown) == 5
    text = str(Page(review_page(CROWD, corrections=given, per_group=1)).figures["ordinary/031.jpg"]["text"])
    assert "corrected: reject (blurred)" in re.sub(r"\s+", " ", text)


def test_all_numbers_of_pictures_a_group_are_met_exactly() -> None:
    for count in (1, 2, 7, 40):
        for most in (0, 1, 3, 39, 40, 41):
            pictures = [kept(f"{number:02}.jpg") for number in range(count)]
            assert len(files_shown(pictures, per_group=most)) == min(count, most)


def test_hostile_names_stay_text() -> None:
    pictures = [kept(HOSTILE, HOSTILE) for _ in range(1)] + [
        rejected(f"{HOSTILE}{n}", identity=HOSTILE, detail=HOSTILE) for n in range(3)
    ]
    page = Page(review_page(pictures, corrections=corrections((HOSTILE, "reject", HOSTILE)), corrections_path=HOSTILE))
    assert page.tags.count("script") == 2
    assert HOSTILE in page.figures


def test_the_page_stands_alone_and_is_the_same_whatever_the_order() -> None:
    page = review_page(ADA + CROWD)
    assert page == review_page([*reversed(CROWD), *reversed(ADA)])
    assert not re.findall(r'(?:src|href)="(?!data:image/|#)', page)
    assert "http:" not in page
    assert "https:" not in page


def test_nothing_in_gives_a_page_with_a_table_of_zeros() -> None:
    rows = Page(review_page([])).rows
    assert rows[1] == ["all pictures", "0", "0", "0"]
    assert list(CLASSES.values()) == rows[0][1:3]


def test_small_pictures_keep_their_shape_and_unreadable_files_have_none(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    Image.fromarray(generator.integers(0, 256, (300, 600, 3), np.uint8)).save(tmp_path / "wide.png")
    (tmp_path / "text.jpg").write_text("no picture")
    content = thumbnail_jpeg(tmp_path / "wide.png", side=64)
    assert content is not None
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 32))
    assert thumbnail_jpeg(tmp_path / "wide.png", max_pixels=1000) is None
    items = [ThumbnailSource(name, tmp_path / name, "") for name in ("wide.png", "text.jpg", "absent.jpg")]
    texts = make_thumbnails(Thumbnails(side=64), items)
    assert base64.b64decode(texts[0]) == content
    assert texts[1:] == ["", ""]


# ---------------------------------------------------------------------------------------------------------------------
# In a browser.

GIVEN = corrections(
    ("celebrities/ada/05.jpg", "keep", 'nearly frontal, "fine"'), ("celebrities/gone.jpg", "reject", "")
)
TOOLS = """<pre id="out"></pre><script>
const figure = file => [...document.querySelectorAll("figure")].find(one => one.dataset.file === file);
const click = file => figure(file).querySelector("button").click();
const number = () => document.getElementById("number").textContent;
const tell = value => { document.getElementById("out").textContent += JSON.stringify(value) + "\\n"; };
HTMLAnchorElement.prototype.click = () => {};  // nothing is saved in a test
const download = async () => {
  let got;
  const make = URL.createObjectURL;
  URL.createObjectURL = blob => { got = blob; return "#"; };
  document.getElementById("download").click();
  URL.createObjectURL = make;
  return got.text();
};
const filter = values => {
  for (const [name, value] of Object.entries(values)) document.querySelector(`#filter [name=${name}]`).value = value;
  document.getElementById("filter").dispatchEvent(new Event("input"));
  return [...document.querySelectorAll("figure")].filter(one => !one.closest("[hidden]")).map(one => one.dataset.file);
};
"""


def browse(folder: Path, page: str, script: str, before: str = "", width: int = 900) -> list[Any]:
    """What a script on the page told."""
    text = page.replace("</head>", f"{before}</head>").replace("</body>", f"{TOOLS}{script}</script></body>")
    (folder / "review.html").write_text(text, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    profile, place = f"--user-data-dir={folder / 'profile'}", (folder / "review.html").as_uri()
    command = ["chromium", *flags.split(), "--virtual-time-budget=20000", f"--window-size={width},900", profile]
    done = subprocess.run([*command, "--dump-dom", place], capture_output=True, text=True, check=True, timeout=120)
    out = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)
    assert out is not None
    return [json.loads(line) for line in html.unescape(out[1]).splitlines()]


@needs_a_browser
def test_clicks_overrule_the_program_and_the_file_holds_all_corrections(tmp_path: Path) -> None:
    names = ["celebrities/ada/00.jpg", "celebrities/ada/06.jpg", HOSTILE]
    script = """
    document.getElementById("reason").value = ' a "good" one, really';
    tell(number());
    %s.forEach(click);
    click("celebrities/ada/01.jpg"); click("celebrities/ada/01.jpg");
    const why = figure("celebrities/ada/06.jpg").querySelector(".why");
    why.value = "other light,\\t as\\u00e9 "; why.dispatchEvent(new Event("input"));
    const first = figure("celebrities/ada/00.jpg");
    tell(first.className + first.querySelector("button").ariaPressed);
    tell(number());
    download().then(tell);
    """
    page = review_page([*ADA, kept(HOSTILE, HOSTILE)], corrections=GIVEN)
    before, state, after, content = browse(tmp_path, page, script % json.dumps(names).replace("<", "\\u003c"))
    assert before == "0 changes, 2 corrections in all"
    assert state == "rejecttrue"
    assert after == "3 changes, 5 corrections in all"
    expected = [
        ["celebrities/ada/00.jpg", "reject", 'a "good" one, really'],
        ["celebrities/ada/05.jpg", "keep", 'nearly frontal, "fine"'],
        ["celebrities/ada/06.jpg", "keep", "other light,\t as\u00e9 "],
        ["celebrities/gone.jpg", "reject", ""],
        [HOSTILE, "reject", 'a "good" one, really'],
    ]
    assert list(csv.reader(io.StringIO(str(content)))) == [["file", "decision", "reason"], *expected]
    (tmp_path / "corrections.csv").write_text(str(content), encoding="utf-8")
    table = read_table(tmp_path / "corrections.csv", "corrections")
    assert table["decision"].tolist() == [row[1] for row in expected]
    assert table["file"].tolist()[-1] == HOSTILE


@needs_a_browser
def test_a_correction_made_before_can_be_taken_back_and_changes_undone(tmp_path: Path) -> None:
    script = """
    tell(figure("celebrities/ada/05.jpg").querySelector(".mark").textContent);
    click("celebrities/ada/05.jpg");
    tell(number());
    download().then(text => { tell(text); document.getElementById("undo").click(); tell(number());
      tell(figure("celebrities/ada/05.jpg").className); });
    """
    told = browse(tmp_path, review_page(ADA, corrections=GIVEN), script)
    assert told == [
        "✓ keep (before)",
        "1 change, 1 correction in all",
        "file,decision,reason\ncelebrities/gone.jpg,reject,\n",
        "0 changes, 2 corrections in all",
        "keep",
    ]


@needs_a_browser
def test_changes_survive_a_reload_and_those_applied_since_are_no_changes_any_more(tmp_path: Path) -> None:
    page = review_page(ADA, corrections=GIVEN)
    script = """
    if (!sessionStorage.getItem("again")) {
      sessionStorage.setItem("again", "1");
      click("celebrities/ada/00.jpg"); click("celebrities/ada/05.jpg");
      location.reload();
    } else {
      tell(number());
      const place = Object.keys(localStorage).find(key => key.startsWith("looks_kedro "));
      tell(JSON.parse(localStorage.getItem(place)).length);
    }
    """
    assert browse(tmp_path, page, script) == ["2 changes, 2 corrections in all", 2]
    applied = """<script>localStorage.setItem("looks_kedro corrections.csv " + location.pathname,
      JSON.stringify([["celebrities/ada/05.jpg", { decision: "keep", reason: 'nearly frontal, "fine"' }],
      ["celebrities/ada/06.jpg", { decision: "", reason: "" }], ["y", 1], null]));</script>"""
    assert browse(tmp_path, page, "tell(number());", applied) == ["0 changes, 2 corrections in all"]


@needs_a_browser
@pytest.mark.parametrize(
    "storage",
    [
        '<script>Object.defineProperty(window, "localStorage", { get() { throw new Error("denied"); } });</script>',
        '<script>localStorage.setItem("looks_kedro corrections.csv " + location.pathname, "{spoilt");</script>',
    ],
    ids=["denied", "spoilt"],
)
def test_the_page_works_without_storage(tmp_path: Path, storage: str) -> None:
    script = 'click("celebrities/ada/00.jpg"); tell(number()); download().then(tell);'
    told = browse(tmp_path, review_page(ADA), script, storage)
    assert told == ["1 change, 1 correction in all", "file,decision,reason\ncelebrities/ada/00.jpg,reject,\n"]


@needs_a_browser
def test_pictures_can_be_sifted_by_class_person_decision_and_text(tmp_path: Path) -> None:
    script = """
    const none = { looks: "", person: "", reason: "", text: "" };
    for (const one of [{}, { looks: "0" }, { person: "1" }, { reason: "rejected" }, { reason: "because too_small" },
      { reason: "corrected" }, { reason: "kept", looks: "1" },
      { text: "YAW 41" }, { text: "ada/00" }, { text: "nobody" }])
      tell(filter({ ...none, ...one }).length);
    tell(document.getElementById("found").textContent);
    """
    told = browse(tmp_path, review_page(ADA + CROWD, corrections=GIVEN, per_group=24), script)
    assert told == [8 + 34, 34, 8, 13, 10, 1, 5, 1, 2, 0, "0 of the 42 pictures on this page"]


@needs_a_browser
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_sticks_out_and_every_picture_is_shown(tmp_path: Path, width: int) -> None:
    long = "a_name_without_any_place_to_break_" * 4
    pictures = [*ADA, *CROWD, *(rejected(f"celebrities/{long}{n}.jpg", identity=long, detail=long) for n in range(3))]
    page = review_page(pictures, corrections_path=f"data/{long}/corrections.csv")
    # In a frame, because a window of the browser is never narrower than 500 px.
    whole = page.replace('loading="lazy" decoding="async"', "").replace("content-visibility: auto", "")
    inner = html.escape(whole)
    frame = f'<body><iframe srcdoc="{inner}" style="width:{width}px;height:800px;border:0"></iframe></body>'
    script = """
    addEventListener("load", () => {
      const inside = document.querySelector("iframe").contentDocument, root = inside.documentElement;
      inside.querySelector("figure button").click();
      tell([root.clientWidth, root.scrollWidth, [...inside.images].filter(one => one.naturalWidth > 0).length]);
    });
    """
    told = browse(tmp_path, f"<head></head>{frame}", script, width=1500)
    seen, needed, pictures_shown = told[0]
    assert width - 20 <= seen <= width
    assert needed == seen
    assert pictures_shown == page.count("<img ")
