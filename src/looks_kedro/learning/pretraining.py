"""Training the FairFace-format attribute network, for those who lack the published weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import StateDict, portable
from looks_kedro.learning.data import ImageArray
from looks_kedro.learning.fairface import ATTRIBUTES, LOGITS, attribute_accuracy, attribute_loss
from looks_kedro.learning.predictions import predict
from looks_kedro.learning.settings import Training
from looks_kedro.learning.training import check_parts, fit

__all__ = ["train_attributes", "untrained_attributes"]


def train_attributes(
    images_train: ImageArray,
    targets_train: npt.NDArray[np.int64],
    images_test: ImageArray,
    targets_test: npt.NDArray[np.int64],
    settings: Training,
) -> tuple[StateDict, pd.DataFrame, dict[str, float]]:
    """Train a fresh ResNet34 to name race, gender and age.

    Args:
        images_train: uint8 (N, S, S, 3).
        targets_train: int64 (N, 3) of ``attribute_targets``; -1 where unknown.
        images_test: uint8 (M, S, S, 3).
        targets_test: int64 (M, 3).
        settings: how to train.

    Returns:
        State dict with 18 logits (what ``load_fairface`` takes), the history (accuracy = mean over the known
        attributes of the images), and the test accuracy of each attribute in 0..1 (NaN where none is known).

    Raises:
        BadInputError: too few images, unequal numbers, or no known attribute.
    """
    check_parts(images_train, targets_train, images_test, targets_test)
    if targets_train.shape[1:] != (len(ATTRIBUTES),) or (targets_train < 0).all():
        raise BadInputError("pretraining needs age, gender or race of at least one training image; fill the labels")

    def build() -> nn.Module:
        return build_backbone("resnet34", LOGITS)

    parts = ((images_train, targets_train), (images_test, targets_test))
    weights, history = fit(build, parts, attribute_loss, known_accuracy, settings, name="attributes")
    model = build_backbone("resnet34", LOGITS)
    model.load_state_dict(weights)
    logits = torch.from_numpy(predict(model, images_test, settings))
    return weights, history, attribute_accuracy(logits, torch.from_numpy(targets_test))


def untrained_attributes(seed: int) -> StateDict:
    """Random weights of the attribute network, for when there is nothing to learn from.

    Args:
        seed: of the weights; torch's global random state is left as it was.

    Returns:
        State dict with 18 logits.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return portable(build_backbone("resnet34", LOGITS).state_dict())


def known_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Share of right answers over all known attributes of a batch; a scalar in 0..1, 0 where none is known."""
    widths = [len(classes) for classes in ATTRIBUTES.values()]
    named = torch.stack([part.argmax(1) for part in torch.split(logits, widths, dim=1)], dim=1)
    known = targets >= 0
    return ((named == targets) & known).sum() / known.sum().clamp(min=1)
