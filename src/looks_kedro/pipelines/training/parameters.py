"""Parameters of the training pipeline that stand beside ``training`` itself."""

from typing import Literal

from pydantic import BaseModel, Field


class Backbone(BaseModel, extra="forbid", frozen=True):
    """One of the networks that are compared."""

    name: str = Field(description="a backbone of looks_kedro.learning")
    start: Literal["fresh", "fairface"] = Field("fresh", description="first weights: random, or the FairFace network's")
