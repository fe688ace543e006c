"""Wiring of the repair pipeline: two repairs a cell, and one node a variant that measures what they did."""

import warnings

from kedro.pipeline import Node, Pipeline

from looks_kedro.cells import Cells

from .nodes import judge_repairs, retrain_last_layer, train_on_backgrounds

IMAGES = ["model_input", "mattes", "matte_quality"]


def create_pipeline(cells: Cells) -> Pipeline:
    """Trained models and their verdicts to repaired models, and to accuracy and reliance before and after.

    Args:
        cells: variants and backbones to repair.
    """
    repaired = (_cell(variant, backbone) for variant, backbone in cells.pairs())
    backbones = cells.ordered_backbones()
    judged = (_variant(variant, backbones) for variant in cells.ordered_variants())
    return sum((*repaired, *judged), Pipeline([]))


def _cell(variant: str, backbone: str) -> Pipeline:
    shared = ["image_arrays", "recovery", "weights_folder"]
    start = ["fairface_model"] if backbone == "custom" else []
    return Pipeline(
        [
            Node(
                retrain_last_layer,
                ["params:repair", "params:audit", "model", "verdict", *IMAGES],
                "repaired_last_layer",
                name="retrain_last_layer",
            ),
            Node(
                train_on_backgrounds,
                ["params:repair", "params:training", "params:backbone", "model", "verdict", *IMAGES, *shared, *start],
                "repaired_backgrounds",
                name="train_on_backgrounds",
            ),
        ],
        namespace=f"{variant}.{backbone}",
        inputs={"model_input": f"{variant}.model_input", **{name: name for name in (*IMAGES[1:], *shared, *start)}},
        parameters={
            "params:repair": "params:repair",
            "params:audit": "params:audit",
            "params:training": "params:training",
            "params:backbone": f"params:backbones.{backbone}",
        },
        tags=["repair", variant, backbone],
    )


def _variant(variant: str, backbones: list[str]) -> Pipeline:
    inputs = {name: f"params:{name}" for name in ("repair", "audit", "variant")} | {name: name for name in IMAGES}
    kinds = ("model", "repaired_last_layer", "repaired_backgrounds", "verdict")
    inputs |= {name: name for name in (f"{backbone}.{kind}" for backbone in backbones for kind in kinds)}
    with warnings.catch_warnings():
        # Kedro advises against reading from namespaces; the node reads the models of each.
        warnings.filterwarnings("ignore", "One or more dataset names contain")
        return Pipeline(
            [Node(judge_repairs, inputs, ["repair", "repair_figure"], name="judge_repairs")],
            namespace=variant,
            inputs=set(IMAGES[1:]),
            parameters={
                "params:repair": "params:repair",
                "params:audit": "params:audit",
                "params:variant": f"params:variants.{variant}",
            },
            tags=["repair", variant],
        )
