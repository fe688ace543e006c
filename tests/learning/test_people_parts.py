"""The validation part, by whole people."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.people_parts import validation_rows


def people(sizes: dict[int, list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Groups and targets of people with so many images, by class."""
    groups = [f"{looks}-{n}" for looks, counts in sizes.items() for n, count in enumerate(counts) for _ in range(count)]
    targets = [looks for looks, counts in sizes.items() for count in counts for _ in range(count)]
    return np.array(groups), np.array(targets, dtype=np.int64)


@settings(max_examples=60, deadline=None)
@given(
    ordinary=st.lists(st.integers(1, 9), min_size=2, max_size=30),
    celebrities=st.lists(st.integers(1, 40), min_size=2, max_size=12),
    fraction=st.floats(0.01, 0.5),
    seed=st.integers(0, 999),
)
def test_nobody_is_in_both_parts_every_image_is_in_one_and_classes_come_near_their_share(
    ordinary: list[int], celebrities: list[int], fraction: float, seed: int
) -> None:
    groups, targets = people({0: ordinary, 1: celebrities})
    train, validation = validation_rows(groups, targets, fraction, seed)
    assert sorted([*train, *validation]) == list(range(len(groups)))
    assert not set(groups[train]) & set(groups[validation])
    for looks, counts in ((0, ordinary), (1, celebrities)):
        kept = int((targets[validation] == looks).sum())
        assert 0 < kept < sum(counts)
        # Nobody who was left out would bring the class nearer by more than half of their images, except that
        # training keeps somebody, and that somebody must be kept aside.
        assert abs(kept - fraction * sum(counts)) <= max(counts)


@settings(max_examples=40, deadline=None)
@given(
    images=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=4, max_size=60),
    fraction=st.floats(0.05, 0.5),
)
def test_people_with_images_of_several_classes_are_taken_whole(images: list[tuple[int, int]], fraction: float) -> None:
    groups = np.array([f"person {number}" for number, _ in images])
    targets = np.array([looks for _, looks in images], dtype=np.int64)
    try:
        train, validation = validation_rows(groups, targets, fraction, 0)
    except BadInputError:
        assume(False)
    assert not set(groups[train]) & set(groups[validation])
    assert set(targets[train]) == set(targets[validation]) == set(targets)


def test_large_classes_get_their_share_to_the_image_where_people_have_one_each() -> None:
    groups, targets = people({0: [1] * 3000, 1: [1] * 500})
    _, validation = validation_rows(groups, targets, 0.1, 0)
    assert np.bincount(targets[validation]).tolist() == [300, 50]


def test_the_seed_decides_who_and_the_order_of_the_images_does_not() -> None:
    groups, targets = people({0: [3] * 20, 1: [5] * 20})
    first = set(groups[validation_rows(groups, targets, 0.2, 0)[1]])
    turned = groups[::-1][validation_rows(groups[::-1], targets[::-1], 0.2, 0)[1]]
    other = groups[validation_rows(groups, targets, 0.2, 1)[1]]
    assert first == set(turned)
    assert first != set(other)


def test_a_table_of_attributes_is_spread_by_their_combinations() -> None:
    combinations = np.array([(race, gender) for race in range(3) for gender in range(2)] * 50)
    groups = np.array([f"face {number}" for number in range(300)])
    _, validation = validation_rows(groups, combinations, 0.2, 0)
    _, counts = np.unique(combinations[validation], axis=0, return_counts=True)
    assert counts.tolist() == [10] * 6


def test_a_rare_combination_of_attributes_stays_in_training() -> None:
    attributes = np.array([(0, 0)] * 9 + [(1, 1)])
    train, validation = validation_rows([str(number) for number in range(10)], attributes, 0.3, 0)
    assert len(validation) == 3
    assert 9 in train


def test_a_class_of_one_person_is_refused_with_what_to_do() -> None:
    groups, targets = people({0: [2] * 5, 1: [8]})
    with pytest.raises(BadInputError, match=r"class 1 has 1 group.*set training.validation_fraction to 0"):
        validation_rows(groups, targets, 0.2, 0)


def test_unequal_numbers_and_shares_out_of_range_are_refused() -> None:
    groups, targets = people({0: [2, 2], 1: [2, 2]})
    with pytest.raises(BadInputError, match="8 groups but 7 targets"):
        validation_rows(groups, targets[:7], 0.2, 0)
    with pytest.raises(BadParameterError, match=r"validation_fraction is 0\.7"):
        validation_rows(groups, targets, 0.7, 0)
