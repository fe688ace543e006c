"""Wiring of the preprocessing pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import crop_faces, inspect_raw_images, review_portraits

RAW = ["raw_celebrities", "raw_ordinary"]


def create_pipeline() -> Pipeline:
    """Raw images to aligned frontal faces, their table, and a reason for each image that is left out."""
    return Pipeline(
        [
            Node(
                inspect_raw_images,
                [*RAW, "acquisition_log", "corrections", "params:preprocessing", "result_cache", "weights_folder"],
                ["face_table", "rejections", "decisions"],
                name="inspect_raw_images",
            ),
            Node(crop_faces, [*RAW, "face_table", "params:preprocessing"], "faces", name="crop_faces"),
            Node(
                review_portraits,
                [*RAW, "decisions", "corrections", "params:preprocessing", "result_cache"],
                "review",
                name="review_portraits",
            ),
        ],
        tags="preprocessing",
    )
