"""The leak gap between splits at random and by person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit.leak import can_be_compared, feature_leak_gap, leak_gap
from looks_kedro.errors import BadInputError


def decisions(share: float, seed: int, people: int = 60, photos: int = 5) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), photos)
    table = pd.DataFrame({"looks": who % 2, "identity": [f"p{one}" for one in who]})
    return table.assign(correct=generator.random(len(who)) < share)


def test_the_gap_is_the_difference_of_balanced_accuracies() -> None:
    random, disjoint = decisions(0.95, 1), decisions(0.7, 2)[20:]
    found = leak_gap(random, disjoint)
    expected = [table.groupby("looks")["correct"].mean().mean() for table in (random, disjoint)]
    assert (found.random, found.disjoint) == pytest.approx(expected)
    assert found.gap == pytest.approx(expected[0] - expected[1])
    assert 0.02 < found.low < found.gap < found.high


def test_the_interval_covers_a_gap_of_known_size() -> None:
    holds = []
    for seed in range(300):
        found = leak_gap(decisions(0.9, 2 * seed), decisions(0.8, 2 * seed + 1))
        holds.append(found.low <= 0.1 <= found.high)
    assert 0.925 <= np.mean(holds) <= 0.985


def test_the_same_decisions_have_no_gap() -> None:
    found = leak_gap(decisions(0.8, 3), decisions(0.8, 3))
    assert found.gap == 0
    assert -0.02 < found.low <= 0 <= found.high < 0.02


@pytest.mark.parametrize(("new", "share"), [(2, 0.65), (3, 0.65), (3, 0.85)])
def test_few_new_people_make_no_leak_of_chance(new: int, share: float) -> None:
    generator = np.random.default_rng(6)
    leaks = []
    for _ in range(200):
        parts = []
        for people, kind in ((40, "known"), (new, "new")):
            who = np.repeat(np.arange(2 * people), 2)
            skill = generator.beta(2.3 * share, 2.3 * (1 - share), 2 * people)[who]
            table = pd.DataFrame({"looks": who % 2, "identity": [f"{kind} {one}" for one in who]})
            parts.append(table.assign(correct=generator.random(len(who)) < skill))
        leaks.append(leak_gap(*parts).low > 0)
    assert np.mean(leaks) <= 0.05


def test_one_new_person_of_a_class_says_nothing_of_others() -> None:
    new = decisions(0.7, 2, people=2)
    assert np.isnan(leak_gap(decisions(0.95, 1), new).low)
    both = pd.concat([decisions(0.95, 1), new.assign(identity="new " + new["identity"])], ignore_index=True)
    assert not can_be_compared(both, ~both["identity"].str.startswith("new"))
    more = decisions(0.7, 2, people=4)
    both = pd.concat([decisions(0.95, 1), more.assign(identity="new " + more["identity"])], ignore_index=True)
    assert can_be_compared(both, ~both["identity"].str.startswith("new"))


def test_features_that_know_people_but_not_classes_leak() -> None:
    generator = np.random.default_rng(4)
    who = np.repeat(np.arange(40), 6)
    features = generator.normal(size=(40, 30))[who] + 0.1 * generator.normal(size=(240, 30))
    found = feature_leak_gap(features, who % 2, who)
    assert found.random > 0.8
    assert found.disjoint < 0.65
    assert found.low > 0.02


def test_features_of_the_class_alone_do_not_leak() -> None:
    generator = np.random.default_rng(5)
    who = np.repeat(np.arange(80), 4)
    looks = who % 2
    features = generator.normal(size=(320, 6))
    features[:, 0] += 3 * looks
    found = feature_leak_gap(features, looks, who)
    assert found.disjoint > 0.85
    assert found.low < 0.02


def test_splits_that_cannot_be_compared_are_refused() -> None:
    table = decisions(0.8, 1)
    with pytest.raises(BadInputError, match=r"disjoint split: the table lacks the columns correct"):
        leak_gap(table, table.drop(columns="correct"))
    with pytest.raises(BadInputError, match="random split: the table has not both classes"):
        leak_gap(table[table["looks"] == 1], table)
    with pytest.raises(BadInputError, match="a class has 1 people"):
        feature_leak_gap(np.zeros((3, 2)), [0, 1, 1], ["a", "b", "c"])


def test_people_in_both_classes_who_leave_a_fold_with_one_class_are_told() -> None:
    # Four people, of whom one alone has most images of class 0.
    counts = [(0, "a", 1), (1, "a", 16), (0, "b", 1), (0, "c", 1), (0, "d", 1), (1, "d", 1)]
    rows = [(looks, name) for looks, name, times in counts for _ in range(times)]
    looks, names = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    features = np.random.default_rng(0).normal(size=(len(rows), 3))
    told = 0
    for seed in range(40):
        try:
            feature_leak_gap(features, looks, names, seed=seed)
        except BadInputError as error:
            told += "both classes to learn from" in str(error)
    assert told
