"""Overlays, sheets and figures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from looks_kedro.cam.figures import average_figure, maps_sheet
from looks_kedro.cam.overlay import contact_sheet, jet_overlay, signed_overlay

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
    shown = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in shown] == [f"no {n}" for n in range(7)]
    assert drawn(figure).std() > 0
