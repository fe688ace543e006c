"""Wiring of the audit pipeline: one node a variant, whose edits all its models share."""

import warnings

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import audit_models


def create_pipeline(cells: Cells) -> Pipeline:
    """Trained models to the reliance of each on every channel, its verdict, and their pictures.

    Args:
        cells: variants and backbones to audit.
    """
    backbones: dict[str, list[str]] = {}
    for variant, backbone in cells.pairs():
        backbones.setdefault(variant, []).append(backbone)
    return sum((_variant(variant, names) for variant, names in backbones.items()), Pipeline([]))


def _variant(variant: str, backbones: list[str]) -> Pipeline:
    inputs = {"audit": "params:audit", "variant": "params:variant"}
    inputs |= {name: name for name in ("model_input", "mattes", "matte_quality")}
    inputs |= {f"{backbone}.model": f"{backbone}.model" for backbone in backbones}
    results = [f"{backbone}.{kind}" for backbone in backbones for kind in ("reliance", "verdict")]
    with warnings.catch_warnings():
        # Kedro advises against reading from namespaces; the audit reads one model of each.
        warnings.filterwarnings("ignore", "One or more dataset names contain")
        node = Node(
            audit_models,
            inputs,
            {name: name for name in (*results, "reliance_figure", "interventions_figure")},
            name="audit",
        )
        return Pipeline(
            [node],
            namespace=variant,
            inputs={"mattes", "matte_quality"},
            parameters={"params:audit": "params:audit", "params:variant": f"params:variants.{variant}"},
            tags=["audit", variant],
        )
