"""Parameters of the background pipeline; those of a variant stand beside the code that makes it."""

from typing import Literal

from pydantic import BaseModel, Field

from looks_kedro.mattes import MatteLimits, Mattes
from looks_kedro.mattes.compositing import Variant

__all__ = ["Background", "RejectedPage", "Variant"]


class RejectedPage(BaseModel, extra="forbid", frozen=True):
    """The page of rejected mattes."""

    per_group: int = Field(24, ge=1, description="mattes shown of a class with one reason; all are counted")
    side: int = Field(150, ge=32, le=600, description="size of a picture, px")


class Background(Mattes, extra="forbid", frozen=True):
    """How people are cut out, and what becomes of bad cut-outs."""

    limits: MatteLimits = Field(MatteLimits(), description="when a matte counts as failed")
    reject: Literal["before_balancing", "never"] = Field(
        "before_balancing",
        description="before_balancing leaves faces with a failed matte out of all variants, before the classes are "
        "balanced; never keeps them, cut out as they are, which is the published order",
    )
    rejected_page: RejectedPage = RejectedPage()
    processes: int | None = Field(None, ge=1, description="worker processes; null takes one a core")
