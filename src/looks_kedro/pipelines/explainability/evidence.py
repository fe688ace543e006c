"""From a checkpoint to the evidence of images, by the method that the parameters choose."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.pipelines.parts import load_part, spread

from .parameters import Explainability

if TYPE_CHECKING:
    import torch
    from torch import nn

    from looks_kedro.cam import Evidence
    from looks_kedro.learning import Portraits

Checkpoint = dict[str, Any]


def evidence_of(network: nn.Module, batches: Iterable[torch.Tensor], explainability: Explainability) -> Evidence:
    """Evidence of each image for each logit, by :func:`looks_kedro.cam.network_evidence`.

    Args:
        network: in evaluation mode.
        batches: normalised images on its device.
        explainability: method and layer.
    """
    from looks_kedro.cam import network_evidence
    from looks_kedro.learning import split_head

    return network_evidence(network, batches, split_head, explainability.method, explainability.layer)


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
