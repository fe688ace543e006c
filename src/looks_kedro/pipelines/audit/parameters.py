"""Parameters of the audit pipeline."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from looks_kedro.audit.settings import Rules
from looks_kedro.errors import BadParameterError
from looks_kedro.lists import PlusList


class Audit(BaseModel, extra="forbid", frozen=True):
    """What is exchanged, how often, and by which rules it is judged."""

    channels: Annotated[tuple[str, ...], PlusList] | None = Field(
        None, description="what is exchanged; null takes everything that means something for the variant"
    )
    draws: int = Field(2, ge=1, description="donors of each class for an image; each is one more edit of every channel")
    images: int | None = Field(
        400, ge=4, description="most test images that are edited, spread over classes and people; null edits all"
    )
    one_source: bool = Field(
        False, description="whether both classes come from the same sources, so that looks and source can be told apart"
    )
    feature_leak: bool = Field(
        True, description="whether to tell how much a network's features would flatter it if people were in both parts"
    )
    rules: Rules = Rules()
    seed: int = Field(0, ge=0, description="of the donors, and of the images that are edited")
    batch_size: int = Field(64, ge=1, description="edited images in memory at a time")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    processes: int | None = Field(None, ge=1, description="processes that edit; null takes one a core where it pays")

    @field_validator("channels")
    @classmethod
    def _known(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from looks_kedro.audit.interventions.channels import channel_named

        if names is not None and not names:
            raise ValueError("name at least one channel, or null for all")
        for name in names or ():
            try:
                channel_named(name)
            except BadParameterError as error:
                raise ValueError(str(error)) from error
        return names
