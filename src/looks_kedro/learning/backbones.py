"""Networks by name, their heads, and a new head on a trunk that was trained before."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, cast

import torch
import torchvision
from torch import nn
from torchvision.models import (
    DenseNet,
    EfficientNet,
    GoogLeNet,
    Inception3,
    MNASNet,
    MobileNetV2,
    RegNet,
    ResNet,
    ShuffleNetV2,
    SwinTransformer,
    VisionTransformer,
)

from looks_kedro.errors import BadParameterError
from looks_kedro.learning.settings import BACKBONES
from looks_kedro.weight_files import fill, plain_names

__all__ = [
    "BACKBONES",
    "build_backbone",
    "head_name",
    "last_linear",
    "published_name",
    "skeleton",
    "split_head",
    "with_new_head",
]

log = logging.getLogger(__name__)

_GOOGLE = ("googlenet", "inception_v3")
_SQUARES = 224  # px; MaxVit cuts the image into windows of 7 by 7 cells at a 32nd of its size


def published_name(name: str) -> str:
    """The name by which torchvision knows a backbone.

    Raises:
        BadParameterError: it knows no such classification network.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    published = "resnet34" if name == "custom" else name
    if published not in known:
        raise BadParameterError(
            f"backbone {name!r} is unknown; expected one of {', '.join(BACKBONES)}, "
            f"or a classification network of torchvision such as mobilenet_v2 or regnet_y_400mf"
        )
    return published


def build_backbone(name: str, classes: int = 2, image_size: int | None = None) -> nn.Module:
    """Build a network with fresh weights, drawn from torch's global random state.

    GoogLeNet and Inception take images normalised as all others do, and bring them to -1..1 themselves.

    Args:
        name: one of ``BACKBONES``, or any classification network of torchvision that ends in a linear layer (all but
            the two SqueezeNets, torch 2.6 to 2.15). ``custom`` is a ResNet34.
        classes: width of the last layer.
        image_size: side of its images in pixels. Vision transformers and MaxVit are built for one size, 224 px where
            none is given; for others it is only checked.

    Returns:
        A module: float images (N, 3, H, W), normalised, to logits (N, classes).

    Raises:
        BadParameterError: torchvision has no such classification network, it does not end in a linear layer, or it
            cannot see images of this size.
    """
    published = published_name(name)
    options: dict[str, Any] = {}
    if image_size is not None:
        _check_size(name, published, image_size)
        if published.startswith("vit_"):
            options["image_size"] = image_size
        elif published.startswith("maxvit_"):
            options["input_size"] = (image_size, image_size)
    if published in _GOOGLE:
        # Their published weights expect this of the input; always set, a state dict alone says what a network does.
        options |= {"aux_logits": False, "init_weights": True, "transform_input": True}
    model = cast(nn.Module, torchvision.models.get_model(published, weights=None, num_classes=classes, **options))
    last_linear(model, name)
    return model


def _check_size(name: str, published: str, size: int) -> None:
    if published.startswith(("vit_", "maxvit_")):
        step = _SQUARES if published.startswith("maxvit_") else int(published.rpartition("_")[2])
        if size < step or size % step:
            raise BadParameterError(
                f"backbone {name}: expected image_size to be a multiple of {step} px, found {size}; correct "
                f"training.image_size, or choose a backbone that takes any size, such as resnet18"
            )
        return
    published_weights = torchvision.models.get_model_weights(published)
    given = next(iter(published_weights)).meta.get("min_size", (1, 1))
    # Swin's table says what it was published for; what it needs is one cell after five halvings.
    least = 32 if published.startswith("swin_") else int(max(given))
    if size < least:
        raise BadParameterError(
            f"backbone {name}: expected image_size of at least {least} px, found {size}; raise training.image_size, "
            f"or choose another backbone"
        )


def skeleton(name: str, classes: int = 2, image_size: int | None = None) -> nn.Module:
    """A network for its names and shapes alone; torch's random state stays as it was.

    Args:
        name: as for ``build_backbone``, with its errors.
        classes: as there.
        image_size: as there.
    """
    try:
        with torch.device("meta"):
            return build_backbone(name, classes, image_size)
    except NotImplementedError:
        # RegNet computes its widths with tensors.
        with torch.random.fork_rng(devices=[]):
            return build_backbone(name, classes, image_size)


