"""Wiring of the companions pipeline: one node a variant."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import screen_images


def create_pipeline(cells: Cells) -> Pipeline:
    """Images of each variant to what tells their classes without a network, as a table and a picture.

    Args:
        cells: variants to look at.
    """
    return sum((_variant(variant) for variant in cells.ordered_variants()), Pipeline([]))


def _variant(variant: str) -> Pipeline:
    return Pipeline(
        [
            Node(
                screen_images,
                ["params:companions", "params:training", "model_input", "mattes", "matte_quality"],
                ["companions", "companions_figure"],
                name="screen",
            )
        ],
        namespace=variant,
        inputs={"mattes", "matte_quality"},
        parameters={"params:companions", "params:training"},
        tags=["companions", variant],
    )
