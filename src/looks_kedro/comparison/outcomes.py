"""What came of each run: accuracies, attention, reliance and verdicts of its models, and how far they lie apart."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from looks_kedro.comparison.differences import Difference, independent_difference, paired_difference
from looks_kedro.comparison.runs import Run
from looks_kedro.intervals import Interval

log = logging.getLogger("looks_kedro")

FILES = {
    "performance": "performance.csv",
    "calibration_summary": "calibration_summary.csv",
    "reliance": "reliance.csv",
    "verdict": "verdict.json",
    "predictions": "predictions.csv",
}
"""Results of a model, and their files in ``07_model_output/{variant}/{backbone}``, one folder a version."""
SUMMARY = "08_reporting/summary.csv"
MEASURES = ("verdict", "balanced_accuracy", "accuracy", "auc", "calibration_error", "brier", "face_ratio", "reliance",
            "group_accuracy")  # fmt: skip
"""Measures of the table, in its order."""
COLUMNS = ["variant", "backbone", "measure", "detail", "run", "value", "low", "high", "text",
           "difference", "difference_low", "difference_high", "basis", "changed"]  # fmt: skip

Measure = tuple[str, str]
"""Its name, and the channel or group that it belongs to."""


@dataclass(frozen=True)
class Model:
    """What a run says of one model.

    Attributes:
        numbers: of each measure.
        texts: verdict with the channels that it names.
        predictions_file: its predictions, where they still lie there.
    """

    numbers: dict[Measure, Interval] = field(default_factory=dict)
    texts: dict[Measure, str] = field(default_factory=dict)
    predictions_file: Path | None = None

    @cached_property
    def predictions(self) -> pd.DataFrame | None:
        """Table ``predictions``."""
        if self.predictions_file is None:
            return None
        columns = ["file", "looks", "identity", "probability", "correct"]
        return _table(self.predictions_file, "file", "identity")[columns]


def result_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Every number of every model of every run, with its difference from the first run's.

    Args:
        runs: two or more; the first is the one that others are held against.

    Returns:
        Table ``comparison_results``. ``changed`` is true where a verdict reads otherwise, or where the interval of a
        difference does not hold 0.
    """
    models = [read_models(run) for run in runs]
    cells = list(dict.fromkeys(cell for one in models for cell in one))
    rows: list[dict[str, Any]] = []
    for cell in cells:
        first = models[0].get(cell, Model())
        measures = {
            measure: None for one in models if cell in one for measure in (*one[cell].texts, *one[cell].numbers)
        }
        for measure in sorted(measures, key=lambda name: MEASURES.index(name[0])):
            for run, one in zip(runs, models, strict=True):
                mine = one.get(cell, Model())
                difference = _difference(measure, mine, first) if run is not runs[0] else None
                rows.append(
                    dict(zip(COLUMNS[:5], (*cell, *measure, run.name), strict=True))
                    | _row(measure, mine, first, difference)
                )
    return pd.DataFrame(rows, columns=COLUMNS)


def read_models(run: Run) -> dict[tuple[str, str], Model]:
    """The models of a run, by variant and backbone.

    Args:
        run: whose results are read in the versions that belong to it; what was deleted is left out and logged.
    """
    summary = _summary(run)
    cells: dict[tuple[str, str], dict[str, Any]] = {cell: {} for cell in summary}
    for name in run.versions:
        parts = name.split(".")
        if len(parts) == 3 and parts[2] in FILES:
            cells.setdefault((parts[0], parts[1]), {})
    models = {}
    for variant, backbone in cells:
        found = {kind: _file(run, variant, backbone, kind) for kind in FILES}
        numbers = {("face_ratio", ""): summary[variant, backbone]} if (variant, backbone) in summary else {}
        numbers |= dict(_numbers(found))
        texts = {("verdict", ""): _verdict(found["verdict"])} if found["verdict"] else {}
        models[variant, backbone] = Model(numbers, texts, found["predictions"])
    return models


