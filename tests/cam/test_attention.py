"""The share of evidence on a mask, on maps made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from looks_kedro.cam.attention import attention_on


def left_half(size: int = 4) -> np.ndarray:
    mask = np.zeros((size, size), dtype=bool)
    mask[:, : size // 2] = True
    return mask


def test_evidence_on_the_mask_alone_is_a_share_of_one() -> None:
    maps = np.zeros((1, 4, 4))
    maps[0, :, 0] = 3
    row = attention_on(maps, [left_half()]).iloc[0]
    assert (row["share"], row["area"], row["ratio"]) == (1.0, 0.5, 2.0)


def test_negative_evidence_counts_nothing() -> None:
    maps = np.full((1, 4, 4), -5.0)
    maps[0, 0, 0] = 1
    maps[0, 0, 3] = 3
    assert attention_on(maps, [left_half()])["share"].item() == 0.25


def test_even_evidence_lies_as_if_by_chance_at_every_size() -> None:
    table = attention_on(np.ones((2, 2, 2)), [left_half(30), left_half(10)])
    assert table["ratio"].tolist() == pytest.approx([1, 1])


def test_evidence_toward_class_0_turns_the_sign() -> None:
    one = np.zeros((4, 4))
    one[:, 0], one[:, 3] = 1, -1
    table = attention_on(np.stack([one, one]), [left_half()] * 2, toward=np.array([1, 0]))
    assert table["share"].tolist() == [1, 0]


def test_without_positive_evidence_there_is_no_share() -> None:
    row = attention_on(-np.ones((1, 4, 4)), [left_half()]).iloc[0]
    assert np.isnan(row["share"])
    assert np.isnan(row["ratio"])
    assert row["area"] == 0.5


def test_an_empty_mask_has_no_ratio() -> None:
    row = attention_on(np.ones((1, 4, 4)), [np.zeros((4, 4), dtype=bool)]).iloc[0]
    assert row["share"] == 0
    assert np.isnan(row["ratio"])


def test_as_many_masks_as_maps_are_needed() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        attention_on(np.ones((2, 4, 4)), [left_half()])
    with pytest.raises(ValueError, match="square"):
        attention_on(np.ones((1, 4, 4)), [np.ones((4, 6), dtype=bool)])


@given(arrays(np.float64, (1, 4, 4), elements=st.floats(-5, 5)), arrays(np.bool_, (12, 12)))
def test_a_mask_and_its_complement_share_all_evidence(maps: np.ndarray, mask: np.ndarray) -> None:
    inside = attention_on(maps, [mask]).iloc[0]
    outside = attention_on(maps, [~mask]).iloc[0]
    assert inside["area"] + outside["area"] == pytest.approx(1)
    if not np.isnan(inside["share"]):
        assert inside["share"] + outside["share"] == pytest.approx(1)
