"""Wiring of the background pipeline."""

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import compose_variant, cut_out, show_rejected


def create_pipeline(cells: Cells) -> Pipeline:
    """Faces to mattes, their quality and the page of failed ones; after balancing, to the images of each variant.

    Args:
        cells: the variants to build.
    """
    mattes = Pipeline(
        [
            Node(
                cut_out,
                ["faces", "face_table", "params:background", "result_cache", "weights_folder"],
                ["mattes", "matte_quality"],
                name="cut_out",
            ),
            Node(
                show_rejected,
                ["faces", "mattes", "matte_quality", "params:background", "result_cache"],
                "rejected_mattes",
                name="show_rejected",
            ),
        ],
        tags="background",
    )
    return mattes + sum((_variant(variant) for variant in cells.ordered_variants()), Pipeline([]))


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
