"""Wiring of the prediction pipeline: one node, for the one model that is chosen."""

from kedro.pipeline import Node, Pipeline

from .nodes import predict_photos


def create_pipeline(variant: str, backbone: str) -> Pipeline:
    """Photos to their predictions by one trained model.

    Args:
        variant: of the model.
        backbone: of the model.
    """
    own = ["model", "calibration_summary", "verdict"]
    settings = {f"params:{name}": f"params:{name}" for name in ("prediction", "preprocessing", "background")}
    return Pipeline(
        [
            Node(
                predict_photos,
                [*settings, "params:variant", *own, "weights_folder"],
                ["photo_predictions", "prediction_pictures"],
                name="predict_photos",
            )
        ],
        namespace=f"{variant}.{backbone}",
        inputs={"weights_folder"},
        outputs={"photo_predictions", "prediction_pictures"},
        parameters=settings | {"params:variant": f"params:variants.{variant}"},
        tags=["prediction", variant, backbone],
    )
