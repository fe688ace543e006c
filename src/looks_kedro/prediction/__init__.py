"""A photo in; class, evidence and the model's verdict out. Works in a notebook without Kedro.

A photo goes the way of the study's images (``faces``, ``mattes``, ``learning``, ``cam``); nothing is computed here that
they do not compute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from looks_kedro.prediction.photos import Photo, find_photos
    from looks_kedro.prediction.picture import draw_prediction
    from looks_kedro.prediction.predictor import Predictor, usable_temperature
    from looks_kedro.prediction.preparing import Preparation
    from looks_kedro.prediction.results import Prediction, prediction_rows
    from looks_kedro.prediction.summary import summary_lines
    from looks_kedro.prediction.verdicts import AuditNote, audit_note

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "photos": ["Photo", "find_photos"],
        "picture": ["draw_prediction"],
        "predictor": ["Predictor", "usable_temperature"],
        "preparing": ["Preparation"],
        "results": ["Prediction", "prediction_rows"],
        "summary": ["summary_lines"],
        "verdicts": ["AuditNote", "audit_note"],
    },
)

__all__ = [
    "AuditNote",
    "Photo",
    "Prediction",
    "Predictor",
    "Preparation",
    "audit_note",
    "draw_prediction",
    "find_photos",
    "prediction_rows",
    "summary_lines",
    "usable_temperature",
]
