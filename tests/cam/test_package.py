"""The grad-cam package's methods by name."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from looks_kedro.cam import METHODS, enlarge, layer_maps, normalise_each, package_evidence, package_maps
from looks_kedro.cam.package import CLASS_BLIND
from looks_kedro.errors import BadParameterError


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 2),
    ).eval()  # fmt: skip


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("method", ["gradcam++", "layercam", "hirescam", "scorecam", "eigencam"])
def test_enlarged_it_is_what_the_package_returns(model: nn.Module, images: torch.Tensor, method: str) -> None:
    kind = getattr(pytorch_grad_cam, METHODS[method])
    with kind(model=model, target_layers=[model[3]]) as package:
        expected = package(input_tensor=images, targets=[ClassifierOutputTarget(1)] * len(images))
    found = package_maps(model, "3", images, method, class_index=1)
    assert found.shape == (3, 6, 6)
    np.testing.assert_allclose(normalise_each(enlarge(found, 24)), expected, atol=1e-5)


def test_every_method_gives_maps_from_0_to_1_for_each_image(model: nn.Module, images: torch.Tensor) -> None:
    for method in METHODS:
        found = package_maps(model, "3", [images[:2], images[2:]], method)
        assert found.shape == (3, 6, 6)
        assert 0 <= found.min() <= found.max() <= 1


def test_its_grad_cam_is_ours_cut_at_zero_and_scaled(model: nn.Module, images: torch.Tensor) -> None:
    ours = normalise_each(np.maximum(layer_maps(model, "2", images), 0))
    np.testing.assert_allclose(package_maps(model, "2", images, "gradcam"), ours, atol=1e-4)


def test_names_are_taken_as_people_write_them_and_unknown_ones_refused(model: nn.Module, images: torch.Tensor) -> None:
    plain = package_maps(model, "3", images, "gradcam++")
    assert np.array_equal(package_maps(model, "3", images, "Grad-CAM++"), plain)
    with pytest.raises(BadParameterError, match=r"no method 'layercan'.*did you mean layercam"):
        package_maps(model, "3", images, "layercan")
    with pytest.raises(BadParameterError, match="no layer '9'"):
        package_maps(model, "9", images)


def test_slow_methods_say_why_they_are(
    model: nn.Module, images: torch.Tensor, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        package_maps(model, "3", images[:1], "scorecam")
        package_maps(model, "3", images[:1], "layercam")
    assert [record.message for record in caplog.records] == [
        "maps by scorecam take a forward pass for each channel of the layer and each image"
    ]
    assert capsys.readouterr().err == ""


def test_the_model_is_left_as_it_was(model: nn.Module, images: torch.Tensor) -> None:
    model.zero_grad()
    frozen = [weight.requires_grad_(False) for weight in model.parameters()]
    model.train()
    with torch.inference_mode():
        found = package_maps(model, "3", images, "layercam")
    assert found.max() > 0
    assert model.training
    assert all(weight.grad is None for weight in frozen)
    assert not any(layer._forward_hooks for layer in model.modules())
    for weight in model.eval().parameters():
        weight.requires_grad_(True)


def test_evidence_holds_a_map_for_each_class_unless_the_method_is_blind(model: nn.Module, images: torch.Tensor) -> None:
    evidence = package_evidence(model, "3", [images[:1], images[1:]], "layercam")
    for number in (0, 1):
        expected = package_maps(model, "3", images, "layercam", class_index=number)
        np.testing.assert_allclose(evidence.by_class[:, number], expected, atol=1e-6)
    np.testing.assert_allclose(evidence.logits, model(images).detach().numpy(), atol=1e-5)
    for method in set(CLASS_BLIND) - {"randomcam"}:
        assert np.abs(package_evidence(model, "3", [images], method).signed).max() == 0


def test_random_maps_are_the_same_each_time_and_for_both_classes(model: nn.Module, images: torch.Tensor) -> None:
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    evidence = package_evidence(model, "3", [images], "randomcam")
    in_parts = package_evidence(model, "3", [images[:1], images[1:]], "randomcam")
    np.testing.assert_allclose(in_parts.by_class, evidence.by_class, atol=1e-6)
    assert np.ptp(evidence.by_class) > 0
    assert np.abs(evidence.signed).max() == 0
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002