def with_new_head(
    backbone: str,
    weights: Mapping[str, torch.Tensor],
    classes: int = 2,
    image_size: int | None = None,
    *,
    told: str | None = None,
) -> nn.Module:
    """A network whose trunk was trained before, under a fresh linear layer.

    The trunk's numbers are those of the weights, bit for bit; only the position embedding of a vision transformer is
    resampled (bicubic) where the weights were made for another image size, and the log says so.

    Args:
        backbone: name for ``build_backbone``.
        weights: state dict of this network with a head of any width; ``module.`` before its names is taken off.
        classes: width of the new layer, drawn from torch's global random state.
        image_size: as for ``build_backbone``.
        told: begins messages, such as ``a.pt: expected weights of resnet50``.

    Returns:
        The network in training mode; every weight trains.

    Raises:
        BadInputError: the weights are another network's, or not finite.
        BadParameterError: as ``build_backbone``.
    """
    model = build_backbone(backbone, classes, image_size)
    head = f"{head_name(model)}."
    trunk = {name: value for name, value in plain_names(weights).items() if not name.startswith(head)}
    if isinstance(model, VisionTransformer):
        trunk = _resampled(model, trunk, backbone)
    fill(model, trunk, told or f"start weights: expected those of {backbone}", optional=(head,))
    return model


def _resampled(model: VisionTransformer, trunk: dict[str, torch.Tensor], backbone: str) -> dict[str, torch.Tensor]:
    from torchvision.models.vision_transformer import interpolate_embeddings

    name = "encoder.pos_embedding"
    wanted, found = model.get_parameter(name).shape, trunk[name].shape if name in trunk else None
    if found is None or found == wanted or found[2] != wanted[2]:
        return trunk
    log.info("%s: position embedding resampled from %d to %d places", backbone, found[1] - 1, wanted[1] - 1)
    return dict(interpolate_embeddings(model.image_size, model.patch_size, OrderedDict(trunk)))


def last_linear(model: nn.Module, name: str = "") -> nn.Linear:
    """The linear layer that gives the logits.

    Raises:
        BadParameterError: the network's last layer with weights is not linear.
    """
    return cast(nn.Linear, model.get_submodule(head_name(model, name)))


def head_name(model: nn.Module, name: str = "") -> str:
    """Name of the linear layer that gives the logits, such as ``fc`` or ``classifier.1``.

    Args:
        model: a network.
        name: what messages call it.

    Raises:
        BadParameterError: the network's last layer with weights is not linear.
    """
    layers = [one for one in model.named_modules() if next(one[1].parameters(recurse=False), None) is not None]
    if not layers or not isinstance(layers[-1][1], nn.Linear):
        found = type(layers[-1][1]).__name__ if layers else "no layer with weights"
        raise BadParameterError(
            f"backbone {name or type(model).__name__}: expected a linear last layer, found {found}; "
            f"choose one of {', '.join(BACKBONES)}"
        )
    return str(layers[-1][0])


_TRUNKS: dict[type[nn.Module], tuple[str, ...]] = {
    ResNet: ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"),
    RegNet: ("stem", "trunk_output"),
    EfficientNet: ("features",),
    MobileNetV2: ("features",),
    DenseNet: ("features",),
    MNASNet: ("layers",),
    ShuffleNetV2: ("conv1", "maxpool", "stage2", "stage3", "stage4", "conv5"),
    SwinTransformer: ("features", "norm", "permute"),
}
"""What comes before the average, in order; for GoogLeNet and Inception all children up to the average do."""


def split_head(model: nn.Module) -> tuple[nn.Module, nn.Linear]:
    """Split a network whose head is global average pooling and one linear layer.

    In evaluation mode ``head(trunk(images).mean((2, 3)))`` equals ``model(images)`` (dropout does nothing then).
    Trunk and head share the model's weights; nothing is copied.

    Args:
        model: a ResNet (with ResNeXt and Wide ResNet), RegNet, EfficientNet, MobileNetV2, DenseNet, MNASNet,
            ShuffleNetV2, GoogLeNet, Inception3 or Swin transformer of torchvision.

    Returns:
        The trunk, normalised images (N, 3, H, W) to features (N, C, h, w), and the head.

    Raises:
        BadParameterError: the head is of another kind: MobileNetV3, VGG, AlexNet and MaxVit have more layers after
            the average, ConvNeXt normalises after it, a vision transformer has none.
    """
    parts = dict(model.named_children())
    if isinstance(model, GoogLeNet | Inception3):
        names = list(parts)
        trunk = nn.Sequential(_OwnScale(model), *(parts[name] for name in names[: names.index("avgpool")]))
    else:
        kind = next((kind for kind in _TRUNKS if isinstance(model, kind)), None)
        if kind is None:
            raise BadParameterError(
                f"{type(model).__name__}: expected a network with global average pooling and one linear layer "
                f"({', '.join(known.__name__ for known in _TRUNKS)}, GoogLeNet, Inception3); its head is of another "
                f"kind, so maps need the gradients of the grad-cam package"
            )
        trunk = nn.Sequential(*(parts[name] for name in _TRUNKS[kind]))
        if kind is DenseNet:
            trunk.append(nn.ReLU())
    trunk.train(model.training)
    return trunk, last_linear(model)


class _OwnScale(nn.Module):
    """From ImageNet's normalisation to -1..1, as GoogLeNet and Inception do first."""

    def __init__(self, model: GoogLeNet | Inception3) -> None:
        super().__init__()
        self._scale = model._transform_input

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, H, W)."""
        return cast(torch.Tensor, self._scale(images))
