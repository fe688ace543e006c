"""How faces get their labels."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from looks_kedro.labels.ages import read_date


def _as_text(value: object) -> object:
    """YAML and the command line read 2024 as a number and 2024-07-01 as a date."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _real(value: str) -> str:
    if read_date(value) is None:
        raise ValueError("expected a date such as 2024-07-01, 2024-07 or 2024")
    return value


Day = Annotated[str, BeforeValidator(_as_text), AfterValidator(_real)]


class Labeling(BaseModel, extra="forbid", frozen=True):
    """How faces get their labels."""

    reference_date: Day | None = Field(
        "2024", description="when photos were taken that do not say when; null leaves the age of those unknown"
    )
    predict_missing: bool = Field(False, description="let the FairFace network name what nobody says")
    weights: str | None = Field(None, description="its file; null takes the one in the folder of weights")
    batch_size: int = Field(32, ge=1, description="faces that the network sees at a time")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto = cuda where there is one")
