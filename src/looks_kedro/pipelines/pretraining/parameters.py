"""Parameters of the pretraining pipeline."""

from pydantic import BaseModel, Field

from looks_kedro.learning import Training


class Pretraining(BaseModel, extra="forbid", frozen=True):
    """Where the FairFace-format network comes from."""

    weights: str | None = Field(None, description="a file of FairFace weights; null trains a network from the labels")
    training: Training = Field(Training(), description="how it is trained, for weights: null")
