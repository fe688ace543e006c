"""Enlarged and averaged maps."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.cam.averages import align_maps, average_maps, enlarge, similarity

FIVE = np.array([[100.0, 120], [200, 120], [150, 170], [110, 220], [190, 220]])


def test_enlarging_is_torchs_bilinear_without_aligned_corners() -> None:
    maps = np.random.default_rng(0).normal(size=(3, 7, 7)).astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(maps)[:, None], size=(300, 300), mode="bilinear", align_corners=False
    )[:, 0].numpy()
    np.testing.assert_allclose(enlarge(maps, 300), expected, atol=1e-5)
    np.testing.assert_allclose(enlarge(maps[1], 300), expected[1], atol=1e-5)


def test_each_class_has_the_mean_of_its_own_maps() -> None:
    maps = np.stack([np.full((2, 2), value, dtype=np.float32) for value in (1, 2, 6)])
    means = average_maps(maps, np.array([1, 0, 0]), size=10)
    assert list(means) == ["ordinary", "celebrity"]
    assert np.allclose(means["ordinary"], 4)
    assert np.allclose(means["celebrity"], 1)


def test_a_class_without_images_is_left_out() -> None:
    assert list(average_maps(np.ones((2, 2, 2)), np.array([1, 1]), size=8)) == ["celebrity"]


@given(angle=st.floats(-3, 3), scale=st.floats(0.3, 3), right=st.floats(-50, 50), down=st.floats(-50, 50))
def test_a_similarity_is_found_again_from_the_points_that_it_moved(
    angle: float, scale: float, right: float, down: float
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(FIVE, FIVE @ turn.T + [right, down])
    np.testing.assert_allclose(found, np.column_stack([turn, [right, down]]), atol=1e-8)


def test_alignment_brings_displaced_spots_together() -> None:
    moves = [(0, 0), (40, -30), (-35, 20)]
    maps, points = [], []
    for right, down in moves:
        one = np.zeros((300, 300), dtype=np.float32)
        cv2.circle(one, (150 + right, 170 + down), 8, 1.0, -1)
        maps.append(one)
        points.append(FIVE + np.array([right, down]))
    blurred = average_maps(np.stack(maps), np.ones(3, dtype=int), 300)["celebrity"]
    aligned = align_maps(np.stack(maps), np.stack(points), FIVE, 300)
    assert blurred[170, 150] < 0.4
    assert aligned[170, 150] > 0.99
    assert aligned[170, 150 + 40] < 0.01
    by_class = average_maps(np.stack(maps), np.ones(3, dtype=int), 300, landmarks=np.stack(points))["celebrity"]
    centre = FIVE.mean(axis=0) + np.mean(moves, axis=0)
    row, column = np.unravel_index(int(by_class.argmax()), by_class.shape)
    assert abs(column - centre[0]) < 10
    assert abs(row - centre[1]) < 10


def test_where_no_image_reaches_the_mean_is_zero_and_elsewhere_undimmed() -> None:
    aligned = align_maps(np.ones((1, 7, 7)), (FIVE + np.array([100, 0]))[None], FIVE, 300)
    assert np.allclose(aligned[:, :198], 1)
    assert np.allclose(aligned[:, 202:], 0)
