"""Parameters of the acquisition pipeline."""

from typing import Literal

from pydantic import BaseModel, Field

from looks_kedro.portraits import PhotoSet


class ClassSource(BaseModel, extra="forbid", frozen=True):
    """Where the portraits of one class come from."""

    source: Literal["folder", "synthetic"] = "folder"
    path: str | None = Field(None, description="the folder, for source: folder")
    labels: str | None = Field(None, description="a CSV with file, age, gender, race and optionally identity")
    limit: int | None = Field(None, ge=1, description="take at most so many images, spread evenly; null takes all")


class Acquisition(BaseModel, extra="forbid", frozen=True):
    """Sources of both classes."""

    celebrities: ClassSource
    ordinary: ClassSource
    synthetic: PhotoSet = Field(description="what the portrait studio draws, for source: synthetic")
    processes: int | None = Field(None, ge=1, description="worker processes; null takes one a core")
