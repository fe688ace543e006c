from collections import Counter
from itertools import combinations

import numpy as np

from looks_kedro.portraits import AGES, GENDERS, RACES, aligned_face, draw_identity
from looks_kedro.portraits.identity import HAIR_COLOURS


def test_the_same_seed_draws_the_same_person_and_another_seed_another() -> None:
    assert draw_identity(5) == draw_identity(5)
    assert draw_identity(5) != draw_identity(6)


def test_labels_are_fairface_values_and_all_of_them_occur() -> None:
    people = [draw_identity(seed) for seed in range(300)]
    assert {p.age for p in people} == set(AGES)
    assert {p.gender for p in people} == set(GENDERS)
    assert {p.race for p in people} == set(RACES)


def test_a_label_shows_in_the_appearance_but_not_perfectly() -> None:
    people = [draw_identity(seed) for seed in range(700)]
    nearest = [int(np.abs(np.array(HAIR_COLOURS) - p.hair).sum(1).argmin()) for p in people]
    pairs = Counter(zip((p.race for p in people), nearest, strict=True))
    hits = sum(max(pairs[race, hair] for hair in range(7)) for race in RACES)
    assert 0.85 < hits / len(people) < 0.99


def test_skin_tone_says_nothing_about_race() -> None:
    people = [draw_identity(seed) for seed in range(1400)]
    means = [np.mean([sum(p.skin) for p in people if p.race == race]) for race in RACES]
    spread = np.std([sum(p.skin) for p in people])
    assert max(abs(a - b) for a, b in combinations(means, 2)) < 0.5 * spread


def test_the_labels_can_be_learnt_from_the_pictures() -> None:
    """Nearest centroid of small pictures of the hair, on people it has not seen."""
    people = [draw_identity(seed) for seed in range(200)]
    faces = [aligned_face(person, seed=i, looks=0, size=48).image for i, person in enumerate(people)]
    pictures = np.array([face[:12].ravel() for face in faces], float)
    race = np.array([RACES.index(person.race) for person in people])
    centres = np.array([pictures[:140][race[:140] == k].mean(0) for k in range(7)])
    guess = ((pictures[140:, None] - centres) ** 2).sum(-1).argmin(1)
    assert (guess == race[140:]).mean() > 2 / 7
