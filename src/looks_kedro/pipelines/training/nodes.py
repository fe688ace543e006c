"""Nodes of the training pipeline."""

from typing import Any

import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadParameterError
from looks_kedro.learning import Training
from looks_kedro.pipelines.parts import load_part

from .parameters import Backbone


def train_classifier(
    model_input: ImageFolder, training: Training, backbone: Backbone, fairface_model: dict[str, Any] | None = None
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train one backbone on one variant.

    Args:
        model_input: images with their table.
        training: how to train.
        backbone: which network, and what it starts from.
        fairface_model: checkpoint of the FairFace-format network, for ``start: fairface``.

    Returns:
        The checkpoint, and the history with one row an epoch.

    Raises:
        BadParameterError: ``start: fairface`` for a backbone other than custom.
    """
    from looks_kedro.learning import make_checkpoint
    from looks_kedro.learning import train_classifier as train

    if (backbone.start == "fairface") != (fairface_model is not None):
        raise BadParameterError(
            f"backbones.{backbone.name}.start is {backbone.start}; custom starts from fairface, all others fresh."
        )
    train_images, train_rows = load_part(model_input, "train", training.image_size, training.alpha_colour)
    test_images, test_rows = load_part(model_input, "test", training.image_size, training.alpha_colour)
    weights, history = train(
        train_images,
        train_rows["looks"].to_numpy("int64"),
        test_images,
        test_rows["looks"].to_numpy("int64"),
        backbone.name,
        training,
        start=None if fairface_model is None else fairface_model["state_dict"],
    )
    checkpoint = make_checkpoint(
        weights,
        backbone.name,
        image_size=training.image_size,
        alpha_colour=list(training.alpha_colour),
        data_version=model_input.version or "",
    )
    return checkpoint, history


def predict_test_part(model: dict[str, Any], model_input: ImageFolder, training: Training) -> pd.DataFrame:
    """Predict the test part of a variant.

    Args:
        model: checkpoint of a trained network.
        model_input: images with their table.
        training: batch size and device; the size and the colour behind transparency are the checkpoint's.

    Returns:
        One row an image, in the order of the table.
    """
    from looks_kedro.learning import model_from_checkpoint, predict, prediction_table

    images, rows = load_part(model_input, "test", model["image_size"], tuple(model["metadata"]["alpha_colour"]))
    return prediction_table(rows, predict(model_from_checkpoint(model), images, training))
