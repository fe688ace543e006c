"""Parameters of the training pipeline that stand beside ``training`` itself."""

from typing import Literal

from pydantic import BaseModel, Field


class Backbone(BaseModel, extra="forbid", frozen=True):
    """One of the networks that are compared."""

    name: str = Field(description="a network of torchvision, or custom; where nobody says, the name it stands under")
    start: Literal["fresh", "fairface", "imagenet"] = Field(
        "fresh", description="first weights: random, the FairFace network's, or torchvision's for ImageNet"
    )
    weights: str | None = Field(None, description="for imagenet: a file; null takes the one in the folder of weights")
