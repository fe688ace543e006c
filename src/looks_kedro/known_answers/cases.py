"""The cases: what is planted, how strongly, and in which network's training."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import Literal

from looks_kedro.portraits.plants import Plant

__all__ = [
    "BACKBONES",
    "FACE_PLANTS",
    "UNCOVERED_PLANTS",
    "Case",
    "Kind",
    "Structure",
    "cases_of",
    "grid",
    "plant_name",
]

Structure = Literal["classes", "pseudo_split", "people"]
"""Who is in which class: celebrities and ordinary people; one source split at random; people met again in the test."""

Kind = Literal["face", "outside", "placeless", "leak", "null", "two", "face_and_weak", "uncovered"]

FACE_PLANTS = ("eyes", "mouth", "skin")
OUTSIDE_PLANTS = ("background_colour", "background_texture", "right_patch", "left_patch", "border", "clothes")
PLACELESS_PLANTS = ("jpeg_quality", "blur", "crop_scale", "colour_cast")
UNCOVERED_PLANTS = ("hairband", "weave")
"""A hairband between the face and its surround, and stripes over face and surround alike: no channel exchanges them."""

BACKBONES = ("resnet18", "compact")
STRENGTHS = (0.5, 0.7, 0.9, 1.0)
SEEDS = (0, 1, 2)

_TWO = (("right_patch", "jpeg_quality"), ("background_colour", "blur"), ("eyes", "border"))
_MARKS = ("right_patch", "left_patch", "border", "background_texture", "clothes", "colour_cast")


@dataclass(frozen=True)
class Case:
    """One trained network and what was planted for it.

    Attributes:
        kind: what is tried.
        plants: strength 0.5 is a visible mark that says nothing about the class.
        structure: who is in which class.
        seed: of people, photos and the network.
        backbone: one of ``BACKBONES``.
    """

    kind: Kind
    plants: tuple[Plant, ...]
    structure: Structure
    seed: int
    backbone: str

    @property
    def name(self) -> str:
        """Unique among all cases, and fit for a file's name."""
        planted = "+".join(f"{plant_name(plant)}_{round(100 * plant.strength):03d}" for plant in self.plants)
        return f"{self.kind}-{planted or self.structure}-{self.seed}-{self.backbone}"

    @property
    def telling(self) -> bool:
        """Whether anything was planted that says something about the class."""
        return any(plant.strength > 0.5 for plant in self.plants)

    @property
    def half(self) -> Literal["freeze", "score"]:
        """Whether thresholds are chosen on the case, or scored on it; from its name alone."""
        return "freeze" if hashlib.sha256(self.name.encode()).digest()[0] % 2 else "score"


def plant_name(plant: Plant) -> str:
    """The plant's channel, with its side where it has one: ``eyes``, ``right_patch``."""
    return f"{plant.side}_patch" if plant.channel == "side_patch" else plant.channel


def _plant(name: str, strength: float) -> Plant:
    if name.endswith("_patch"):
        return Plant.model_validate({"channel": "side_patch", "strength": strength, "side": name.partition("_")[0]})
    return Plant.model_validate({"channel": name, "strength": strength})


def grid() -> list[Case]:
    """All cases, the same in the same order each time; those that share their pictures lie together."""
    cases: list[Case] = []

    def add(kind: Kind, plants: tuple[Plant, ...], structure: Structure, seed: int) -> None:
        cases.extend(Case(kind, plants, structure, seed, backbone) for backbone in BACKBONES)

    places: dict[Kind, tuple[str, ...]] = {
        "face": FACE_PLANTS,
        "outside": OUTSIDE_PLANTS,
        "placeless": PLACELESS_PLANTS,
    }
    for kind, names in places.items():
        for name, seed, strength in itertools.product(names, SEEDS, STRENGTHS):
            add(kind if strength > 0.5 else "null", (_plant(name, strength),), "classes", seed)
    for name, seed, strength in itertools.product(UNCOVERED_PLANTS, SEEDS, STRENGTHS[1:]):
        add("uncovered", (_plant(name, strength),), "classes", seed)
    for seed in SEEDS:
        add("null", (), "classes", seed)
        add("null", (), "pseudo_split", seed)
        for strength in STRENGTHS[1:]:
            add("leak", (_plant("identity", strength),), "people", seed)
        for pair in _TWO:
            add("two", (_plant(pair[0], 0.9), _plant(pair[1], 0.9)), "classes", seed)
        for name, weak in (("eyes", "border"), ("mouth", "background_colour"), ("skin", "right_patch")):
            add("face_and_weak", (_plant(name, 0.9), _plant(weak, 0.7)), "classes", seed)
        for mark, name in zip(_MARKS, itertools.cycle(FACE_PLANTS[:2]), strict=False):
            add("face", (_plant(name, 1.0), _plant(mark, 0.5)), "classes", seed)
    return cases


def cases_of(which: str) -> list[Case]:
    """The cases of a size.

    Args:
        which: ``whole`` (or ``done``, which are some of these), ``tenth`` or ``handful``.

    Returns:
        The whole grid; about a tenth of it with every kind, chosen so that few pictures must be drawn; or three small
        cases.
    """
    whole = grid()
    if which in ("whole", "done"):
        return whole
    if which == "handful":
        wanted = {"face-eyes_100-0-compact", "outside-right_patch_100-0-compact", "null-pseudo_split-0-compact"}
        return [case for case in whole if case.name in wanted]
    return [case for case in whole if case.seed == 0 and _in_tenth(case)]


def _in_tenth(case: Case) -> bool:
    """Two cases a single plant, one a combination; ResNet18 for the strongest plants of one place each."""
    strengths = [plant.strength for plant in case.plants]
    names = [plant_name(plant) for plant in case.plants]
    if case.backbone == "resnet18":
        return strengths == [1.0] and names[0] in ("mouth", "right_patch", "jpeg_quality")
    if case.kind in ("two", "face_and_weak") or (case.kind == "face" and len(names) == 2):
        return names in (["right_patch", "jpeg_quality"], ["mouth", "background_colour"], ["eyes", "right_patch"])
    if case.kind == "null" and names:
        return names[0] in ("right_patch", "background_colour")
    return (
        not names
        or strengths == [0.9]
        or (strengths == [1.0] and names[0] in (*FACE_PLANTS, "right_patch", "hairband"))
    )
