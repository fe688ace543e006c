"""Nodes of the hyperparameters pipeline."""

import logging
from typing import Any

import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.learning import Training
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.learning.cost_settings import Hyperparameters
from looks_kedro.learning.recovery import Recovery
from looks_kedro.pipelines.parts import part_rows, training_images

log = logging.getLogger(__name__)


def time_settings(
    model_input: ImageFolder,
    fairface_model: dict[str, Any],
    training: Training,
    hyperparameters: Hyperparameters,
    image_arrays: ArrayStore,
    recovery: Recovery,
) -> tuple[pd.DataFrame, Any]:
    """Train the custom model on original images once with each setting (the study's tables 11 and 12).

    Args:
        model_input: the original images with their table.
        fairface_model: what custom starts from.
        training: the settings that each row changes.
        hyperparameters: the rows.
        image_arrays: where decoded images are kept.
        recovery: where the state is kept after each epoch, for a run that is stopped.

    Returns:
        The table of costs, with the published ones beside, and its figure.
    """
    from looks_kedro.learning import train_classifier
    from looks_kedro.reporting.cost import cost_figure, cost_table

    images = training_images(model_input, training, image_arrays)
    trainings = hyperparameters.trainings(training)
    histories = {}
    for number, (name, settings) in enumerate(trainings.items()):
        log.info(
            "Setting %s: %d epochs, batch %d, %d workers", name, settings.epochs, settings.batch_size, settings.workers
        )
        _, histories[name] = train_classifier(
            *images.train,
            *images.test,
            "custom",
            settings,
            start=fairface_model["state_dict"],
            groups_train=images.groups,
            # Two settings that give equal numbers (workers) are trained and timed all the same.
            recovery=recovery.labelled(f"cost_{number}"),
        )
    table = cost_table(histories, trainings)
    return table, cost_figure(table)


def time_savings(
    model_input: ImageFolder, training: Training, hyperparameters: Hyperparameters, image_arrays: ArrayStore
) -> pd.DataFrame:
    """Time a few steps of training as the study's scripts do them, and with one saving at a time.

    Args:
        model_input: the original images with their table.
        training: batch size, image size, device.
        hyperparameters: which savings, how many steps and rounds.
        image_arrays: where decoded images are kept.

    Returns:
        Table ``savings_table``.
    """
    from looks_kedro.learning import measure_savings

    images = training_images(model_input, training, image_arrays)
    files = [model_input.path(file) for file in part_rows(model_input, "train")["file"]]
    table = measure_savings(
        *images.train,
        hyperparameters.backbone,
        training,
        files=files,
        options=hyperparameters.savings,
        steps=hyperparameters.steps,
        rounds=hyperparameters.rounds,
    )
    for row in table.to_dict("records"):
        log.info("%-14s %6.1f images a second, x %.2f  %s", *(row[name] for name in SHOWN))
    return table


SHOWN = ("option", "images_per_second", "ratio", "note")
