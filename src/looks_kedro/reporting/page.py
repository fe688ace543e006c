"""The report: one HTML text that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from looks_kedro.reporting.answer import answer_of, short_reason
from looks_kedro.reporting.charts import learning_curve, lowest_accuracy, reliability_curve
from looks_kedro.reporting.cost import published_cost
from looks_kedro.reporting.counts import CLASSES
from looks_kedro.reporting.pictures import Album
from looks_kedro.reporting.sections import (
    balance_rows,
    epoch_rows,
    funnel_rows,
    last_epoch,
    marked,
    matrix_rows,
    region_rows,
    run_parts,
)
from looks_kedro.reporting.verdict_words import verdict_notes, verdict_sentence
from looks_kedro.reporting.words import Words, isolated, words_of

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["KnownStanding", "Report", "render_page"]

SECTIONS = ("data", "models", "maps", "reliance", "known", "cost", "notes", "run")
FINDINGS = ("SHORTCUT", "LEAKAGE", "FACE", "CANNOT TELL", "NO SIGNAL")
COST_COLUMNS = ("minutes", "train_loss", "train_accuracy_percent", "test_accuracy_percent")

Row = dict[str, Any]


@dataclass(frozen=True)
class KnownStanding:
    """How often the audit was right on planted cues: tables ``known_scores`` and ``known_confusion``, and a picture."""

    scores: pd.DataFrame
    confusion: pd.DataFrame | None = None
    figure: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Report:
    """Everything on the page.

    Attributes:
        summary: one row a model (``summary_table`` with its variant).
        funnel: images along the way (table ``funnel``).
        split_table: the images that the models see.
        study: accuracies by epoch (table ``study_table``).
        variants: what was gathered of each variant, as JSON knows it (``collect_results``).
        style: of the maps, ``published`` or ``difference``.
        channels: every channel that the audit knows.
        now: ``code, packages, machine, parameters`` of this run.
        notes: how this run differs from the study: keys of messages with their values.
        title: heading of the page; empty takes the language's own.
        language: one of ``words.LANGUAGES``.
        known: how often the audit was right on planted cues, where that was tried.
        cost: table ``cost_table``, where it was measured.
        manifest: of an earlier run, for seconds and memory.
    """

    summary: pd.DataFrame
    funnel: pd.DataFrame
    split_table: pd.DataFrame
    study: pd.DataFrame
    variants: Mapping[str, Mapping[str, Any]]
    style: str
    channels: Sequence[str]
    now: Mapping[str, Any]
    notes: Sequence[tuple[str, Mapping[str, Any]]] = ()
    title: str = ""
    language: str = "en"
    known: KnownStanding | None = None
    cost: pd.DataFrame | None = None
    manifest: Mapping[str, Any] | None = field(default=None)


def render_page(report: Report) -> str:
    """Write the report as HTML.

    Names of files and people are escaped and isolated: they come from outside.

    Args:
        report: what is on the page.

    Returns:
        A whole HTML document; the same for the same report.
    """
    album, words = Album(), words_of(report.language)
    tools = {
        "say": words,
        "at": _at,
        "decimal": _decimal,
        "isolated": isolated,
        "picture_is_new": album.is_new,
        "picture_id": album.place,
        "classes": tuple(CLASSES),
    }
    return _environment().get_template("report/page.html.j2").render(tools | _context(report, words))


@cache
def _environment() -> Environment:
    """The templates, compiled once."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("looks_kedro.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def records(table: pd.DataFrame) -> list[Row]:
    """Rows of a table as JSON knows them: what is missing is None."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _context(report: Report, words: Words) -> dict[str, Any]:
    names = [(variant, name) for variant, one in report.variants.items() for name in one["verdicts"]]
    cells = [_cell(report, words, *name) for name in names]
    reliance = {(cell["variant"], cell["backbone"]): cell["reliance"] for cell in cells}
    rules = {name: report.variants[name[0]]["verdicts"][name[1]]["thresholds"] for name in names}
    summary = records(report.summary)
    answer = answer_of(words, summary, reliance)
    overview = [
        {
            **row,
            "anchor": f"{row['variant']}-{row['backbone']}",
            "finding_class": _finding_class(row["verdict"]),
            "short": short_reason(
                words, row, reliance[row["variant"], row["backbone"]], rules[row["variant"], row["backbone"]]
            ),
        }
        for row in summary
    ]
    return {
        "title": report.title or words("page.title"),
        "sections": SECTIONS,
        "findings": FINDINGS,
        "style": report.style,
        "delta": next(iter(rules.values()))["delta"],
        "face": next(iter(rules.values()))["face"],
        "apart": all(one["apart"] for one in report.variants.values()),
        "tried": report.channels,
        "answer": answer,
        "overview": overview,
        "cells": _with_curves(cells, words),
        "variants": {name: _variant(one, name, cells, words) for name, one in report.variants.items()},
        "backbones": list(dict.fromkeys(cell["backbone"] for cell in cells)),
        "first_backbone": _first_backbone(overview, cells),
        "funnel": funnel_rows(report.funnel, report.split_table, words),
        "balance": balance_rows(report.split_table),
        "known": _known(report.known),
        "cost": None if report.cost is None else records(report.cost),
        "published_cost": _published_cost(),
        "cost_columns": COST_COLUMNS,
        "notes": [words(key, **values) for key, values in report.notes],
        "run": run_parts(report.manifest, report.now, words),
    }


def _cell(report: Report, words: Words, variant: str, backbone: str) -> dict[str, Any]:
    """Everything on the page of one model."""
    one = report.variants[variant]
    verdict, reliance = one["verdicts"][backbone], one["reliance"][backbone]
    table, epochs = epoch_rows(report.study, variant, backbone)
    padding = {row["class"]: row for row in one["padding"][backbone]}
    return {
        "variant": variant,
        "backbone": backbone,
        "anchor": f"{variant}-{backbone}",
        "verdict": verdict["verdict"],
        "finding_class": _finding_class(verdict["verdict"]),
        **_said(report, words, one, backbone),
        "reliance": [marked(row, verdict["thresholds"]["delta"]) for row in reliance],
        "table": table,
        "epochs": epochs,
        "last": last_epoch(epochs),
        "groups": one["performance"][backbone],
        "calibration": one["calibration"][backbone],
        "calibration_error": one["calibration_summary"][backbone][0]["calibration_error"],
        "regions": region_rows(one["regions"][backbone]),
        "padding": padding.get("all"),
        "padding_figure": one["padding_figures"][backbone],
        "sanity": one["sanity"][backbone],
        "sheets": one["sheets"][backbone],
        "group_maps": one["group_maps"][backbone],
    }


def _said(report: Report, words: Words, one: Mapping[str, Any], backbone: str) -> dict[str, Any]:
    """The verdict's sentence and notes: in English its own words, in other languages built from its numbers."""
    verdict, reliance = one["verdicts"][backbone], one["reliance"][backbone]
    if words.language == "en":
        return {"sentence": verdict["sentence"], "notes": verdict["notes"]}
    return {
        "sentence": verdict_sentence(words, verdict, reliance, one["identified"]),
        "notes": verdict_notes(words, verdict, reliance, report.channels, (one["known"], one["tested"])),
    }


