"""The optimiser, its learning rate from step to step, and which layers learn."""

from __future__ import annotations

import math

import torch
from torch import nn

from looks_kedro.learning.backbones import last_linear
from looks_kedro.learning.settings import Training

__all__ = ["LearningRate", "build_optimizer", "freeze_trunk", "learning_mode", "learning_rate_at"]


def build_optimizer(model: nn.Module, settings: Training) -> torch.optim.Optimizer:
    """The optimiser of the settings over those weights of the model that are to learn.

    Weight decay: Adam and SGD add it to the gradient of every weight, as torch's defaults do. AdamW takes it off the
    weights themselves (Loshchilov and Hutter, 2019), and there biases and the weights of normalisations, which have one
    dimension, are spared: pulling them to zero restrains nothing that the network could overfit with.

    Fused: one pass over the weights instead of one for each operation, 3 to 4 times as fast on a CPU.

    Args:
        model: the network; weights that need no gradient (:func:`freeze_trunk`) are left out.
        settings: optimizer, learning_rate and weight_decay.

    Returns:
        The optimiser, at ``settings.learning_rate``.
    """
    rate, decay = settings.learning_rate, settings.weight_decay
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(learning, lr=rate, momentum=0.9, weight_decay=decay, fused=True)
    if settings.optimizer == "adam":
        return torch.optim.Adam(learning, lr=rate, weight_decay=decay, fused=True)
    groups = [
        {"params": [weight for weight in learning if weight.ndim > 1], "weight_decay": decay},
        {"params": [weight for weight in learning if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=rate, fused=True)


def learning_rate_at(settings: Training, step: int, steps_per_epoch: int) -> float:
    """The learning rate of one step.

    Warm-up of w steps: rate (step + 1) / w, so that the first step moves something and the last one has the full rate.
    Of the n steps that follow, number k (from 0) has

    - ``constant``: the full rate;
    - ``cosine``: rate (1 + cos(pi k / n)) / 2 (Loshchilov and Hutter, 2017, without restarts);
    - ``step``: the full rate for the first third of them, a tenth of it for the second, a hundredth for the last
      (30, 60 and 90 epochs in torchvision's recipe for ResNets).

    Args:
        settings: learning_rate, schedule, warmup_epochs and epochs.
        step: number of the step over all epochs, from 0.
        steps_per_epoch: steps an epoch.

    Returns:
        The rate, above 0 and at most ``settings.learning_rate``.
    """
    rate = settings.learning_rate
    warm = round(settings.warmup_epochs * steps_per_epoch)
    if step < warm:
        return rate * (step + 1) / warm
    number, count = step - warm, max(1, settings.epochs * steps_per_epoch - warm)
    if settings.schedule == "cosine":
        return rate * (1 + math.cos(math.pi * min(number, count) / count)) / 2
    if settings.schedule == "step":
        thirds: int = min(3 * number // count, 2)
        return rate / (1.0, 10.0, 100.0)[thirds]
    return rate


class LearningRate:
    """Sets the learning rate of an optimiser; it has no memory, so a resumed training needs none of its state.

    Args:
        optimizer: whose rate is set, in all groups of weights.
        settings: the schedule.
        steps_per_epoch: steps an epoch.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, settings: Training, steps_per_epoch: int) -> None:
        self.optimizer = optimizer
        self.settings = settings
        self.steps_per_epoch = steps_per_epoch

    def set(self, step: int) -> float:
        """Set the rate of one step (from 0 over all epochs), and return it."""
        rate = learning_rate_at(self.settings, step, self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate


def freeze_trunk(model: nn.Module) -> None:
    """Let the last linear layer alone learn: no other weight gets a gradient, and no backward pass goes through them.

    Args:
        model: the network itself, before it is wrapped for devices or compiled.
    """
    model.requires_grad_(False)
    last_linear(model).requires_grad_(True)


def learning_mode(model: nn.Module, *, frozen_trunk: bool) -> None:
    """Put a network into training mode.

    A frozen trunk stays in evaluation mode: its batch normalisations neither change their running means nor use those
    of the batch, and no layer is dropped, so that an image has the same features in every epoch. Dropout that stands
    with the last layer still works.

    Args:
        model: the network itself, before it is wrapped for devices or compiled.
        frozen_trunk: whether the last layer alone learns.
    """
    model.train(not frozen_trunk)
    if frozen_trunk:
        head = last_linear(model)
        for part in model.children():
            if any(layer is head for layer in part.modules()):
                part.train()
