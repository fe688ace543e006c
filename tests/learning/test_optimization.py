"""Optimisers, learning rates and frozen trunks."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from looks_kedro.learning.backbones import BACKBONES, build_backbone, last_linear
from looks_kedro.learning.optimization import (
    LearningRate,
    build_optimizer,
    freeze_trunk,
    learning_mode,
    learning_rate_at,
)
from looks_kedro.learning.settings import Training


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 2))


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> list[torch.Tensor]:
    images = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        optimizer.zero_grad()
        model(images).square().mean().backward()
        optimizer.step()
    return [weight.detach().clone() for weight in model.parameters()]


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_adam_and_sgd_are_torchs_own_with_decay_of_every_weight(name: str) -> None:
    chosen = Training(optimizer=name, learning_rate=1e-2, weight_decay=0.1)
    model, plain = small_network(), small_network()
    reference: torch.optim.Optimizer
    if name == "adam":
        reference = torch.optim.Adam(plain.parameters(), lr=1e-2, weight_decay=0.1)
    else:
        reference = torch.optim.SGD(plain.parameters(), lr=1e-2, weight_decay=0.1, momentum=0.9)
    pairs = zip(stepped(model, build_optimizer(model, chosen)), stepped(plain, reference), strict=True)
    assert all(torch.allclose(ours, theirs, atol=1e-6) for ours, theirs in pairs)


def test_adamw_decays_weights_and_spares_biases_and_normalisations() -> None:
    chosen = Training(optimizer="adamw", learning_rate=1e-2, weight_decay=0.5)
    model = small_network()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = build_optimizer(model, chosen)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)  # then a step is the decay alone: w (1 - rate decay)
    optimizer.step()
    for name, weight in model.named_parameters():
        factor = 1 - 1e-2 * 0.5 if name in {"0.weight", "3.weight"} else 1.0
        assert torch.allclose(weight, factor * before[name]), name


def test_constant_is_the_published_rate_in_every_step() -> None:
    assert {learning_rate_at(Training(), step, 7) for step in range(70)} == {1e-4}


def test_cosine_is_torchs_own() -> None:
    chosen = Training(schedule="cosine", epochs=4, learning_rate=0.1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for step in range(20):
        assert learning_rate_at(chosen, step, 5) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        reference.step()


def test_step_divides_by_ten_after_each_third() -> None:
    chosen = Training(schedule="step", epochs=9, learning_rate=1.0)
    by_epoch = [learning_rate_at(chosen, 10 * epoch, 10) for epoch in range(9)]
    assert by_epoch == [1.0] * 3 + [0.1] * 3 + [0.01] * 3


def test_warm_up_rises_evenly_to_the_full_rate_and_the_schedule_follows() -> None:
    chosen = Training(schedule="cosine", epochs=3, warmup_epochs=0.5, learning_rate=0.8)
    rates = [learning_rate_at(chosen, step, 8) for step in range(24)]
    assert rates[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rates[4] == 0.8
    assert rates[14] == pytest.approx(0.4)  # half of the twenty steps that are left


@settings(max_examples=80)
@given(
    schedule=st.sampled_from(["constant", "cosine", "step"]),
    epochs=st.integers(1, 12),
    warmup=st.floats(0, 15),
    steps=st.integers(1, 40),
)
def test_rates_are_above_zero_and_fall_after_the_warm_up(schedule: str, epochs: int, warmup: float, steps: int) -> None:
    chosen = Training(schedule=schedule, epochs=epochs, warmup_epochs=min(warmup, epochs - 0.1), learning_rate=0.3)
    rates = [learning_rate_at(chosen, step, steps) for step in range(epochs * steps)]
    assert all(0 < rate <= 0.3 for rate in rates)
    warm = round(chosen.warmup_epochs * steps)
    assert rates[:warm] == sorted(rates[:warm])
    assert rates[warm:] == sorted(rates[warm:], reverse=True)


def test_the_rate_reaches_every_group_of_the_optimiser_and_needs_no_memory() -> None:
    chosen = Training(optimizer="adamw", schedule="cosine", epochs=2, learning_rate=0.1, weight_decay=0.1)
    optimizer = build_optimizer(small_network(), chosen)
    rate = LearningRate(optimizer, chosen, 4)
    assert rate.set(6) == learning_rate_at(chosen, 6, 4) == pytest.approx(0.05 * (1 + math.cos(0.75 * math.pi)))
    assert len(optimizer.param_groups) == 2
    assert {group["lr"] for group in optimizer.param_groups} == {rate.set(6)}
    assert rate.set(0) == 0.1


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0"])
def test_a_frozen_trunk_keeps_every_weight_and_running_mean_and_gives_the_same_features(name: str) -> None:
    torch.manual_seed(0)
    model = build_backbone(name)
    freeze_trunk(model)
    learning_mode(model, frozen_trunk=True)
    head = last_linear(model)
    features: list[torch.Tensor] = []
    head.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0].detach()))
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            assert part.training  # it belongs to the head
            part.p = 0.0
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = build_optimizer(model, Training(optimizer="sgd", learning_rate=0.1))
    images = torch.randn(4, 3, 32, 32)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), torch.tensor([0, 1, 1, 1])).backward()
        optimizer.step()
    assert torch.equal(features[0], features[1])
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert changed <= {names[id(head.weight)], names[id(head.bias)]}
    assert names[id(head.bias)] in changed


@pytest.mark.parametrize("name", BACKBONES)
def test_without_freezing_everything_learns(name: str) -> None:
    model = build_backbone(name)
    learning_mode(model, frozen_trunk=False)
    assert all(part.training for part in model.modules())
    optimizer = build_optimizer(model, Training())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