def _with_curves(cells: list[dict[str, Any]], words: Words) -> list[dict[str, Any]]:
    """The cells with their charts; those of a variant share one scale."""
    lowest = {
        variant: min(lowest_accuracy(cell["epochs"]) for cell in cells if cell["variant"] == variant)
        for variant in {cell["variant"] for cell in cells}
    }
    drawn = []
    for cell in cells:
        values = {"backbone": cell["backbone"], "epochs": cell["last"]["epochs"]}
        test = cell["last"]["test"]
        told = words("picture.curve", test="–" if test is None else f"{test:.2f}", **values)
        curve = learning_curve(cell["epochs"], lowest[cell["variant"]], told)
        reliability = reliability_curve(cell["calibration"], words("picture.reliability", backbone=cell["backbone"]))
        drawn.append({**cell, "curve": curve, "reliability": reliability})
    return drawn


def _variant(one: Mapping[str, Any], name: str, cells: Sequence[Mapping[str, Any]], words: Words) -> dict[str, Any]:
    """What the page shows of a variant beside its cells: the reliance of all its models in one table."""
    measured = {cell["backbone"]: cell for cell in cells if cell["variant"] == name and cell["reliance"]}
    rows = matrix_rows({backbone: cell["reliance"] for backbone, cell in measured.items()})
    return {**one, "measured": measured, "channels": rows, "tables": _in_language(one["tables"], words)}


def _in_language(tables: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Tables of other pipelines; their notes are English sentences, which another language leaves to the files."""
    hidden = () if words.language == "en" else ("note",)
    return {
        kind: rows and [{name: value for name, value in row.items() if name not in hidden} for row in rows]
        for kind, rows in tables.items()
    }


def _first_backbone(overview: Sequence[Mapping[str, Any]], cells: Sequence[Mapping[str, Any]]) -> str:
    """The model that the page opens with: of the first variant, the first about which something can be said."""
    first = [row for row in overview if row["variant"] == cells[0]["variant"]]
    known = [row for row in first if row["verdict"] not in ("CANNOT TELL", "NO SIGNAL")]
    return str((known or first)[0]["backbone"])


def _known(known: KnownStanding | None) -> dict[str, Any] | None:
    if known is None:
        return None
    counted = [] if known.confusion is None else records(known.confusion)
    shown = [name for name in FINDINGS if name in {row["verdict"] for row in counted}]
    return {
        "scores": records(known.scores),
        "figure": known.figure,
        "confusion": {
            "truths": [name for name in FINDINGS if name in {row["truth"] for row in counted}],
            "verdicts": shown,
            "counts": {(row["truth"], row["verdict"]): row["cases"] for row in counted},
        },
    }


def _published_cost() -> list[Row]:
    rows = records(published_cost())
    return [{**row, **{f"published_{name}": row[name] for name in COST_COLUMNS}} for row in rows]


def _finding_class(finding: str) -> str:
    return finding.lower().replace(" ", "-")


def _at(value: float, low: float, high: float) -> str:
    """Where a value lies between two others, in percent; what lies outside is at the end."""
    share = (min(max(float(value), low), high) - low) / (high - low) if high > low else 0.0
    return f"{100 * share:.2f}"


def _decimal(value: float, digits: int) -> str:
    """A number with so many digits, a true minus, and no minus before zero."""
    told = f"{value:.{digits}f}"
    return told.replace("-", "" if float(told) == 0 else "\N{MINUS SIGN}")
