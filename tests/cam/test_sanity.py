"""Maps of networks that lose their weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from scipy.stats import spearmanr
from torch import nn

from looks_kedro.cam import layer_maps, sanity_table
from looks_kedro.cam.sanity import SANITY_COLUMNS, cascade, rank_correlation, stages
from looks_kedro.intervals import people_of


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2),
    ).eval()  # fmt: skip


def test_ranks_correlate_as_scipy_says() -> None:
    one, other = np.random.default_rng(0).normal(size=(2, 5, 4, 4)).round(1)
    expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(rank_correlation(one, other), expected)
    assert np.isnan(rank_correlation(np.ones((1, 2, 2)), one[:1, :2, :2])[0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18", ["conv1", "layer1", "layer2", "layer3", "layer4", "fc"]),
        ("efficientnet_b0", [*(f"features.{i}" for i in range(9)), "classifier"]),
    ],
)
def test_the_stages_are_those_that_the_network_is_made_of(name: str, expected: list[str]) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(name, num_classes=2)
    found = stages(model)
    assert [names[0] for names in found] == expected
    held = {weight for names in found for one in names for weight in model.get_submodule(one).parameters()}
    assert held == set(model.parameters())


def test_weights_are_lost_from_the_top_down_and_the_model_stays_as_it_is() -> None:
    model = small_network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    lost = []
    for _, network in cascade(model):
        weights = network.named_parameters()
        lost.append({name.partition(".")[0] for name, weight in weights if not torch.equal(weight, before[name])})
    assert lost == [{"7"}, {"7", "3"}, {"7", "3", "0"}]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_maps_that_rest_on_the_weights_lose_their_likeness_and_others_keep_it() -> None:
    model, images = small_network(), torch.randn(12, 3, 16, 16)
    people = people_of(np.arange(12) // 2)
    table = sanity_table(model, lambda network: layer_maps(network, "3", images), people)
    assert tuple(table.columns) == SANITY_COLUMNS
    assert table["layer"].tolist() == ["7", "3", "0"]
    assert (table["images"] == 12).all()
    assert (table["correlation"].abs() < 0.6).all()
    blind = sanity_table(model, lambda _: images.mean(1).numpy(), people)
    np.testing.assert_allclose(blind["correlation"], 1)


def test_the_same_seed_gives_the_same_table() -> None:
    model, images = small_network(), torch.randn(4, 3, 12, 12)
    tables = [
        sanity_table(model, lambda network: layer_maps(network, "3", images), people_of(np.arange(4)), 2, seed)
        for seed in (0, 0, 9)
    ]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])