def _file(run: Run, variant: str, backbone: str, kind: str) -> Path | None:
    version = run.versions.get(f"{variant}.{backbone}.{kind}")
    return _existing(run, f"07_model_output/{variant}/{backbone}/{FILES[kind]}", version)


def _existing(run: Run, place: str, version: str | None) -> Path | None:
    if version is None:
        return None
    path = run.folder / place / version / Path(place).name
    if path.is_file():
        return path
    log.warning("%s was deleted since the run %s; it is left out of the comparison.", path, run.name)
    return None


def _summary(run: Run) -> dict[tuple[str, str], Interval]:
    path = _existing(run, SUMMARY, run.versions.get("summary"))
    if path is None:
        return {}
    rows = _table(path, "variant", "backbone").to_dict("records")
    return {
        (str(row["variant"]), str(row["backbone"])): Interval(float(row["face_ratio"]), np.nan, np.nan) for row in rows
    }


def _table(path: Path, *texts: str) -> pd.DataFrame:
    """A table in which columns of texts stay as they are: somebody may be called NA, None or 007."""
    table = pd.read_csv(path)
    # Read a second time: pandas can keep the marks of missing numbers only for all columns, or for none.
    table[list(texts)] = pd.read_csv(path, usecols=list(texts), dtype=str, keep_default_na=False)[list(texts)]
    return table


def _numbers(found: Mapping[str, Path | None]) -> Iterator[tuple[Measure, Interval]]:
    if found["performance"] is not None:
        for row in _table(found["performance"], "attribute", "value").to_dict("records"):
            if row["attribute"] == "all":
                yield from (((name, ""), _interval(row, name)) for name in ("balanced_accuracy", "accuracy", "auc"))
            else:
                yield ("group_accuracy", f"{row['attribute']}: {row['value']}"), _interval(row, "accuracy")
    if found["calibration_summary"] is not None:
        row = pd.read_csv(found["calibration_summary"]).iloc[0].to_dict()
        yield from (((name, ""), _interval(row, name)) for name in ("calibration_error", "brier"))
    if found["reliance"] is not None:
        for row in _table(found["reliance"], "channel").to_dict("records"):
            if row["defined"]:
                value = Interval(*(float(row[name]) for name in ("reliance", "low", "high")))
                yield ("reliance", str(row["channel"])), value


def _interval(row: Mapping[Any, Any], name: str) -> Interval:
    return Interval(*(float(row.get(column, np.nan)) for column in (name, f"{name}_low", f"{name}_high")))


def _verdict(path: Path) -> str:
    verdict = json.loads(path.read_text(encoding="utf-8"))
    channels = ", ".join(verdict.get("channels", [])).replace("_", " ")
    return f"{verdict['verdict']} ({channels})" if channels else str(verdict["verdict"])


def _difference(measure: Measure, mine: Model, first: Model) -> Difference | None:
    if measure not in mine.numbers or measure not in first.numbers:
        return None
    if measure[0] == "balanced_accuracy" and mine.predictions is not None and first.predictions is not None:
        paired = paired_difference(mine.predictions, first.predictions)
        if paired is not None:
            return paired
    return independent_difference(mine.numbers[measure], first.numbers[measure])


def _row(measure: Measure, mine: Model, first: Model, difference: Difference | None) -> dict[str, Any]:
    nothing = Interval(np.nan, np.nan, np.nan)
    value = mine.numbers.get(measure, nothing)
    apart = difference.interval if difference else nothing
    text = mine.texts.get(measure, "")
    otherwise = bool(text) and bool(first.texts.get(measure)) and text != first.texts[measure]
    return {
        "value": value.value,
        "low": value.low,
        "high": value.high,
        "text": text,
        "difference": apart.value,
        "difference_low": apart.low,
        "difference_high": apart.high,
        "basis": difference.basis if difference else "",
        "changed": otherwise or bool(apart.low > 0 or apart.high < 0),
    }
