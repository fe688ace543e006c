"""Wiring of the pretraining pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import pretrain


def create_pipeline() -> Pipeline:
    """Faces of the training part, or a file of weights, to the FairFace-format network."""
    return Pipeline(
        [
            Node(
                pretrain,
                ["faces", "split_table", "params:pretraining"],
                ["fairface_model", "fairface_history"],
                name="pretrain",
            )
        ],
        tags="pretraining",
    )
