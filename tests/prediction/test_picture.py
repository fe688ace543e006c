"""The picture and the words of an answer, hostile names included."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from looks_kedro.prediction import Prediction, Predictor, audit_note, draw_prediction
from looks_kedro.prediction.fonts import font_for, with_boxes
from looks_kedro.prediction.results import Regions, percent
from looks_kedro.tables import columns

HOSTILE = '"><script>alert(1)</script>\u202egpj\n.jpg'
SHORTCUT = audit_note({"verdict": "SHORTCUT", "channels": ["background"], "sentence": "Words. " * 90})


@pytest.fixture(scope="module")
def answer(predictor: Predictor, album: Path) -> Prediction:
    return predictor(album / "front 0.jpg")


def test_every_kind_of_answer_has_a_picture_of_one_size(answer: Prediction, predictor: Predictor, album: Path) -> None:
    refusals = [predictor(album / name) for name in ("side.jpg", "words.jpg")]
    pictures = [draw_prediction(one) for one in (answer, *refusals, replace(answer, audit=SHORTCUT, file=HOSTILE))]
    assert {picture.size for picture in pictures} == {pictures[0].size}
    assert {picture.mode for picture in pictures} == {"RGB"}


def test_the_map_is_red_where_it_speaks_for_the_second_class(answer: Prediction) -> None:
    def mapped(evidence: np.ndarray) -> np.ndarray:
        picture = np.asarray(draw_prediction(replace(answer, evidence=evidence.astype(np.float32))))
        face = picture[54 : 54 + 320, 24 + 320 + 24 : 24 + 320 + 24 + 320].astype(int)
        return face[:, :, 0] - face[:, :, 2]

    left = np.array([[1.0, 0.0], [1.0, 0.0]])
    redder = mapped(left)
    assert redder[:, :80].mean() > 40
    assert abs(redder[:, -60:].mean()) < 8
    assert mapped(-left)[:, :80].mean() < -40


def test_nothing_is_drawn_outside_its_place_however_long_the_words(answer: Prediction) -> None:
    long = replace(answer, audit=replace(SHORTCUT, warning="This model relies on everything. " * 9), file="W" * 300)
    picture = np.asarray(draw_prediction(long))
    assert all((edge == 255).all() for edge in (picture[:, :20], picture[:, -20:], picture[-16:], picture[:14]))


def test_letters_of_a_name_are_drawn_where_a_font_has_them_and_boxes_where_none_has() -> None:
    told = {
        name: with_boxes(name, font_for(name, 17, bold=True)) for name in ("Zoë Ж.jpg", "山田太郎 さん.jpg", "김.jpg")
    }
    assert told == {"Zoë Ж.jpg": "Zoë Ж.jpg", "山田太郎 さん.jpg": "山田太郎 さん.jpg", "김.jpg": "□.jpg"}


def test_two_japanese_names_have_two_pictures(answer: Prediction) -> None:
    one, other = (np.asarray(draw_prediction(replace(answer, file=f"{name}.jpg"))) for name in ("山田", "田山"))
    assert (one[:54] != other[:54]).any()
    assert (one[54:] == other[54:]).all()


def test_html_shows_the_words_and_runs_nothing(answer: Prediction) -> None:
    tags: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, dict(attrs)))

    Reader().feed(replace(answer, file=HOSTILE, audit=SHORTCUT)._repr_html_())
    ((tag, attributes),) = tags
    assert tag == "img"
    assert "This model relies on the background." in str(attributes["alt"])
    assert "\u202e" not in str(attributes["alt"])


def test_words_tell_class_certainty_evidence_and_caution(answer: Prediction) -> None:
    share = dict.fromkeys(answer.regions.share, 0.0) | {"eyes": 0.25, "hair": 0.25, "background_left": 0.5}
    area = dict.fromkeys(share, 0.05) | {"jaw": 0.45}
    told = str(replace(answer, logits=(0.0, 3.0), temperature=2.0, regions=Regions(share, area), audit=SHORTCUT))
    first, second = told.splitlines()
    assert first == (
        "front 0.jpg: celebrity, 82 % (calibrated; 95 % before). Evidence (area): face 25 % (75 %), hair 25 % (5 %), "
        "neck and clothes 0 % (5 %), background 50 % (15 %)."
    )
    assert second == "Caution: This model relies on the background."
    nothing = Regions(dict.fromkeys(share, float("nan")), area)
    assert replace(answer, regions=nothing).words().endswith("No place of the portrait speaks for it.")
    draw_prediction(replace(answer, regions=nothing))


def test_certainty_is_never_rounded_to_all_or_nothing() -> None:
    assert [percent(value) for value in (0.0, 0.001, 0.5, 0.996, 0.9999, 1.0)] == [
        "0 %", "under 1 %", "50 %", "over 99 %", "over 99 %", "100 %"
    ]  # fmt: skip


def test_a_row_has_the_columns_of_the_table(answer: Prediction) -> None:
    rest = {"variant", "backbone", "picture"}
    assert set(answer.row()) == set(columns("photo_predictions")) - rest
    assert set(Prediction("x.jpg", "no_face").row()) == set(answer.row())


def test_a_long_class_name_is_cut_and_its_percentage_stays(answer: Prediction) -> None:
    def words_beside(name: str, logit: float) -> np.ndarray:
        sure = replace(answer, classes=("ordinary", name), logits=(0.0, logit), temperature=None)
        return np.asarray(draw_prediction(sure).convert("L"))[40:96, 712:]

    name = "person who appears in public, by name and by face"
    half, nearly = words_beside(name, 1.0), words_beside(name, 3.0)
    assert (half[:, 540:] == 255).all()
    changed = np.flatnonzero((half != nearly).any(axis=0))
    assert changed.min() > 400
    assert changed.max() < 540


def test_class_names_in_japanese_have_letters(answer: Prediction) -> None:
    def drawn(name: str) -> np.ndarray:
        return np.asarray(draw_prediction(replace(answer, classes=("ordinary", name), logits=(0.0, 1.0))))

    one, other = drawn("有名"), drawn("著名")
    assert all(
        (one[rows, 712:] != other[rows, 712:]).any() for rows in (slice(48, 90), slice(130, 160), slice(330, 380))
    )
