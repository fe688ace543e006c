"""Wiring of the weights pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import fetch_weights


def create_pipeline() -> Pipeline:
    """Names of networks to their files of weights."""
    return Pipeline(
        [
            Node(
                fetch_weights,
                ["params:weights", "params:acquisition", "weights_folder"],
                "weights_table",
                name="fetch_weights",
            )
        ],
        tags="weights",
    )
