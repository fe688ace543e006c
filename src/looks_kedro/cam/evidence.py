"""Evidence of a whole network: by the quickest way that its head allows, or by the method and layer that are named."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING

from looks_kedro.cam.closed_form import maps_of
from looks_kedro.cam.layers import evaluating, last_grid, layer_evidence, token_grid
from looks_kedro.cam.package import Method, package_evidence
from looks_kedro.errors import BadInputError, BadParameterError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from looks_kedro.cam.closed_form import Evidence
    from looks_kedro.cam.layers import ToGrid

__all__ = ["network_evidence"]


def network_evidence(
    network: nn.Module,
    batches: Iterable[torch.Tensor],
    split: Callable[[nn.Module], tuple[nn.Module, nn.Linear]],
    method: Method = "gradcam",
    layer: str | None = None,
) -> Evidence:
    """Evidence of each image for each logit.

    Grad-CAM of a network that ends in an average and a linear layer needs no derivatives; other networks, and a layer
    that is named, take those of the part above the layer.

    Args:
        network: normalised images (n, 3, H, W) to logits; it is mapped in evaluation mode, and its mode is put back.
        batches: images on the network's device.
        split: gives trunk and head of a network that ends so, such as ``learning.split_head``, and raises
            ``BadParameterError`` for others.
        method: Grad-CAM, or one of the grad-cam package.
        layer: its name; none takes the last one whose output is a picture.

    Raises:
        BadParameterError: there is no such layer, or it gives no picture.
        BadInputError: there is no batch.
    """
    # Batch normalisation in training mode would map each image by its batch, and learn from it.
    with evaluating(network):
        return _evidence(network, batches, split, method, layer)


def _evidence(
    network: nn.Module,
    batches: Iterable[torch.Tensor],
    split: Callable[[nn.Module], tuple[nn.Module, nn.Linear]],
    method: Method,
    layer: str | None,
) -> Evidence:
    """As :func:`network_evidence`, of a network in evaluation mode."""
    if method == "gradcam" and layer is None:
        try:
            trunk, head = split(network)
        except BadParameterError:  # its head is of another kind
            pass
        else:
            return maps_of(trunk, head.weight, head.bias, batches)
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        raise BadInputError("no batch of images to explain")
    name, to_grid = _layer_of(network, first, layer)
    images = chain([first], rest)
    if method == "gradcam":
        return layer_evidence(network, name, images, to_grid=to_grid)
    return package_evidence(network, name, images, method, to_grid=to_grid)


def _layer_of(network: nn.Module, images: torch.Tensor, layer: str | None) -> tuple[str, ToGrid | None]:
    from torchvision.models import VisionTransformer

    if isinstance(network, VisionTransformer):
        # Above it, only the class token reaches the logits.
        last = list(network.encoder.layers._modules)[-1]
        return layer or f"encoder.layers.{last}.ln_1", token_grid
    return layer or last_grid(network, images), None
