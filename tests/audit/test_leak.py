"""The leak gap between splits at random and by person."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit.leak import feature_leak_gap, leak_gap
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
    assert (found.gap, found.low, found.high) == pytest.approx((0, 0, 0))


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
