"""Wiring of the training pipeline: one cell for each variant and backbone."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import measure_performance, predict_test_part, train_classifier


def create_pipeline(cells: Cells) -> Pipeline:
    """Images of each variant to a trained model, its history, its predictions of the test part and how good they are.

    Args:
        cells: variants and backbones to train.
    """
    return sum((_cell(variant, backbone) for variant, backbone in cells.pairs()), Pipeline([]))


def _cell(variant: str, backbone: str) -> Pipeline:
    shared = ["image_arrays", "recovery", "weights_folder"]
    start = ["fairface_model"] if backbone == "custom" else []
    return Pipeline(
        [
            Node(
                train_classifier,
                ["model_input", "params:training", "params:backbone", *shared, *start],
                ["model", "history"],
                name="train",
            ),
            Node(
                predict_test_part,
                ["model", "model_input", "params:training", "image_arrays"],
                "predictions",
                name="predict",
            ),
            Node(
                measure_performance,
                ["predictions", "model_input"],
                ["performance", "calibration", "calibration_summary"],
                name="measure",
            ),
        ],
        namespace=f"{variant}.{backbone}",
        inputs={"model_input": f"{variant}.model_input", **{name: name for name in (*shared, *start)}},
        parameters={"params:training": "params:training", "params:backbone": f"params:backbones.{backbone}"},
        tags=["training", variant, backbone],
    )
