"""Wiring of the training pipeline: one cell for each variant and backbone."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import predict_test_part, train_classifier


def create_pipeline(cells: Cells) -> Pipeline:
    """Images of each variant to a trained model, its history, and its predictions of the test part.

    Args:
        cells: variants and backbones to train.
    """
    return sum((_cell(variant, backbone) for variant, backbone in cells.pairs()), Pipeline([]))


def _cell(variant: str, backbone: str) -> Pipeline:
    start = ["fairface_model"] if backbone == "custom" else []
    return Pipeline(
        [
            Node(
                train_classifier,
                ["model_input", "params:training", "params:backbone", *start],
                ["model", "history"],
                name="train",
            ),
            Node(predict_test_part, ["model", "model_input", "params:training"], "predictions", name="predict"),
        ],
        namespace=f"{variant}.{backbone}",
        inputs={"model_input": f"{variant}.model_input", **{name: name for name in start}},
        parameters={"params:training": "params:training", "params:backbone": f"params:backbones.{backbone}"},
        tags=["training", variant, backbone],
    )
