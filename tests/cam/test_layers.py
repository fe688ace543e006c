"""Grad-CAM at any layer, against the closed form, against whole derivatives, and against the grad-cam package."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torchvision
from pytorch_grad_cam import GradCAM
from torch import nn

from looks_kedro.cam import (
    evidence_maps,
    last_grid,
    layer_evidence,
    layer_maps,
    maps_of,
    network_evidence,
    package_evidence,
    package_maps,
    token_grid,
)
from looks_kedro.errors import BadInputError, BadParameterError


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """A network with statistics as varied as a trained one's, in float64."""
    torch.manual_seed(3)
    network = torchvision.models.resnet18(num_classes=2)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = None
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_(0, 0.3)
        network(torch.randn(6, 3, 64, 64))
    return network.double().eval()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()


def by_whole_derivatives(model: nn.Module, layer: str, images: torch.Tensor) -> np.ndarray:
    """Grad-CAM's definition with a graph through the whole network."""
    kept = []
    # A copy goes on, because what follows may work in place.
    handle = model.get_submodule(layer).register_forward_hook(lambda *parts: kept.append(parts[2]) or parts[2].clone())
    logits = model(images)
    handle.remove()
    (derivative,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), kept[0])
    return (derivative.mean((2, 3), keepdim=True) * kept[0]).sum(1).detach().numpy()


@pytest.mark.parametrize("layer", ["layer2", "layer3.0.conv2", "layer4.1.bn2", "conv1"])
def test_the_tails_derivatives_give_what_the_whole_networks_give(
    model: nn.Module, images: torch.Tensor, layer: str
) -> None:
    found = layer_maps(model, layer, images)
    assert found.dtype == np.float32
    assert found.min() < 0 < found.max()
    np.testing.assert_allclose(found, by_whole_derivatives(model, layer, images), atol=1e-5)


def test_at_the_last_stage_it_is_the_closed_form(model: nn.Module, images: torch.Tensor) -> None:
    trunk = nn.Sequential(*list(model.children())[:-2])
    expected = maps_of(trunk, model.fc.weight, model.fc.bias, [images])
    np.testing.assert_allclose(layer_maps(model, "layer4", images), expected.signed, atol=1e-5)
    evidence = layer_evidence(model, "layer4", [images[:1], images[1:]])
    np.testing.assert_allclose(evidence.by_class, expected.by_class, atol=1e-5)
    np.testing.assert_allclose(evidence.logits, expected.logits, atol=1e-5)


def test_a_lower_layers_map_is_the_grad_cam_packages_before_its_relu(model: nn.Module, images: torch.Tensor) -> None:
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    targets = [ClassifierOutputTarget(1)] * len(images)
    with GradCAM(model=model, target_layers=[model.layer3]) as package:
        package(input_tensor=images, targets=targets)
        parts = package.activations_and_grads
        kept = (parts.activations[0].numpy(), parts.gradients[0].numpy())
        expected = package.get_cam_image(images, model.layer3, targets, *kept)
    assert np.abs(layer_maps(model, "layer3", images, class_index=1) - expected).max() < 1e-5


def test_no_derivative_of_weights_or_of_layers_below_is_computed(model: nn.Module, images: torch.Tensor) -> None:
    recorded = []
    model.zero_grad()
    handles = [
        part.register_forward_hook(lambda _m, _i, output, name=name: recorded.append((name, output.requires_grad)))
        for name, part in model.named_children()
    ]
    with torch.inference_mode():
        layer_maps(model.train(), "layer3", images)
    for handle in handles:
        handle.remove()
    assert [name for name, graph in recorded if graph] == ["layer4", "avgpool", "fc"]
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training
    assert torch.is_grad_enabled()
    model.eval()


