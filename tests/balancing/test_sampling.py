from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.balancing import Balancing, balance, cell_distance, class_differences, is_copy, match, split_parts
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.tables import AGES

ON = ("age", "gender", "race")
CELL = st.tuples(
    st.sampled_from(["", "20-29", "30-39", "60-69"]),
    st.sampled_from(["", "Male", "Female"]),
    st.sampled_from(["", "White", "Black"]),
)


def images(cells) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=list(ON))


def cells_of(table: pd.DataFrame) -> Counter:
    return Counter(table[list(ON)].itertuples(index=False, name=None))


@given(st.lists(CELL, min_size=1, max_size=25), st.lists(CELL, max_size=25), st.integers(0, 5))
@settings(deadline=None)
def test_matching_draws_as_many_and_as_many_exactly_as_there_can_be(wanted, more, seed):
    pool = images([*more, *[("20-29", "Male", "White")] * len(wanted)])
    wanted = images(wanted)
    rows, exact = match(pool, wanted, ON, np.random.default_rng(seed))
    assert len(rows) == len(set(rows)) == len(wanted)
    drawn, asked, there = cells_of(pool.iloc[rows]), cells_of(wanted), cells_of(pool)
    assert exact == sum(min(count, there[cell]) for cell, count in asked.items())
    assert all(drawn[cell] >= min(count, there[cell]) for cell, count in asked.items())


@given(st.lists(CELL, min_size=1, max_size=20), st.integers(0, 5))
@settings(deadline=None)
def test_where_the_pool_has_enough_of_everything_the_cells_become_equal(wanted, seed):
    pool = images([cell for cell in [*wanted, ("0-2", "Female", "Indian")] for _ in range(3)])
    rows, exact = match(pool, images(wanted), ON, np.random.default_rng(seed))
    assert exact == len(wanted)
    assert cells_of(pool.iloc[rows]) == Counter(wanted)


def test_what_is_missing_comes_from_the_nearest_cells():
    pool = images([("40-49", "Female", "White"), ("20-29", "Female", "Black"), ("20-29", "Male", "White"),
                   ("", "Female", "White"), ("more than 70", "Female", "White")])  # fmt: skip
    for count, nearest in enumerate([0, 1, 3, 4, 2], 1):
        wanted = images([("20-29", "Female", "White")] * count)
        rows, exact = match(pool, wanted, ON, np.random.default_rng(0))
        assert exact == 0
        assert nearest in rows
        assert len(rows) == count


@given(CELL, CELL)
def test_the_distance_of_cells_is_even_and_zero_for_the_same_alone(one, two):
    assert cell_distance(one, two, ON) == cell_distance(two, one, ON)
    assert (cell_distance(one, two, ON) == 0) == (one == two)


def test_the_seed_chooses_among_images_of_one_cell():
    pool, wanted = images([("20-29", "Male", "White")] * 30), images([("20-29", "Male", "White")] * 8)
    draws = [tuple(match(pool, wanted, ON, np.random.default_rng(seed))[0]) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    counts = np.bincount(
        [row for seed in range(300) for row in match(pool, wanted, ON, np.random.default_rng(seed))[0]]
    )
    assert counts.min() > 40  # 80 are expected of each


def by_hand(table: pd.DataFrame, part: str, attribute: str) -> float:
    """Total variation distance of the classes, straight from the split table."""
    rows = table[table["part"] == part]
    shares = [rows[rows["looks"] == looks][attribute].value_counts(normalize=True) for looks in (0, 1)]
    return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)


def test_matching_brings_the_classes_together_in_age_gender_and_race(labels_of):
    labels = labels_of([12] * 12, 4000, seed=5)
    random, matched = (
        balance(labels, Balancing(sampling=sampling, train_per_class=150, seed=2)) for sampling in ("random", "matched")
    )
    for part in ("train", "test"):
        for attribute in ON:
            apart = by_hand(random.split_table, part, attribute)
            together = by_hand(matched.split_table, part, attribute)
            assert apart > 0.08
            assert together < 0.03
            for made, value in ((random, apart), (matched, together)):
                told = class_differences(made.balance_table).loc[(part, attribute)]
                assert told["after"] == pytest.approx(value, abs=1e-4)
                assert told["before"] > 0.1


def test_matching_on_one_attribute_leaves_the_others(labels_of):
    labels = labels_of([12] * 12, 4000, seed=5)
    table = split_parts(labels, Balancing(sampling="matched", match_on=("gender",), train_per_class=150))
    assert by_hand(table, "train", "gender") < 0.01
    assert by_hand(table, "train", "age") > 0.1


def test_the_smaller_class_is_the_measure_whichever_it_is(labels_of):
    labels = labels_of([40] * 20, 120, seed=8)
    before = labels[labels["looks"] == 0]["gender"].value_counts(normalize=True)["Male"]
    table = split_parts(labels, Balancing(sampling="matched", mirror="none"))
    shares = table[table["part"] == "train"].groupby("looks")["gender"].agg(lambda values: (values == "Male").mean())
    assert shares[0] == pytest.approx(shares[1], abs=0.02)
    assert shares[1] == pytest.approx(before, abs=0.1)
    assert labels[labels["looks"] == 1]["gender"].eq("Male").mean() < 0.4


def test_the_balance_table_counts_every_image_before_and_after(labels_of):
    labels = labels_of([6] * 10, 300, seed=1)
    made = balance(labels, Balancing(mirror="celebrities"))
    table = check_table(made.balance_table, "balance_table", "balance_table.csv")
    split = made.split_table
    for (looks, part, _), rows in table.groupby(["looks", "part", "attribute"]):
        assert rows["after"].sum() == ((split["looks"] == looks) & (split["part"] == part)).sum()
        assert rows[["before_share", "after_share"]].sum().tolist() == pytest.approx([1, 1], abs=1e-4)
    ordinary = table[(table["looks"] == 0) & (table["attribute"] == "gender")]
    assert ordinary["before"].sum() == 300
    row = table[(table["looks"] == 1) & (table["part"] == "train") & (table["value"] == "copy")].iloc[0]
    assert row["after"] == (is_copy(split) & (split["looks"] == 1)).sum() > 0
    unknown = table[(table["value"] == "unknown") & (table["looks"] == 1) & (table["part"] == "train")].iloc[0]
    assert unknown["after"] == ((split["age"] == "") & (split["looks"] == 1) & (split["part"] == "train")).sum()
    ages = table[(table["looks"] == 0) & (table["part"] == "train") & (table["attribute"] == "age")]["value"].tolist()
    assert ages == [value for value in [*AGES, "unknown"] if value in ages]


@pytest.mark.parametrize("looks", [0, 1])
def test_matching_on_what_nobody_knows_is_refused_with_a_remedy(labels_of, looks):
    labels = labels_of([5] * 5, 60, seed=1)
    labels.loc[labels["looks"] == looks, "race"] = ""
    name = ("ordinary people", "celebrities")[looks]
    with pytest.raises(BadInputError, match=rf"race is unknown for all \d+ photos of {name}.*leave race out"):
        split_parts(labels, Balancing(sampling="matched"))
    assert len(split_parts(labels, Balancing(sampling="matched", match_on=("age", "gender"))))
    assert len(split_parts(labels, Balancing(sampling="random")))
