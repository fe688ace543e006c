"""Wiring of the export pipeline: one node for each variant and backbone."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import export_model


def create_pipeline(cells: Cells) -> Pipeline:
    """Each trained model to an ONNX and a safetensors file.

    Args:
        cells: variants and backbones to export.
    """
    return sum((_cell(variant, backbone) for variant, backbone in cells.pairs()), Pipeline([]))


def _cell(variant: str, backbone: str) -> Pipeline:
    return Pipeline(
        [Node(export_model, ["model", "params:export"], ["onnx", "safetensors"], name="export")],
        namespace=f"{variant}.{backbone}",
        parameters={"params:export": "params:export"},
        tags=["export", variant, backbone],
    )
