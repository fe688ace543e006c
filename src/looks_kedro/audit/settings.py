"""The thresholds of the audit's rules, fixed before any model is looked at."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["Rules"]


class Rules(BaseModel, extra="forbid", frozen=True):
    """When which verdict is given; limits are those of the intervals over people."""

    no_signal: float = Field(
        0.55, gt=0.5, lt=1, description="NO SIGNAL when the upper limit of balanced accuracy is below this"
    )
    leak: float = Field(0.02, ge=0, lt=0.5, description="LEAKAGE when the lower limit of the leak gap is above this")
    delta: float = Field(
        0.10,
        gt=0,
        lt=0.5,
        description="SHORTCUT when another channel's lower limit is above this; FACE needs all below",
    )
    face: float = Field(0.5, ge=0, lt=1, description="FACE when the lower limit of the face's reliance is above this")
    lowest_accuracy: float = Field(
        0.6, gt=0.5, lt=1, description="reliance is undefined when an edit alone takes balanced accuracy below this"
    )
    error_rate: float = Field(0.05, gt=0, lt=0.5, description="of all intervals together; 0.05 for 95 % intervals")
    draws: int = Field(2_000, ge=200, description="bootstrap draws over people")
    seed: int = Field(0, ge=0, description="of the draws")
