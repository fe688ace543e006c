"""Wiring of the explainability pipeline: one cell for each variant and backbone."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import average_maps, draw_maps, map_test_part, measure_attention


def create_pipeline(cells: Cells) -> Pipeline:
    """Trained models to maps of every test image, their averages, and the share of evidence on the face.

    Args:
        cells: variants and backbones to explain.
    """
    return sum((_cell(variant, backbone) for variant, backbone in cells.pairs()), Pipeline([]))


def _cell(variant: str, backbone: str) -> Pipeline:
    settings = "params:explainability"
    return Pipeline(
        [
            Node(map_test_part, ["model", "model_input", settings], "maps", name="map"),
            Node(measure_attention, ["maps", "predictions", "model_input"], "attention", name="attend"),
            Node(average_maps, ["maps", "model_input", settings], "average_cam", name="average"),
            Node(draw_maps, ["maps", "model_input", settings], "cams", name="draw"),
        ],
        namespace=f"{variant}.{backbone}",
        inputs={"model_input": f"{variant}.model_input"},
        parameters={settings: settings},
        tags=["explainability", variant, backbone],
    )
