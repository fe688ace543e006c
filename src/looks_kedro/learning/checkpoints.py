"""A trained network as one dictionary that ``torch.load(weights_only=True)`` reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.settings import CLASSES, IMAGENET_MEAN, IMAGENET_STD

__all__ = ["make_checkpoint", "model_from_checkpoint", "portable"]

FORMAT = "looks_kedro 1"
_KEYS = ("format", "backbone", "classes", "image_size", "mean", "std", "state_dict")

StateDict = dict[str, torch.Tensor]


def portable(state_dict: Mapping[str, torch.Tensor]) -> StateDict:
    """Copies of the weights in main memory, in the plain memory layout."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
        for name, value in state_dict.items()
    }


def make_checkpoint(
    model: nn.Module | Mapping[str, torch.Tensor],
    backbone: str,
    *,
    image_size: int,
    classes: Sequence[str] = CLASSES,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    **metadata: Any,
) -> dict[str, Any]:
    """Put a network and what is needed to use it into one dictionary.

    Args:
        model: the network or its state dict.
        backbone: name for ``build_backbone``.
        image_size: side in pixels of the images that it saw.
        classes: name of each logit, in order.
        mean: of red, green and blue in 0..1, subtracted before the network.
        std: by which is divided then.
        metadata: numbers, strings, and lists and dictionaries of them.

    Returns:
        Keys ``format``, ``backbone``, ``classes``, ``image_size``, ``mean``, ``std``, ``metadata``, ``state_dict``.
    """
    weights = model.state_dict() if isinstance(model, nn.Module) else model
    return {
        "format": FORMAT,
        "backbone": backbone,
        "classes": [str(name) for name in classes],
        "image_size": int(image_size),
        "mean": [float(value) for value in mean],
        "std": [float(value) for value in std],
        "metadata": dict(metadata),
        "state_dict": portable(weights),
    }


def model_from_checkpoint(checkpoint: Mapping[str, Any]) -> nn.Module:
    """Rebuild a network from ``make_checkpoint``'s dictionary, in evaluation mode, on the CPU.

    Raises:
        BadInputError: a key is missing, or the weights do not fit the backbone.
    """
    missing = [key for key in _KEYS if key not in checkpoint]
    if missing:
        raise BadInputError(
            f"checkpoint: expected the keys {', '.join(_KEYS)}, found none for {', '.join(missing)}; "
            f"train the model again with this version"
        )
    if checkpoint["format"] != FORMAT:
        raise BadInputError(f"checkpoint: expected format {FORMAT!r}, found {checkpoint['format']!r}; train it again")
    with torch.random.fork_rng(devices=[]):
        model = build_backbone(checkpoint["backbone"], len(checkpoint["classes"]))
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        raise BadInputError(f"checkpoint: the weights are no {checkpoint['backbone']}: {error}") from error
    return model.eval()
