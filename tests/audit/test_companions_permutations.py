"""Labels exchanged between whole people, and p-values for several companions together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.audit.companions import exchanged_labels, family_p_values, units_of
from looks_kedro.errors import BadInputError


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=6, max_size=40), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_exchanges_keep_the_number_of_people_and_never_part_the_photos_of_one(rows, seed):
    names = np.array([f"p{person}" for person, _ in rows])
    labels = np.array([label for _, label in rows])
    if len(set(names)) < 2:
        return
    units = units_of(labels, names, seed)
    exchanged = exchanged_labels(units, 20, seed)
    assert np.array_equal(exchanged[units.index, 0], labels == 1)
    assert (exchanged.sum(axis=0) == units.label.sum()).all()
    both = {name for name in names if len(set(labels[names == name])) == 2}
    for name in set(names) - both:
        assert (np.ptp(exchanged[units.index][names == name].astype(int), axis=0) == 0).all()
    for name in both:  # one half each, in every exchange
        halves = exchanged[np.unique(units.index[names == name])]
        assert (halves.sum(axis=0) == 1).all()


def test_a_person_is_never_in_two_parts_of_the_cross_validation():
    names = np.repeat([f"p{i}" for i in range(23)], 4)
    labels = np.tile([0, 1, 1, 0], 23)
    units = units_of(labels, names)
    for name in set(names):
        assert len(set(units.fold[units.index[names == name]])) == 1
    assert np.bincount(units.fold[::2]).tolist() == [5, 5, 5, 4, 4]


def test_folds_do_not_depend_on_the_labels():
    names = np.array([f"p{i:02d}" for i in range(30)])
    one = units_of(np.arange(30) % 2, names, seed=3)
    other = units_of((np.arange(30) < 4).astype(int), names, seed=3)
    assert np.array_equal(one.fold, other.fold)


def test_means_count_each_image_of_a_person_once():
    units = units_of([0, 0, 1, 0], ["a", "a", "b", "c"])
    assert units.means(np.array([[1.0], [3.0], [7.0], [5.0]])).ravel().tolist() == [2, 7, 5]


def test_the_p_value_of_one_statistic_is_the_share_of_labelings_at_least_as_large():
    values = np.array([3.0, 5.0, 1.0, 3.0, 2.0])
    alone, together = family_p_values(values)
    assert alone.tolist() == together.tolist() == [3 / 5]


def test_independent_statistics_share_one_error_rate():
    """By simulation: 6 statistics, 199 exchanges; the smallest p is 10 % or less in at most 10 % of all trials."""
    generator = np.random.default_rng(0)
    trials = [family_p_values(generator.normal(size=(6, 200)))[1].min() for _ in range(600)]
    found = np.mean(np.array(trials) <= 0.1)
    assert 0.05 <= found <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / 600)


def test_copies_of_one_statistic_cost_nothing():
    generator = np.random.default_rng(1)
    values = generator.normal(size=(1, 200))
    values[0, 0] = 9
    alone, together = family_p_values(np.repeat(values, 5, axis=0))
    assert together.tolist() == alone.tolist() == [1 / 200] * 5


def test_a_statistic_that_is_not_known_does_not_count():
    values = np.vstack([np.full(50, np.nan), np.arange(50.0)[::-1]])
    alone, together = family_p_values(values)
    assert np.isnan(alone[0])
    assert np.isnan(together[0])
    assert together[1] == 1 / 50


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        ([0, 1, 2], ["a", "b", "c"], "0 or 1, found"),
        ([0, 1, 1], ["a", " ", "c"], "row 1: the name is empty"),
        ([0, 1], ["a", "a"], "found 1 people"),
        ([0, 1], ["a", "b", "c"], "shapes"),
    ],
)
def test_labels_and_names_that_cannot_be_used_are_refused(labels, names, message):
    with pytest.raises(BadInputError, match=message):
        units_of(labels, names)
