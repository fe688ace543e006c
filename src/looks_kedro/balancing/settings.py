"""How the two parts are made: the parameters under ``balancing``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from looks_kedro.lists import PlusList

CLASS_NAMES = {0: "ordinary people", 1: "celebrities"}
"""The classes by their number in the column ``looks``, as messages name them."""

Attribute = Literal["age", "gender", "race"]
Whose = Literal["celebrities", "both", "none"]


class Balancing(BaseModel, extra="forbid", frozen=True):
    """How the two parts are made."""

    protocol: Literal["identity", "published"] = Field(
        "identity", description="split by person, then copy; or copy, then split the images at random, as published"
    )
    own_parts: Literal["respect", "ignore"] = Field(
        "respect", description="whether FairFace's own training and validation photos stay apart"
    )
    test_fraction: float = Field(0.2, gt=0, lt=1, description="share of each class's photos for the test part")
    folds: int = Field(0, ge=0, description="cross-validation: so many test parts; 0 splits by test_fraction")
    fold: int = Field(0, ge=0, description="which of the folds is the test part, from 0")
    mirror: Whose = Field("celebrities", description="whose training images get a mirrored copy")
    rotate: Whose = Field("none", description="whose training images get a turned copy")
    max_degrees: float = Field(10.0, ge=1, le=45, description="how far a turned copy is turned at most, either way")
    brighten: Whose = Field("none", description="whose training images get a brighter or darker copy")
    max_brightness: float = Field(
        0.3, ge=0.02, le=0.9, description="how much the brightness factor differs from 1 at most"
    )
    sampling: Literal["random", "matched"] = Field("random", description="how the larger class is sampled down")
    match_on: Annotated[tuple[Attribute, ...], PlusList] = Field(
        ("age", "gender", "race"), min_length=1, description="in what matched sampling makes the classes alike"
    )
    train_per_class: int | None = Field(31_000, ge=1, description="at most so many training images a class")
    test_per_class: int | None = Field(7_800, ge=1, description="at most so many test images a class")
    seed: int = Field(0, ge=0, lt=2**32)

    @field_validator("folds")
    @classmethod
    def _at_least_two(cls, folds: int) -> int:
        if folds == 1:
            raise ValueError("one fold leaves nothing to train on; expected 0 (no folds) or at least 2")
        return folds

    @field_validator("fold")
    @classmethod
    def _one_of_the_folds(cls, fold: int, info: ValidationInfo) -> int:
        folds = info.data.get("folds", 0)
        if fold >= max(folds, 1):
            raise ValueError(f"expected a number from 0 to {max(folds, 1) - 1}, because balancing.folds is {folds}")
        return fold
