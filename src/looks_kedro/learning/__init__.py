"""Backbones, FairFace checkpoints, image arrays, the training engine, predictions and how good they are.

Everything that fits or runs a network lives here; nothing here knows Kedro, class activation maps or where
images come from. The names below load torch only when they are first used, except the settings.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from looks_kedro.learning.settings import BACKBONES, CLASSES, IMAGENET_MEAN, IMAGENET_STD, Augmentation, Training

if TYPE_CHECKING:
    from looks_kedro.learning.array_store import ArrayStore
    from looks_kedro.learning.backbones import build_backbone, split_head, with_new_head
    from looks_kedro.learning.calibration import calibration_summary, calibration_table, reliability_figure
    from looks_kedro.learning.checkpoints import load_checkpoint, make_checkpoint, model_from_checkpoint
    from looks_kedro.learning.data import load_portraits, portrait_batches
    from looks_kedro.learning.export import checkpoint_from_safetensors, export_onnx, export_safetensors
    from looks_kedro.learning.fairface import (
        attribute_accuracy,
        attribute_loss,
        attribute_targets,
        custom_from_fairface,
        load_fairface,
    )
    from looks_kedro.learning.imagenet import load_imagenet, start_from_imagenet
    from looks_kedro.learning.metrics import performance
    from looks_kedro.learning.portrait_arrays import Portraits
    from looks_kedro.learning.predictions import predict, prediction_table
    from looks_kedro.learning.pretraining import train_attributes
    from looks_kedro.learning.recovery import Recovery
    from looks_kedro.learning.savings import measure_savings
    from looks_kedro.learning.training import train_classifier

_HOMES = {
    "ArrayStore": "array_store",
    "build_backbone": "backbones",
    "split_head": "backbones",
    "with_new_head": "backbones",
    "calibration_summary": "calibration",
    "calibration_table": "calibration",
    "reliability_figure": "calibration",
    "load_checkpoint": "checkpoints",
    "make_checkpoint": "checkpoints",
    "model_from_checkpoint": "checkpoints",
    "load_portraits": "data",
    "portrait_batches": "data",
    "checkpoint_from_safetensors": "export",
    "export_onnx": "export",
    "export_safetensors": "export",
    "attribute_accuracy": "fairface",
    "attribute_loss": "fairface",
    "attribute_targets": "fairface",
    "custom_from_fairface": "fairface",
    "load_fairface": "fairface",
    "load_imagenet": "imagenet",
    "start_from_imagenet": "imagenet",
    "performance": "metrics",
    "Portraits": "portrait_arrays",
    "predict": "predictions",
    "prediction_table": "predictions",
    "train_attributes": "pretraining",
    "Recovery": "recovery",
    "measure_savings": "savings",
    "train_classifier": "training",
}

__all__ = [
    "BACKBONES",
    "CLASSES",
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "ArrayStore",
    "Augmentation",
    "Portraits",
    "Recovery",
    "Training",
    "attribute_accuracy",
    "attribute_loss",
    "attribute_targets",
    "build_backbone",
    "calibration_summary",
    "calibration_table",
    "checkpoint_from_safetensors",
    "custom_from_fairface",
    "export_onnx",
    "export_safetensors",
    "load_checkpoint",
    "load_fairface",
    "load_imagenet",
    "load_portraits",
    "make_checkpoint",
    "measure_savings",
    "model_from_checkpoint",
    "performance",
    "portrait_batches",
    "predict",
    "prediction_table",
    "reliability_figure",
    "split_head",
    "start_from_imagenet",
    "train_attributes",
    "train_classifier",
    "with_new_head",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
