"""Parameters of the pretraining pipeline."""

from pydantic import BaseModel, Field

from looks_kedro.learning import Training
from looks_kedro.learning.pretraining_parts import LearnFrom


class Pretraining(BaseModel, extra="forbid", frozen=True):
    """Where the FairFace-format network comes from."""

    weights: str | None = Field(
        None, description="a file of FairFace weights; null takes the one in the folder of weights, or trains a network"
    )
    learn_from: LearnFrom = Field(
        "labelled",
        description="without weights: all labelled faces but those of people in the test part; left_out: those of them "
        "that the split did not take; training_part: those of the training part",
    )
    training: Training = Field(Training(), description="how it is trained, where there are no weights")
