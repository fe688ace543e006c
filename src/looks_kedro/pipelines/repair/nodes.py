"""Nodes of the repair pipeline."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning import Training
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.learning.recovery import Recovery
from looks_kedro.mattes.compositing import Variant
from looks_kedro.pipelines.audit.judging import penultimate
from looks_kedro.pipelines.audit.parameters import Audit
from looks_kedro.pipelines.audit.shown import ShownImages
from looks_kedro.pipelines.parts import part_rows, training_images
from looks_kedro.pipelines.training.nodes import first_weights, trained_checkpoint
from looks_kedro.pipelines.training.parameters import Backbone

from .exchanged import ExchangedBackgrounds
from .judging import judged_repairs
from .parameters import Repair
from .people import divided
from .targets import CannotRepairError, not_repaired, repaired, target

log = logging.getLogger(__name__)

Checkpoint = dict[str, Any]


def retrain_last_layer(
    repair: Repair,
    audit: Audit,
    model: Checkpoint,
    verdict: dict[str, Any],
    model_input: ImageFolder,
    mattes: ImageFolder,
    matte_quality: pd.DataFrame,
) -> Checkpoint:
    """Fit the last layer of a model anew, on test people in groups of which each counts the same.

    Args:
        repair: what to wean off, and how many people the layer is fitted on.
        audit: device and batch size.
        model: checkpoint of the trained network.
        verdict: what the audit found.
        model_input: images with their table.
        mattes: one a face.
        matte_quality: which are good.

    Returns:
        The repaired checkpoint; or the model as it was, with the reason in its metadata, where it cannot be repaired.
    """
    from .last_layer import balanced_head, with_head

    try:
        channel = target("last_layer", repair, verdict)
        rows = divided(repair, model_input).fitted
        colour = tuple(model["metadata"]["alpha_colour"])
        shown = ShownImages(model_input, rows, colour, mattes, matte_quality)
        features = penultimate(model, audit.device, audit.batch_size)
        head, how = balanced_head(repair, shown, features, model, channel, audit.batch_size)
    except (BadInputError, BadParameterError, CannotRepairError) as error:
        log.warning("%s: the last layer was not fitted anew: %s", model["backbone"], error)
        return not_repaired(model, "last_layer", str(error))
    log.info("%s: the last layer was fitted anew on %d images, groups %s", model["backbone"], len(rows), how)
    return repaired(
        with_head(model, head), "last_layer", channel, groups=how, images=len(rows), held_out=_held_out(repair)
    )


def train_on_backgrounds(
    repair: Repair,
    training: Training,
    backbone: Backbone,
    model: Checkpoint,
    verdict: dict[str, Any],
    model_input: ImageFolder,
    mattes: ImageFolder,
    matte_quality: pd.DataFrame,
    image_arrays: ArrayStore,
    recovery: Recovery,
    weights_folder: Path,
    fairface_model: Checkpoint | None = None,
) -> Checkpoint:
    """Train a network anew, on training images of which half of each class stand before a background of the other.

    Args:
        repair: what to wean off.
        training: how to train, as the model was.
        backbone: which network, and what it starts from.
        model: checkpoint of the trained network.
        verdict: what the audit found.
        model_input: images with their table.
        mattes: one a face; the head's ellipse stands for a bad one.
        matte_quality: which are good.
        image_arrays: where decoded images are kept.
        recovery: where the state is kept after each epoch.
        weights_folder: where weights made by others lie.
        fairface_model: checkpoint of the FairFace-format network, for ``start: fairface``.

    Returns:
        The repaired checkpoint; or the model as it was, with the reason in its metadata, where it cannot be repaired.
    """
    from looks_kedro.learning import train_classifier

    try:
        channel = target("backgrounds", repair, verdict)
    except CannotRepairError as error:
        log.warning("%s: it was not trained on other backgrounds: %s", model["backbone"], error)
        return not_repaired(model, "backgrounds", str(error))
    images = training_images(model_input, training, image_arrays)
    rows = part_rows(model_input, "train")
    shown = ShownImages(model_input, rows, tuple(training.alpha_colour), mattes, matte_quality)
    exchanged = ExchangedBackgrounds(images.train[0], shown, repair.seed)
    weights, history = train_classifier(
        exchanged,
        images.train[1],
        *images.test,
        backbone.name,
        training,
        start=first_weights(backbone, weights_folder, fairface_model),
        groups_train=images.groups,
        recovery=recovery,
    )
    log.info("%s on exchanged backgrounds: %.3f of the test right", backbone.name, history["test_accuracy"].iloc[-1])
    return repaired(trained_checkpoint(weights, backbone, training, model_input), "backgrounds", channel)


def judge_repairs(
    repair: Repair,
    audit: Audit,
    variant: Variant,
    model_input: ImageFolder,
    mattes: ImageFolder,
    matte_quality: pd.DataFrame,
    **artefacts: Any,
) -> tuple[pd.DataFrame, Any]:
    """Audit each model before and after its repairs, on people whom no repair has seen.

    Args:
        repair: who is held out.
        audit: what is exchanged, and the rules.
        variant: what the images show.
        model_input: images with their table.
        mattes: one a face.
        matte_quality: which are good.
        artefacts: ``{backbone}.model``, ``.repaired_last_layer``, ``.repaired_backgrounds`` and ``.verdict``.

    Returns:
        Table ``repair``, and its picture.

    Raises:
        BadInputError: a last layer was fitted on other people than the parameters hold out now.
    """
    from .drawing import repair_figure

    for name, artefact in artefacts.items():
        if name.endswith(".repaired_last_layer"):
            _check_held_out(name, artefact, repair)
    rows = divided(repair, model_input).judged
    shown = ShownImages(model_input, rows, (), mattes, matte_quality)
    table = judged_repairs(audit, variant, shown, artefacts)
    return table, repair_figure(table, audit.rules)


def _held_out(repair: Repair) -> dict[str, Any]:
    return {"held_out": repair.held_out, "seed": repair.seed}


def _check_held_out(name: str, checkpoint: Checkpoint, repair: Repair) -> None:
    """See that a last layer was fitted on nobody whom it is measured on."""
    told = checkpoint["metadata"]["repair"]
    if told["done"] and told["held_out"] != _held_out(repair):
        raise BadInputError(
            f"{name}: its last layer was fitted with {told['held_out']}, and the parameters now say "
            f"{_held_out(repair)}: others are held out, whom it may have seen. Run the whole pipeline repair again."
        )
