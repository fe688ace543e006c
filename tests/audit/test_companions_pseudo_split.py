"""Halves of one class must come out at chance, and do not where people are mixed between the folds."""

from __future__ import annotations

import numpy as np

from looks_kedro.audit.companions.discriminant import HeldOut
from looks_kedro.audit.companions.permutations import units_of
from looks_kedro.audit.companions.pseudo_split import LEAST_PEOPLE, pseudo_split


def photos(people: int, each: int = 6, features: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features that show who it is, and the names."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(people, features)).repeat(each, axis=0)
    return centres + 0.3 * generator.normal(size=centres.shape), np.repeat([f"p{i:03d}" for i in range(people)], each)


def test_random_halves_of_one_class_are_at_chance():
    for seed in range(5):
        table, names = photos(30, seed=seed)
        units = units_of(np.ones(len(names)), names, seed)
        split = pseudo_split(HeldOut(table, units), units.person, seed=seed)
        assert not split.told_apart
        assert split.low < 0.5 < split.high
        assert abs(split.balanced_accuracy - 0.5) < 0.05


def test_people_whose_photos_are_in_several_folds_are_found_out():
    """Each photo under a name of its own: the folds part people, and halves of people can be told."""
    table, names = photos(30)
    units = units_of(np.ones(len(names)), [f"{name}/{i:04d}" for i, name in enumerate(names)])
    split = pseudo_split(HeldOut(table, units), names)
    assert split.told_apart
    assert split.balanced_accuracy > 0.8
    assert split.p_value < 1e-6


def test_a_handful_of_people_is_not_halved():
    table, names = photos(LEAST_PEOPLE - 1)
    units = units_of(np.ones(len(names)), names)
    split = pseudo_split(HeldOut(table, units), units.person)
    assert np.isnan(split.balanced_accuracy)
    assert not split.told_apart
