"""Differences of accuracies come with intervals that hold what they say."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from looks_kedro.comparison.differences import independent_difference, paired_difference
from looks_kedro.intervals import Interval


def predictions(correct, looks, identity) -> pd.DataFrame:
    table = pd.DataFrame({"looks": looks, "identity": identity, "correct": correct})
    return table.assign(file=[f"{i}.jpg" for i in range(len(table))], probability=np.linspace(0, 1, len(table)))


def test_an_independent_difference_of_symmetric_intervals_is_that_of_two_standard_errors():
    found = independent_difference(Interval(0.9, 0.86, 0.94), Interval(0.7, 0.67, 0.73))
    assert found.interval.value == pytest.approx(0.2)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.15, 0.25))


def test_no_interval_is_told_where_one_run_has_none():
    found = independent_difference(Interval(0.9, np.nan, np.nan), Interval(0.7, 0.67, 0.73))
    assert np.isnan(found.interval.low)
    assert found.basis == ""


def test_models_that_were_tested_on_other_images_are_not_paired():
    looks, names = np.repeat([0, 1], 4), np.arange(8).astype(str)
    one = predictions(np.ones(8, dtype=bool), looks, names)
    assert paired_difference(one, one.assign(file="other" + one["file"])) is None
    assert paired_difference(one, one.head(7)) is None


def test_the_same_predictions_differ_by_nothing():
    one = predictions(np.ones(8, dtype=bool), np.repeat([0, 1], 4), np.arange(8).astype(str))
    found = paired_difference(one, one.sample(frac=1, random_state=0))
    assert found is not None
    assert (found.basis, found.interval.low, found.interval.high) == ("same", 0, 0)


def test_that_nothing_changed_on_few_images_does_not_claim_that_nothing_could():
    one = predictions(np.ones(20, dtype=bool), np.repeat([0, 1], 10), np.arange(20).astype(str))
    found = paired_difference(one.assign(probability=one["probability"] / 2), one)
    assert found is not None
    assert found.interval.low < -0.05 < 0.05 < found.interval.high


def test_paired_intervals_hold_the_true_difference_in_19_of_20_simulations():
    random = np.random.default_rng(0)
    people, photos, held, widths = 30, 4, 0, []
    # P(N(0, 2) < 1.6) - P(N(0, 2) < 1.0): the sum of the two normals below.
    true = 0.5 * (math.erf(1.6 / 2) - math.erf(1.0 / 2))
    looks = np.repeat([0, 1], people * photos)
    names = np.repeat(np.arange(2 * people), photos).astype(str)
    for _ in range(150):
        # A person is hard for both models, which makes their errors alike.
        hard = np.repeat(random.normal(size=2 * people), photos)
        noise = random.normal(size=(2, len(looks)))
        first, second = hard + noise[0] < 1.0, hard + noise[1] < 1.6
        found = paired_difference(
            predictions(second, looks, names).assign(probability=0.1), predictions(first, looks, names)
        )
        assert found is not None
        held += found.interval.low <= true <= found.interval.high
        widths.append(found.interval.high - found.interval.low)
    assert held / 150 >= 0.9
    assert np.mean(widths) < 0.25
