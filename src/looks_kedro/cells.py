"""The grid of the study: which variants of the images, which backbones.

A cell is one backbone trained on one variant; its names are ``{variant}.{backbone}.model`` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from looks_kedro.errors import BadParameterError
from looks_kedro.lists import PlusList

VariantName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
BackboneName = Literal["custom", "resnet18", "resnet34", "resnet50", "efficientnet_b0"]

VARIANTS = ("original", "white", "transparent", "grayscale", "face_only")
"""Variants of the whole study (``--pipelines full``), in the order of its tables."""
PUBLISHED = VARIANTS[:2]
"""Those of the published tables; what a plain run trains."""
BACKBONES: tuple[BackboneName, ...] = get_args(BackboneName)


class Cells(BaseModel, extra="forbid", frozen=True):
    """Which cells a run has; on the command line ``cells.backbones=resnet18+custom``."""

    variants: Annotated[tuple[VariantName, ...], PlusList] = Field(
        PUBLISHED, min_length=1, description="names below the parameter `variants`"
    )
    backbones: Annotated[tuple[BackboneName, ...], PlusList] = Field(BACKBONES, min_length=1)

    def ordered_variants(self) -> list[str]:
        """Each variant once: those of the study in the order of its tables, then others as they were given."""
        return [name for name in dict.fromkeys((*VARIANTS, *self.variants)) if name in self.variants]

    def pairs(self) -> list[tuple[str, str]]:
        """Every (variant, backbone), in the order of the study's tables."""
        return [
            (variant, backbone)
            for variant in self.ordered_variants()
            for backbone in BACKBONES
            if backbone in self.backbones
        ]

    def with_all_variants(self) -> Cells:
        """The same backbones on all variants of the study, and on those chosen beside them."""
        return self.model_copy(update={"variants": tuple(dict.fromkeys((*VARIANTS, *self.variants)))})


def cells_of_variants(names: Iterable[object]) -> Cells:
    """Cells with every variant that the parameters define, to learn which parameters there are.

    Args:
        names: keys of the parameter ``variants``.

    Raises:
        BadParameterError: a name cannot be that of a variant; it becomes a folder and a part of names with dots.
    """
    given = [str(name) for name in names]
    for name in given:
        if not (name.isidentifier() and name.isascii() and name == name.lower()) or name.startswith("_"):
            raise BadParameterError(
                f"Parameter variants.{name}: a variant's name is made of a-z, 0-9 and _, and begins with a letter."
            )
    return Cells(variants=tuple(dict.fromkeys((*VARIANTS, *given))))


def check_variants(cells: Cells, defined: Iterable[str]) -> None:
    """See that each variant of the cells is defined.

    Args:
        cells: what a run asks for.
        defined: keys of the parameter ``variants``.

    Raises:
        BadParameterError: a variant is asked for that the parameters do not define.
    """
    known = sorted(defined)
    for name in cells.variants:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            advice = f"did you mean {near[0]}?" if near else f"defined are {', '.join(known)}."
            raise BadParameterError(
                f"Parameter cells.variants: there is no variant {name}; {advice} "
                f"Variants are defined under `variants` in conf/base/parameters_background.yml, "
                f"such as `{name}: {{kind: colour, colour: [0, 255, 0]}}`."
            )
