"""Grad-CAM of networks that end in global average pooling and one linear layer, without a backward pass.

Such a network's logit is ``y_c = b_c + sum_k W[c,k] mean_xy A[k,x,y]`` with features A (C, h, w). Grad-CAM
(Selvaraju et al., ICCV 2017, equations 1 and 2) weighs channel k by the mean over the pixels of
``dy_c / dA[k,x,y] = W[c,k] / (h w)``, which is the same for every pixel, so the map before its ReLU is

    M_c[x,y] = sum_k W[c,k] A[k,x,y] / (h w)

and the logit is the sum of its own map: ``y_c = b_c + sum_xy M_c[x,y]``. (With CAM's scale, Zhou et al.,
CVPR 2016, it is the mean instead of the sum.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from looks_kedro.errors import BadParameterError

__all__ = ["Evidence", "check_logits", "class_maps", "evidence_maps", "maps_of", "normalise_each"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """What the pixels of each image add to each logit.

    Attributes:
        by_class: float32 (N, classes, h, w), signed; ``by_class[n, c].sum() + bias[c] == logits[n, c]``.
        logits: float32 (N, classes).
    """

    by_class: FloatArray
    logits: FloatArray

    @property
    def signed(self) -> FloatArray:
        """Evidence for class 1 against class 0, float32 (N, h, w): positive speaks for class 1.

        Raises:
            BadParameterError: there is one logit, so no class against another.
        """
        check_logits(self.logits)
        difference: FloatArray = self.by_class[:, 1] - self.by_class[:, 0]
        return difference

    def published(self, class_index: int | npt.NDArray[np.integer]) -> FloatArray:
        """The published style: ReLU of one class's own map, each image scaled to 0..1.

        Args:
            class_index: one class for all images, or (N,) a class for each.

        Returns:
            float32 (N, h, w).
        """
        positive: FloatArray = np.maximum(self.by_class[np.arange(len(self.by_class)), class_index], 0)
        return normalise_each(positive)


def evidence_maps(features: torch.Tensor, head_weight: torch.Tensor) -> torch.Tensor:
    """Signed evidence for class 1 against class 0.

    ``sum_k (W[1,k] - W[0,k]) A[k] / (h w)``, the Grad-CAM of the difference of the logits without its ReLU. The
    difference is what decides: cross-entropy leaves the sum of the two rows of W at its first, random value, so a
    single logit's map carries noise. Complete: a map's sum plus ``b[1] - b[0]`` is ``logit[1] - logit[0]``.

    Args:
        features: (N, C, h, w), what the global average pooling takes in.
        head_weight: (2, C).

    Returns:
        (N, h, w); positive speaks for class 1.

    Raises:
        BadParameterError: the head has one row.
    """
    check_logits(head_weight.T)
    return _weighted_sum(features, (head_weight[1] - head_weight[0])[None])[:, 0]


def check_logits(logits: torch.Tensor | npt.NDArray[np.floating]) -> None:
    """Refuse fewer than two logits, where evidence for one class against the other is asked for.

    Args:
        logits: (N, classes).

    Raises:
        BadParameterError: there are fewer than two classes.
    """
    found = logits.shape[1] if logits.ndim == 2 else 1
    if found < 2:
        raise BadParameterError(
            f"expected two logits, found {found}: the map is of logit[1] - logit[0]; let the network give both, such "
            f"as torch.cat([torch.zeros_like(logit), logit], dim=1)"
        )


def class_maps(features: torch.Tensor, head_weight: torch.Tensor, class_index: int) -> torch.Tensor:
    """Grad-CAM as published: ReLU of the map of one class's own logit.

    Args:
        features: (N, C, h, w).
        head_weight: (classes, C).
        class_index: which logit.

    Returns:
        (N, h, w), 0 or more.
    """
    return _weighted_sum(features, head_weight[class_index][None])[:, 0].relu()


def _weighted_sum(features: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """``sum_k weight[c,k] features[n,k] / (h w)``: (N, C, h, w) and (classes, C) to (N, classes, h, w)."""
    height, width = features.shape[2:]
    return torch.einsum("nkhw,ck->nchw", features, weight) / (height * width)


def normalise_each(maps: npt.NDArray[np.floating]) -> FloatArray:
    """Scale each map to 0..1 by its own least and largest value, as the grad-cam package does.

    ``(m - min) / (max - min + 1e-7)``: a constant map becomes 0, and maps whose spread is near 1e-7 stay small.

    Args:
        maps: (N, h, w).

    Returns:
        float32 (N, h, w).
    """
    lifted = maps - maps.min(axis=(1, 2), keepdims=True)
    scaled: FloatArray = (lifted / (lifted.max(axis=(1, 2), keepdims=True) + 1e-7)).astype(np.float32)
    return scaled


def maps_of(
    trunk: Callable[[torch.Tensor], torch.Tensor],
    head_weight: torch.Tensor,
    head_bias: torch.Tensor | None,
    batches: Iterable[torch.Tensor],
) -> Evidence:
    """Maps and logits of many images in one forward pass, under ``inference_mode``.

    Args:
        trunk: normalised images (n, 3, H, W) to features (n, C, h, w); in evaluation mode.
        head_weight: (classes, C), on the device of the batches.
        head_bias: (classes,), or none.
        batches: tensors of images on the trunk's device.

    Returns:
        The evidence, on the CPU, in the order of the batches.

    Raises:
        ValueError: there is no batch.
    """
    maps: list[FloatArray] = []
    logits: list[FloatArray] = []
    with torch.inference_mode():
        for images in batches:
            features = trunk(images)
            maps.append(_weighted_sum(features, head_weight).float().cpu().numpy())
            scores = torch.nn.functional.linear(features.mean((2, 3)), head_weight, head_bias)
            logits.append(scores.float().cpu().numpy())
    if not maps:
        raise ValueError("no batch of images to explain")
    return Evidence(np.concatenate(maps), np.concatenate(logits))
