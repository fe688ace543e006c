"""Parameters of the explainability pipeline."""

from typing import Literal

from pydantic import BaseModel, Field


class Explainability(BaseModel, extra="forbid", frozen=True):
    """How maps are drawn; the numbers do not depend on it."""

    style: Literal["published", "difference"] = Field(
        "published", description="published: ReLU of the class's own logit, min-max an image; difference: signed"
    )
    batch_size: int = Field(64, ge=1, description="images a forward pass")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    individual: int | None = Field(
        None, ge=1, description="at most so many single maps a class, spread evenly over the test part; null draws all"
    )
