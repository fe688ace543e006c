"""Wiring of the acquisition pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import acquire, write_attributions


def create_pipeline() -> Pipeline:
    """Sources to raw images of both classes, with their log, labels and licences."""
    return Pipeline(
        [
            Node(
                acquire,
                ["params:acquisition", "people", "downloads"],
                [
                    "raw_celebrities",
                    "raw_ordinary",
                    "acquisition_log",
                    "source_labels",
                    "attributions",
                    "label_rejections",
                ],
                name="acquire",
            ),
            Node(write_attributions, "attributions", "attributions_page", name="write_attributions"),
        ],
        tags="acquisition",
    )
