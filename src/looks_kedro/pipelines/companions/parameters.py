"""Parameters of the companions pipeline."""

from pydantic import BaseModel, Field


class Companions(BaseModel, extra="forbid", frozen=True):
    """How many images are looked at, and how often labels are exchanged."""

    images: int | None = Field(
        4000, ge=4, description="most images that are looked at, spread over classes and people; null looks at all"
    )
    permutations: int = Field(
        1_999, ge=199, description="exchanges of labels between people; 1,999 can reach a p of 0.0005"
    )
    seed: int = Field(0, ge=0, description="of the images, folds and exchanges")
