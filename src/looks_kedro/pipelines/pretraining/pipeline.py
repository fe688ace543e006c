"""Wiring of the pretraining pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import pretrain


def create_pipeline() -> Pipeline:
    """Labelled faces, or a file of weights, to the FairFace-format network."""
    return Pipeline(
        [
            Node(
                pretrain,
                [
                    "faces",
                    "labels",
                    "decisions",
                    "split_table",
                    "params:pretraining",
                    "image_arrays",
                    "recovery",
                    "weights_folder",
                ],
                ["fairface_model", "fairface_history", "fairface_accuracy"],
                name="pretrain",
            )
        ],
        tags="pretraining",
    )
