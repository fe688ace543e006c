"""Wiring of the labeling pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import label_faces


def create_pipeline() -> Pipeline:
    """Faces and what their sources say to labels."""
    return Pipeline([Node(label_faces, ["face_table", "source_labels"], "labels", name="label_faces")], tags="labeling")
