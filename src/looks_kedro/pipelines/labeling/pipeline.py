"""Wiring of the labeling pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import label_faces


def create_pipeline() -> Pipeline:
    """Faces, and what people, sources, corrections and a network say of them, to labels."""
    return Pipeline(
        [
            Node(
                label_faces,
                [
                    "face_table",
                    "faces",
                    "source_labels",
                    "people",
                    "label_corrections",
                    "weights_folder",
                    "params:labeling",
                    "result_cache",
                ],
                "labels",
                name="label_faces",
            )
        ],
        tags="labeling",
    )
