"""Wiring of the controls pipeline: one node a variant, whose edited images all its models share."""

import warnings

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import control_models


def create_pipeline(cells: Cells) -> Pipeline:
    """Trained models to how well each does on face, background and mixed backgrounds, and for its worst groups.

    Args:
        cells: variants and backbones.
    """
    backbones = cells.ordered_backbones()
    return sum((_variant(variant, backbones) for variant in cells.ordered_variants()), Pipeline([]))


def _variant(variant: str, backbones: list[str]) -> Pipeline:
    inputs = {"controls": "params:controls"} | {name: name for name in ("model_input", "mattes", "matte_quality")}
    inputs |= {f"{backbone}.model": f"{backbone}.model" for backbone in backbones}
    with warnings.catch_warnings():
        # Kedro advises against reading from namespaces; the node reads one model of each.
        warnings.filterwarnings("ignore", "One or more dataset names contain")
        return Pipeline(
            [Node(control_models, inputs, "controls", name="control")],
            namespace=variant,
            inputs={"mattes", "matte_quality"},
            parameters={"params:controls"},
            tags=["controls", variant],
        )
