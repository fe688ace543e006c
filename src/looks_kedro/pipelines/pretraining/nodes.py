"""Nodes of the pretraining pipeline."""

import logging
from typing import Any

import pandas as pd

from looks_kedro.balancing import is_copy
from looks_kedro.datasets import ImageFolder
from looks_kedro.tables import empty_table

from .parameters import Pretraining

log = logging.getLogger(__name__)

# The order of the checkpoint's 18 logits.
LOGITS = ("race", "gender", "age")


def pretrain(
    faces: ImageFolder, split_table: pd.DataFrame, pretraining: Pretraining
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Make the FairFace-format network: from a file of weights, or by training one on the labels.

    It learns from the training part alone, so that no test image is known to the models that start from it.

    Args:
        faces: the faces.
        split_table: their labels, and which of them are for training; copies are not used.
        pretraining: where the weights come from.

    Returns:
        The checkpoint of a ResNet34 with 18 logits, and its history (empty where nothing was trained). Its metadata
        say under ``origin`` where the weights come from: ``file``, ``labels``, or ``untrained`` when no face has a
        label to learn from.
    """
    from looks_kedro.learning import attribute_targets, load_fairface, load_portraits, make_checkpoint, train_attributes
    from looks_kedro.learning.pretraining import untrained_attributes

    settings = pretraining.training
    history = empty_table("fairface_history")
    accuracy: dict[str, float] = {}
    if pretraining.weights is not None:
        origin, weights = "file", load_fairface(pretraining.weights)
    elif (split_table[list(LOGITS)] == "").all(axis=None):
        log.warning(
            "No face has an age, gender or race: nothing to pretrain on, custom starts from random weights. Give "
            "labels (a CSV), give pretraining.weights, or leave custom out with cells.backbones."
        )
        origin, weights = "untrained", untrained_attributes(settings.seed)
    else:
        origin = "labels"
        own = split_table[~is_copy(split_table)]
        parts = [own[own["part"] == part] for part in ("train", "test")]
        train_images, test_images = (
            load_portraits([faces.path(file) for file in rows["file"]], settings.image_size) for rows in parts
        )
        train_targets, test_targets = (attribute_targets(rows) for rows in parts)
        weights, history, accuracy = train_attributes(train_images, train_targets, test_images, test_targets, settings)
        told = ", ".join(f"{name} {value:.2f}" for name, value in accuracy.items())
        log.info("Accuracy of the attribute network on the test part: %s", told)
    checkpoint = make_checkpoint(
        weights, "custom", image_size=settings.image_size, classes=LOGITS, attribute_accuracy=accuracy, origin=origin
    )
    return checkpoint, history
