"""Networks by name, and their split into a convolutional trunk and a linear head."""

from __future__ import annotations

from typing import cast

import torchvision
from torch import nn
from torchvision.models import DenseNet, EfficientNet, MobileNetV2, RegNet, ResNet

from looks_kedro.errors import BadParameterError
from looks_kedro.learning.settings import BACKBONES

__all__ = ["BACKBONES", "build_backbone", "last_linear", "split_head"]


def build_backbone(name: str, classes: int = 2) -> nn.Module:
    """Build a network with fresh weights, drawn from torch's global random state.

    Args:
        name: one of ``BACKBONES``, or any classification network of torchvision that ends in a linear layer.
            ``custom`` is a ResNet34.
        classes: width of the last layer.

    Returns:
        A module: float images (N, 3, H, W), normalised, to logits (N, classes).

    Raises:
        BadParameterError: torchvision has no such classification network, or it does not end in a linear layer.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    published = "resnet34" if name == "custom" else name
    if published not in known:
        raise BadParameterError(
            f"backbone {name!r} is unknown; expected one of {', '.join(BACKBONES)}, "
            f"or a classification network of torchvision such as mobilenet_v2 or regnet_y_400mf"
        )
    options = {"aux_logits": False, "init_weights": True} if published in {"googlenet", "inception_v3"} else {}
    model = cast(nn.Module, torchvision.models.get_model(published, weights=None, num_classes=classes, **options))
    last_linear(model, name)
    return model


def last_linear(model: nn.Module, name: str = "") -> nn.Linear:
    """The linear layer that gives the logits.

    Raises:
        BadParameterError: the network's last layer with weights is not linear.
    """
    layers = [module for module in model.modules() if next(module.parameters(recurse=False), None) is not None]
    if not layers or not isinstance(layers[-1], nn.Linear):
        found = type(layers[-1]).__name__ if layers else "no layer with weights"
        raise BadParameterError(
            f"backbone {name or type(model).__name__}: expected a linear last layer, found {found}; "
            f"choose one of {', '.join(BACKBONES)}"
        )
    return layers[-1]


def split_head(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
    """Split a network whose head is global average pooling and one linear layer.

    In evaluation mode ``head(trunk(images).mean((2, 3)))`` equals ``model(images)`` (dropout does nothing then).
    Trunk and head share the model's weights; nothing is copied.

    Args:
        model: a ResNet (with ResNeXt and Wide ResNet), RegNet, EfficientNet, MobileNetV2 or DenseNet of torchvision.

    Returns:
        The trunk, normalised images (N, 3, H, W) to features (N, C, h, w), and the head.

    Raises:
        BadParameterError: the head is of another kind.
    """
    parts = dict(model.named_children())
    trunk: nn.Sequential
    if isinstance(model, ResNet):
        names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
        trunk = nn.Sequential(*(parts[part] for part in names))
    elif isinstance(model, RegNet):
        trunk = nn.Sequential(parts["stem"], parts["trunk_output"])
    elif isinstance(model, EfficientNet | MobileNetV2):
        trunk = nn.Sequential(parts["features"])
    elif isinstance(model, DenseNet):
        trunk = nn.Sequential(parts["features"], nn.ReLU())
    else:
        raise BadParameterError(
            f"{type(model).__name__}: expected a network with global average pooling and one linear layer "
            f"(ResNet, RegNet, EfficientNet, MobileNetV2, DenseNet); its head is of another kind, "
            f"so maps need the gradients of the grad-cam package"
        )
    trunk.train(model.training)
    return trunk, last_linear(model)
