"""Parameters of the explainability pipeline."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from looks_kedro.cam.package import CLASS_BLIND, Method


class Explainability(BaseModel, extra="forbid", frozen=True):
    """How maps are made and drawn; the style changes the figures only."""

    style: Literal["difference", "published"] = Field(
        "difference", description="difference: signed; published: ReLU of the class's own logit, min-max an image"
    )
    method: Method = Field(
        "gradcam",
        description="gradcam is exact and quick; the others are those of the grad-cam package; eigencam, kpcacam, fem "
        "and randomcam know no classes: pictures alone come of them",
    )
    layer: str | None = Field(
        None, description="name of a layer, such as layer3; null takes the last one whose output is a picture"
    )
    batch_size: int = Field(64, ge=1, description="images a forward pass")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    individual: int | None = Field(
        None, ge=1, description="at most so many single maps a class, spread evenly over the test part; null draws all"
    )
    sheet_images: int = Field(8, ge=1, description="images a row of the sheets of single maps")
    control_images: int = Field(
        100, ge=2, description="test images, spread evenly, for the padding control and for the maps of random networks"
    )
    random_networks: int = Field(3, ge=1, description="networks of random weights for each layer that loses its own")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.method in CLASS_BLIND and self.style == "difference":
            raise ValueError(
                f"maps by {self.method} are the same for both classes, so their difference is 0 everywhere; "
                f"set style to published, or method to gradcam"
            )
        return self
