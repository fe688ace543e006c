"""Training as the study's scripts did it: the yardstick that the engine is measured by.

A loader of files that decodes every image in every epoch, torchvision's transforms, images plane by plane, 32 bit,
torch's own Adam, and the loss read after each step. Nothing here is used to train.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD

__all__ = ["PortraitFiles", "study_epoch", "study_loader", "study_optimizer", "study_step"]

Batch = tuple[torch.Tensor, torch.Tensor]


class PortraitFiles(Dataset[tuple[torch.Tensor, int]]):
    """Image files and their classes, decoded whenever they are asked for.

    Args:
        files: the images.
        targets: int64 (N,).
        size: side in pixels to which torchvision resizes.
    """

    def __init__(self, files: Sequence[str | Path], targets: npt.NDArray[np.int64], size: int) -> None:
        self.files = [str(file) for file in files]
        self.targets = [int(target) for target in targets]
        self.transform = transforms.Compose(
            [
                transforms.Resize((size, size)),
                transforms.ToTensor(),
                transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[row]) as image:
            return self.transform(image.convert("RGB")), self.targets[row]


def study_loader(
    files: Sequence[str | Path],
    targets: npt.NDArray[np.int64],
    *,
    size: int = 224,
    batch_size: int = 32,
    workers: int = 2,
    shuffle: bool = True,
) -> DataLoader[Any]:
    """The study's loader: normalised float32 (n, 3, S, S) and int64 targets in main memory, read by processes."""
    return DataLoader(PortraitFiles(files, targets, size), batch_size, shuffle=shuffle, num_workers=workers)


def study_optimizer(model: nn.Module, learning_rate: float = 1e-4) -> torch.optim.Optimizer:
    """Adam as torch gives it: one operation after another on the CPU."""
    return torch.optim.Adam(model.parameters(), lr=learning_rate)


def study_step(
    model: nn.Module,
    images: torch.Tensor,
    targets: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    precision: AbstractContextManager[object] | None = None,
) -> tuple[float, int]:
    """One step: forward, cross-entropy, backward, optimiser.

    Args:
        model: in training mode.
        images: float32 (n, 3, S, S), on the model's device.
        targets: int64 (n,), there too.
        optimizer: of its weights.
        precision: context of the forward pass, such as autocast; none is 32 bit.

    Returns:
        The loss, and how many images were told right.
    """
    optimizer.zero_grad()
    with precision or nullcontext():
        logits = model(images)
        loss = nn.functional.cross_entropy(logits, targets)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item(), int((logits.argmax(1) == targets).sum().item())


def study_epoch(
    model: nn.Module, batches: Iterable[Batch], optimizer: torch.optim.Optimizer, device: torch.device | str = "cpu"
) -> tuple[float, float]:
    """One pass over the batches; the mean loss and accuracy over the images."""
    model.train()
    loss, right, count = 0.0, 0, 0
    for images, targets in batches:
        step_loss, step_right = study_step(model, images.to(device), targets.to(device), optimizer)
        loss += step_loss * len(images)
        right += step_right
        count += len(images)
    return loss / count, right / count
