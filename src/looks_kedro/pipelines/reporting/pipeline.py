"""Wiring of the reporting pipeline: what belongs to a variant is gathered within it, then all variants on one page."""

import warnings

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import SETTING, collect_results, count_data, summarise, tabulate, write_report

DATA_TABLES = ("acquisition_log", "rejections", "labels", "matte_quality", "split_table")
ARTEFACTS = (
    "history",
    "predictions",
    "performance",
    "calibration",
    "calibration_summary",
    "attention",
    "region_attention",
    "padding",
    "padding_control",
    "sanity",
    "maps",
    "average_cam",
    "reliance",
    "verdict",
)

OF_VARIANTS = ("companions", "controls", "repair")
"""Optional tables of a variant that the page shows where somebody has made them, in this run or before it."""
OF_THE_STUDY = {
    "known_scores": "known_scores",
    "known_confusion": "known_confusion",
    "known_figure": "known_answers_figure",
    "cost_table": "cost_table",
    "earlier_run": "run_manifest_if_any",
}
"""What other pipelines make, for the page to show where it is there. No node makes a manifest: that of a run is written
when the run has ended."""

LISTED = (
    "cells",
    "acquisition",
    "preprocessing",
    "labeling",
    "background",
    "balancing",
    "pretraining",
    "training",
    "explainability",
    "audit",
    "reporting",
    "variants",
    "backbones",
)
"""Groups of parameters that the page lists."""


def create_pipeline(cells: Cells) -> Pipeline:
    """All tables to the study's tables and the page.

    Args:
        cells: variants and backbones on the page.
    """
    backbones: dict[str, list[str]] = {}
    for variant, backbone in cells.pairs():
        backbones.setdefault(variant, []).append(backbone)
    gathered = sum((_variant(variant, names) for variant, names in backbones.items()), Pipeline([]))
    start = ["fairface_model"] if "custom" in cells.backbones else []
    with warnings.catch_warnings():
        # Kedro advises against reading from namespaces; the page reads one dataset of each.
        warnings.filterwarnings("ignore", "One or more dataset names contain")
        return gathered + _page([f"{variant}.results" for variant in backbones], start)


def _variant(variant: str, backbones: list[str]) -> Pipeline:
    """Everything that the page shows of a variant, in one dataset, so that Kedro-Viz can fold the variant."""
    artefacts = [f"{backbone}.{kind}" for backbone in backbones for kind in ARTEFACTS]
    settings = {name: f"params:{name}" for name in ("reporting", "explainability", "audit")}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "One or more dataset names contain")
        node = Node(
            collect_results,
            settings | {name: name for name in ("model_input", "interventions_figure", *OF_VARIANTS, *artefacts)},
            ["results", "average_cams"],
            name="collect",
        )
        return Pipeline(
            [node],
            namespace=variant,
            parameters={name: name for name in settings.values()},
            tags=["reporting", variant],
        )


def _page(results: list[str], start: list[str]) -> Pipeline:
    of_variants = {name: name for name in results}
    listed = {f"{SETTING}{name}": f"params:{name}" for name in LISTED}
    settings = {name: f"params:{name}" for name in ("reporting", "explainability")}
    tables = {name: name for name in ("funnel", "split_table", "study_table", "summary", *start)}
    return Pipeline(
        [
            Node(count_data, [*DATA_TABLES, "params:background"], "funnel", name="count"),
            Node(tabulate, of_variants, "study_table", name="tabulate"),
            Node(summarise, of_variants, "summary", name="summarise"),
            Node(
                write_report,
                settings | listed | tables | OF_THE_STUDY | of_variants,
                "report",
                name="write_report",
            ),
        ],
        tags="reporting",
    )
