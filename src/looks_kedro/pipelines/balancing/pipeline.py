"""Wiring of the balancing pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import split_faces


def create_pipeline() -> Pipeline:
    """Labels and matte quality to the split table."""
    return Pipeline(
        [Node(split_faces, ["labels", "matte_quality", "params:balancing"], "split_table", name="split_faces")],
        tags="balancing",
    )
