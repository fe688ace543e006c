"""Nodes of the prediction pipeline."""

import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from looks_kedro.datasets import Images
from looks_kedro.errors import BadParameterError
from looks_kedro.mattes.compositing import Variant
from looks_kedro.pipelines.background.parameters import Background
from looks_kedro.pipelines.parts import spread
from looks_kedro.pipelines.preprocessing.parameters import Preprocessing
from looks_kedro.prediction import Prediction, draw_prediction, find_photos, prediction_rows, usable_temperature
from looks_kedro.tables import columns

from .parameters import Predicting

log = logging.getLogger(__name__)

_TOLD = 5
"""Answers that the log tells one by one; of more photos it tells the counts."""
_ROWS_AT_ONCE = 256


def predict_photos(
    prediction: Predicting,
    preprocessing: Preprocessing,
    background: Background,
    variant: Variant,
    model: dict[str, Any],
    calibration_summary: pd.DataFrame,
    verdict: dict[str, Any],
    weights_folder: Path,
) -> tuple[pd.DataFrame, Images]:
    """Answer for each photo, or say why not.

    Args:
        prediction: which photos, and by which model.
        preprocessing: how faces are found, chosen and cut out.
        background: how people are cut out, where the model's variant needs it.
        variant: what the model sees of a face.
        model: checkpoint of the trained network.
        calibration_summary: its temperature; without rows nothing is calibrated.
        verdict: what the audit says of it; empty where there was none.
        weights_folder: where weights of the head pose and of the mattes may lie.

    Returns:
        Table ``photo_predictions``, one row a photo; and pictures of some, drawn while they are saved.

    Raises:
        BadParameterError: no photo is named.
        BadInputError: there is none, or weights are missing.
    """
    from looks_kedro.prediction import Predictor

    if prediction.images is None:
        raise BadParameterError(
            "prediction.images is not set: expected a photo, a folder of photos, or a pattern. Name it with "
            '--params "prediction.images=PATH".'
        )
    photos = find_photos(prediction.images)
    predictor = Predictor(
        model,
        preparation_of(preprocessing, background, variant, weights_folder),
        temperature=usable_temperature(calibration_summary),
        verdict=verdict,
        model=f"{prediction.backbone} on {prediction.variant} images",
        device=prediction.device,
        batch_size=prediction.batch_size,
    )
    drawn = set(spread(list(range(len(photos))), prediction.pictures))
    parts: list[pd.DataFrame] = []
    pictures: list[tuple[str, Any, str]] = []
    answers = enumerate(predictor.stream(photos, prediction.processes))
    while group := list(islice(answers, _ROWS_AT_ONCE)):
        names = [picture_name(number, one.file) if number in drawn else "" for number, one in group]
        parts.append(prediction_rows(one for _, one in group).assign(picture=names))
        pictures += [
            (name, partial(_pixels, one), one.file) for name, (_, one) in zip(names, group, strict=True) if name
        ]
        if len(photos) <= _TOLD:
            _tell(one for _, one in group)
    table = pd.concat(parts, ignore_index=True).assign(variant=prediction.variant, backbone=prediction.backbone)
    return table[columns("photo_predictions")], Images(pictures)


def preparation_of(preprocessing: Preprocessing, background: Background, variant: Variant, weights_folder: Path) -> Any:
    """How photos are prepared, by the parameters that the study's images were made with."""
    from looks_kedro.mattes import Mattes
    from looks_kedro.prediction import Preparation

    return Preparation(
        variant=variant,
        detection=preprocessing.detection,
        alignment=preprocessing.alignment,
        pose=preprocessing.pose,
        max_pixels=preprocessing.max_pixels,
        mattes=Mattes.model_validate(background.model_dump(include=set(Mattes.model_fields))),
        limits=background.limits if background.reject == "before_balancing" else None,
        weights_folder=weights_folder,
    )


def picture_name(number: int, file: str) -> str:
    """Name of a photo's picture: its place in the table, and what is plain text in its name."""
    plain = unicodedata.normalize("NFKD", file).encode("ascii", "ignore").decode()
    return f"{number + 1:05d}_{re.sub(r'[^A-Za-z0-9]+', '_', plain).strip('_')[:60] or 'photo'}.png"


def _pixels(prediction: Prediction) -> Any:
    return np.asarray(draw_prediction(prediction))


def _tell(predictions: Iterable[Prediction]) -> None:
    for one in predictions:
        log.info(one.words())
