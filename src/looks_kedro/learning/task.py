"""What a network is to learn, from which images, and what is told of each epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from looks_kedro.learning.portrait_arrays import Portraits

__all__ = ["HISTORY_COLUMNS", "Accuracy", "History", "Loss", "Part", "Scores", "Targets", "Task"]

Targets = npt.NDArray[np.int64]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
HISTORY_COLUMNS = (
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "test_balanced_accuracy",
    "test_auc",
    "learning_rate",
    "seconds",
    "images_per_second",
    "peak_memory_mb",
)

Accuracy = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Scores = Callable[[torch.Tensor, torch.Tensor], tuple[float, float]]
History = list[list[float]]


@dataclass(frozen=True)
class Task:
    """What is to be learnt. Several devices are several processes, so everything here can be pickled.

    Attributes:
        name: for the log and messages.
        build: gives the network; called under the seed.
        loss: of logits and targets, the mean over images, as the history tells it.
        step_loss: what a step lowers: ``loss``, or that with smoothed labels.
        accuracy: of logits and targets, the mean over images.
        scores: balanced accuracy and area under the curve of logits and targets; none where they mean nothing.
    """

    name: str
    build: Callable[[], nn.Module]
    loss: Loss
    step_loss: Loss
    accuracy: Accuracy
    scores: Scores | None = None


@dataclass(frozen=True)
class Part:
    """Images, uint8 (N, S, S, 3), and their targets, int64 with N rows."""

    images: Portraits
    targets: Targets
