"""From a checkpoint to the evidence of images, by the method that the parameters choose."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.pipelines.parts import load_part, spread

from .parameters import Explainability

if TYPE_CHECKING:
    import torch
    from torch import nn

    from looks_kedro.cam import Evidence
    from looks_kedro.cam.layers import ToGrid
    from looks_kedro.learning import Portraits

Checkpoint = dict[str, Any]


def evidence_of(network: nn.Module, batches: Iterable[torch.Tensor], explainability: Explainability) -> Evidence:
    """Evidence of each image for each logit.

    Grad-CAM of a network that ends in an average and a linear layer needs no derivatives; other networks, and a layer
    that is named, take those of the part above the layer.

    Args:
        network: in evaluation mode.
        batches: normalised images on its device.
        explainability: method and layer.
    """
    from looks_kedro.cam import layer_evidence, maps_of
    from looks_kedro.cam.package import package_evidence
    from looks_kedro.learning import split_head

    if explainability.method == "gradcam" and explainability.layer is None:
        try:
            trunk, head = split_head(network)
        except BadParameterError:  # its head is of another kind
            pass
        else:
            return maps_of(trunk, head.weight, head.bias, batches)
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        raise BadInputError("no batch of images to explain")
    layer, to_grid = _layer_of(network, first, explainability.layer)
    images = chain([first], rest)
    if explainability.method == "gradcam":
        return layer_evidence(network, layer, images, to_grid=to_grid)
    return package_evidence(network, layer, images, explainability.method, to_grid=to_grid)


def explained(model: Checkpoint, images: Portraits | npt.NDArray[np.uint8], explainability: Explainability) -> Evidence:
    """Evidence of many images by a trained network.

    Args:
        model: checkpoint of the network.
        images: uint8 (N, S, S, 3).
        explainability: method, layer, batch size and device.
    """
    network, batches = prepared(model, images, explainability)
    return evidence_of(network, batches(), explainability)


def prepared(model: Checkpoint, images: Portraits | npt.NDArray[np.uint8], explainability: Explainability) -> Any:
    """The network on its device, and a function that gives its batches anew."""
    import torch

    from looks_kedro.learning import model_from_checkpoint, portrait_batches
    from looks_kedro.learning.data import choose_device

    device = choose_device(explainability.device)
    network = model_from_checkpoint(model).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, partial(portrait_batches, images, explainability.batch_size, device)


def images_to_explain(
    model: Checkpoint, model_input: ImageFolder, image_arrays: ArrayStore
) -> tuple[Portraits, pd.DataFrame]:
    """The test part as the network sees it: uint8 (N, S, S, 3), and its rows."""
    red, green, blue = model["metadata"]["alpha_colour"]
    return load_part(model_input, "test", model["image_size"], (red, green, blue), image_arrays)


def control_rows(count: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many of ``count`` rows, evenly over them."""
    return np.array(spread(list(range(count)), most), dtype=np.int64)


def _layer_of(network: nn.Module, images: torch.Tensor, layer: str | None) -> tuple[str, ToGrid | None]:
    from torchvision.models import VisionTransformer

    from looks_kedro.cam import last_grid, token_grid

    if isinstance(network, VisionTransformer):
        # Above it, only the class token reaches the logits.
        last = list(network.encoder.layers._modules)[-1]
        return layer or f"encoder.layers.{last}.ln_1", token_grid
    return layer or last_grid(network, images), None
