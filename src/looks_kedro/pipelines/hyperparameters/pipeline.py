"""Wiring of the hyperparameters pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import time_savings, time_settings


def create_pipeline() -> Pipeline:
    """Original images and the FairFace network to the tables of what training costs."""
    return Pipeline(
        [
            Node(
                time_settings,
                [
                    "original.model_input",
                    "fairface_model",
                    "params:training",
                    "params:hyperparameters",
                    "image_arrays",
                    "recovery",
                ],
                ["cost_table", "cost_figure"],
                name="time_settings",
            ),
            Node(
                time_savings,
                ["original.model_input", "params:training", "params:hyperparameters", "image_arrays"],
                "savings_table",
                name="time_savings",
            ),
        ],
        tags="hyperparameters",
    )
