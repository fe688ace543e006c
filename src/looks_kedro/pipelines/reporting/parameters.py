"""Parameters of the reporting pipeline."""

from pydantic import BaseModel, Field


class Reporting(BaseModel, extra="forbid", frozen=True):
    """What the report shows."""

    title: str = Field("Do portrait classifiers look at the face?", min_length=1)
    examples: int = Field(6, ge=1, description="example faces, and single maps a model, for each class")
