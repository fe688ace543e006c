"""Nodes of the training pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning import Training
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.learning.recovery import Recovery
from looks_kedro.manifest import code_version
from looks_kedro.pipelines.parts import load_part, part_rows, training_images

from .parameters import Backbone


def train_classifier(
    model_input: ImageFolder,
    training: Training,
    backbone: Backbone,
    image_arrays: ArrayStore,
    recovery: Recovery,
    weights_folder: Path,
    fairface_model: dict[str, Any] | None = None,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train one backbone on one variant.

    Args:
        model_input: images with their table.
        training: how to train.
        backbone: which network, and what it starts from.
        image_arrays: where decoded images are kept.
        recovery: where the state is kept after each epoch, for a run that is stopped.
        weights_folder: where weights made by others lie.
        fairface_model: checkpoint of the FairFace-format network, for ``start: fairface``.

    Returns:
        The checkpoint, and the history with one row an epoch.

    Raises:
        BadParameterError: ``start`` does not fit the backbone.
        BadInputError: there are no ImageNet weights for ``start: imagenet``.
    """
    from looks_kedro.learning import train_classifier as train

    start = first_weights(backbone, weights_folder, fairface_model)
    images = training_images(model_input, training, image_arrays)
    weights, history = train(
        *images.train,
        *images.test,
        backbone.name,
        training,
        start=start,
        groups_train=images.groups,
        recovery=recovery,
    )
    return trained_checkpoint(weights, backbone, training, model_input), history


def trained_checkpoint(
    weights: Mapping[str, Any], backbone: Backbone, training: Training, model_input: ImageFolder
) -> dict[str, Any]:
    """Checkpoint of a network that was trained on a variant, with what is needed to use it and to know its origin.

    Args:
        weights: state dict of the network.
        backbone: which network, and what it started from.
        training: how it was trained.
        model_input: the images it was trained on.
    """
    from looks_kedro.learning import make_checkpoint

    return make_checkpoint(
        weights,
        backbone.name,
        image_size=training.image_size,
        git_commit=code_version(),
        data_version=model_input.version or "",
        alpha_colour=list(training.alpha_colour),
        start=backbone.start,
    )


def first_weights(
    backbone: Backbone, weights_folder: Path, fairface_model: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Weights that a backbone begins with: FairFace's network, a published file, or none."""
    name = backbone.name
    if (backbone.start == "fairface") != (fairface_model is not None):
        raise BadParameterError(
            f"backbones: {name} starts from {backbone.start}; custom starts from fairface, others fresh or from "
            "imagenet."
        )
    if fairface_model is not None:
        weights: dict[str, Any] = fairface_model["state_dict"]
        return weights
    if backbone.start == "fresh":
        return None
    from looks_kedro.learning import load_imagenet
    from looks_kedro.sources.weights import weight_file

    file = Path(backbone.weights) if backbone.weights else weight_file(weights_folder, f"imagenet_{name}")
    if file is None:
        raise BadInputError(
            f"backbones: {name} starts from imagenet, but there are no ImageNet weights of {name} in {weights_folder}. "
            f"Fetch them with `kedro run --pipelines weights --params weights.names=imagenet_{name}`, or name a file "
            f"with backbones.{name}.weights."
        )
    return load_imagenet(name, file)


def predict_test_part(
    model: dict[str, Any], model_input: ImageFolder, training: Training, image_arrays: ArrayStore
) -> pd.DataFrame:
    """Predict the test part of a variant.

    Args:
        model: checkpoint of a trained network.
        model_input: images with their table.
        training: batch size and device; the size and the colour behind transparency are the checkpoint's.
        image_arrays: where decoded images are kept.

    Returns:
        One row an image, in the order of the table.
    """
    from looks_kedro.learning import model_from_checkpoint, predict, prediction_table

    colour = tuple(model["metadata"]["alpha_colour"])
    images, rows = load_part(model_input, "test", model["image_size"], colour, image_arrays)
    return prediction_table(rows, predict(model_from_checkpoint(model), images, training))


def measure_performance(
    predictions: pd.DataFrame, model_input: ImageFolder
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """How well a model does: as a whole and for each gender, race and age, and whether its probabilities are true.

    Args:
        predictions: of the test part.
        model_input: images with their table, for the labels.

    Returns:
        Tables ``performance``, ``calibration`` and ``calibration_summary``; intervals are over people.
    """
    from looks_kedro.learning import calibration_summary, calibration_table, performance

    labels = part_rows(model_input, "test")[["file", "gender", "race", "age"]]
    return performance(predictions, labels), calibration_table(predictions), calibration_summary(predictions)
