"""How often the companions find something in labels drawn by chance: `make bench`. Figures are logged.

At most 5 % of 200 random labelings may be flagged, at every class balance from 10:90 to 90:10. Two ways:

- all balances and numbers of people, 200 labelings each. Chance labels of one balance have one and the same set of
  exchanged labels, which is drawn once; every row counts, the references and the small differences too, so the rate
  is one from above for the rows of the family.
- the whole judgement as users call it, pseudo-splits included, ``NOISE_LABELINGS`` times at each of three balances
  (environment variable; 200 for the full run, 20 otherwise).
"""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest
from scipy.stats import beta

from looks_kedro.audit.companions import Evidence, family_p_values, gather_evidence, judge_evidence, units_of
from looks_kedro.audit.companions.screening import FAMILY_LEVEL, classifiers_of, family_statistics
from looks_kedro.parallel import map_images
from looks_kedro.portraits import aligned_face, draw_identity

log = logging.getLogger("bench")

PEOPLE, PHOTOS, SIDE = (40, 100, 200), 2, 64
BALANCES = tuple(range(10, 100, 10))
LABELINGS, EXCHANGES = 200, 1_999
MOST = 0.05


def draw(task: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    person, photo = task
    shown = aligned_face(draw_identity(person), seed=photo, looks=0, size=SIDE)
    return shown.image, shown.landmarks


@pytest.fixture(scope="module")
def portraits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tasks = [(30_000 + one, 100 * one + photo) for one in range(max(PEOPLE)) for photo in range(PHOTOS)]
    drawn = list(map_images(draw, tasks, processes=2, chunk_size=32))
    names = np.array([f"person {one:06d}" for one, _ in tasks])
    return np.stack([image for image, _ in drawn]), np.stack([points for _, points in drawn]), names


def evidence_of(portraits: tuple[np.ndarray, np.ndarray, np.ndarray], people: int) -> Evidence:
    faces, landmarks, names = (part[: people * PHOTOS] for part in portraits)
    return gather_evidence(faces, names, landmarks)


def drawn_labels(people: int, balance: int, count: int, seed: int) -> np.ndarray:
    """Labels by person, bool (people, count): ``balance`` % of them in class 1."""
    first = np.arange(people) < round(people * balance / 100)
    return np.random.default_rng([seed, people, balance]).permuted(np.repeat(first[None], count, axis=0), axis=1).T


def upper_bound(found: int, of: int) -> float:
    """Of the 95 % Clopper-Pearson interval."""
    return float(beta.ppf(0.975, found + 1, of - found)) if found < of else 1.0


@pytest.mark.parametrize("people", PEOPLE)
def test_labels_drawn_by_chance_are_not_flagged_at_any_balance(portraits, people):
    evidence = evidence_of(portraits, people)
    every = []
    for balance in BALANCES:
        tried = drawn_labels(people, balance, LABELINGS, seed=1)
        exchanged = drawn_labels(people, balance, EXCHANGES, seed=2)
        units = units_of(tried[np.repeat(np.arange(people), PHOTOS), 0].astype(int), evidence.identities)
        # Units are numbered by name, which is how the people come.
        labelings = np.column_stack([tried, exchanged])
        found = family_statistics(evidence, classifiers_of(evidence, units), units, labelings)
        chance = found[:, LABELINGS:]
        smallest = [np.nanmin(family_p_values(np.column_stack([found[:, one], chance]))[1]) for one in range(LABELINGS)]
        flagged = int((np.array(smallest) <= FAMILY_LEVEL).sum())
        at_five = int((np.array(smallest) <= MOST).sum())
        every.append(flagged)
        log.info(
            "%d people, %d:%d: %d of %d labelings flagged (%.1f %%, at most %.1f %%); at a level of 5 %% %d",
            people, balance, 100 - balance, flagged, LABELINGS, 100 * flagged / LABELINGS,
            100 * upper_bound(flagged, LABELINGS), at_five,
        )  # fmt: skip
    assert max(every) <= MOST * LABELINGS


@pytest.mark.parametrize("balance", [10, 50, 90])
def test_the_whole_judgement_does_not_flag_chance_labels(portraits, balance):
    people, count = 100, int(os.environ.get("NOISE_LABELINGS", "20"))
    evidence = evidence_of(portraits, people)
    labels = drawn_labels(people, balance, count, seed=3)[np.repeat(np.arange(people), PHOTOS)].astype(int)
    found = [judge_evidence(evidence, labels[:, one], seed=one).table for one in range(count)]
    flagged = sum(bool(table["flagged"].any()) for table in found)
    splits = sum(bool(table.loc[table["companion"] == "pseudo-split", "flagged"].any()) for table in found)
    log.info(
        "whole judgement, %d people, %d:%d: %d of %d labelings flagged (%.1f %%, at most %.1f %%), %d by pseudo-splits",
        people, balance, 100 - balance, flagged, count, 100 * flagged / count, 100 * upper_bound(flagged, count),
        splits,
    )  # fmt: skip
    assert flagged <= MOST * count
