"""Parameters of the weights pipeline."""

from typing import Annotated

from pydantic import BaseModel, Field

from looks_kedro.lists import PlusList
from looks_kedro.sources.weights import WeightName


class Weights(BaseModel, extra="forbid", frozen=True):
    """Which weights are fetched, and from where."""

    names: Annotated[tuple[WeightName, ...], PlusList] = Field((), description="which ones")
    local: dict[WeightName, str] = Field({}, description="files that you have already, by name")
    mirrors: dict[WeightName, Annotated[str, Field(pattern="^https?://")]] = Field(
        {}, description="addresses in place of the published ones, by name"
    )
