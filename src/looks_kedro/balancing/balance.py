"""From labels to the split table: split, copy, sample down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from looks_kedro.balancing.accounts import PARTS, balance_table, tell_difference
from looks_kedro.balancing.copies import with_copies
from looks_kedro.balancing.groups import groups_of
from looks_kedro.balancing.parts import parts_by_group, parts_by_image
from looks_kedro.balancing.sampling import check_labels, sample_part
from looks_kedro.balancing.settings import CLASS_NAMES, Balancing
from looks_kedro.errors import BadInputError

SPLIT_COLUMNS = (
    "file",
    "parent",
    "part",
    "mirrored",
    "rotation",
    "brightness",
    "group",
    "looks",
    "identity",
    "age",
    "gender",
    "race",
)


@dataclass(frozen=True, eq=False)
class Balanced:
    """The parts, and what it took to make them.

    Attributes:
        split_table: one row an image that the models see.
        balance_table: who is in each part, before and after sampling down.
    """

    split_table: pd.DataFrame
    balance_table: pd.DataFrame


def balance(labels: pd.DataFrame, settings: Balancing, same_picture: Iterable[tuple[str, str]] = ()) -> Balanced:
    """Make the split table: the same number of images of each class in each part.

    By ``protocol: identity`` photos are split by group, then those for training are copied. By ``published`` all are
    copied, then the images are split at random. Either way the larger class of each part is sampled down at the end.

    Args:
        labels: one row a face, in any order, with the columns of ``labels``.
        settings: protocol, fractions, sizes, seed.
        same_picture: pairs of files that are the same or nearly the same picture; they share a group.

    Returns:
        The split table, sorted by part (train first) and file; ``file`` is unique, ``parent`` is the face it comes
        from. The same for the same seed, whatever the order of the labels.

    Raises:
        BadInputError: a class has no photo, or fewer groups than parts or folds; or labels are missing that matched
            sampling needs.
    """
    faces = _in_order(labels)
    for looks, name in CLASS_NAMES.items():
        if not (faces["looks"] == looks).any():
            raise BadInputError(
                f"labels: there is no photo of {name} among {len(faces)}, and two classes are needed. Add photos, or "
                "look in rejections.csv and matte_quality.csv for why faces are missing."
            )
    if settings.sampling == "matched":
        check_labels(faces, settings.match_on)
    faces = faces.assign(parent=faces["file"], group=groups_of(faces, same_picture))
    if settings.protocol == "identity":
        faces["part"] = parts_by_group(faces, settings)
        images = _in_order(with_copies(faces, settings, (faces["part"] == "train").to_numpy()))
    else:
        images = _in_order(with_copies(faces, settings))
        images["part"] = parts_by_image(images, settings)
    chosen = [sample_part(images[images["part"] == part], part, settings) for part in PARTS]
    split = pd.concat(chosen, ignore_index=True)[list(SPLIT_COLUMNS)]
    table = balance_table(images, split)
    tell_difference(table)
    return Balanced(split, table)


def split_parts(
    labels: pd.DataFrame, settings: Balancing, same_picture: Iterable[tuple[str, str]] = ()
) -> pd.DataFrame:
    """The split table alone; see :func:`balance`."""
    return balance(labels, settings, same_picture).split_table


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("file", kind="stable", ignore_index=True)
