"""Small networks, trained quickly: hundreds of them in a night.

Apart from the study's training, which keeps histories and recovery points and is tuned for few, long trainings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from looks_kedro.errors import BadParameterError
from looks_kedro.known_answers.settings import CaseSizes
from looks_kedro.learning.backbones import build_backbone, split_head
from looks_kedro.learning.data import on_device

__all__ = ["Classifier", "train_network"]

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_CPU = torch.device("cpu")
_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network: a convolutional trunk, global average pooling and a linear head."""

    trunk: nn.Module
    head: nn.Linear

    def __call__(self, images: Images) -> Floats:
        """Logits, (N, 2), of uint8 images (N, S, S, 3)."""
        with torch.inference_mode():
            logits = [self.head(self.trunk(on_device(part, _CPU)).mean((2, 3))) for part in _parts(images)]
        result: Floats = torch.cat(logits).numpy()
        return result

    def decide(self, images: Images) -> npt.NDArray[np.int64]:
        """The class of the larger logit, (N,)."""
        decided: npt.NDArray[np.int64] = self(images).argmax(axis=1).astype(np.int64)
        return decided

    def evidence(self, images: Images) -> Floats:
        """Signed evidence for class 1, (N, h, w)."""
        from looks_kedro.cam import maps_of

        batches = (on_device(part, _CPU) for part in _parts(images))
        return maps_of(self.trunk, self.head.weight, self.head.bias, batches).signed


def _parts(images: Images) -> list[Images]:
    return [images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE)]


def compact_trunk() -> nn.Sequential:
    """Five convolutions, 64 pixels to 8 by 8 features: a twentieth of ResNet18's time."""
    layers: list[nn.Module] = []
    channels = 3
    for width, stride in ((16, 2), (32, 2), (48, 1), (64, 2), (64, 1)):
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers)


def _build(backbone: str) -> Classifier:
    if backbone == "compact":
        return Classifier(compact_trunk(), nn.Linear(64, 2))
    if backbone != "resnet18":
        raise BadParameterError(f"backbone {backbone!r} is not one of the known answers'; expected resnet18 or compact")
    return Classifier(*split_head(build_backbone(backbone)))


def train_network(
    images: Images, looks: npt.NDArray[np.int64], backbone: str, sizes: CaseSizes, seed: int
) -> Classifier:
    """Train with Adam and a one-cycle schedule (Smith and Topin, 2019); torch's own random state stays as it was.

    Args:
        images: uint8 (N, S, S, 3).
        looks: 0 or 1 (N,).
        backbone: ``resnet18`` or ``compact``.
        sizes: epochs, batch size and learning rate.
        seed: of the first weights and of the order of images.

    Returns:
        The network in evaluation mode. The same seed gives the same network on one machine and number of threads.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = _build(backbone)
        network = nn.ModuleList([made.trunk, made.head]).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=sizes.learning_rate, fused=True)
        steps = sizes.epochs * -(-len(images) // sizes.batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, sizes.learning_rate, total_steps=steps)
        for _ in range(sizes.epochs):
            order = torch.randperm(len(images)).numpy()
            for start in range(0, len(order), sizes.batch_size):
                chosen = order[start : start + sizes.batch_size]
                logits = made.head(made.trunk(on_device(images[chosen], _CPU)).mean((2, 3)))
                optimizer.zero_grad(set_to_none=True)
                nn.functional.cross_entropy(logits, torch.from_numpy(looks[chosen])).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
        network.eval()
    return made
