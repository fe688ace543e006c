"""The grid of the study: which variants of the images, which backbones.

A cell is one backbone trained on one variant; its names are ``{variant}.{backbone}.model`` and so on.
"""

from __future__ import annotations

from itertools import product
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from looks_kedro.lists import PlusList

VariantName = Literal["original", "white"]
BackboneName = Literal["custom", "resnet18", "resnet34", "resnet50", "efficientnet_b0"]

VARIANTS: tuple[VariantName, ...] = get_args(VariantName)
BACKBONES: tuple[BackboneName, ...] = get_args(BackboneName)


class Cells(BaseModel, extra="forbid", frozen=True):
    """Which cells a run has; on the command line ``cells.backbones=resnet18+custom``."""

    variants: Annotated[tuple[VariantName, ...], PlusList] = Field(VARIANTS, min_length=1)
    backbones: Annotated[tuple[BackboneName, ...], PlusList] = Field(BACKBONES, min_length=1)

    def pairs(self) -> list[tuple[str, str]]:
        """Every (variant, backbone), in the order of the study's tables."""
        return [
            (variant, backbone)
            for variant, backbone in product(VARIANTS, BACKBONES)
            if variant in self.variants and backbone in self.backbones
        ]
