"""Parameters of the reporting pipeline."""

from typing import Literal

from pydantic import BaseModel, Field


class Reporting(BaseModel, extra="forbid", frozen=True):
    """What the report shows, and in which language."""

    language: Literal["en", "ja"] = "en"
    title: str | None = Field(None, min_length=1, description="heading of the page; null takes the language's own")
    examples: int = Field(6, ge=1, description="example faces a class, and single maps a row of a model's sheet")
