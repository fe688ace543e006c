"""Wiring of the explainability pipeline: mean faces of each variant, and one cell for each variant and backbone."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .drawing import average_faces, average_maps, draw_maps, draw_sheets
from .nodes import check_sanity, control_padding, map_test_part, measure_attention, measure_regions

SETTINGS = "params:explainability"


def create_pipeline(cells: Cells) -> Pipeline:
    """Trained models to maps of every test image, what is measured on them, and their figures.

    Args:
        cells: variants and backbones to explain.
    """
    faces = [_variant(variant) for variant in cells.ordered_variants()]
    return sum((*faces, *(_cell(variant, backbone) for variant, backbone in cells.pairs())), Pipeline([]))


def _variant(variant: str) -> Pipeline:
    return Pipeline(
        [Node(average_faces, ["model_input", "params:training"], "mean_faces", name="average_faces")],
        namespace=variant,
        parameters={"params:training": "params:training"},
        tags=["explainability", variant],
    )


def _cell(variant: str, backbone: str) -> Pipeline:
    shared = ["image_arrays", "mattes", "matte_quality"]
    own = ["model_input", "mean_faces"]
    return Pipeline(
        [
            Node(map_test_part, ["model", "model_input", SETTINGS, "image_arrays"], "maps", name="map"),
            Node(measure_attention, ["maps", "predictions", "model_input"], "attention", name="attend"),
            Node(
                measure_regions,
                ["maps", "model_input", "mattes", "matte_quality"],
                "region_attention",
                name="attend_regions",
            ),
            Node(average_maps, ["maps", "model_input", "mean_faces", SETTINGS], "average_cam", name="average"),
            Node(draw_sheets, ["maps", "model_input", SETTINGS], "sheets", name="draw_sheets"),
            Node(draw_maps, ["maps", "model_input", SETTINGS], "cams", name="draw"),
            Node(
                control_padding,
                ["model", "maps", "model_input", "mean_faces", SETTINGS, "image_arrays"],
                ["padding_control", "padding"],
                name="control_padding",
            ),
            Node(check_sanity, ["model", "model_input", SETTINGS, "image_arrays"], "sanity", name="check_sanity"),
        ],
        namespace=f"{variant}.{backbone}",
        inputs={name: name for name in shared} | {name: f"{variant}.{name}" for name in own},
        parameters={SETTINGS: SETTINGS},
        tags=["explainability", variant, backbone],
    )
