"""The padding control: what turns with the image, and what stays on its side."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from looks_kedro.cam import maps_of, mirror_control, padding_table
from looks_kedro.cam.padding import PADDING_COLUMNS, right_minus_left
from looks_kedro.errors import BadInputError


def test_a_map_that_turns_with_the_image_follows_the_content() -> None:
    maps = np.random.default_rng(0).normal(size=(4, 5, 5))
    control = mirror_control(maps, maps[:, :, ::-1])
    np.testing.assert_allclose(control["correlation"], 1)
    np.testing.assert_allclose(control["staying"], 0, atol=1e-12)


def test_heat_that_ignores_the_image_stays_on_its_side() -> None:
    maps = np.zeros((1, 4, 4))
    maps[0, :, 3] = 1
    row = mirror_control(maps, maps).iloc[0]
    assert row["right_minus_left"] == row["mirrored_right_minus_left"] == row["staying"] == 1
    assert row["correlation"] < 0


def test_the_middle_column_is_on_neither_side_and_the_sign_follows_the_class() -> None:
    one = np.array([[[1.0, 6, 2]]])
    assert right_minus_left(one)[0] == pytest.approx(1 / 9)
    assert np.isnan(right_minus_left(-one)[0])
    control = mirror_control(np.concatenate([-one, one]), np.concatenate([-one, one]), toward=np.array([0, 1]))
    np.testing.assert_allclose(control["staying"], 1 / 9)


def test_maps_of_other_images_are_refused() -> None:
    with pytest.raises(BadInputError, match="expected one"):
        mirror_control(np.ones((2, 3, 3)), np.ones((1, 3, 3)))


def test_padding_on_one_side_is_found_and_padding_on_both_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(8, 1, 16, 16, generator=generator)
    symmetric = torch.rand(1, 1, 3, 2, generator=generator)
    layer = nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.cat([symmetric, symmetric[..., :1]], dim=-1))
    head = torch.tensor([[0.0], [1.0]])

    def staying(size: int) -> float:
        some = images[:, :, :size, :size]
        own, turned = (maps_of(layer, head, None, [one]).signed for one in (some, some.flip(3)))
        return float(mirror_control(own, turned)["staying"].mean())

    assert staying(16) > 0.02  # even: zeros on the left and the top only
    assert abs(staying(15)) < 1e-6  # odd: on all sides


def test_the_table_has_a_row_a_class_and_intervals_over_people() -> None:
    generator = np.random.default_rng(1)
    maps = generator.normal(size=(12, 4, 4))
    control = mirror_control(maps, maps[:, :, ::-1] + generator.normal(size=maps.shape))
    table = padding_table(control, np.repeat([1, 0], 6), [f"person {i // 2}" for i in range(12)])
    assert tuple(table.columns) == PADDING_COLUMNS
    assert table["class"].tolist() == ["celebrities", "ordinary", "all"]
    assert table["images"].tolist() == [6, 6, 12]
    assert table["identities"].tolist() == [3, 3, 6]
    whole = table.iloc[2]
    assert whole["correlation"] == pytest.approx(control["correlation"].mean())
    assert whole["correlation_low"] < whole["correlation"] < whole["correlation_high"]
