"""The closed form against automatic derivatives and against the grad-cam package."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from looks_kedro.cam.closed_form import class_maps, evidence_maps, maps_of, normalise_each

BACKBONES = ("resnet18", "resnet34", "resnet50", "efficientnet_b0")  # custom is a resnet34

Network = tuple[nn.Module, nn.Module, nn.Linear, nn.Module]


def network(name: str) -> Network:
    """A network as varied as a trained one, its trunk, its head, and its last convolutional stage.

    In float64: two ways through a network in float32 differ by the order of their sums, by more than the bound.
    """
    torch.manual_seed(7)
    model = torchvision.models.get_model(name, weights=None, num_classes=2)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = None  # statistics of the data below alone
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_(0, 0.3)
        model(torch.randn(8, 3, 96, 96))
    model.double().eval()
    if name.startswith("resnet"):
        return model, nn.Sequential(*list(model.children())[:-2]), model.fc, model.layer4[-1]
    return model, model.features, model.classifier[-1], model.features[-1]


@pytest.fixture(scope="module", params=BACKBONES)
def parts(request: pytest.FixtureRequest) -> Network:
    return network(request.param)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(1)).double()


def by_derivatives(trunk: nn.Module, head: nn.Linear, images: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
    """Grad-CAM without ReLU, by its definition: channels weighted by their mean derivative."""
    features = trunk(images).detach().requires_grad_(True)
    score = (head(features.mean((2, 3))) * row).sum()
    (derivative,) = torch.autograd.grad(score, features)
    return (derivative.mean((2, 3), keepdim=True) * features).sum(1).detach()


def test_the_signed_map_is_grad_cam_of_the_difference_of_logits(parts: Network, images: torch.Tensor) -> None:
    _, trunk, head, _ = parts
    expected = by_derivatives(trunk, head, images, torch.tensor([-1.0, 1.0]).double())
    with torch.inference_mode():
        found = evidence_maps(trunk(images), head.weight)
    assert found.min() < 0 < found.max()
    assert (found - expected).abs().max() < 1e-5


def test_the_published_map_is_relu_of_one_logits_grad_cam(parts: Network, images: torch.Tensor) -> None:
    _, trunk, head, _ = parts
    for number in (0, 1):
        expected = by_derivatives(trunk, head, images, torch.eye(2).double()[number]).relu()
        with torch.inference_mode():
            found = class_maps(trunk(images), head.weight, number)
        assert (found - expected).abs().max() < 1e-5


def test_the_published_style_equals_the_grad_cam_package(parts: Network, images: torch.Tensor) -> None:
    model, trunk, head, last_stage = parts
    evidence = maps_of(trunk, head.weight, head.bias, [images])
    for number in (0, 1):
        with GradCAM(model=model, target_layers=[last_stage]) as package:
            package(input_tensor=images, targets=[ClassifierOutputTarget(number)] * len(images))
            raw = package.get_cam_image(
                images,
                last_stage,
                [ClassifierOutputTarget(number)] * len(images),
                package.activations_and_grads.activations[0].cpu().numpy(),
                package.activations_and_grads.gradients[0].cpu().numpy(),
                eigen_smooth=False,
            )
        expected = normalise_each(np.maximum(raw, 0))
        assert np.abs(evidence.published(number) - expected).max() < 1e-5
        unscaled = np.maximum(evidence.by_class[:, number], 0)
        assert np.abs(unscaled - np.maximum(raw, 0)).max() < 1e-5


def test_maps_sum_to_the_logits_exactly_once_the_bias_is_added(parts: Network, images: torch.Tensor) -> None:
    model, trunk, head, _ = parts
    evidence = maps_of(trunk, head.weight, head.bias, [images[:2], images[2:]])
    with torch.inference_mode():
        expected = model(images).numpy()
    bias = head.bias.detach().numpy()
    np.testing.assert_allclose(evidence.logits, expected, atol=1e-5)
    np.testing.assert_allclose(evidence.by_class.sum((2, 3)) + bias, expected, atol=1e-5)
    difference = expected[:, 1] - expected[:, 0]
    np.testing.assert_allclose(evidence.signed.sum((1, 2)) + bias[1] - bias[0], difference, atol=1e-5)


def test_a_class_may_be_chosen_for_each_image(parts: Network, images: torch.Tensor) -> None:
    _, trunk, head, _ = parts
    evidence = maps_of(trunk, head.weight, None, [images])
    chosen = evidence.published(np.array([1, 0, 1]))
    assert np.array_equal(chosen[1], evidence.published(0)[1])
    assert np.array_equal(chosen[[0, 2]], evidence.published(1)[[0, 2]])


def test_maps_are_scaled_by_their_own_range_as_the_package_scales_them() -> None:
    from pytorch_grad_cam.utils.image import scale_cam_image

    maps = np.random.default_rng(0).normal(size=(4, 7, 7)).astype(np.float32)
    maps[2] = 0.25
    scaled = normalise_each(maps)
    np.testing.assert_allclose(scaled, scale_cam_image(maps.copy()), atol=1e-6)
    assert scaled[2].max() == 0


def test_no_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="no batch"):
        maps_of(nn.Identity(), torch.zeros(2, 3), None, [])
