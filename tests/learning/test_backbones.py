"""Networks by name and the split of their head."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from looks_kedro.errors import BadParameterError
from looks_kedro.learning.backbones import BACKBONES, build_backbone, split_head


@pytest.mark.parametrize("name", [*BACKBONES, "mobilenet_v2", "regnet_y_400mf", "densenet121"])
def test_trunk_average_and_head_give_the_networks_own_logits(name: str) -> None:
    torch.manual_seed(0)
    model = build_backbone(name, classes=3).eval()
    trunk, head = split_head(model)
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = model(images)
        found = head(trunk(images).mean((2, 3)))
    assert found.shape == (2, 3)
    torch.testing.assert_close(found, expected)


def test_custom_is_a_resnet34() -> None:
    assert {key: value.shape for key, value in build_backbone("custom").state_dict().items()} == {
        key: value.shape for key, value in build_backbone("resnet34").state_dict().items()
    }


def test_the_same_seed_draws_the_same_first_weights_and_another_seed_others() -> None:
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return build_backbone("resnet18").state_dict()["conv1.weight"]

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


@pytest.mark.parametrize("name", ["resnet36", "fcn_resnet50", "squeezenet1_0"])
def test_a_network_that_cannot_serve_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadParameterError, match=name):
        build_backbone(name)


def test_a_head_of_another_kind_cannot_be_split() -> None:
    with pytest.raises(BadParameterError, match=r"Sequential.*global average pooling"):
        split_head(nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(4, 2)))
