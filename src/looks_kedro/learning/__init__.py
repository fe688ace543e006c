"""Backbones, FairFace checkpoints, image arrays, the training engine, predictions and how good they are.

Everything that fits or runs a network lives here; nothing here knows Kedro, class activation maps or where
images come from. The names below load torch only when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

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
    from looks_kedro.learning.settings import BACKBONES, CLASSES, IMAGENET_MEAN, IMAGENET_STD, Augmentation, Training
    from looks_kedro.learning.training import train_classifier

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "array_store": ["ArrayStore"],
        "backbones": ["build_backbone", "split_head", "with_new_head"],
        "calibration": ["calibration_summary", "calibration_table", "reliability_figure"],
        "checkpoints": ["load_checkpoint", "make_checkpoint", "model_from_checkpoint"],
        "data": ["load_portraits", "portrait_batches"],
        "export": ["checkpoint_from_safetensors", "export_onnx", "export_safetensors"],
        "fairface": [
            "attribute_accuracy",
            "attribute_loss",
            "attribute_targets",
            "custom_from_fairface",
            "load_fairface",
        ],
        "imagenet": ["load_imagenet", "start_from_imagenet"],
        "metrics": ["performance"],
        "portrait_arrays": ["Portraits"],
        "predictions": ["predict", "prediction_table"],
        "pretraining": ["train_attributes"],
        "recovery": ["Recovery"],
        "savings": ["measure_savings"],
        "settings": ["Augmentation", "BACKBONES", "CLASSES", "IMAGENET_MEAN", "IMAGENET_STD", "Training"],
        "training": ["train_classifier"],
    },
)

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
