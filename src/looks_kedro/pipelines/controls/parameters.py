"""Parameters of the controls pipeline."""

from typing import Literal

from pydantic import BaseModel, Field


class Controls(BaseModel, extra="forbid", frozen=True):
    """How many images the models are tried on."""

    images: int | None = Field(
        400, ge=4, description="most test images, spread over classes and people; null takes all"
    )
    seed: int = Field(0, ge=0, description="of the images, and of whose background is shown")
    batch_size: int = Field(64, ge=1, description="images in memory at a time")
    device: Literal["auto", "cpu", "cuda"] = "auto"
