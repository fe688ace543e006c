"""Wiring of the background pipeline."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import compose_variant, cut_out, judge_mattes


def create_pipeline(cells: Cells) -> Pipeline:
    """Faces to mattes and their quality; after balancing, to the images of each variant.

    Args:
        cells: the variants to build.
    """
    mattes = Pipeline(
        [
            Node(cut_out, ["faces", "face_table", "params:background"], "mattes", name="cut_out"),
            Node(
                judge_mattes,
                ["mattes", "face_table", "params:background"],
                "matte_quality",
                name="judge_mattes",
            ),
        ],
        tags="background",
    )
    return mattes + sum((_variant(variant) for variant in cells.variants), Pipeline([]))


def _variant(variant: str) -> Pipeline:
    return Pipeline(
        [
            Node(
                compose_variant,
                ["faces", "mattes", "split_table", "face_table", "params:variant"],
                "model_input",
                name="compose",
            )
        ],
        namespace=variant,
        inputs={"faces", "mattes", "split_table", "face_table"},
        parameters={"params:variant": f"params:variants.{variant}"},
        tags=["background", variant],
    )
