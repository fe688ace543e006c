"""A trained network as one dictionary that ``torch.load(weights_only=True)`` reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.backbones import build_backbone, head_name, skeleton
from looks_kedro.learning.settings import CLASSES, IMAGENET_MEAN, IMAGENET_STD
from looks_kedro.weight_files import fill, plain_names, read_content

__all__ = ["StateDict", "load_checkpoint", "make_checkpoint", "model_from_checkpoint", "portable"]

FORMAT = "looks_kedro 2"
_FIRST_FORMAT = "looks_kedro 1"  # without git_commit and data_version
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
    git_commit: str | None = None,
    data_version: str = "",
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
        git_commit: of the code that trained it; None where nobody knows.
        data_version: version of the images that it saw; "" where they have none.
        metadata: numbers, strings, and lists and dictionaries of them.

    Returns:
        Keys ``format``, ``backbone``, ``classes``, ``image_size``, ``mean``, ``std``, ``git_commit``,
        ``data_version``, ``metadata``, ``state_dict``.
    """
    weights = model.state_dict() if isinstance(model, nn.Module) else model
    return {
        "format": FORMAT,
        "backbone": backbone,
        "classes": [str(name) for name in classes],
        "image_size": int(image_size),
        "mean": [float(value) for value in mean],
        "std": [float(value) for value in std],
        "git_commit": git_commit,
        "data_version": str(data_version),
        "metadata": dict(metadata),
        "state_dict": portable(weights),
    }


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint that this project has saved, without running code from it.

    Args:
        path: such as ``data/06_models/original/custom/model.pt/VERSION/model.pt``.

    Returns:
        What ``make_checkpoint`` gave; files of the first format get the keys that it had not.

    Raises:
        BadInputError: there is no such file; it is a web page, a Git LFS pointer, a pickled model, an ONNX or
            safetensors file, cut off, or bare weights; or its weights fit neither its backbone nor its classes.
    """
    told = f"{path}: expected a checkpoint of looks_kedro"
    content = read_content(Path(path), "a checkpoint of looks_kedro", "correct the path, or train the network first")
    if isinstance(content, Mapping) and content and all(isinstance(value, torch.Tensor) for value in content.values()):
        raise BadInputError(
            f"{told}, found a bare state dict of {len(content)} tensors, which does not say what network it is: give "
            f"it to looks_kedro.learning.make_checkpoint(weights, backbone, image_size=...), or, as first weights, to "
            f"load_fairface or load_imagenet"
        )
    checkpoint = _current(content, told)
    _put_weights(checkpoint, _built(checkpoint, told, fresh=False), told)
    return checkpoint


def model_from_checkpoint(checkpoint: Mapping[str, Any]) -> nn.Module:
    """Rebuild a network from ``make_checkpoint``'s dictionary, in evaluation mode, on the CPU.

    Raises:
        BadInputError: a key is missing, or the weights fit neither the backbone nor the classes.
    """
    told = "checkpoint"
    current = _current(checkpoint, told)
    model = _built(current, told, fresh=True)
    _put_weights(current, model, told)
    return model.eval()


def _current(content: object, told: str) -> dict[str, Any]:
    """A checkpoint with every key of the current format and names without prefixes."""
    if not isinstance(content, Mapping):
        raise BadInputError(f"{told}, a dictionary, found {type(content).__name__}; save what make_checkpoint gives")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise BadInputError(
            f"{told}: expected the keys {', '.join(_KEYS)}, found none for {', '.join(missing)}; "
            f"train the model again with this version"
        )
    if content["format"] not in (FORMAT, _FIRST_FORMAT):
        raise BadInputError(
            f"{told}: expected format {FORMAT!r} or {_FIRST_FORMAT!r}, found {content['format']!r}; train it again, or "
            f"use the version of looks_kedro that wrote it"
        )
    metadata = dict(content.get("metadata") or {})
    old_version = str(metadata.pop("data_version", "")) if content["format"] == _FIRST_FORMAT else ""
    return {
        "git_commit": None,
        "data_version": old_version,
        **content,
        "format": FORMAT,
        "metadata": metadata,
        "state_dict": plain_names(content["state_dict"]),
    }


def _built(checkpoint: Mapping[str, Any], told: str, *, fresh: bool) -> nn.Module:
    """The network of a checkpoint, with fresh weights or with names and shapes alone."""
    given = (checkpoint["backbone"], len(checkpoint["classes"]), checkpoint["image_size"])
    try:
        if not fresh:
            return skeleton(*given)
        with torch.random.fork_rng(devices=[]):
            return build_backbone(*given)
    except BadParameterError as error:
        raise BadInputError(f"{told}: {error}") from error


def _put_weights(checkpoint: Mapping[str, Any], model: nn.Module, told: str) -> None:
    backbone, classes, weights = checkpoint["backbone"], checkpoint["classes"], checkpoint["state_dict"]
    head = weights.get(f"{head_name(model)}.weight")
    if head is not None and head.ndim == 2 and len(head) != len(classes):
        raise BadInputError(
            f"{told}: expected a head of {len(classes)} logits, one for each of its classes "
            f"({', '.join(map(str, classes[:4]))}{', ...' if len(classes) > 4 else ''}), found {len(head)}; "
            f"{_other_head(len(head))}"
        )
    fill(model, weights, f"{told}: expected weights of {backbone}", assign=next(model.parameters()).is_meta)


def _other_head(width: int) -> str:
    if width == 18:
        return "that is a network in FairFace's format: load_fairface reads it, and custom can start from it"
    if width == 1000:
        return "those are ImageNet's classes: load_imagenet reads them, and a backbone can start from them"
    return "name the classes in the order of its logits, or train it again"
