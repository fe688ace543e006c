"""What the cost experiment trains with: the study's tables 11 and 12, and what saves time here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from looks_kedro.errors import BadParameterError
from looks_kedro.learning.settings import BACKBONES, Precision, Training, Whole
from looks_kedro.lists import PlusList

__all__ = ["SAVINGS", "Change", "Hyperparameters", "Saving"]

Saving = Literal["study", "decoded_once", "channels_last", "fused", "bf16", "compile", "together"]
"""The study's loop, one change of it at a time, and all changes together."""

SAVINGS: tuple[Saving, ...] = ("study", "decoded_once", "channels_last", "fused", "bf16", "together")
"""What is measured if nothing else is said: everything but ``compile``, which takes minutes before its first step."""


class Change(BaseModel, extra="forbid", frozen=True):
    """What one setting changes of ``training``; what is not given stays as it is there."""

    epochs: Whole | None = Field(None, ge=1, description="passes over the training images")
    batch_size: Whole | None = Field(None, ge=2, description="images a step")
    workers: Whole | None = Field(None, ge=0, description="threads that prepare batches")
    learning_rate: float | None = Field(None, gt=0, allow_inf_nan=False, description="step size")
    schedule: Literal["constant", "cosine", "step"] | None = Field(None, description="of the learning rate")
    warmup_epochs: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="epochs in which the learning rate rises"
    )
    optimizer: Literal["adam", "adamw", "sgd"] | None = Field(None, description="method of the steps")
    precision: Precision | None = Field(None, description="of the arithmetic")
    memory_format: Literal["auto", "channels_last", "contiguous"] | None = Field(
        None, description="order of the numbers in memory"
    )
    compile: bool | None = Field(None, description="torch.compile")
    frozen_trunk: bool | None = Field(None, description="train the last layer only")

    def applied(self, training: Training) -> Training:
        """The settings with these changes.

        Raises:
            BadParameterError: they do not go together with the rest.
        """
        changed: dict[str, Any] = training.model_dump() | self.model_dump(exclude_none=True)
        try:
            return Training.model_validate(changed)
        except ValidationError as error:
            named = ", ".join(f"{name} {value}" for name, value in self.model_dump(exclude_none=True).items())
            told = "; ".join(problem["msg"] for problem in error.errors(include_url=False))
            raise BadParameterError(f"hyperparameters: {named} does not fit the rest of training. {told}.") from error


def study_settings() -> dict[str, Change]:
    """The five settings of tables 11 and 12: as in all of the study, one change at a time, and all three."""
    return {
        "none": Change(),
        "epochs": Change(epochs=5),
        "batch": Change(batch_size=64),
        "workers": Change(workers=4),
        "all": Change(epochs=5, batch_size=64, workers=4),
    }


class Hyperparameters(BaseModel, extra="forbid", frozen=True):
    """The cost experiment: trainings that differ in a setting, and how fast a step is with and without each saving."""

    settings: dict[str, Change] = Field(
        default_factory=study_settings,
        min_length=1,
        description="what each row of the table changes of training; published figures stand beside the study's names",
    )
    savings: Annotated[tuple[Saving, ...], PlusList] = Field(
        SAVINGS, description="what is measured beside the study's loop; compile takes minutes"
    )
    backbone: str = Field("resnet34", description="the network whose steps are timed for them")
    steps: Whole = Field(8, ge=1, description="steps that are timed in each round")
    rounds: Whole = Field(5, ge=1, description="times that each saving has its turn; the median counts")

    @field_validator("backbone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in BACKBONES:  # the study's own are known without torch, which takes seconds to load
            from looks_kedro.learning.backbones import published_name

            try:
                published_name(name)
            except BadParameterError as error:
                raise ValueError(str(error)) from error
        return name

    def trainings(self, training: Training) -> dict[str, Training]:
        """The settings of each training, by name.

        Raises:
            BadParameterError: a change does not go together with the rest.
        """
        return {name: change.applied(training) for name, change in self.settings.items()}
