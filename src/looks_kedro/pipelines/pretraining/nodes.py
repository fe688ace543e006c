"""Nodes of the pretraining pipeline."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.balancing import groups_of
from looks_kedro.datasets import ImageFolder
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.learning.pretraining_parts import pretraining_parts
from looks_kedro.learning.recovery import Recovery
from looks_kedro.manifest import code_version
from looks_kedro.tables import empty_table

from .parameters import Pretraining

log = logging.getLogger(__name__)


def pretrain(
    faces: ImageFolder,
    labels: pd.DataFrame,
    decisions: pd.DataFrame,
    split_table: pd.DataFrame,
    pretraining: Pretraining,
    image_arrays: ArrayStore,
    recovery: Recovery,
    weights_folder: Path,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Make the FairFace-format network: from a file of weights, or by training one on the labels.

    It learns from nobody who is in the test part, so that no test image is known to the models that start from it.

    Args:
        faces: the faces.
        labels: their age, gender, race and identity.
        decisions: what preprocessing found of each raw image; a picture that is also in the test part under another
            name, as a duplicate that a correction kept, is not learnt from.
        split_table: which of them the models see, and in which part.
        pretraining: where the weights come from.
        image_arrays: where decoded images are kept.
        recovery: where the state is kept after each epoch, for a run that is stopped.
        weights_folder: where weights made by others lie.

    Returns:
        The checkpoint of a ResNet34 with 18 logits, its history (empty where nothing was trained), and its accuracy on
        the test part by attribute and class (likewise). The checkpoint's metadata say under ``origin`` where the
        weights come from: ``file``, ``labels``, or ``untrained`` when no face has a label to learn from.
    """
    from looks_kedro.learning import load_fairface, make_checkpoint
    from looks_kedro.learning.fairface import LOGIT_NAMES
    from looks_kedro.learning.pretraining import untrained_attributes
    from looks_kedro.sources.weights import weight_file

    history, accuracy = empty_table("fairface_history"), empty_table("fairface_accuracy")
    file = Path(pretraining.weights) if pretraining.weights else weight_file(weights_folder, "fairface")
    found = decisions[decisions["file"].isin(labels["file"]) & (decisions["duplicate_of"] != "")]
    groups = groups_of(labels, zip(found["file"], found["duplicate_of"], strict=True))
    train, test = pretraining_parts(labels, split_table, pretraining.learn_from, groups)
    learnt = 0
    if file is not None:
        origin, weights = "file", load_fairface(file)
    elif train.empty or test.empty:
        log.warning(
            "No face of anybody outside the test part has an age, gender or race (pretraining.learn_from: %s), or "
            "none in it: custom starts from random weights. Give labels (a CSV), give pretraining.weights, or leave "
            "custom out with cells.backbones.",
            pretraining.learn_from,
        )
        origin, weights = "untrained", untrained_attributes(pretraining.training.seed)
    else:
        origin, learnt = "labels", len(train)
        log.info("The attribute network learns from %d faces and is tested on %d.", len(train), len(test))
        weights, history, accuracy = _trained(faces, train, test, pretraining, image_arrays, recovery)
    checkpoint = make_checkpoint(
        weights,
        "custom",
        image_size=pretraining.training.image_size,
        classes=LOGIT_NAMES,
        git_commit=code_version(),
        data_version=faces.version or "",
        origin=origin,
        images=learnt,
        attribute_accuracy={
            row["attribute"]: row["accuracy"] for row in accuracy[accuracy["value"] == "all"].to_dict("records")
        },
    )
    return checkpoint, history, accuracy


def _trained(
    faces: ImageFolder,
    train: pd.DataFrame,
    test: pd.DataFrame,
    pretraining: Pretraining,
    image_arrays: ArrayStore,
    recovery: Recovery,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    from looks_kedro.learning import attribute_targets, train_attributes

    training = pretraining.training
    digests = faces.manifest.set_index("name")["sha256"]
    images = [
        image_arrays.portraits(
            [faces.path(file) for file in rows["file"]],
            training.image_size,
            digests=digests.loc[rows["file"]].tolist(),
            alpha_colour=training.alpha_colour,
            gigabytes=training.array_gigabytes,
            workers=training.workers or None,
        )
        for rows in (train, test)
    ]
    weights, history, accuracy = train_attributes(
        images[0],
        attribute_targets(train),
        images[1],
        attribute_targets(test),
        training,
        groups_train=train["identity"].to_numpy(dtype=str),
        groups_test=test["identity"].to_numpy(dtype=str),
        recovery=recovery,
    )
    told = ", ".join(
        f"{row['attribute']} {row['accuracy']:.2f} ({row['low']:.2f}-{row['high']:.2f})"
        for row in accuracy[accuracy["value"] == "all"].to_dict("records")
    )
    log.info("Accuracy of the attribute network on the test part: %s", told)
    return weights, history, accuracy
