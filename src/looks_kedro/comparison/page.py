"""The comparison as one HTML text that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import pandas as pd

from looks_kedro.comparison.inputs import PARTS

TITLES = {"parameter": "Parameters", "data": "Data and models", "code": "Code", "package": "Packages",
          "machine": "Machine"}  # fmt: skip
MEASURES = {
    "balanced_accuracy": "balanced accuracy, %",
    "accuracy": "accuracy, %",
    "auc": "AUC",
    "calibration_error": "calibration error",
    "brier": "Brier score",
    "face_ratio": "evidence on the face, by its area",
    "reliance": "reliance, %",
    "group_accuracy": "accuracy, %",
}
PERCENT = ("balanced_accuracy", "accuracy", "group_accuracy", "reliance")
"""Measures that the page shows as percent."""
MAIN = ("balanced_accuracy", "auc", "calibration_error", "face_ratio")
"""Measures of a model that stand open on the page; the others are folded away."""


@dataclass(frozen=True)
class Fact:
    """One thing that went into the runs.

    Attributes:
        name: of the parameter, dataset or package.
        values: by run; empty where a run does not have it.
    """

    name: str
    values: Sequence[str]


@dataclass(frozen=True)
class Part:
    """One kind of thing that went into the runs.

    Attributes:
        title: heading.
        changed: what differs and every run has.
        partly: what only some of the runs have.
        same: how many are alike in all.
    """

    title: str
    changed: Sequence[Fact]
    partly: Sequence[Fact]
    same: int


@dataclass(frozen=True)
class Line:
    """One number of one model.

    Attributes:
        title: of the measure, or the channel or group.
        measure: its name in the table.
        values: by run, as text.
        differences: of the second run and those after it to the first, as text.
        changed: by run, whether the interval of the difference holds no 0, or the verdict reads otherwise.
    """

    title: str
    measure: str
    values: Sequence[str]
    differences: Sequence[str]
    changed: Sequence[bool]


@dataclass(frozen=True)
class ModelLines:
    """What the page shows of one model."""

    name: str
    verdict: Line | None
    main: Sequence[Line]
    reliance: Sequence[Line]
    more: Sequence[Line]


def render_comparison(
    title: str, runs: pd.DataFrame, inputs: pd.DataFrame, results: pd.DataFrame, source: str = "comparison_results"
) -> str:
    """Write the comparison as HTML; names and values are escaped, for they come from outside.

    Args:
        title: heading of the page.
        runs: table ``comparison_runs``.
        inputs: table ``comparison_parameters``.
        results: table ``comparison_results``.
        source: name of the table that the page is made from.

    Returns:
        A whole HTML document.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("looks_kedro.comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    order = runs["run"].tolist()
    models = model_lines(results, order)
    return environment.get_template("comparison.html.j2").render(
        title=title,
        runs=[row | {"letter": letters(len(order))[i]} for i, row in enumerate(runs.to_dict("records"))],
        letters=letters(len(order)),
        parts=input_parts(inputs, order),
        models=models,
        said=sentences(inputs, models, order),
        measured=int(results["difference_low"].notna().sum()),
        source=source,
    )


def letters(count: int) -> list[str]:
    """A, B, C and so on; after Z come A2, B2."""
    return [ascii_uppercase[i % 26] + (str(i // 26 + 1) if i >= 26 else "") for i in range(count)]


def input_parts(inputs: pd.DataFrame, order: Sequence[str]) -> list[Part]:
    """What went into the runs, by kind, as the page shows it.

    Args:
        inputs: table ``comparison_parameters``.
        order: names of the runs.
    """
    parts = []
    for part in PARTS:
        rows = inputs[inputs["part"] == part]
        facts = [
            (
                Fact(str(name), one.set_index("run")["value"].reindex(list(order)).fillna("").tolist()),
                bool(one["changed"].any()),
            )
            for name, one in rows.groupby("name", sort=False)
        ]
        parts.append(
            Part(
                TITLES[part],
                [fact for fact, differs in facts if differs and all(fact.values)],
                [fact for fact, _ in facts if not all(fact.values)],
                sum(all(fact.values) for fact, differs in facts if not differs),
            )
        )
    return parts


def model_lines(results: pd.DataFrame, order: Sequence[str]) -> list[ModelLines]:
    """What came of the runs, by model, as the page shows it.

    Args:
        results: table ``comparison_results``.
        order: names of the runs.
    """
    models = []
    for (variant, backbone), rows in results.groupby(["variant", "backbone"], sort=False):
        lines = [
            _line(str(measure), str(detail), one.set_index("run").reindex(list(order)))
            for (measure, detail), one in rows.groupby(["measure", "detail"], sort=False)
        ]
        rest = [line for line in lines if line.measure not in (*MAIN, "verdict", "reliance")]
        models.append(
            ModelLines(
                f"{backbone} on {variant} images",
                next((line for line in lines if line.measure == "verdict"), None),
                [line for line in lines if line.measure in MAIN],
                [line for line in lines if line.measure == "reliance"],
                rest,
            )
        )
    return models


def comparison_lines(runs: pd.DataFrame, inputs: pd.DataFrame, results: pd.DataFrame) -> list[str]:
    """The comparison as text: which runs, and the answer in a few sentences.

    Args:
        runs: table ``comparison_runs``.
        inputs: table ``comparison_parameters``.
        results: table ``comparison_results``.
    """
    order = runs["run"].tolist()
    named = [f"{letter}: {name}" for letter, name in zip(letters(len(order)), order, strict=True)]
    return [*named, *sentences(inputs, model_lines(results, order), order)]


def sentences(inputs: pd.DataFrame, models: Sequence[ModelLines], order: Sequence[str]) -> list[str]:
    """The answer in a few sentences: what differed, and whether it mattered.

    Args:
        inputs: table ``comparison_parameters``.
        models: what came of the runs.
        order: names of the runs.
    """
    changed = inputs[inputs["changed"]].drop_duplicates(["part", "name"])["part"].value_counts()
    differing = [f"{TITLES[part].lower()} ({changed[part]})" for part in PARTS if part in changed]
    said = [f"What went in differs in {_joined(differing)}." if differing else "What went in is the same in all runs."]
    judged = [model for model in models if model.verdict is not None]
    for i, letter in list(enumerate(letters(len(order))))[1:]:
        verdicts = [model.name for model in judged if model.verdict is not None and model.verdict.changed[i]]
        lines = {model.name: line for model in models for line in model.main if line.measure == "balanced_accuracy"}
        # Without an interval nothing can be told.
        told = {name: line for name, line in lines.items() if "(" in line.differences[i - 1]}
        moved = [name for name, line in told.items() if line.changed[i]]
        judgement = f"{letter} against A: the verdict reads otherwise for {_some(verdicts, len(judged))}"
        accuracy = f"; the balanced accuracy differs by more than chance for {_some(moved, len(told))}" if told else ""
        said.append(f"{judgement}{accuracy}.")
        if len(told) < len(models):
            said.append(
                f"For {len(models) - len(told)} of {len(models)} models nothing can be told of the balanced accuracy: "
                "a run does not have the model, or too few people for an interval."
            )
    return said


def _line(measure: str, detail: str, rows: pd.DataFrame) -> Line:
    factor = 100 if measure in PERCENT else 1
    digits = 1 if measure in PERCENT else 3
    records = rows.to_dict("records")
    if measure == "verdict":
        values = [row["text"] if isinstance(row["text"], str) else "" for row in records]
    else:
        values = [_number(row, ("value", "low", "high"), factor, digits, "") for row in records]
    names = ("difference", "difference_low", "difference_high")
    title = f"{detail.replace('_', ' ')}" if detail else MEASURES.get(measure, measure)
    apart = [_number(row, names, factor, digits, "+") for row in records[1:]]
    return Line(title, measure, values, apart, [row["changed"] is True for row in records])


def _number(row: Any, names: tuple[str, str, str], factor: int, digits: int, sign: str) -> str:
    value, low, high = (row[name] for name in names)
    if value != value:
        return ""
    shown = f"{factor * value + 0.0:{sign}.{digits}f}"
    if low == low and high == high:
        shown += f" ({factor * low + 0.0:.{digits}f} to {factor * high + 0.0:.{digits}f})"
    return shown.replace("-", "−")


def _some(names: Sequence[str], total: int) -> str:
    if not names:
        return f"none of {total} models"
    return f"{len(names)} of {total} models ({', '.join(names[:4])}{', ...' if len(names) > 4 else ''})"


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
