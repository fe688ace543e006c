"""Nodes of the controls pipeline."""

from typing import Any

import numpy.typing as npt
import pandas as pd

from looks_kedro.datasets import ImageFolder
from looks_kedro.pipelines.audit.judging import by_colour, classifiers
from looks_kedro.pipelines.audit.shown import ShownImages
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.tables import columns

from .parameters import Controls

ATTRIBUTES = ("gender", "race", "age")


def control_models(
    controls: Controls, model_input: ImageFolder, mattes: ImageFolder, matte_quality: pd.DataFrame, **models: Any
) -> pd.DataFrame:
    """Try all models of a variant on parts of the picture, on mixed backgrounds, and on each group of people.

    Args:
        controls: how many images.
        model_input: images with their table.
        mattes: one a face; they say what the background is.
        matte_quality: which are good.
        models: ``{backbone}.model``, the checkpoint of each backbone.

    Returns:
        Table ``controls``.
    """
    from looks_kedro.audit import chosen_rows
    from looks_kedro.audit.controls import controls_of

    rows = part_rows(model_input, "test")
    tables: dict[str, pd.DataFrame] = {}
    for colour, group in by_colour(models).items():
        shown = ShownImages(model_input, rows, colour, mattes, matte_quality)
        shown = shown.chosen(chosen_rows(shown.labels, shown.identities, controls.images, controls.seed))
        tables |= controls_of(
            classifiers(group, controls.device, controls.batch_size),
            shown,
            shown.labels,
            shown.identities,
            shown.landmarks,
            shown.mattes,
            _attributes(shown),
            good_mattes=shown.good,
            seed=controls.seed,
            batch_size=controls.batch_size,
        )
    parts = [tables[name].assign(backbone=name.removesuffix(".model")) for name in models]
    return pd.concat(parts, ignore_index=True)[columns("controls")]


def _attributes(shown: ShownImages) -> dict[str, npt.NDArray[Any]]:
    """What people are like, and what is around their heads: a model may be worst where that is unusual."""
    from looks_kedro.audit.shortcut_groups import around_in_words

    known = {name: shown.rows[name].to_numpy(dtype=str) for name in ATTRIBUTES}
    around = around_in_words(shown.portraits)
    return known if around is None else known | {"surround": around}
