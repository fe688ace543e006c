"""What the audit, the controls and the repairs share: models of checkpoints, and their decisions on edited images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.mattes.compositing import Variant

from .parameters import Audit
from .shown import ShownImages, cut_out_well

__all__ = ["BLANK", "by_colour", "channels_to_try", "classifiers", "evaluated", "penultimate"]

Image = npt.NDArray[np.uint8]
Checkpoint = dict[str, Any]
Colour = tuple[int, ...]

BLANK = ("colour", "transparent", "face_only")
"""Kinds of variants that have nothing behind the person."""
BEHIND = ("background", "background_left", "background_right", "background_top")
BESIDE_THE_FACE = ("clothes", "border")
"""Channels of what a face alone does not show; the surround stays, so that a face has something to be held against."""


def channels_to_try(
    audit: Audit, variant: Variant, rows: pd.DataFrame, quality: pd.DataFrame
) -> tuple[list[str], list[str]]:
    """Channels that mean something for a variant, and a word on those that were left out.

    Args:
        audit: which channels are wanted.
        variant: what the images show.
        rows: the images.
        quality: which faces were cut out well.
    """
    from looks_kedro.audit import CHANNELS, chosen_rows
    from looks_kedro.audit.donors import can_be_exchanged

    out: set[str] = set()
    if variant.kind in BLANK:
        out |= set(BEHIND)
    if variant.kind == "face_only":
        out |= set(BESIDE_THE_FACE)
    wanted = list(audit.channels or CHANNELS)
    left = [name for name in wanted if name in out]
    told = ", ".join(name.replace("_", " ") for name in left)
    notes = [f"Not tried, because these images show nothing there: {told}."] if left else []
    labels, identities = rows["looks"].to_numpy(), rows["identity"].to_numpy()
    usable = np.zeros(len(rows), dtype=np.bool_)
    usable[chosen_rows(labels, identities, audit.images, audit.seed)] = True
    usable &= np.asarray(cut_out_well(rows, quality), dtype=np.bool_)
    if BEHIND[0] in set(wanted) - out and not can_be_exchanged(labels, identities, usable):
        out.add(BEHIND[0])
        notes.append("The background apart from clothes was not tried: too few people were cut out well.")
    return [name for name in wanted if name not in out], notes


def by_colour(models: Mapping[str, Checkpoint]) -> dict[Colour, dict[str, Checkpoint]]:
    """Checkpoints by name, those apart that saw another colour behind transparent pixels."""
    found: dict[Colour, dict[str, Checkpoint]] = {}
    for name, checkpoint in models.items():
        found.setdefault(tuple(checkpoint["metadata"]["alpha_colour"]), {})[name] = checkpoint
    return found


def classifiers(checkpoints: Mapping[str, Checkpoint], device: str, batch_size: int) -> dict[str, Any]:
    """The networks of checkpoints, as the audit knows them.

    Args:
        checkpoints: by name.
        device: ``auto``, ``cpu`` or ``cuda``.
        batch_size: images that they are shown at a time.
    """
    from looks_kedro.audit import as_classifier
    from looks_kedro.learning import model_from_checkpoint
    from looks_kedro.learning.data import choose_device

    place = str(choose_device(device))
    return {
        name: as_classifier(model_from_checkpoint(one), one["image_size"], one["mean"], one["std"], place, batch_size)
        for name, one in checkpoints.items()
    }


def penultimate(checkpoint: Checkpoint, device: str, batch_size: int) -> Callable[[Image], npt.NDArray[np.float32]]:
    """What a network gives its last layer: uint8 images (n, S, S, 3) of any side to features (n, d).

    Raises:
        BadParameterError: the network has no linear last layer.
    """
    from looks_kedro.audit import as_classifier
    from looks_kedro.learning import model_from_checkpoint
    from looks_kedro.learning.backbones import last_linear
    from looks_kedro.learning.data import choose_device

    model = model_from_checkpoint(checkpoint)
    seen: list[npt.NDArray[np.float32]] = []
    last_linear(model).register_forward_pre_hook(lambda _, given: seen.append(given[0].float().cpu().numpy()))
    shown = as_classifier(
        model, checkpoint["image_size"], checkpoint["mean"], checkpoint["std"], str(choose_device(device)), batch_size
    )

    def features(images: Image) -> npt.NDArray[np.float32]:
        seen.clear()
        shown(images)
        return np.concatenate(seen)

    return features


def evaluated(
    audit: Audit, images: ShownImages, checkpoints: Mapping[str, Checkpoint], names: list[str]
) -> dict[str, tuple[Any, npt.NDArray[np.bool_]]]:
    """Each model's decisions on the edited images, and which are right on the images as they are.

    Args:
        audit: how many images are edited, and how often.
        images: recipients and donors.
        checkpoints: by name; all saw the images' colour behind transparent pixels.
        names: the channels.
    """
    from looks_kedro.audit import chosen_rows, evaluate_channels, evaluate_unedited

    models = classifiers(checkpoints, audit.device, audit.batch_size)
    labels, identities = images.labels, images.identities
    right = evaluate_unedited(models, images.portraits, labels, audit.batch_size)
    answers = evaluate_channels(
        models,
        images.portraits,
        labels,
        identities,
        channels=names,
        recipients=chosen_rows(labels, identities, audit.images, audit.seed),
        draws=audit.draws,
        seed=audit.seed,
        batch_size=audit.batch_size,
        processes=audit.processes,
    )
    return {name: (answers[name], right[name]) for name in models}
