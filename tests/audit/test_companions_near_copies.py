"""Copies that lie in both classes, and neighbours of one class."""

from __future__ import annotations

import cv2
import numpy as np

from looks_kedro.audit.companions import copies_across_classes, exchanged_labels, family_p_values, units_of
from looks_kedro.audit.companions.near_copies import copy_pairs, crossings, mutual_neighbours, neighbour_agreement


def textured(seed: int, side: int = 64) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(side, side, 3)).astype(np.float32)
    return np.clip(128 + 700 * cv2.GaussianBlur(noise, (0, 0), 5), 0, 255).astype(np.uint8)


def saved_again(image: np.ndarray) -> np.ndarray:
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


def test_a_picture_saved_again_under_another_name_is_found_and_one_under_the_own_name_is_not():
    pictures = np.stack([textured(0), textured(1), textured(2), saved_again(textured(0)), saved_again(textured(1))])
    pairs = copy_pairs(pictures, ["a", "b", "c", "d", "b"])
    assert [set(pair) for pair in pairs.tolist()] == [{0, 3}]
    across = copies_across_classes(pairs, [1, 0, 0, 0, 0], ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"])
    assert across.to_dict("records") == [{"file": "a.jpg", "copy": "d.jpg"}]
    assert copies_across_classes(pairs, [1, 0, 0, 1, 0]).empty


def test_ten_copies_that_all_lie_in_both_classes_are_more_than_chance_brings():
    labels = np.arange(40) % 2
    units = units_of(labels, [f"p{i:02d}" for i in range(40)])
    labelings = exchanged_labels(units, 999)
    pairs = np.arange(20).reshape(10, 2)
    found = crossings(pairs, units, labelings)
    assert found[0] == 10
    assert family_p_values(found)[0][0] < 0.01
    assert abs(found[1:].mean() - 10 * 20 / 39) < 0.2  # two of 40 people are of two classes in 20 of 39 cases
    mixed = np.array([[0, 1], [0, 2], [1, 3], [4, 5]])  # two of four
    assert family_p_values(crossings(mixed, units, labelings))[0][0] > 0.3


def test_mutual_neighbours_are_each_nearest_to_the_other_among_other_people():
    generator = np.random.default_rng(0)
    table = generator.normal(size=(90, 6))
    names = np.repeat([f"p{i}" for i in range(30)], 3)
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    distance = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    distance[names[:, None] == names[None]] = np.inf
    nearest = distance.argmin(axis=1)
    expected = {(i, int(nearest[i])) for i in range(90) if nearest[nearest[i]] == i and i < nearest[i]}
    assert {tuple(pair) for pair in mutual_neighbours(table, names).tolist()} == expected


def test_agreement_of_neighbours_is_a_balanced_accuracy():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    units = units_of(labels, [f"p{i}" for i in range(8)])
    pairs = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    found = neighbour_agreement(pairs, units, units.label[:, None])
    assert found[0] == (2 / 3 + 4 / 5) / 2


def test_agreement_is_at_chance_for_random_labels_of_a_rare_class():
    generator = np.random.default_rng(1)
    names = [f"p{i:03d}" for i in range(200)]
    units = units_of((np.arange(200) < 20).astype(int), names)
    pairs = mutual_neighbours(generator.normal(size=(200, 5)), names)
    found = neighbour_agreement(pairs, units, exchanged_labels(units, 2000))
    assert abs(found[1:].mean() - 0.5) < 0.02
