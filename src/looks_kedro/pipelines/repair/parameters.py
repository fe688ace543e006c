"""Parameters of the repair pipeline."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from looks_kedro.errors import BadParameterError
from looks_kedro.lists import PlusList

Method = Literal["last_layer", "backgrounds"]


class Repair(BaseModel, extra="forbid", frozen=True):
    """How models are weaned off what, and on whom that is measured."""

    methods: Annotated[tuple[Method, ...], PlusList] = Field(
        ("last_layer", "backgrounds"),
        min_length=1,
        description="last_layer fits it anew on balanced groups; backgrounds trains anew before exchanged ones",
    )
    channel: str | None = Field(
        None, description="what to wean off; null takes what the audit's verdict names, and nothing without a shortcut"
    )
    held_out: float = Field(
        0.5, gt=0, le=0.5, description="share of the test that the last layer is fitted on; the rest is measured on"
    )
    penalty: Literal["l1", "l2"] = Field("l1", description="of the new last layer; l1 drops features")
    subsets: int = Field(10, ge=1, description="last layers whose mean is taken, each from a balanced draw of groups")
    seed: int = Field(0, ge=0, description="of who is held out, of the draws, and of the exchanged backgrounds")

    @field_validator("channel")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        from looks_kedro.audit.interventions.channels import channel_named

        try:
            return name if name is None else channel_named(name).name
        except BadParameterError as error:
            raise ValueError(str(error)) from error
