"""Parameters of the comparison pipeline."""

from typing import Annotated

from pydantic import BaseModel, Field

from looks_kedro.lists import PlusList


class Comparison(BaseModel, extra="forbid", frozen=True):
    """Which runs are compared; on the command line ``runs=previous+last``."""

    runs: Annotated[tuple[str, ...], PlusList] = Field(
        ("previous", "last"), min_length=2, description="versions, last, previous, folders of results, FOLDER@VERSION"
    )
    title: str = Field("Comparison of runs", min_length=1)
