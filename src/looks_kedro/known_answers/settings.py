"""How many cases are tried, and how large each is."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

__all__ = ["CaseSizes", "KnownAnswers"]

Grid = Literal["whole", "tenth", "handful", "done"]


class CaseSizes(BaseModel, extra="forbid", frozen=True):
    """Size of one case. Celebrities have several photos each, ordinary people one."""

    image_size: int = Field(64, ge=32, description="side of the aligned faces in pixels")
    zoom: float = Field(0.75, gt=0.3, le=1.2, description="1 is FairFace's framing; less shows more around the face")
    train_people: int = Field(165, ge=4, description="celebrities in the training part")
    test_people: int = Field(150, ge=4, description="celebrities in the test part")
    null_people: int = Field(
        300, ge=0, description="more of them where nothing tells the classes apart: showing that takes more images"
    )
    photos: int = Field(2, ge=2, description="photos of each celebrity; a class has people times photos images")
    epochs: int = Field(8, ge=1, description="passes over the training part")
    learning_rate: float = Field(2e-3, gt=0, description="largest step size of the one-cycle schedule")
    batch_size: int = Field(32, ge=2, description="images a step")
    landmark_error: float = Field(
        0.03, ge=0, le=0.2, description="spread of the detector's error a coordinate, as a share of the eyes' distance"
    )


class KnownAnswers(BaseModel, extra="forbid", frozen=True):
    """Which cases are tried, and how."""

    cases: Grid = Field(
        "tenth",
        description="whole: all, overnight; tenth: a fixed tenth; handful: for tests; done: none, score what is there",
    )
    sizes: CaseSizes = Field(CaseSizes(), description="of each case")
    processes: int | None = Field(None, ge=1, description="cases tried at a time, one thread each; none = one a core")