def test_a_layer_that_cannot_be_mapped_is_named(model: nn.Module, images: torch.Tensor) -> None:
    with pytest.raises(BadParameterError, match=r"no layer 'layer5'.*layer4"):
        layer_maps(model, "layer5", images)
    with pytest.raises(BadParameterError, match="runs several times"):
        layer_maps(model, "layer4.0.relu", images)
    with pytest.raises(BadParameterError, match=r"fc: expected features \(N, C, h, w\)"):
        layer_maps(model, "fc", images)
    with pytest.raises(BadInputError, match="no batch"):
        layer_maps(model, "layer4", [])


class Apart(nn.Module):
    """A layer beside the way to the logits, and one that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.beside, self.idle = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.beside(images)
        return self.seen(images).mean((2, 3))


def test_a_layer_that_no_logit_depends_on_is_refused() -> None:
    with pytest.raises(BadParameterError, match="logits do not depend on it"):
        layer_maps(Apart(), "beside", torch.randn(1, 3, 4, 4))
    with pytest.raises(BadParameterError, match="does not run"):
        layer_maps(Apart(), "idle", torch.randn(1, 3, 4, 4))


def test_networks_with_other_heads_are_mapped_at_their_last_picture() -> None:
    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v3_small(num_classes=2).eval()
    images = torch.randn(2, 3, 64, 64)
    layer = last_grid(network, images)
    assert layer == "features"
    assert layer_evidence(network, layer, images).by_class.shape == (2, 2, 2, 2)


def test_a_vision_transformers_tokens_become_a_picture() -> None:
    tokens = torch.arange(2 * 5 * 3, dtype=torch.float32).reshape(2, 5, 3)
    grid = token_grid(tokens)
    assert grid.shape == (2, 3, 2, 2)
    assert torch.equal(grid[1, :, 1, 0], tokens[1, 1 + 2])
    with pytest.raises(BadParameterError, match="tokens"):
        token_grid(torch.zeros(1, 6, 3))
    torch.manual_seed(0)
    network = torchvision.models.VisionTransformer(32, 16, 2, 2, 8, 16, num_classes=2).eval()
    nn.init.normal_(network.heads.head.weight)
    found = layer_maps(network, "encoder.layers.encoder_layer_1.ln_1", torch.randn(2, 3, 32, 32), to_grid=token_grid)
    assert found.shape == (2, 2, 2)
    assert np.abs(found).max() > 0


def test_each_part_of_a_network_keeps_its_own_mode() -> None:
    network = torchvision.models.resnet18(num_classes=2).train()
    network.bn1.eval()
    layer_maps(network, "layer4", torch.randn(2, 3, 32, 32))
    assert [name for name, part in network.named_modules() if not part.training] == ["bn1"]


@pytest.mark.parametrize("layer", [None, "layer4"])
def test_a_network_in_training_is_mapped_as_in_evaluation_and_learns_nothing(layer: str | None) -> None:
    torch.manual_seed(0)
    network = torchvision.models.resnet18(num_classes=2).eval()
    images = torch.randn(4, 3, 32, 32)

    def split(whole: nn.Module) -> tuple[nn.Module, nn.Linear]:
        return nn.Sequential(*list(whole.children())[:-2]), whole.fc

    expected = network_evidence(network, [images], split, layer=layer)
    before = copy.deepcopy(network.state_dict())
    found = network_evidence(network.train(), [images], split, layer=layer)
    np.testing.assert_array_equal(found.by_class, expected.by_class)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_one_logit_has_no_difference_and_is_refused_with_a_remedy() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 1)).eval()
    images = torch.randn(1, 3, 8, 8)
    ways = (
        lambda: layer_maps(network, "0", images),
        lambda: layer_evidence(network, "0", images).signed,
        lambda: evidence_maps(torch.ones(1, 2, 3, 3), network[3].weight),
        lambda: package_maps(network, "0", images, "layercam"),
        lambda: package_evidence(network, "0", [images], "layercam"),
    )
    for way in ways:
        with pytest.raises(BadParameterError, match=r"expected two logits, found 1.*torch\.cat"):
            way()
    assert layer_maps(network, "0", images, class_index=0).shape == (1, 6, 6)
