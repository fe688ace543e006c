"""Balanced, identity-disjoint training and test parts, from a table of labels.

Order matters: first the split by group, then mirrored copies inside the training part, then sampling down. The other
way round, as the study did it, puts mirrored copies of test images into training.
"""

from __future__ import annotations

import logging
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from looks_kedro.errors import BadInputError

log = logging.getLogger(__name__)

SPLIT_COLUMNS = ("file", "parent", "part", "mirrored", "group", "looks", "identity", "age", "gender", "race")
CLASS_NAMES = {0: "ordinary people", 1: "celebrities"}


class Balancing(BaseModel, extra="forbid", frozen=True):
    """How the two parts are made."""

    protocol: Literal["identity"] = Field("identity", description="split by person, then mirror")
    test_fraction: float = Field(0.2, gt=0, lt=1, description="share of each class's photos for the test part")
    mirror: Literal["celebrities", "both", "none"] = Field(
        "celebrities", description="whose training images are mirrored"
    )
    train_per_class: int | None = Field(31_000, ge=1, description="at most so many training images a class")
    test_per_class: int | None = Field(7_800, ge=1, description="at most so many test images a class")
    reject_mattes: bool = Field(True, description="leave out faces whose matte failed, before balancing")
    seed: int = Field(0, ge=0)


def split_parts(labels: pd.DataFrame, settings: Balancing) -> pd.DataFrame:
    """Make the split table: the same number of images of each class in each part.

    Args:
        labels: one row a face, with the columns of ``labels``; faces of one ``identity`` stay in one part.
        settings: fractions, sizes, seed.

    Returns:
        The split table, sorted by part and file; ``file`` is unique, ``parent`` is the face it comes from.

    Raises:
        BadInputError: a class has no face, or fewer identities than parts.
    """
    generator = np.random.default_rng(settings.seed)
    parts = []
    for looks in CLASS_NAMES:
        faces = labels[labels["looks"] == looks].sort_values("file", kind="stable")
        in_test = choose_test_identities(faces, looks, settings.test_fraction, generator)
        part = np.where(faces["identity"].isin(in_test), "test", "train")
        table = faces.assign(part=part, parent=faces["file"], group=faces["identity"], mirrored=False)
        parts.append(_with_mirrored_copies(table, looks, settings.mirror))
    table = pd.concat(parts, ignore_index=True)
    sizes = {"train": settings.train_per_class, "test": settings.test_per_class}
    balanced = [_sample_down(table[table["part"] == part], part, size, generator) for part, size in sizes.items()]
    return pd.concat(balanced, ignore_index=True)[list(SPLIT_COLUMNS)].reset_index(drop=True)


def choose_test_identities(
    faces: pd.DataFrame, looks: int, fraction: float, generator: np.random.Generator
) -> set[str]:
    """Choose the identities of the test part, as close to the fraction of photos as whole persons allow.

    Persons are taken in random order, each one if that brings the test part nearer to its size.

    Args:
        faces: the faces of one class.
        looks: the class, for the messages.
        fraction: wanted share of photos in the test part.
        generator: source of the order.

    Returns:
        Identities of the test part; at least one, and never all.

    Raises:
        BadInputError: fewer than two identities.
    """
    counts = faces["identity"].value_counts().sort_index()
    if len(counts) < 2:
        raise BadInputError(
            f"labels: {CLASS_NAMES[looks]} have {len(faces)} faces of {len(counts)} persons; at least 2 persons are "
            "needed, one for training and one for testing. Add people, or look in "
            "rejections.csv for why faces are missing."
        )
    wanted = fraction * len(faces)
    chosen: set[str] = set()
    taken = 0
    order = generator.permutation(len(counts))
    for index in order[:-1]:
        photos = int(counts.iloc[index])
        if abs(taken + photos - wanted) <= abs(taken - wanted):
            chosen.add(str(counts.index[index]))
            taken += photos
    return chosen or {str(counts.idxmin())}


def mirrored_name(file: str) -> str:
    """Name of the mirrored copy: ``ada/0001.jpg`` gives ``ada/0001.mirrored.jpg``."""
    path = PurePosixPath(file)
    return str(path.with_name(f"{path.stem}.mirrored{path.suffix}"))


def _with_mirrored_copies(faces: pd.DataFrame, looks: int, mirror: str) -> pd.DataFrame:
    if mirror == "none" or (mirror == "celebrities" and looks == 0):
        return faces
    training = faces[faces["part"] == "train"]
    copies = training.assign(mirrored=True, file=training["file"].map(mirrored_name))
    return pd.concat([faces, copies], ignore_index=True)


def _sample_down(part_table: pd.DataFrame, part: str, size: int | None, generator: np.random.Generator) -> pd.DataFrame:
    counts = part_table["looks"].value_counts()
    kept = min(int(counts.get(looks, 0)) for looks in CLASS_NAMES)
    kept = min(kept, size) if size is not None else kept
    rows = []
    for looks, name in CLASS_NAMES.items():
        of_class = part_table[part_table["looks"] == looks]
        chosen = np.sort(generator.permutation(len(of_class))[:kept])
        rows.append(of_class.iloc[chosen])
        log.info("%s part: %d of %d images of %s", part, kept, len(of_class), name)
    return pd.concat(rows).sort_values("file", kind="stable")
