"""Backbones, FairFace checkpoints, image arrays, the training loop and predictions.

Everything that fits or runs a network lives here; nothing here knows Kedro, class activation maps or where
images come from. The names below load torch only when they are first used, except the settings.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from looks_kedro.learning.settings import BACKBONES, CLASSES, IMAGENET_MEAN, IMAGENET_STD, Training

if TYPE_CHECKING:
    from looks_kedro.learning.backbones import build_backbone, split_head
    from looks_kedro.learning.checkpoints import make_checkpoint, model_from_checkpoint
    from looks_kedro.learning.data import load_portraits, portrait_batches
    from looks_kedro.learning.fairface import (
        attribute_accuracy,
        attribute_loss,
        attribute_targets,
        custom_from_fairface,
        load_fairface,
    )
    from looks_kedro.learning.predictions import predict, prediction_table
    from looks_kedro.learning.pretraining import train_attributes
    from looks_kedro.learning.training import train_classifier

_HOMES = {
    "build_backbone": "backbones",
    "split_head": "backbones",
    "make_checkpoint": "checkpoints",
    "model_from_checkpoint": "checkpoints",
    "load_portraits": "data",
    "portrait_batches": "data",
    "attribute_accuracy": "fairface",
    "attribute_loss": "fairface",
    "attribute_targets": "fairface",
    "custom_from_fairface": "fairface",
    "load_fairface": "fairface",
    "predict": "predictions",
    "prediction_table": "predictions",
    "train_attributes": "pretraining",
    "train_classifier": "training",
}

__all__ = [
    "BACKBONES",
    "CLASSES",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Training",
    "attribute_accuracy",
    "attribute_loss",
    "attribute_targets",
    "build_backbone",
    "custom_from_fairface",
    "load_fairface",
    "load_portraits",
    "make_checkpoint",
    "model_from_checkpoint",
    "portrait_batches",
    "predict",
    "prediction_table",
    "split_head",
    "train_attributes",
    "train_classifier",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
