"""Evidence by region, on maps made by hand, and its intervals against a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.cam import attention_by_region, attention_on, region_table
from looks_kedro.cam.regions import REGION_COLUMNS, RegionShares
from looks_kedro.errors import BadInputError


def parts(size: int = 6) -> dict[str, np.ndarray]:
    """Left third, the lower half of the rest, and what is left."""
    left = np.zeros((size, size), dtype=bool)
    left[:, : size // 3] = True
    low = np.zeros_like(left)
    low[size // 2 :] = True
    return {"left": left, "low": low & ~left, "rest": ~low & ~left}


def test_each_region_has_the_share_that_lies_on_it_alone() -> None:
    maps = np.random.default_rng(0).normal(size=(5, 3, 3))
    toward = np.array([0, 1, 1, 0, 1])
    found = attention_by_region(maps, [parts()] * 5, toward)
    assert found.regions == ("left", "low", "rest")
    for number, name in enumerate(found.regions):
        alone = attention_on(maps, [parts()[name]] * 5, toward)
        np.testing.assert_allclose(found.share[:, number], alone["share"])
        np.testing.assert_allclose(found.area[:, number], alone["area"])
        np.testing.assert_allclose(found.ratio[:, number], alone["ratio"])


@given(st.integers(0, 1000))
def test_shares_and_areas_sum_to_one(seed: int) -> None:
    maps = np.random.default_rng(seed).normal(size=(2, 3, 3))
    maps[:, 1, 1] = 1  # some evidence
    found = attention_by_region(maps, [parts(), parts()])
    np.testing.assert_allclose(found.share.sum(axis=1), 1)
    np.testing.assert_allclose(found.area.sum(axis=1), 1)


def test_regions_that_overlap_or_leave_gaps_are_refused() -> None:
    gap = {name: mask for name, mask in parts().items() if name != "rest"}
    with pytest.raises(BadInputError, match=r"image 0: 12 pixels belong to no region and 0 to several"):
        attention_by_region(np.ones((1, 3, 3)), [gap])
    with pytest.raises(BadInputError, match=r"image 1 has the regions left, low; expected left, low, rest"):
        attention_by_region(np.ones((2, 3, 3)), [parts(), gap])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        attention_by_region(np.ones((2, 3, 3)), [parts()])


def test_the_table_tells_each_class_and_all_and_leaves_out_images_without_evidence() -> None:
    maps = np.ones((6, 3, 3))
    maps[5] = -1
    looks, people = np.array([1, 1, 1, 0, 0, 0]), np.array(["a", "a", "b", "c", "d", "e"])
    table = region_table(attention_by_region(maps, [parts()] * 6), looks, people)
    assert tuple(table.columns) == REGION_COLUMNS
    counts = table[table["region"] == "left"].set_index("class")[["images", "identities"]]
    assert counts.to_dict("index") == {
        "celebrities": {"images": 3, "identities": 2},
        "ordinary": {"images": 2, "identities": 2},
        "all": {"images": 5, "identities": 4},
    }
    np.testing.assert_allclose(table["ratio"], 1)
    np.testing.assert_allclose(table["share"], table["area"])


def test_the_ratio_is_that_of_the_means_and_a_tiny_region_does_not_upset_it() -> None:
    share, area = np.array([[0.5, 0.5], [0.3, 0.7]]), np.array([[0.001, 0.999], [0.4, 0.6]])
    table = region_table(RegionShares(("small", "large"), share, area), np.array([0, 0]), np.array(["a", "b"]))
    row = table[(table["region"] == "small") & (table["class"] == "all")].iloc[0]
    assert row["ratio"] == pytest.approx(0.4 / 0.2005)
    empty = RegionShares(("none", "all"), np.array([[0.0, 1]] * 2), np.array([[0.0, 1]] * 2))
    none = region_table(empty, np.array([0, 0]), np.array(["a", "b"])).iloc[0]
    assert none["share"] == 0
    assert np.isnan(none["ratio"])


def test_the_ratios_interval_holds_the_true_ratio_about_as_often_as_it_says() -> None:
    generator, held, rounds = np.random.default_rng(5), 0, 200
    people = np.repeat(np.arange(20), 4)
    for _ in range(rounds):
        area = generator.uniform(0.2, 0.4, 80)
        share = 1.5 * area + np.repeat(generator.normal(0, 0.06, 20), 4) + generator.normal(0, 0.03, 80)
        shares = RegionShares(("one", "other"), np.stack([share, 1 - share], 1), np.stack([area, 1 - area], 1))
        row = region_table(shares, np.zeros(80), people).iloc[0]
        held += row["ratio_low"] <= 1.5 <= row["ratio_high"]
    assert 0.90 <= held / rounds <= 0.99
