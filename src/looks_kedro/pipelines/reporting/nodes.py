"""Nodes of the reporting pipeline."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.balancing import leak_table
from looks_kedro.datasets import ImageFolder
from looks_kedro.learning.settings import Training
from looks_kedro.pipelines.audit.parameters import Audit
from looks_kedro.pipelines.background.parameters import Background
from looks_kedro.pipelines.explainability.parameters import Explainability
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.reporting import count_images, study_table, summary_table
from looks_kedro.tables import columns

from .parameters import Reporting

Picture = npt.NDArray[np.uint8]

SETTING = "setting."
"""What the names of parameters begin with that the page only lists."""


def collect_results(
    reporting: Reporting,
    explainability: Explainability,
    audit: Audit,
    model_input: ImageFolder,
    interventions_figure: Picture,
    companions: pd.DataFrame | None = None,
    controls: pd.DataFrame | None = None,
    repair: pd.DataFrame | None = None,
    **artefacts: Any,
) -> tuple[dict[str, Any], Any]:
    """Gather what the page shows of one variant, without a word of any language.

    Args:
        reporting: number of examples.
        explainability: the style of the maps.
        audit: whether looks and the source of the photos are apart.
        model_input: images of the variant with their table.
        interventions_figure: what each edit does to a portrait, uint8 (H, W, 3).
        companions: what the images tell before any training; None or no rows where that was not tried.
        controls: accuracies on parts of the picture; the same where not measured.
        repair: what a repair changed; the same where none was made.
        artefacts: ``{backbone}.history``, ``.predictions``, ``.performance``, ``.calibration``,
            ``.calibration_summary``, ``.attention``, ``.region_attention``, ``.padding``, ``.padding_control``,
            ``.sanity``, ``.maps``, ``.average_cam``, ``.reliance``, ``.verdict`` of each backbone.

    Returns:
        What JSON can hold (tables as rows, pictures as ``data:`` addresses), and the figure of the averaged maps.
    """
    from looks_kedro.reporting.figures import average_grid
    from looks_kedro.reporting.pictures import shot

    from .gathering import average_shots, averages_of, example_faces, group_maps_of, rows_of, sheets_of

    kinds: dict[str, dict[str, Any]] = {}
    for name, value in artefacts.items():
        backbone, _, kind = name.rpartition(".")
        kinds.setdefault(kind, {})[backbone] = value
    maps, style = kinds["maps"], explainability.style
    averages = averages_of(maps, model_input, style)
    tables = {
        "histories": "history",
        "performance": "performance",
        "calibration": "calibration",
        "calibration_summary": "calibration_summary",
        "regions": "region_attention",
        "padding": "padding",
        "sanity": "sanity",
        "reliance": "reliance",
    }
    known = part_rows(model_input, "test")["identity"].isin(part_rows(model_input, "train")["identity"])
    summary = summary_table(*(kinds[kind] for kind in ("performance", "calibration_summary", "attention", "verdict")))
    results = {
        "summary": rows_of(summary) or [],
        **{name: {one: rows_of(table) or [] for one, table in kinds[kind].items()} for name, kind in tables.items()},
        "verdicts": kinds["verdict"],
        "identified": audit.one_source,
        "apart": not known.any(),
        "known": int(known.sum()),
        "tested": len(known),
        "tables": {
            "companions": rows_of(companions),
            "controls": rows_of(_of(maps, controls)),
            "repair": rows_of(_of(maps, repair)),
        },
        "examples": example_faces(model_input, next(iter(maps.values())), reporting.examples),
        "averages": average_shots(averages, style),
        "sheets": {one: sheets_of(own, model_input, style, reporting.examples) for one, own in maps.items()},
        "group_maps": {one: group_maps_of(figures) for one, figures in kinds["average_cam"].items()},
        "padding_figures": {one: shot(figure, None, 82) for one, figure in kinds["padding_control"].items()},
        "interventions": shot(interventions_figure, None, 82),
    }
    return results, average_grid(averages, style)


def tabulate(**results: Any) -> pd.DataFrame:
    """Accuracies of all models by epoch, beside the published ones.

    Args:
        results: ``{variant}.results`` of each variant.

    Returns:
        The study table.
    """
    histories = {
        (variant, backbone): _table(rows)
        for variant, one in _variants(results).items()
        for backbone, rows in one["histories"].items()
    }
    return study_table(histories)


def summarise(**results: Any) -> pd.DataFrame:
    """One line a model.

    Args:
        results: ``{variant}.results`` of each variant.

    Returns:
        The summary table.
    """
    rows = [{"variant": variant, **row} for variant, one in _variants(results).items() for row in one["summary"]]
    return _table(rows)[columns("summary")]


def count_data(
    acquisition_log: pd.DataFrame,
    rejections: pd.DataFrame,
    labels: pd.DataFrame,
    matte_quality: pd.DataFrame,
    split_table: pd.DataFrame,
    background: Background,
) -> pd.DataFrame:
    """Count the images of each class from those found to those that the models see, by reason.

    Args:
        acquisition_log: images tried.
        rejections: images refused, with reasons.
        labels: frontal faces.
        matte_quality: which were cut out well.
        split_table: the images that the models see.
        background: whether faces that were cut out badly were left out.

    Returns:
        Table ``funnel``.
    """
    table = count_images(
        acquisition_log,
        rejections,
        labels,
        matte_quality,
        split_table,
        reject_mattes=background.reject == "before_balancing",
    )
    return table[columns("funnel")]


def write_report(
    reporting: Reporting,
    explainability: Explainability,
    funnel: pd.DataFrame,
    split_table: pd.DataFrame,
    study_table: pd.DataFrame,
    summary: pd.DataFrame,
    known_scores: pd.DataFrame | None = None,
    known_confusion: pd.DataFrame | None = None,
    known_figure: Picture | None = None,
    cost_table: pd.DataFrame | None = None,
    earlier_run: dict[str, Any] | None = None,
    fairface_model: dict[str, Any] | None = None,
    **results: Any,
) -> str:
    """Put everything on one page.

    Args:
        reporting: title and language.
        explainability: the style of the maps.
        funnel: images found, lost and copied.
        split_table: the images that the models see.
        study_table: accuracies by epoch.
        summary: one line a model.
        known_scores: the audit's record on planted cues; None or no rows where it was not tried.
        known_confusion: the same by verdict.
        known_figure: its picture, uint8 (H, W, 3), or None.
        cost_table: what training costs by its settings; None or no rows where not measured.
        earlier_run: the newest manifest, or None; that of this run is written when it has ended.
        fairface_model: what custom started from, where it is among the models.
        results: ``{variant}.results`` of each variant; and ``setting.{group}``, parameters that the page lists.

    Returns:
        The HTML text.
    """
    from looks_kedro import manifest
    from looks_kedro.audit import CHANNELS
    from looks_kedro.reporting.page import KnownStanding, Report, render_page
    from looks_kedro.reporting.pictures import shot

    settings = {name.removeprefix(SETTING): value for name, value in results.items() if name.startswith(SETTING)}
    known = None
    if known_scores is not None and len(known_scores):
        known = KnownStanding(known_scores, known_confusion, None if known_figure is None else shot(known_figure))
    report = Report(
        summary=summary,
        funnel=funnel,
        split_table=split_table,
        study=study_table,
        variants=_variants(results),
        style=explainability.style,
        channels=list(CHANNELS),
        now=manifest.run_manifest(Path(manifest.__file__).parent, {}, settings, ""),
        notes=_notes(split_table, fairface_model, settings),
        title=reporting.title or "",
        language=reporting.language,
        known=known,
        cost=None if cost_table is None or cost_table.empty else cost_table,
        manifest=earlier_run,
    )
    return render_page(report)


def _of(backbones: Iterable[str], table: pd.DataFrame | None) -> pd.DataFrame | None:
    """The rows of the models on the page; another run may have made them for more."""
    return None if table is None else table[table["backbone"].isin(list(backbones))]


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """The table of rows as JSON knows them."""
    table = pd.DataFrame(rows)
    numbers = [name for name in table.columns if not table[name].map(lambda value: isinstance(value, str)).any()]
    return table.astype({name: float for name in numbers if table[name].isna().any()})


def _variants(results: dict[str, Any]) -> dict[str, Any]:
    return {name.removesuffix(".results"): one for name, one in results.items() if name.endswith(".results")}


def _notes(
    split_table: pd.DataFrame, fairface_model: dict[str, Any] | None, settings: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """What a reader must know of this run: keys of messages, with their numbers."""
    # As read or as checked, depending on which pipelines run beside.
    training = Training.model_validate(settings["training"])
    people = split_table.groupby("looks")["identity"].nunique()
    leaking = int(leak_table(split_table).query("unit == 'group'")["leaking"].sum())
    tested = int((split_table["part"] == "test").sum())
    start: list[tuple[str, dict[str, Any]]] = (
        [(f"note.start_{fairface_model['metadata']['origin']}", {})] if fairface_model is not None else []
    )
    return [
        *start,
        ("note.leak", {"leaking": leaking, "tested": tested}) if leaking else ("note.no_leak", {}),
        ("note.people", {"celebrities": int(people.get(1, 0)), "ordinary": int(people.get(0, 0))}),
        ("note.last_epoch" if training.early_stop is None else "note.best_epoch", {}),
        ("note.share", {}),
        ("note.published", {}),
    ]
