"""Mean portraits, and averages of groups that overlap."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from looks_kedro.cam import group_averages, mean_faces
from looks_kedro.cam.averages import align_maps, average_maps

FIVE = np.array([[35.0, 40], [65, 40], [50, 55], [38, 72], [62, 72]])
MOVES = ((0, 0), (8, -6), (-7, 5))


def dots() -> tuple[list[np.ndarray], np.ndarray]:
    """Portraits of a white dot at the nose, displaced with the landmarks."""
    images = []
    for right, down in MOVES:
        image = np.zeros((100, 100, 3), dtype=np.uint8)
        cv2.circle(image, (50 + right, 55 + down), 3, (255, 255, 255), -1)
        images.append(image)
    return images, np.stack([FIVE + move for move in MOVES])


def test_the_mean_of_a_group_is_that_of_its_own_portraits() -> None:
    images = [np.full((40, 40, 3), value, dtype=np.uint8) for value in (10, 20, 90)]
    groups = {"all": np.ones(3, bool), "dark": np.array([True, True, False]), "nobody": np.zeros(3, bool)}
    found = mean_faces(iter(images), np.stack([FIVE] * 3) / 2.5, groups, size=40)
    assert found.groups == ("all", "dark")
    assert found.images.tolist() == [3, 2]
    assert (found.face("all") == 40).all()
    assert (found.face("dark", aligned=True) == 15).all()
    assert found.plain.dtype == found.aligned.dtype == np.uint8


def test_alignment_sharpens_the_mean_and_leaves_no_dark_edge() -> None:
    images, landmarks = dots()
    found = mean_faces(images, landmarks, {"all": np.ones(3, bool)}, size=100)
    assert found.face("all").max() < 120
    assert found.face("all", aligned=True).max() > 240
    white = [np.full((100, 100, 3), 255, dtype=np.uint8)] * 3
    assert mean_faces(white, landmarks, {"all": np.ones(3, bool)}, size=100).aligned.min() == 255


def test_portraits_and_landmarks_must_be_as_many() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        mean_faces([np.zeros((8, 8, 3), np.uint8)], np.stack([FIVE] * 2), {"all": np.ones(2, bool)}, size=8)


def test_groups_that_overlap_are_averaged_as_if_each_were_alone() -> None:
    generator = np.random.default_rng(0)
    maps, landmarks = generator.normal(size=(3, 7, 7)), dots()[1]
    groups = {"all": np.ones(3, bool), "two": np.array([True, False, True]), "nobody": np.zeros(3, bool)}
    plain = group_averages(maps, groups, 100)
    aligned = group_averages(maps, groups, 100, landmarks=landmarks, target=FIVE)
    assert list(plain) == list(aligned) == ["all", "two"]
    for name in plain:
        some = groups[name]
        expected = average_maps(maps[some], np.zeros(some.sum(), int), 100, names=("one",))["one"]
        np.testing.assert_allclose(plain[name], expected, atol=1e-6)
        np.testing.assert_allclose(aligned[name], align_maps(maps[some], landmarks[some], FIVE, 100), atol=1e-6)
