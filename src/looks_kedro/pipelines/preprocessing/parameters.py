"""Parameters of the preprocessing pipeline."""

from pydantic import BaseModel, Field

from looks_kedro.faces import Alignment, Detection, PoseFilter


class Preprocessing(BaseModel, extra="forbid", frozen=True):
    """How faces are found, chosen and cut out."""

    max_pixels: int = Field(100_000_000, ge=1, description="larger images are refused before they are decoded")
    detection: Detection = Detection()
    alignment: Alignment = Alignment()
    pose: PoseFilter = PoseFilter()
    processes: int | None = Field(None, ge=1, description="worker processes; null takes one a core")
