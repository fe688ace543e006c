"""What MLflow is told of a run: its parameters one by one, the numbers of the summary, and the report.

kedro-mlflow, the extra ``mlflow``, opens a run and logs each group of parameters as one text; here every parameter gets
its own name. Without it no run of MLflow is open, and nothing here does anything or imports anything.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.comparison.inputs import flat

MEASURES = ("balanced_accuracy", "accuracy", "auc", "calibration_error", "face_ratio")

LONGEST, BATCH = 500, 100
"""Characters of a parameter's value, and parameters at a time, that MLflow takes."""


def open_run() -> Any:
    """The module ``mlflow`` if something has opened a run of it, else None."""
    mlflow = sys.modules.get("mlflow")
    return mlflow if mlflow is not None and mlflow.active_run() is not None else None


def metrics(summary: pd.DataFrame) -> dict[str, float]:
    """The numbers of the summary under names such as ``white.resnet18.auc``; what is missing is left out.

    Args:
        summary: table ``summary``.
    """
    return {
        f"{row['variant']}.{row['backbone']}.{name}": float(row[name])
        for row in summary.to_dict("records")
        for name in MEASURES
        if name in row and math.isfinite(row[name])
    }


def verdicts(summary: pd.DataFrame) -> dict[str, str]:
    """The verdict of each model, under names such as ``white.resnet18.verdict``.

    Args:
        summary: table ``summary``.
    """
    return {f"{row['variant']}.{row['backbone']}.verdict": str(row["verdict"]) for row in summary.to_dict("records")}


def log_results(
    mlflow: Any, version: str, parameters: Mapping[str, Any], summary: pd.DataFrame | None, pages: list[Path]
) -> None:
    """Log the parameters and results of a run to the open run of MLflow.

    Args:
        mlflow: the module.
        version: of the run, by which its datasets are found.
        parameters: those that the run read; each leaf is logged by its dotted name.
        summary: table ``summary``, if the run made one.
        pages: files to keep with the run.
    """
    mlflow.set_tag("looks_kedro.version", version)
    # Groups without a model kedro-mlflow has logged leaf by leaf, with None for null; MLflow lets no value change.
    there = mlflow.get_run(mlflow.active_run().info.run_id).data.params
    told = [(name, value[:LONGEST]) for name, value in flat(parameters) if "." in name and name not in there]
    for start in range(0, len(told), BATCH):
        mlflow.log_params(dict(told[start : start + BATCH]))
    if summary is not None:
        mlflow.log_metrics(metrics(summary))
        mlflow.set_tags(verdicts(summary))
    for page in pages:
        mlflow.log_artifact(str(page))
