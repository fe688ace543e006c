"""Overlays, sheets and figures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from looks_kedro.cam.figures import (
    AverageMap,
    average_figure,
    averages_grid,
    maps_sheet,
    padding_figure,
    sections_sheet,
)
from looks_kedro.cam.overlay import contact_sheet, jet_overlay, signed_overlay
from looks_kedro.cam.styles import drawn_maps, full_colour, overlay

GREY = np.full((60, 60, 3), 128, dtype=np.uint8)


def test_jet_is_red_where_the_heat_is_and_blue_where_it_is_not() -> None:
    heat = np.zeros((2, 2))
    heat[:, 1] = 1
    overlay = jet_overlay(GREY, heat)
    assert overlay.shape == GREY.shape
    assert overlay.dtype == np.uint8
    assert overlay[30, 55, 0] > overlay[30, 55, 2]
    assert overlay[30, 5, 2] > overlay[30, 5, 0]
    assert np.array_equal(jet_overlay(GREY, heat, opacity=0), GREY)


def test_signed_evidence_is_red_for_class_1_blue_for_class_0_and_absent_at_zero() -> None:
    evidence = np.zeros((3, 3))
    evidence[:, 0], evidence[:, 2] = -2, 2
    overlay = signed_overlay(GREY, evidence)
    assert overlay[30, 58, 0] > overlay[30, 58, 2]
    assert overlay[30, 1, 2] > overlay[30, 1, 0]
    assert np.abs(overlay[30, 30].astype(int) - 128).max() <= 3
    assert np.array_equal(signed_overlay(GREY, np.zeros((3, 3))), GREY)


def test_a_shared_scale_makes_weaker_evidence_paler() -> None:
    one = np.ones((2, 2))
    strong = signed_overlay(GREY, one, scale=1).astype(int)
    weak = signed_overlay(GREY, one, scale=10).astype(int)
    assert np.abs(weak - 128).sum() < 0.5 * np.abs(strong - 128).sum()


def test_a_sheet_holds_each_picture_in_its_place() -> None:
    pictures = [np.full((4, 4, 3), value, dtype=np.uint8) for value in (10, 20, 30)]
    sheet = contact_sheet(pictures, columns=2, gap=1)
    assert sheet.shape == (9, 9, 3)
    assert sheet[0, 0, 0] == 10
    assert sheet[0, 5, 0] == 20
    assert sheet[5, 0, 0] == 30
    assert sheet[8, 8, 0] == 255
    with pytest.raises(ValueError, match="no picture"):
        contact_sheet([])


def drawn(figure: object) -> np.ndarray:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return np.asarray(Image.open(file).convert("RGB"))


def test_the_averaged_figure_shows_heat_where_it_is_and_is_the_same_each_time() -> None:
    low, high = np.zeros((7, 7)), np.zeros((7, 7))
    high[3, 3] = 1
    first = drawn(average_figure({"ordinary": low, "celebrity": high}, title="resnet18"))
    again = drawn(average_figure({"ordinary": low, "celebrity": high}, title="resnet18"))
    swapped = drawn(average_figure({"ordinary": high, "celebrity": low}, title="resnet18"))
    assert np.array_equal(first, again)
    reddish = (first[..., 0] > 200) & (first[..., 1] < 60) & (first[..., 2] < 60)
    reddish[:, int(first.shape[1] * 0.82) :] = False  # the colour bar
    assert reddish.any()
    assert np.flatnonzero(reddish.any(axis=0)).min() > first.shape[1] * 0.45
    assert not np.array_equal(first, swapped)


def test_figures_leave_pyplot_alone() -> None:
    import matplotlib.pyplot as plt

    average_figure({"ordinary": np.ones((7, 7))}, mean_faces={"ordinary": GREY})
    maps_sheet([GREY], np.ones((1, 7, 7)))
    assert plt.get_fignums() == []


def test_a_sheet_of_maps_draws_every_picture_and_caption() -> None:
    figure = maps_sheet([GREY] * 7, np.zeros((7, 7, 7)), [f"no {n}" for n in range(7)], columns=4, title="all")
    assert [text.get_text() for text in figure.axes[0].texts] == [*(f"no {n}" for n in range(7)), "all"]
    pixels = drawn(figure)
    # Two rows, the second of three pictures: the place of the eighth is white.
    assert (pixels[-100, -100] == 255).all()
    assert not (pixels[-100, 100] == 255).all()


def words_in(figure: object) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_each_row_of_signed_averages_has_its_own_scale_and_says_so() -> None:
    weak, strong = np.full((3, 3), 0.1), np.full((3, 3), -4.0)
    rows = {"celebrities": {"all": AverageMap(weak, GREY, 7)}, "ordinary": {"all": AverageMap(strong, GREY, 9)}}
    figure = averages_grid(rows, "difference")
    assert set(words_in(figure)) == {"celebrities \u00b10.1", "ordinary \u00b14", "n = 7", "n = 9", "all"}
    pixels = drawn(figure).astype(int)
    upper, lower = pixels[100, 100], pixels[270, 100]
    assert upper[0] > upper[2] + 50
    assert lower[2] > lower[0] + 50
    published = averages_grid(rows, "published")
    assert "celebrities" in words_in(published)


def test_a_column_that_a_row_lacks_stays_white() -> None:
    rows = {"a": {"x": AverageMap(np.ones((2, 2)), GREY), "y": AverageMap(np.ones((2, 2)), GREY)}, "b": {}}
    rows["b"]["y"] = AverageMap(np.ones((2, 2)), GREY)
    pixels = drawn(averages_grid(rows, "difference"))
    assert (pixels[260, 100] == 255).all()
    assert not (pixels[260, 260] == 255).all()


def test_a_sheet_has_a_row_for_each_reason() -> None:
    entry = (GREY, np.zeros((3, 3)), "ada 0.91")
    figure = sections_sheet({"wrong": [entry], "most certain": [entry] * 3}, "difference", "celebrities")
    assert words_in(figure).count("ada 0.91") == 4
    assert {"wrong", "most certain", "celebrities"} <= set(words_in(figure))


def test_the_padding_figure_shows_nothing_in_its_last_column_where_maps_turn_with_the_image() -> None:
    heat = np.zeros((4, 4))
    heat[:, 0] = 1
    face = np.full((60, 60, 3), 100, dtype=np.uint8)

    def last_column(turned: np.ndarray) -> np.ndarray:
        pixels = drawn(padding_figure({"celebrities": (heat, turned)}, {"celebrities": face}))
        return pixels[60:150, 26 + 3 * 156 + 10 : 26 + 3 * 156 + 140].astype(int)

    assert np.abs(last_column(heat[:, ::-1]) - 100).max() <= 1
    assert np.abs(last_column(heat) - 100).max() > 50


def test_signed_maps_lie_over_a_grey_image_and_share_a_scale_that_one_strong_map_does_not_set() -> None:
    red = np.zeros((20, 20, 3), dtype=np.uint8)
    red[..., 0] = 200
    assert (np.ptp(overlay(red, np.zeros((2, 2)), "difference"), axis=2) == 0).all()
    by_class = np.zeros((50, 2, 2, 2))
    by_class[:, 1] = 1
    by_class[0, 1] = 100
    scale = full_colour(by_class)
    assert scale == 1
    maps = drawn_maps(by_class, np.ones(50, int), "difference", scale)
    assert maps[0].max() == 100
    assert maps[1].max() == 1
    assert np.abs(drawn_maps(by_class, np.ones(50, int), "difference")).max() == 1


@pytest.mark.parametrize("name", ["Joey Bada$$ 0.98", "$\\frac$ 0.30", "高橋 一生 0.50", "김 0.50"])
def test_names_are_drawn_as_they_are_written(name: str, recwarn: pytest.WarningsRecorder) -> None:
    entry = (GREY, np.zeros((3, 3)), name)
    figure = sections_sheet({name: [entry]}, "difference", name)
    assert set(words_in(figure)) == {name.replace("김", "□")}
    drawn(figure)
    drawn(averages_grid({name: {name: AverageMap(np.ones((2, 2)), GREY)}}, "published", name))
    assert [str(one.message) for one in recwarn] == []


def test_two_japanese_names_are_drawn_with_different_letters() -> None:
    one, other = (drawn(maps_sheet([GREY], np.zeros((1, 2, 2)), [name])) for name in ("高橋", "一生"))
    assert (one != other).any()


def test_a_title_is_not_cut_off_above_a_single_picture() -> None:
    title = "celebrities: person, and probability of celebrity"
    figure = sections_sheet({"near the average": [(GREY, np.zeros((3, 3)), "ada 0.91")]}, "difference", title)
    pixels = drawn(figure)
    assert (pixels[:30] < 128).any()
    assert (pixels[:, -3:] == 255).all()
    (written,) = (text for text in figure.axes[0].texts if text.get_text() == title)
    assert written.get_window_extent(figure.canvas.get_renderer()).x1 <= pixels.shape[1]


def test_columns_of_averages_follow_the_order_that_is_named() -> None:
    one = AverageMap(np.ones((2, 2)), GREY)
    rows = {"celebrities": {"10-19": one, "20-29": one}, "ordinary": {"0-2": one, "10-19": one, "others": one}}
    figure = averages_grid(rows, "difference", order=["0-2", "3-9", "10-19", "20-29"])
    above = [text for text in figure.axes[0].texts if text.get_va() == "bottom"]
    assert [text.get_text() for text in above] == ["0-2", "10-19", "20-29", "others"]
    assert [text.get_position()[0] for text in above] == sorted(text.get_position()[0] for text in above)


def test_the_difference_in_the_padding_figure_is_in_one_scale_with_the_maps() -> None:
    own = np.zeros((4, 4))
    own[:, 0] = 1
    figure = padding_figure({"celebrities": (own, -own[:, ::-1])}, {"celebrities": GREY})
    assert "celebrities \u00b12" in words_in(figure)
    pixels = drawn(figure).astype(int)
    expected, difference = (pixels[100, 26 + place * 156 + 140] for place in (1, 3))
    # The difference is twice as strong as either map, so its colour is fuller.
    assert difference[2] - difference[0] > 1.5 * (expected[0] - expected[2]) > 0
