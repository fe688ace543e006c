"""Parameters of the preprocessing pipeline."""

from pydantic import BaseModel, Field

from looks_kedro.duplicates import Duplicates
from looks_kedro.faces import Alignment, Detection, PoseFilter
from looks_kedro.faces.same_person import SamePerson


class Review(BaseModel, extra="forbid", frozen=True):
    """The review page."""

    per_group: int = Field(24, ge=1, description="pictures shown of a person with one reason, at most")
    side: int = Field(128, ge=32, le=400, description="longest side of a picture, px")


class Preprocessing(BaseModel, extra="forbid", frozen=True):
    """How faces are found, chosen and cut out."""

    max_pixels: int = Field(100_000_000, ge=1, description="larger images are refused before they are decoded")
    detection: Detection = Detection()
    alignment: Alignment = Alignment()
    pose: PoseFilter = PoseFilter()
    duplicates: Duplicates = Duplicates()
    same_person: SamePerson = SamePerson()
    review: Review = Review()
    processes: int | None = Field(None, ge=1, description="worker processes; null takes one a core")
