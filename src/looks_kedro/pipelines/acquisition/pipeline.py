"""Wiring of the acquisition pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import acquire


def create_pipeline() -> Pipeline:
    """Sources to raw images of both classes, their log and their labels."""
    return Pipeline(
        [
            Node(
                acquire,
                "params:acquisition",
                ["raw_celebrities", "raw_ordinary", "acquisition_log", "source_labels"],
                name="acquire",
            )
        ],
        tags="acquisition",
    )
