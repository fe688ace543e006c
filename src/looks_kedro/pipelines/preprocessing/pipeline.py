"""Wiring of the preprocessing pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import crop_faces, inspect_portraits


def create_pipeline() -> Pipeline:
    """Raw images to aligned frontal faces, their table, and a reason for each image that is left out."""
    return Pipeline(
        [
            Node(
                inspect_portraits,
                ["raw_celebrities", "raw_ordinary", "acquisition_log", "params:preprocessing"],
                ["face_table", "rejections"],
                name="inspect_portraits",
            ),
            Node(
                crop_faces,
                ["raw_celebrities", "raw_ordinary", "face_table", "params:preprocessing"],
                "faces",
                name="crop_faces",
            ),
        ],
        tags="preprocessing",
    )
