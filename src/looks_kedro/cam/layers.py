"""Grad-CAM at any layer of any network, with derivatives of the part above that layer only.

The map of a score y at features A (C, h, w) is (Selvaraju et al., ICCV 2017, equations 1 and 2, without the ReLU)

    M[x,y] = sum_k a_k A[k,x,y],    a_k = mean over x, y of dy / dA[k,x,y]

The layers below run without a graph: the layer's output re-enters the network as if it were an input, so that
neither their derivatives nor those of any weight are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from looks_kedro.cam.closed_form import Evidence, check_logits
from looks_kedro.errors import BadInputError, BadParameterError

__all__ = ["ToGrid", "evaluating", "find_layer", "last_grid", "layer_evidence", "layer_maps", "token_grid"]

FloatArray = npt.NDArray[np.float32]
ToGrid = Callable[[torch.Tensor], torch.Tensor]
"""A layer's output to features (N, C, h, w)."""


def layer_maps(
    model: nn.Module,
    layer: str,
    images: torch.Tensor | Iterable[torch.Tensor],
    class_index: int | None = None,
    *,
    to_grid: ToGrid | None = None,
) -> FloatArray:
    """Signed Grad-CAM at a layer; ``maximum(maps, 0)`` is Grad-CAM as published.

    Args:
        model: normalised images to logits (N, classes); its mode is put back.
        layer: name of a layer that runs once, such as ``layer3`` or ``features.4``.
        images: (N, 3, H, W) on the model's device, or batches of that.
        class_index: the logit to explain; none explains ``logit[1] - logit[0]``, positive for class 1.
        to_grid: brings the layer's output to (N, C, h, w), where it is none: ``token_grid`` for a vision transformer.

    Returns:
        float32 (N, h, w), signed.

    Raises:
        BadParameterError: there is no such layer, it runs more than once, its output is no grid, the logits do not
            depend on it, or there is one logit and no class is named.
        BadInputError: there is no image.
    """
    found = []
    with evaluating(model), torch.inference_mode(False):
        for batch in _batches(images):
            activation, logits = _entered(model, layer, batch)
            if class_index is None:
                check_logits(logits)
            score = logits[:, 1] - logits[:, 0] if class_index is None else logits[:, class_index]
            found.append(_grad_cam(activation, score, layer, to_grid).float().cpu().numpy())
    return _joined(found)


def layer_evidence(
    model: nn.Module, layer: str, images: torch.Tensor | Iterable[torch.Tensor], *, to_grid: ToGrid | None = None
) -> Evidence:
    """Signed Grad-CAM of each logit at a layer, and the logits: one pass up to the layer, one back for each logit.

    The maps of a logit do not sum to it, as the closed form's do.

    Args:
        model: as for :func:`layer_maps`, with its errors.
        layer: as there.
        images: as there.
        to_grid: as there.
    """
    maps: list[FloatArray] = []
    scores: list[FloatArray] = []
    with evaluating(model), torch.inference_mode(False):
        for batch in _batches(images):
            activation, logits = _entered(model, layer, batch)
            each = [_grad_cam(activation, logit, layer, to_grid) for logit in logits.unbind(1)]
            maps.append(torch.stack(each, dim=1).float().cpu().numpy())
            scores.append(logits.detach().float().cpu().numpy())
    return Evidence(_joined(maps), _joined(scores))


def find_layer(model: nn.Module, layer: str) -> nn.Module:
    """A layer by its name.

    Raises:
        BadParameterError: there is none; the message names near ones.
    """
    names = [name for name, _ in model.named_modules() if name]
    if layer not in names:
        near = get_close_matches(layer, names, n=3) or [name for name, _ in model.named_children()]
        raise BadParameterError(
            f"{type(model).__name__} has no layer {layer!r}; expected a name such as {', '.join(near)} "
            f"(all: [name for name, _ in model.named_modules()])"
        )
    return model.get_submodule(layer)


