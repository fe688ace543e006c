"""What a judge should say of a case, from its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from looks_kedro.known_answers.cases import FACE_PLANTS, UNCOVERED_PLANTS, Case, plant_name
from looks_kedro.known_answers.key import graded

__all__ = ["RIGHT_CHANNELS", "Truth", "truth_of"]

_BACKGROUND = ("surround", "background", "background_left", "background_right", "background_top")

RIGHT_CHANNELS: dict[str, tuple[str, ...]] = {
    "eyes": ("face", "eyes"),
    "mouth": ("face", "mouth"),
    "skin": ("face", "skin"),
    "background_colour": _BACKGROUND,
    "background_texture": _BACKGROUND,
    "right_patch": ("surround", "background", "background_right"),
    "left_patch": ("surround", "background", "background_left"),
    "border": ("border", "surround"),
    "clothes": ("clothes", "surround"),
    "jpeg_quality": ("jpeg_quality",),
    "blur": ("resolution",),
    "crop_scale": ("crop_scale",),
    "colour_cast": ("colour",),
    "hairband": (),
    "weave": ("surround", "background"),  # holds half of the stripes: named, it is no mistake
}
"""Plant to the audit's channels that exchange it, all of it; fixed before anything was judged."""


@dataclass(frozen=True)
class Truth:
    """The right answer to a case.

    Attributes:
        verdict: the right one; empty where the key is between, so that no verdict is right or wrong.
        shortcut: whether the network relies on a plant that is not the face and that says something about the class;
            none where the key is between, or the plant is one that no channel covers.
        leak: whether it goes by who is shown; none where the key is between.
        channels: those that may be named for the shortcut, or for a plant that no single channel exchanges.
        mark: whether a visible mark that says nothing about the class was drawn.
        flips: share of flipped decisions by plant.
    """

    verdict: str
    shortcut: bool | None
    leak: bool | None
    channels: tuple[str, ...]
    mark: bool
    flips: Mapping[str, float]

    def accepts(self, verdict: str, channels: Sequence[str]) -> bool:
        """Whether a judgement is right: the verdict, and for a shortcut the first channel named."""
        if verdict == "SHORTCUT" and self.channels:
            return channels[0] in self.channels
        return verdict == self.verdict


def truth_of(case: Case, flips: Mapping[str, float]) -> Truth:
    """The right answer, from the share of decisions that each plant flips.

    A plant of strength 0.5 is never a shortcut, whatever it flips: it says nothing about the class. A network that
    relies on a plant only in part (between 2 and 50 % of its decisions) is graded apart.

    Args:
        case: what was planted.
        flips: by plant.
    """
    telling = {plant_name(plant): plant.strength > 0.5 for plant in case.plants}
    grades = {name: graded(flips[name]) for name in telling if telling[name]}
    outside = [name for name in grades if name not in (*FACE_PLANTS, *UNCOVERED_PLANTS, "identity")]
    relied = [name for name in outside if grades[name] == "relies"]
    open_ones = [name for name in outside if grades[name] == "between"]
    uncovered = [name for name in grades if name in UNCOVERED_PLANTS and grades[name] != "does not"]
    shortcut = True if relied else None if open_ones or uncovered else False
    leak = {"relies": True, "between": None, "does not": False}[grades.get("identity", "does not")]
    channels = tuple(dict.fromkeys(channel for name in (*relied, *uncovered) for channel in RIGHT_CHANNELS[name]))
    mark = not all(telling.values())
    verdict = _verdict(grades, shortcut, leak)
    return Truth(verdict, shortcut, leak, channels, mark, dict(flips))


def _verdict(grades: Mapping[str, str], shortcut: bool | None, leak: bool | None) -> str:
    if leak:
        return "LEAKAGE"
    if shortcut:
        return "SHORTCUT"
    if "between" in grades.values():
        return ""
    relied = [name for name, grade in grades.items() if grade == "relies"]
    if any(name in UNCOVERED_PLANTS for name in relied):
        return "CANNOT TELL"
    return "FACE" if relied else "NO SIGNAL"
