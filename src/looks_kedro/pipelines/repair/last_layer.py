"""A new last layer from features of people who were held out, in groups of which each counts the same."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.repair import Head, RepairedHead, exchanged_donors, features_of, retrain_last_layer
from looks_kedro.audit.shortcut_groups import channel_values, shortcut_groups, towards_classes
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.audit.shown import ShownImages

from .parameters import Repair
from .targets import is_behind

__all__ = ["balanced_head", "with_head"]

log = logging.getLogger(__name__)

Checkpoint = dict[str, Any]
Features = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]

LEAST_IN_GROUP = 10
"""A group of fewer images says too little of what its class is like there."""


def balanced_head(
    repair: Repair, shown: ShownImages, features: Features, model: Checkpoint, channel: str, batch_size: int
) -> tuple[RepairedHead, str]:
    """Fit the head on groups of class x what the channel speaks for.

    Where the channel tells the classes so well that a group has fewer than ``LEAST_IN_GROUP`` images, groups are made
    instead, if it is behind the person: each before the own background and before one of the other class.

    Args:
        repair: penalty, draws and seed.
        shown: images of people held out.
        features: of the network, before its last layer.
        model: its checkpoint, for the old head.
        channel: to wean it off.
        batch_size: images at a time.

    Returns:
        The head, and how the groups came about: ``found`` or ``made``.

    Raises:
        BadInputError: the groups are too small, or the people cannot be halved.
    """
    labels, identities = shown.labels, shown.identities
    table = features_of(features, shown, batch_size)
    how = "found"
    try:
        groups = shortcut_groups(labels, towards_classes(labels, channel_values(shown.portraits, channel)))
        _check_sizes(groups)
    except BadInputError as error:
        if not is_behind(channel):
            raise
        log.info("%s: %s Groups are made by exchanged backgrounds.", model["backbone"], error)
        how = "made"
        table = np.concatenate([table, _before_others(shown, features, repair.seed, batch_size)])
        own, other = (np.array([f"class {one}, {word} background" for one in labels]) for word in ("own", "other"))
        groups = np.concatenate([own, other])
        labels, identities = np.tile(labels, 2), np.tile(identities, 2)
    old = _head_of(model)
    head = retrain_last_layer(
        table, labels, groups, identities, old, penalty=repair.penalty, subsets=repair.subsets, seed=repair.seed
    )
    return head, how


def with_head(model: Checkpoint, head: Head) -> Checkpoint:
    """The checkpoint with another last layer."""
    import torch

    name = _head_name(model)
    weights = dict(model["state_dict"])
    weights[f"{name}.weight"] = torch.from_numpy(np.ascontiguousarray(head.weight)).to(weights[f"{name}.weight"].dtype)
    weights[f"{name}.bias"] = torch.from_numpy(np.ascontiguousarray(head.bias)).to(weights[f"{name}.bias"].dtype)
    return model | {"state_dict": weights}


def _check_sizes(groups: npt.NDArray[np.str_]) -> None:
    names, counts = np.unique(groups, return_counts=True)
    if counts.min() < LEAST_IN_GROUP:
        raise BadInputError(
            f"the group {names[counts.argmin()]} has {counts.min()} images; expected at least {LEAST_IN_GROUP}."
        )


def _before_others(shown: ShownImages, features: Features, seed: int, batch_size: int) -> npt.NDArray[np.float32]:
    """Features of each person before a background of the other class."""
    from looks_kedro.audit.mixed_backgrounds import on_ground_of

    donors = exchanged_donors(shown.labels, seed, share=1.0)

    def before_another(row: int) -> npt.NDArray[np.uint8]:
        one, other = shown.portraits.portrait(row), shown.portraits.portrait(int(donors[row]))
        return on_ground_of(one.pixels, other.pixels, one.landmarks, other.landmarks, one.matte, other.matte)

    starts = range(0, len(shown), batch_size)
    batches = (range(start, min(start + batch_size, len(shown))) for start in starts)
    return np.concatenate([features(np.stack([before_another(row) for row in rows])) for rows in batches])


def _head_name(model: Checkpoint) -> str:
    from looks_kedro.learning import model_from_checkpoint
    from looks_kedro.learning.backbones import head_name

    return head_name(model_from_checkpoint(model))


def _head_of(model: Checkpoint) -> Head:
    name = _head_name(model)
    weight, bias = (model["state_dict"][f"{name}.{part}"].float().numpy() for part in ("weight", "bias"))
    return Head(weight, bias)