def last_grid(model: nn.Module, images: torch.Tensor) -> str:
    """Name of the last layer whose output is still a picture: (N, C, h, w) with more than one place.

    Args:
        model: a network; its mode is put back.
        images: (n, 3, H, W); the first is run through the network.

    Raises:
        BadParameterError: there is no such layer that runs once, as in a vision transformer.
    """
    ended: list[str] = []

    def note(name: str) -> Callable[..., None]:
        def after(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
                ended.append(name)

        return after

    layers = [(name, one) for name, one in model.named_modules() if name and not isinstance(one, nn.AdaptiveAvgPool2d)]
    handles = [one.register_forward_hook(note(name)) for name, one in layers]
    try:
        with evaluating(model), torch.no_grad():
            model(images[:1])
    finally:
        for handle in handles:
            handle.remove()
    once = [name for name in ended if ended.count(name) == 1]
    if not once:
        raise BadParameterError(f"{type(model).__name__} has no layer whose output is a picture; name a layer")
    return once[-1]


def token_grid(tokens: torch.Tensor) -> torch.Tensor:
    """A vision transformer's tokens as a picture, without the class token in front.

    Args:
        tokens: (N, 1 + n n, C).

    Returns:
        (N, C, n, n).

    Raises:
        BadParameterError: the places do not make a square.
    """
    side = round((tokens.shape[1] - 1) ** 0.5) if tokens.ndim == 3 else 0
    if tokens.ndim != 3 or side < 1 or side * side != tokens.shape[1] - 1:
        raise BadParameterError(
            f"expected tokens of the shape (N, 1 + n n, C), found {tuple(tokens.shape)}; choose another layer"
        )
    return tokens[:, 1:].transpose(1, 2).reshape(len(tokens), -1, side, side)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, and each of its parts in its own mode afterwards, frozen ones too."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _entered(model: nn.Module, layer: str, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's output as a leaf, and logits whose graph begins there."""
    kept: list[torch.Tensor] = []

    def enter(_module: nn.Module, _inputs: Any, output: Any) -> torch.Tensor:
        if not isinstance(output, torch.Tensor) or kept:
            found = "runs several times" if kept else f"gives a {type(output).__name__}"
            raise BadParameterError(f"layer {layer}: expected one that runs once and gives a tensor; it {found}")
        kept.append(output.detach().requires_grad_(True))
        torch.set_grad_enabled(True)
        # A copy, because what follows may work in place, which a leaf does not allow.
        return kept[0].clone()

    handle = find_layer(model, layer).register_forward_hook(enter)
    try:
        with torch.no_grad():
            logits = model(images)
    finally:
        handle.remove()
    if not kept:
        raise BadParameterError(f"layer {layer}: it does not run in a forward pass; choose another one")
    return kept[0], logits


def _grad_cam(activation: torch.Tensor, score: torch.Tensor, layer: str, to_grid: ToGrid | None) -> torch.Tensor:
    """Definition of the module's docstring: score (N,) at the activation, to (N, h, w)."""
    derivative = None
    if score.requires_grad:
        (derivative,) = torch.autograd.grad(score.sum(), activation, retain_graph=True, allow_unused=True)
    if derivative is None:
        raise BadParameterError(f"layer {layer}: the logits do not depend on it; choose a layer below the last one")
    features = activation.detach()
    if to_grid is not None:
        features, derivative = to_grid(features), to_grid(derivative)
    if features.ndim != 4:
        raise BadParameterError(
            f"layer {layer}: expected features (N, C, h, w), found the shape {tuple(features.shape)}; choose a "
            f"convolutional layer, or say how they lie with to_grid (token_grid for a vision transformer)"
        )
    return (derivative.mean((2, 3), keepdim=True) * features).sum(1)


def _batches(images: torch.Tensor | Iterable[torch.Tensor]) -> Iterable[torch.Tensor]:
    return [images] if isinstance(images, torch.Tensor) else images


def _joined(parts: list[FloatArray]) -> FloatArray:
    if not parts:
        raise BadInputError("no batch of images to explain")
    return np.concatenate(parts)
