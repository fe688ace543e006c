"""What maps cost: `make bench`. Ratios are medians of runs that take turns, so that a busy machine slows all alike."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from looks_kedro.cam import layer_maps, maps_of
from looks_kedro.learning import build_backbone, split_head

log = logging.getLogger("bench")

LAST_STAGE = {"resnet18": "layer4", "resnet34": "layer4", "resnet50": "layer4", "efficientnet_b0": "features"}


def rounds(works: dict[str, Callable[[], object]], count: int = 7) -> dict[str, float]:
    """Seconds of the processor of each work in each round, as the median of their ratio to the first work."""
    first, *others = works
    ratios: dict[str, list[float]] = {name: [] for name in others}
    for work in works.values():
        work()
    for _ in range(count):
        taken = {}
        for name, work in works.items():
            began = time.process_time()
            work()
            taken[name] = time.process_time() - began
        for name in others:
            ratios[name].append(taken[name] / taken[first])
    return {name: statistics.median(values) for name, values in ratios.items()}


def package_one_by_one(model: nn.Module, layer: str, images: torch.Tensor) -> np.ndarray:
    with GradCAM(model=model, target_layers=[model.get_submodule(layer)]) as package:
        maps = [package(input_tensor=one[None], targets=[ClassifierOutputTarget(1)]) for one in images]
    return np.concatenate(maps)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50", "efficientnet_b0"])
def test_all_maps_cost_a_forward_pass_and_a_third_of_the_package(backbone: str) -> None:
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = build_backbone(backbone).eval().to(memory_format=torch.channels_last)
        trunk, head = split_head(model)
        images = torch.randn(8, 3, 112, 112).contiguous(memory_format=torch.channels_last)
        layer = LAST_STAGE[backbone]

        def forward() -> None:
            with torch.inference_mode():
                model(images)

        found = rounds(
            {
                "forward": forward,
                "closed form": lambda: maps_of(trunk, head.weight, head.bias, [images]),
                "derivatives of the tail": lambda: layer_maps(model, layer, images),
                "package": lambda: package_one_by_one(model, layer, images),
            }
        )
    finally:
        torch.set_num_threads(threads)
    saved = found["package"] / found["closed form"]
    for name, ratio in found.items():
        log.info("%s at 112 px: %s in %.2f of a forward pass", backbone, name, ratio)
    log.info("%s: maps %.1f times as fast as the package an image at a time (goal 3)", backbone, saved)
    assert found["closed form"] < 1.10
    assert saved > 3


def test_the_largest_difference_to_the_package_is_tiny() -> None:
    torch.manual_seed(0)
    model = build_backbone("resnet18").double().eval()
    trunk, head = split_head(model)
    images = torch.randn(4, 3, 224, 224).double()
    with GradCAM(model=model, target_layers=[model.layer4]) as package:
        targets = [ClassifierOutputTarget(1)] * len(images)
        package(input_tensor=images, targets=targets)
        parts = package.activations_and_grads
        kept = (parts.activations[0].numpy(), parts.gradients[0].numpy())
        theirs = np.maximum(package.get_cam_image(images, model.layer4, targets, *kept), 0)
    ours = np.maximum(maps_of(trunk, head.weight, head.bias, [images]).by_class[:, 1], 0)
    difference = float(np.abs(ours - theirs).max())
    log.info("resnet18 at 224 px: largest difference to the package %.1e of %.2f (goal 1e-5)", difference, theirs.max())
    assert difference < 1e-5
