"""Intervals over people: against plain bootstrap draws, against other formulas, and by coverage."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.clusters import cluster_weights, people_of, simultaneous_error_rate, spread
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import (
    Interval,
    auc_interval,
    balanced_accuracy_interval,
    mean_interval,
    placements,
    share_interval,
)


def unequal_people(generator: np.random.Generator, count: int, mean: float) -> np.ndarray:
    """The person of each photo; people have very different numbers of photos."""
    sizes = np.maximum(1, np.round(generator.lognormal(np.log(mean) - 0.32, 0.8, count))).astype(int)
    return np.repeat(np.arange(count), sizes)


def alike(generator: np.random.Generator, who: np.ndarray, share: float, correlation: float) -> np.ndarray:
    """Right or wrong, the more alike within a person the larger the correlation."""
    both = (1 - correlation) / correlation
    rates = generator.beta(share * both, (1 - share) * both, int(who.max()) + 1)
    return generator.random(len(who)) < rates[who]


def coverage(holds: list[bool]) -> float:
    return float(np.mean(holds))


@pytest.mark.parametrize("share", [0.7, 0.9])
def test_intervals_cover_with_unequal_people_whose_photos_are_alike(share: float) -> None:
    generator = np.random.default_rng(4)
    alone, balanced = [], []
    for _ in range(400):
        who, other = unequal_people(generator, 25, 10), np.arange(300)
        one, two = alike(generator, who, share, 0.2), alike(generator, other, share, 0.2)
        found = share_interval(one, people_of(who))
        alone.append(found.low <= share <= found.high)
        looks = np.repeat([1, 0], [len(who), len(other)])
        found = balanced_accuracy_interval(np.r_[one, two], looks, np.r_[who, other + 1000])
        balanced.append(found.low <= share <= found.high)
    assert 0.925 <= coverage(alone) <= 0.985
    assert 0.925 <= coverage(balanced) <= 0.985


def test_the_interval_of_the_auc_covers() -> None:
    generator = np.random.default_rng(5)
    truth = 0.9214  # P(N(2, 2) > 0): each score is a person's share plus a photo's, both of variance 1/2
    holds = []
    for _ in range(400):
        who = np.r_[unequal_people(generator, 25, 8), 1000 + np.arange(200)]
        looks = (who < 1000).astype(int)
        person = generator.normal(0, np.sqrt(0.5), 1300)
        scores = 2 * looks + person[who] + generator.normal(0, np.sqrt(0.5), len(who))
        found = auc_interval(scores, looks, who)
        holds.append(found.low <= truth <= found.high)
    assert 0.925 <= coverage(holds) <= 0.985


def test_the_standard_error_is_that_of_bootstrap_draws_over_people() -> None:
    generator = np.random.default_rng(6)
    who = np.r_[unequal_people(generator, 40, 10), 1000 + unequal_people(generator, 60, 3)]
    looks = (who < 1000).astype(int)
    right = generator.random(len(who)) < 0.8
    accuracies, index = [], [np.flatnonzero(who == one) for one in np.unique(who)]
    strata = [np.array([k for k, rows in enumerate(index) if looks[rows[0]] == one]) for one in (0, 1)]
    for _ in range(3000):
        rows = np.concatenate([index[k] for part in strata for k in generator.choice(part, len(part))])
        accuracies.append(0.5 * sum(right[rows][looks[rows] == one].mean() for one in (0, 1)))
    influence = np.where(looks == 1, right - right[looks == 1].mean(), right - right[looks == 0].mean())
    influence = 0.5 * influence / np.where(looks == 1, (looks == 1).sum(), (looks == 0).sum())
    variance = spread(influence, people_of(who, looks))[0][0, 0]
    assert np.sqrt(variance) == pytest.approx(np.std(accuracies), rel=0.06)


def test_weights_give_the_variance_of_spread_also_with_three_people() -> None:
    people = people_of([0, 1, 2, 5, 6, 7, 8], [0, 0, 0, 1, 1, 1, 1])
    values = np.array([1.0, 4.0, -2.0, 0.5, 3.0, 2.0, 9.0])
    drawn = cluster_weights(people, 40_000, seed=1) @ people.sums(values)[:, 0]
    assert drawn.var() == pytest.approx(spread(values, people)[0][0, 0], rel=0.03)
    assert drawn.mean() == pytest.approx(values.sum(), abs=0.1)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1)), min_size=1, max_size=40),
    st.integers(0, 1000),
)
def test_no_class_vanishes_from_a_draw_and_strata_keep_their_weight(rows: list[tuple[int, int]], seed: int) -> None:
    who, classes = (np.array(part) for part in zip(*rows, strict=True))
    own = who + 10 * classes  # each person in one class
    people = people_of(own, classes)
    weights = cluster_weights(people, 20, seed)
    assert (weights >= 0).all()
    for one in np.unique(classes):
        inside = np.unique(people.index[classes == one])
        assert weights[:, inside].mean(axis=1) == pytest.approx(1, abs=1e-5)


def test_people_of_both_classes_are_drawn_with_their_like() -> None:
    people = people_of(["a", "a", "b", "b", "c", "d", "e"], [0, 1, 0, 1, 0, 0, 1])
    strata = dict(zip("abcde", people.stratum.tolist(), strict=True))
    assert strata["a"] == strata["b"]
    assert strata["c"] == strata["d"]
    assert strata["c"] != strata["a"]
    assert strata["e"] == strata["a"], "a person alone in class 1 joins those who are in it, too"


@pytest.mark.parametrize("people", [3, 10, 100, 10_000])
def test_all_right_never_gets_an_interval_without_width(people: int) -> None:
    found = share_interval(np.ones(people, dtype=bool), people_of(np.arange(people)))
    assert found.high == 1
    exact = 1 - 0.025 ** (1 / people)  # Clopper and Pearson's limit for independent photos
    assert 0.7 * exact <= 1 - found.low <= 2.5 * exact


def test_more_photos_of_the_same_few_people_do_not_make_all_right_certain() -> None:
    few = share_interval(np.ones(50, dtype=bool), people_of(np.repeat(np.arange(5), 10)))
    many = share_interval(np.ones(50_000, dtype=bool), people_of(np.repeat(np.arange(5), 10_000)))
    assert few.low < many.low < 0.95


def test_independent_photos_get_wilsons_interval() -> None:
    right = np.arange(20_000) % 10 != 0
    found = share_interval(right, people_of(np.arange(20_000)))
    z, n, p = 1.959964, 20_000, 0.9
    middle, reach = (p + z**2 / (2 * n)) / (1 + z**2 / n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (found.low, found.high) == pytest.approx((middle - reach, middle + reach), abs=1e-5)


def test_one_person_says_nothing_of_others() -> None:
    found = share_interval(np.array([True, False, True]), people_of(["ada"] * 3))
    assert found.value == pytest.approx(2 / 3)
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(share_interval(np.ones(3, dtype=bool), people_of(["ada"] * 3)).low)
    assert np.isnan(auc_interval([1, 2, 3], [1, 0, 0], ["a", "b", "c"]).low)


def test_a_missing_class_leaves_balanced_measures_undefined() -> None:
    for found in (balanced_accuracy_interval([True], [1], ["a"]), auc_interval([0.5], [1], ["a"])):
        assert np.isnan([found.value, found.low, found.high]).all()


def test_a_person_in_both_classes_widens_the_interval_of_balanced_accuracy() -> None:
    generator = np.random.default_rng(7)
    who = np.repeat(np.arange(30), 20)
    looks = np.tile([0, 1], 300)
    right = alike(generator, who, 0.8, 0.5)
    shared = balanced_accuracy_interval(right, looks, who)
    apart = balanced_accuracy_interval(right, looks, who + 1000 * looks)
    assert shared.high - shared.low > 1.15 * (apart.high - apart.low)


def test_placements_are_the_pairs_in_the_right_order() -> None:
    scores, classes = np.array([0.3, 0.5, 0.5, 0.9, 0.1]), np.array([0, 1, 0, 1, 1])
    pairs = np.sign(scores[classes == 1][:, None] - scores[classes == 0][None, :]) / 2 + 0.5
    assert placements(scores, classes)[classes == 1] == pytest.approx(pairs.mean(axis=1))
    assert placements(scores, classes)[classes == 0] == pytest.approx(pairs.mean(axis=0))


def test_the_mean_interval_of_single_photos_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0])
    found = mean_interval(values, people_of(np.arange(4)))
    assert found.high - found.value == pytest.approx(3.182446 * values.std(ddof=1) / 2)
    assert mean_interval([1.0, np.nan, 2.0, 3.0], people_of(np.arange(4))).value == 2


def test_simultaneous_error_rates_lie_between_bonferroni_and_one_statistic() -> None:
    generator = np.random.default_rng(8)
    people = people_of(np.arange(300))
    apart = generator.normal(size=(300, 8))
    same = np.repeat(apart[:, :1], 8, axis=1)
    assert simultaneous_error_rate(apart, people, seed=1) == pytest.approx(1 - 0.95 ** (1 / 8), rel=0.35)
    assert simultaneous_error_rate(same, people, seed=1) == pytest.approx(0.05, abs=0.015)
    still = np.zeros((300, 8))
    assert simultaneous_error_rate(still, people, seed=1) == pytest.approx(1 - 0.95 ** (1 / 8), rel=0.35)


def test_two_thousand_draws_of_fifteen_thousand_photos_are_fast() -> None:
    people = people_of(np.arange(15_000), np.arange(15_000) % 2)
    values = np.random.default_rng(0).random((15_000, 4))
    start = time.process_time()
    totals = cluster_weights(people) @ people.sums(values).astype(np.float32)
    assert totals.shape == (2_000, 4)
    assert time.process_time() - start < 5, "takes about half a second of one core"


def test_the_same_seed_gives_the_same_draws() -> None:
    people = people_of(np.arange(50))
    assert np.array_equal(cluster_weights(people, 10, 3), cluster_weights(people, 10, 3))
    assert not np.array_equal(cluster_weights(people, 10, 3), cluster_weights(people, 10, 4))


def test_identities_and_classes_must_fit() -> None:
    with pytest.raises(BadInputError, match="one or more images"):
        people_of([])
    with pytest.raises(BadInputError, match="expected 2 classes"):
        people_of(["a", "b"], [1])


def test_an_interval_reads_as_a_number_with_its_limits() -> None:
    assert f"{Interval(0.5, 0.25, 0.75):.2f}" == "0.50 (0.25-0.75)"
