"""A validation part of whole people, taken from the training part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.errors import BadInputError, BadParameterError

__all__ = ["validation_rows"]

Rows = npt.NDArray[np.int64]


def validation_rows(
    groups: Sequence[str] | npt.NDArray[np.generic] | pd.Series[str],
    targets: npt.NDArray[np.int64],
    fraction: float,
    seed: int,
) -> tuple[Rows, Rows]:
    """Divide training images into those to learn from and those to watch the training by.

    Groups (people, with their mirrored copies and like pictures) are taken whole, in random order, each one if that
    brings the shares of all classes nearer to the fraction: sum over classes c of (taken_c / n_c - fraction)^2 falls.
    So each class comes as near to its share as its people allow, and nobody is in both parts.

    Args:
        groups: group of each image.
        targets: int64 (N,), the classes; or (N, k), then each combination of k attributes counts as a class.
        fraction: wanted share of images in the validation part, above 0 and at most 0.5.
        seed: of the order.

    Returns:
        Rows for training and rows for validation, both rising; together they hold each of 0..N-1 once.

    Raises:
        BadParameterError: the fraction is out of range.
        BadInputError: numbers of groups and targets differ, or a class of (N,) targets has fewer than two groups of
            which one can be kept aside.
    """
    if not 0 < fraction <= 0.5:
        raise BadParameterError(f"validation_fraction is {fraction:g}; expected a share above 0 and at most 0.5")
    if len(groups) != len(targets):
        raise BadInputError(f"training part: {len(groups)} groups but {len(targets)} targets")
    # Sorted, so that the draw depends on who is there and not on the order of the images.
    group, names = pd.factorize(np.asarray(groups), sort=True)
    classes, code = np.unique(targets, axis=0, return_inverse=True)
    images = np.zeros((len(names), len(classes)), dtype=np.int64)
    np.add.at(images, (group, code.reshape(-1)), 1)
    chosen = _choose_groups(images, fraction, np.random.default_rng([seed, 3]))
    in_validation = chosen[group]
    if targets.ndim == 1:
        _check_classes(images, chosen, classes)
    if not in_validation.any():
        raise BadInputError(
            f"training part: {len(names)} group(s) of people, none of which can be kept aside for validation; "
            "set training.validation_fraction to 0, or add people"
        )
    return np.flatnonzero(~in_validation), np.flatnonzero(in_validation)


def _choose_groups(
    images: npt.NDArray[np.int64], fraction: float, generator: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which groups go to the validation part, from their images by class (groups, classes)."""
    shares = images / images.sum(axis=0)
    chosen = np.zeros(len(images), dtype=np.bool_)
    missing = np.full(images.shape[1], fraction)
    left = (images > 0).sum(axis=0)  # groups of each class that are still in the training part
    for number in generator.permutation(len(images)):
        # |m - s|^2 <= |m|^2, without touching classes that the group has no image of.
        held = np.flatnonzero(images[number])
        share = shares[number, held]
        nearer = float((share * (share - 2 * missing[held])).sum()) <= 0
        if nearer and (left[held] > 1).all():
            chosen[number] = True
            missing[held] -= share
            left[held] -= 1
    return _with_every_class(images, chosen)


def _with_every_class(images: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give a class that no chosen group has its smallest group, where training keeps another one of each class."""
    chosen = chosen.copy()
    for number in np.flatnonzero(images[chosen].sum(axis=0) == 0):
        holders = np.flatnonzero((images[:, number] > 0) & ~chosen)
        for group in holders[np.argsort(images[holders].sum(axis=1), kind="stable")]:
            rest = ~chosen
            rest[group] = False
            if (images[rest].sum(axis=0) > 0).all():
                chosen[group] = True
                break
    return chosen


def _check_classes(
    images: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_], classes: npt.NDArray[np.int64]
) -> None:
    for number in np.flatnonzero(images[chosen].sum(axis=0) == 0):
        raise BadInputError(
            f"training part: class {classes[number]} has {int((images[:, number] > 0).sum())} group(s) of people, and "
            "none of them can be kept aside for validation while another one stays to learn from; add people of this "
            "class, or set training.validation_fraction to 0"
        )
