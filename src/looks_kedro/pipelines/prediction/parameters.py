"""Parameters of the prediction pipeline."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from looks_kedro.cells import BackboneName, VariantName


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


class Predicting(BaseModel, extra="forbid", frozen=True):
    """Which photos are predicted, and by which model."""

    # The command line reads a folder called 2024 as a number.
    images: Annotated[str | None, BeforeValidator(_as_text)] = Field(
        None, description="a photo, a folder of photos, or a pattern such as photos/**/*.jpg"
    )
    variant: VariantName = Field("original", description="the model's variant")
    backbone: BackboneName = Field("custom", description="the model's backbone")
    pictures: int = Field(100, ge=1, description="pictures drawn at most, spread evenly over the photos")
    batch_size: int = Field(32, ge=1, description="photos a pass of the model")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the model runs; faces are found where preprocessing.detection.device says"
    )
    processes: int | None = Field(
        None, ge=1, description="processes that find faces; null takes one a core, and one on a GPU"
    )

    @property
    def cell(self) -> str:
        """The model's cell, such as ``original.custom``."""
        return f"{self.variant}.{self.backbone}"
