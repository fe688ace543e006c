"""The other methods of the grad-cam package (pytorch-grad-cam, Gildenblat et al., 2021), by name.

They run a whole backward pass with the derivatives of all weights, and some much more; for Grad-CAM itself the closed
form and :func:`layer_maps` give the same numbers at a fraction of the cost.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from looks_kedro.errors import BadInputError, BadParameterError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from looks_kedro.cam.closed_form import Evidence
    from looks_kedro.cam.layers import ToGrid

__all__ = ["CLASS_BLIND", "METHODS", "SLOW", "Method", "package_evidence", "package_maps"]

log = logging.getLogger(__name__)

FloatArray = npt.NDArray[np.float32]

Method = Literal[
    "gradcam",
    "gradcam++",
    "xgradcam",
    "hirescam",
    "layercam",
    "gradcamelementwise",
    "eigengradcam",
    "eigencam",
    "kpcacam",
    "fem",
    "scorecam",
    "ablationcam",
    "randomcam",
]
METHODS: dict[str, str] = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "xgradcam": "XGradCAM",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "gradcamelementwise": "GradCAMElementWise",
    "eigengradcam": "EigenGradCAM",
    "eigencam": "EigenCAM",
    "kpcacam": "KPCA_CAM",
    "fem": "FEM",
    "scorecam": "ScoreCAM",
    "ablationcam": "AblationCAM",
    "randomcam": "RandomCAM",
}
"""Names and the package's classes."""
SLOW: dict[str, str] = {
    "scorecam": "a forward pass for each channel of the layer and each image",
    "ablationcam": "a pass for each channel of the layer and each image",
    "eigencam": "a singular value decomposition for each image",
    "eigengradcam": "a singular value decomposition for each image",
    "kpcacam": "a kernel decomposition for each image",
}
"""Methods that cost far more than a backward pass, and why."""
CLASS_BLIND = ("eigencam", "kpcacam", "fem", "randomcam")
"""Methods whose map is the same for every class: a difference of classes is 0 everywhere."""
_SEED = 0


def package_maps(
    model: nn.Module,
    layer: str,
    images: torch.Tensor | Iterable[torch.Tensor],
    method: str = "gradcam++",
    class_index: int | None = None,
    *,
    to_grid: ToGrid | None = None,
) -> FloatArray:
    """Maps by a method of the grad-cam package, on the layer's own grid.

    Enlarged to the images and scaled by ``normalise_each`` once more, they are what the package returns.

    Args:
        model: normalised images to logits (N, classes); its mode and the derivatives of its weights are put back.
        layer: name of a layer that runs once.
        images: (N, 3, H, W) on the model's device, or batches of that.
        method: one of ``METHODS``; capitals, hyphens and underscores do not matter (``Grad-CAM++``).
        class_index: the logit to explain; none explains ``logit[1] - logit[0]``.
        to_grid: brings the layer's output to (N, C, h, w), where it is none.

    Returns:
        float32 (N, h, w), 0..1 an image, as the package scales them; nothing is negative.

    Raises:
        BadParameterError: no such method or layer, or one logit and no class is named.
        BadInputError: there is no image.
    """
    import torch

    batches = [images] if isinstance(images, torch.Tensor) else images
    with _package(model, layer, method, to_grid) as explain:
        found = [explain(batch, class_index)[0] for batch in batches]
    if not found:
        raise BadInputError("no batch of images to explain")
    return np.concatenate(found)


def package_evidence(
    model: nn.Module, layer: str, batches: Iterable[torch.Tensor], method: str, *, to_grid: ToGrid | None = None
) -> Evidence:
    """Maps of both logits by a method of the package, and the logits; as :func:`package_maps`.

    The difference of the two maps takes the place of the signed evidence; it is no part of a logit.
    """
    from looks_kedro.cam.closed_form import Evidence

    maps: list[FloatArray] = []
    logits: list[FloatArray] = []
    with _package(model, layer, method, to_grid) as explain:
        for batch in batches:
            (ordinary, scores), (celebrity, _) = explain(batch, 0), explain(batch, 1)
            maps.append(np.stack([ordinary, celebrity], axis=1))
            logits.append(scores)
    if not maps:
        raise BadInputError("no batch of images to explain")
    return Evidence(np.concatenate(maps), np.concatenate(logits))


Explain = Callable[["torch.Tensor", int | None], tuple[FloatArray, FloatArray]]


@contextlib.contextmanager
def _package(model: nn.Module, layer: str, method: str, to_grid: ToGrid | None) -> Iterator[Explain]:
    """The method on a layer, as a function of images and class that gives maps and logits."""
    import torch

    from looks_kedro.cam.layers import evaluating, find_layer

    name = _known(method)
    module = find_layer(model, layer)
    if name in SLOW:
        log.warning("maps by %s take %s", name, SLOW[name])
    kind: Any = getattr(importlib.import_module("pytorch_grad_cam"), METHODS[name])
    gradients = [weight.grad for weight in model.parameters()]
    with evaluating(model), torch.inference_mode(False), torch.enable_grad():
        package = kind(model=model, target_layers=[module], reshape_transform=to_grid)
        package.get_target_width_height = lambda _images: None  # the layer's grid, not the images' size
        drawn: dict[int | None, Any] = {}

        def explain(images: torch.Tensor, class_index: int | None) -> tuple[FloatArray, FloatArray]:
            # Some methods draw a progress bar for each image.
            with contextlib.redirect_stderr(io.StringIO()), _own_numbers(drawn, class_index):
                # Derivatives reach the layer also where the weights are frozen.
                started = images.detach().clone().requires_grad_(True)
                maps = package(input_tensor=started, targets=[_Score(class_index)] * len(images))
            logits = package.outputs.detach().float().cpu().numpy()
            return np.asarray(maps, dtype=np.float32), np.asarray(logits, dtype=np.float32)

        try:
            yield explain
        finally:
            package.activations_and_grads.release()
            for weight, gradient in zip(model.parameters(), gradients, strict=True):
                weight.grad = gradient


@contextlib.contextmanager
def _own_numbers(states: dict[int | None, Any], class_index: int | None) -> Iterator[None]:
    """NumPy's global random numbers from a stream of one's own for each class, and as they were afterwards.

    All streams begin alike and go on from batch to batch: the maps of a method that draws numbers, such as randomcam,
    are the same each time, for each class, and for each size of the batches.
    """
    # The package draws from NumPy's global numbers and takes no generator.
    before = np.random.get_state()  # noqa: NPY002
    np.random.set_state(states.get(class_index) or np.random.RandomState(_SEED).get_state())  # noqa: NPY002
    try:
        yield
        states[class_index] = np.random.get_state()  # noqa: NPY002
    finally:
        np.random.set_state(before)  # noqa: NPY002


class _Score:
    """What the package explains: one logit of an image, (classes,), or the difference of the two."""

    def __init__(self, class_index: int | None) -> None:
        self.class_index = class_index

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        from looks_kedro.cam.closed_form import check_logits

        if self.class_index != 0:
            check_logits(logits[None])
        return logits[1] - logits[0] if self.class_index is None else logits[self.class_index]


def _known(method: str) -> str:
    name = method.lower().replace("-", "").replace("_", "").replace(" ", "")
    if name not in METHODS:
        near = get_close_matches(name, METHODS, n=1)
        advice = f"did you mean {near[0]}?" if near else ""
        raise BadParameterError(f"no method {method!r}; expected one of {', '.join(METHODS)}. {advice}".rstrip())
    return name
