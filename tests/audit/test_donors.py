"""Who gives a value to whom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.audit.donors import draw_donors
from looks_kedro.errors import BadInputError, BadParameterError

people = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["", "a", "b", "c", "d", "e"])), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None)
@given(people, st.integers(1, 3), st.integers(0, 99))
def test_nobody_gives_to_an_image_of_their_own(images: list[tuple[int, str]], draws: int, seed: int) -> None:
    labels, names = np.array([one for one, _ in images]), [name for _, name in images]
    donors = draw_donors(labels, names, draws=draws, seed=seed)
    assert sorted([*donors.recipients, *donors.without]) == list(range(len(images)))
    for kind in (donors.same, donors.other, donors.balanced):
        assert kind.shape == (draws, len(donors.recipients))
        for row in kind:
            assert not (row == donors.recipients).any()
            for recipient, donor in zip(donors.recipients, row, strict=True):
                assert names[recipient] == "" or names[recipient] != names[donor]
    assert (labels[donors.same] == labels[donors.recipients]).all()
    assert (labels[donors.other] == 1 - labels[donors.recipients]).all()
    # An image is left out only if one class has really nobody else.
    for row in donors.without:
        others = [i for i in range(len(names)) if i != row and (names[i] == "" or names[i] != names[row])]
        assert {int(labels[i]) for i in others} != {0, 1}


def test_balanced_donors_come_from_both_classes_in_equal_parts() -> None:
    labels = np.repeat([0, 1], [30, 50])
    donors = draw_donors(labels, [""] * 80, draws=4)
    for row in donors.balanced:
        for side, half in ((0, 15), (1, 25)):
            assert (labels[row[labels == side]] == side).sum() == half
    same = donors.balanced == donors.same
    assert (same != (donors.balanced == donors.other)).all()
    assert (same[0] != same[1]).all()


def test_all_images_of_other_people_are_drawn_equally_often() -> None:
    labels = np.repeat([0, 1], [5, 6])
    names = ["", "", "", "", "", "x", "x", "x", "y", "y", "z"]
    donors = draw_donors(labels, names, draws=1200, seed=1)
    counts = np.bincount(donors.same[:, 5], minlength=11)[5:]
    assert (counts[:3] == 0).all()
    assert np.abs(counts[3:] - 400).max() < 5 * np.sqrt(400)
    assert np.abs(np.bincount(donors.other[:, 5], minlength=11)[:5] - 240).max() < 5 * np.sqrt(240)


def test_the_seed_decides() -> None:
    labels = np.tile([0, 1], 30)
    one, again, other = (draw_donors(labels, [""] * 60, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.balanced, again.balanced)
    assert not np.array_equal(one.same, other.same)


def test_only_usable_images_take_part() -> None:
    labels = np.tile([0, 1], 20)
    usable = np.arange(40) % 4 < 2
    donors = draw_donors(labels, [""] * 40, draws=3, usable=usable)
    assert np.array_equal(donors.recipients, np.flatnonzero(usable))
    assert usable[donors.same].all()
    assert usable[donors.other].all()


def test_an_only_person_has_no_donor_in_its_class() -> None:
    donors = draw_donors([0, 0, 1, 1], ["", "", "a", "a"])
    assert donors.recipients.tolist() == [0, 1]
    assert donors.without.tolist() == [2, 3]


def test_bad_input_is_told() -> None:
    with pytest.raises(BadInputError, match="labels, row 1: expected 0 or 1"):
        draw_donors([0, 2], ["", ""])
    with pytest.raises(BadInputError, match="one value for each image"):
        draw_donors([0, 1], [""])
    with pytest.raises(BadParameterError, match="draws is 0"):
        draw_donors([0, 1], ["", ""], draws=0)
