"""Wiring of the balancing pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import check_split, split_faces


def create_pipeline() -> Pipeline:
    """Labels, decisions on duplicates and matte quality to the split table and its accounts."""
    return Pipeline(
        [
            Node(
                split_faces,
                ["labels", "decisions", "matte_quality", "params:balancing", "params:background"],
                ["split_table", "balance_table"],
                name="split_faces",
            ),
            Node(check_split, ["split_table", "params:balancing"], "leak_table", name="check_split"),
        ],
        tags="balancing",
    )
