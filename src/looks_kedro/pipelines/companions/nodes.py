"""Nodes of the companions pipeline."""

import logging
from typing import Any

import numpy as np
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.learning import Training
from looks_kedro.pipelines.audit.shown import ShownImages
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.tables import columns

from .parameters import Companions

log = logging.getLogger(__name__)


def screen_images(
    companions: Companions,
    training: Training,
    model_input: ImageFolder,
    mattes: ImageFolder,
    matte_quality: pd.DataFrame,
) -> tuple[pd.DataFrame, Any]:
    """Try on the labels of a variant all that can be tried without a network.

    Args:
        companions: how many images, and how often labels are exchanged.
        training: for the colour behind transparent pixels.
        model_input: images of both parts with their table.
        mattes: one a face; they say what the background is where every image that is looked at has a good one.
        matte_quality: which are good.

    Returns:
        Table ``companions`` and its picture.
    """
    from looks_kedro.audit import chosen_rows
    from looks_kedro.audit.companions import companions_figure, find_companions

    rows = photos(pd.concat([part_rows(model_input, part) for part in ("train", "test")], ignore_index=True))
    shown = ShownImages(model_input, rows, training.alpha_colour, mattes, matte_quality)
    shown = shown.chosen(chosen_rows(shown.labels, shown.identities, companions.images, companions.seed))
    whole = bool(shown.good.all())
    log.info(
        "%d of %d images are looked at; the background is all outside %s",
        len(shown), len(rows), "their mattes" if whole else "the head, for not every face was cut out well",
    )  # fmt: skip
    found = find_companions(
        shown,
        shown.labels,
        shown.identities,
        shown.landmarks,
        shown.mattes if whole else None,
        permutations=companions.permutations,
        seed=companions.seed,
    )
    return found.table[columns("companions")], companions_figure(found, ("ordinary", "celebrities"))


def photos(rows: pd.DataFrame) -> pd.DataFrame:
    """One image of each photo: itself, or a copy where only copies of it are there.

    Copies would be found as near-duplicates, and one class has more of them.
    """
    first = rows.iloc[np.argsort((rows["file"] != rows["parent"]).to_numpy(), kind="stable")]
    return rows.loc[np.sort(first.drop_duplicates("parent").index)].reset_index(drop=True)
