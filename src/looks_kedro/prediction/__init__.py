"""A photo in; class, evidence and the model's verdict out. Works in a notebook without Kedro.

A photo goes the way of the study's images (``faces``, ``mattes``, ``learning``, ``cam``); nothing is computed here that
they do not compute.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from looks_kedro.prediction.photos import Photo, find_photos
    from looks_kedro.prediction.picture import draw_prediction
    from looks_kedro.prediction.predictor import Predictor, usable_temperature
    from looks_kedro.prediction.preparing import Preparation
    from looks_kedro.prediction.results import Prediction, prediction_rows
    from looks_kedro.prediction.summary import summary_lines
    from looks_kedro.prediction.verdicts import AuditNote, audit_note

_HOMES = {
    "AuditNote": "verdicts",
    "audit_note": "verdicts",
    "Photo": "photos",
    "find_photos": "photos",
    "draw_prediction": "picture",
    "Predictor": "predictor",
    "usable_temperature": "predictor",
    "Preparation": "preparing",
    "Prediction": "results",
    "prediction_rows": "results",
    "summary_lines": "summary",
}

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


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
