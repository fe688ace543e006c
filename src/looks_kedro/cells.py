"""The grid of the study: which variants of the images, which backbones.

A cell is one backbone trained on one variant; its names are ``{variant}.{backbone}.model`` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, Field

from looks_kedro.errors import BadParameterError
from looks_kedro.lists import PlusList

VariantName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
BackboneName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

VARIANTS = ("original", "white", "transparent", "grayscale", "face_only")
"""Variants of the whole study (``--pipelines full``), in the order of its tables."""
PUBLISHED = VARIANTS[:2]
"""Those of the published tables; what a plain run trains."""
BACKBONES = ("custom", "resnet18", "resnet34", "resnet50", "efficientnet_b0")
"""The study's five, in the order of its tables."""


class Cells(BaseModel, extra="forbid", frozen=True):
    """Which cells a run has; on the command line ``cells.backbones=resnet18+custom``."""

    variants: Annotated[tuple[VariantName, ...], PlusList] = Field(
        PUBLISHED, min_length=1, description="names below the parameter `variants`"
    )
    backbones: Annotated[tuple[BackboneName, ...], PlusList] = Field(
        BACKBONES, min_length=1, description="networks of torchvision, or names below the parameter `backbones`"
    )

    def ordered_variants(self) -> list[str]:
        """Each variant once: those of the study in the order of its tables, then others as they were given."""
        return [name for name in dict.fromkeys((*VARIANTS, *self.variants)) if name in self.variants]

    def ordered_backbones(self) -> list[str]:
        """Each backbone once: those of the study in the order of its tables, then others as they were given."""
        return [name for name in dict.fromkeys((*BACKBONES, *self.backbones)) if name in self.backbones]

    def pairs(self) -> list[tuple[str, str]]:
        """Every (variant, backbone), in the order of the study's tables."""
        return [(variant, backbone) for variant in self.ordered_variants() for backbone in self.ordered_backbones()]

    def with_all_variants(self) -> Cells:
        """The same backbones on all variants of the study, and on those chosen beside them."""
        return self.model_copy(update={"variants": tuple(dict.fromkeys((*VARIANTS, *self.variants)))})


def defined_cells(names: Iterable[object], backbones: Iterable[str] = ()) -> Cells:
    """Cells with every variant and backbone that the parameters define, to learn which parameters there are.

    Args:
        names: keys of the parameter ``variants``.
        backbones: keys of the parameter ``backbones``.

    Raises:
        BadParameterError: a name cannot be that of a variant; it becomes a folder and a part of names with dots.
    """
    given = [str(name) for name in names]
    for name in given:
        if not (name.isidentifier() and name.isascii() and name == name.lower()) or name.startswith("_"):
            raise BadParameterError(
                f"Parameter variants.{name}: a variant's name is made of a-z, 0-9 and _, and begins with a letter."
            )
    return Cells(
        variants=tuple(dict.fromkeys((*VARIANTS, *given))),
        backbones=tuple(dict.fromkeys((*BACKBONES, *backbones))),
    )


def with_backbones(defined: Mapping[str, Any], cells: Cells) -> dict[str, Any]:
    """The parameter ``backbones``, with torchvision's networks that the cells name and nobody described.

    Args:
        defined: the parameter ``backbones`` as it is configured.
        cells: what a run asks for.

    Returns:
        The same with an entry (of fresh weights) for each other backbone of the cells, and in each entry the ``name``
        of the network, which is its own where none is given.

    Raises:
        BadParameterError: a backbone of the cells is neither described nor a network of torchvision, or one is
            described under a name that no network has, or with a ``name`` that none has; or
            ``start: fairface`` stands anywhere but below ``custom``, or something else there.
    """
    others = [name for name in cells.backbones if name not in BACKBONES and name not in defined]
    entries = {name: {} if given is None else given for name, given in {**defined, **dict.fromkeys(others)}.items()}
    strange = [name for name, given in entries.items() if not isinstance(given, Mapping)]
    if strange:
        raise BadParameterError(
            f"Parameter backbones.{strange[0]}: expected a mapping such as {{start: fresh}}; "
            f"found {entries[strange[0]]!r}."
        )
    unnamed = [
        name
        for name, given in entries.items()
        if name not in BACKBONES and name not in others and not given.get("name")
    ]
    meant = {name: given["name"] for name, given in entries.items() if isinstance(given.get("name") or None, str)}
    # The study's own networks are known without torchvision, which takes seconds to load.
    meant = {name: network for name, network in meant.items() if network not in BACKBONES}
    if others or unnamed or meant:
        _check_known(others, unnamed, meant)
    for name, given in entries.items():
        _check_start(name, given)
    return {name: {**given, "name": given.get("name") or name} for name, given in entries.items()}


def _check_start(name: str, given: Mapping[str, Any]) -> None:
    """Only ``custom`` starts from the FairFace network, which its pipeline alone is given, and from nothing else."""
    start = given.get("start", "fresh")
    if name != "custom" and start == "fairface":
        raise BadParameterError(
            f"Parameter backbones.{name}.start: expected fresh or imagenet, found fairface; custom alone starts from "
            f"it: ask for that with cells.backbones=custom."
        )
    if name == "custom" and start in ("fresh", "imagenet"):
        raise BadParameterError(
            f"Parameter backbones.custom.start: expected fairface, found {start}; for a ResNet34 that starts otherwise "
            f"take backbones.resnet34.start={start}."
        )
    if name == "custom" and given.get("name") not in (None, "", "custom"):
        raise BadParameterError(
            f"Parameter backbones.custom.name: expected custom, found {given['name']!r}; give another network an entry "
            f"under a name of its own below `backbones`."
        )


def _check_known(others: Iterable[str], unnamed: Iterable[str], meant: Mapping[str, str]) -> None:
    import torchvision

    known = torchvision.models.list_models(module=torchvision.models)
    for name in unnamed:
        if name not in known:
            raise BadParameterError(
                f"Parameter backbones.{name}: no network of torchvision has this name{_near(name, known)} "
                f"For a name of your own say which network it is, as in backbones.{name}.name=resnet18."
            )
    for name, network in meant.items():
        if network not in known:
            raise BadParameterError(
                f"Parameter backbones.{name}.name: no network of torchvision is called {network}"
                f"{_near(network, known)} Any classification network of torchvision will do."
            )
    for name in others:
        if name not in known:
            raise BadParameterError(
                f"Parameter cells.backbones: there is no backbone {name}{_near(name, known)} Any classification "
                f"network of torchvision will do, and any name below `backbones` in "
                f"conf/base/parameters_training.yml."
            )


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, [*BACKBONES, *known], n=1)
    return f"; did you mean {near[0]}?" if near else "."


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
