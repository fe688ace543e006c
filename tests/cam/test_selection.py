"""Which single maps a sheet shows."""

from __future__ import annotations

import numpy as np

from looks_kedro.cam import select_images
from looks_kedro.cam.selection import distance_from_average


def test_each_row_of_the_sheet_holds_what_its_name_says() -> None:
    maps = np.zeros((6, 2, 2))
    maps[:5, 0, 0] = [1, 2, 3, 4, 5]
    maps[3, 1, 1] = 9  # somewhere else
    margin = np.array([0.5, 3.0, -2.0, 1.0, -0.1, 8.0])
    chosen = {name: rows.tolist() for name, rows in select_images(maps, margin, most=2).items()}
    assert chosen["wrong"] == [2, 4]
    assert chosen["most certain"] == [5, 1]
    assert chosen["least certain"] == [0, 3]
    assert chosen["far from it"][0] == 3
    assert 3 not in chosen["near the average"]
    assert 5 not in chosen["near the average"] + chosen["far from it"]  # a map of zeros lies nowhere


def test_a_class_without_wrong_answers_has_no_such_row() -> None:
    assert "wrong" not in select_images(np.ones((2, 2, 2)), np.array([1.0, 2.0]))


def test_distance_counts_where_the_heat_lies_and_not_its_strength() -> None:
    one = np.array([[1.0, 0], [0, 0]])
    maps = np.stack([one, 7 * one, one])
    np.testing.assert_allclose(distance_from_average(maps), 0, atol=1e-12)
