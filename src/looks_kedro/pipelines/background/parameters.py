"""Parameters of the background pipeline."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from looks_kedro.lists import PlusList
from looks_kedro.mattes import GrabCut, MatteLimits

Channel = Annotated[int, Field(ge=0, le=255)]


class Background(BaseModel, extra="forbid", frozen=True):
    """How people are cut out."""

    method: Literal["grabcut"] = "grabcut"
    grabcut: GrabCut = GrabCut()
    limits: MatteLimits = Field(MatteLimits(), description="when a matte counts as failed")
    processes: int | None = Field(None, ge=1, description="worker processes; null takes one a core")


class Variant(BaseModel, extra="forbid", frozen=True):
    """What a variant does to the faces."""

    kind: Literal["original", "colour"]
    colour: Annotated[tuple[Channel, Channel, Channel], PlusList] = Field(
        (255, 255, 255), description="RGB, for kind: colour"
    )
