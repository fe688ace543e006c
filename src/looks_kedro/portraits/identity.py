"""Identities: the stable parameters of an invented person, and FairFace-format labels tied to them.

The labels follow appearance through permutations drawn once from a fixed seed: which hair colour goes with
which race value, which brows with which gender, which hairline and head shape with which age are arbitrary.
Skin tone, eyes and mouth are drawn independently of all labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
GENDERS = ("Male", "Female")
RACES = ("White", "Black", "Latino_Hispanic", "East Asian", "Southeast Asian", "Indian", "Middle Eastern")

LABEL_SEED = 20
LABEL_NOISE = 0.06  # how often one appearance trait departs from what the label says

Colour = tuple[float, float, float]

HAIR_COLOURS: tuple[Colour, ...] = (
    (34, 30, 32),  # black
    (84, 56, 40),  # brown
    (150, 66, 36),  # copper
    (214, 174, 104),  # straw
    (168, 170, 176),  # silver
    (106, 46, 84),  # plum
    (52, 76, 104),  # slate blue
)
SKIN_TONES: tuple[Colour, ...] = (
    (246, 212, 190),
    (236, 194, 166),
    (222, 176, 144),
    (204, 154, 120),
    (180, 128, 94),
    (152, 104, 76),
    (126, 84, 62),
)
IRIS_COLOURS: tuple[Colour, ...] = ((92, 58, 34), (126, 84, 44), (96, 118, 74), (84, 122, 156), (120, 134, 140))
LIP_COLOURS: tuple[Colour, ...] = ((196, 108, 104), (178, 92, 92), (204, 126, 112), (164, 88, 80))
HAIR_STYLES = ("cropped", "short", "curly", "bob", "long", "bun")


@dataclass(frozen=True)
class Identity:
    """An invented person. Lengths are in units of the distance between the eyes; colours are RGB, 0 to 255."""

    seed: int
    name: str
    age: str
    gender: str
    race: str
    head_width: float
    head_length: float
    jaw: float
    cranium: float
    skin: Colour
    eye_size: float
    eye_open: float
    eye_tilt: float
    iris: Colour
    brow_thickness: float
    brow_arch: float
    brow_height: float
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_height: float
    lip_fullness: float
    lips: Colour
    hair: Colour
    hair_style: str
    hair_volume: float
    hairline: float
    fringe: float
    parting: float
    ear_size: float
    neck_width: float


def _permutations() -> tuple[list[int], list[int], list[int]]:
    rng = np.random.default_rng(LABEL_SEED)
    return (
        [int(i) for i in rng.permutation(len(RACES))],
        [int(i) for i in rng.permutation(len(GENDERS))],
        [int(i) for i in rng.permutation(len(AGES))],
    )


_RACE_HAIR, _GENDER_BROWS, _AGE_SHAPE = _permutations()

_ONSETS = ("b", "d", "f", "l", "m", "n", "r", "s", "t", "v", "k", "j", "br", "tr", "el", "or")
_VOWELS = ("a", "e", "i", "o", "u", "ia", "ei")
_CODAS = ("n", "r", "l", "s", "", "", "m", "th")


def _word(rng: np.random.Generator, syllables: int) -> str:
    parts = [_ONSETS[rng.integers(len(_ONSETS))] + _VOWELS[rng.integers(len(_VOWELS))] for _ in range(syllables)]
    return "".join(parts) + _CODAS[rng.integers(len(_CODAS))]


def invented_name(seed: int) -> str:
    """A pronounceable name made of syllables, such as ``ada_lorin``; not unique by itself."""
    rng = np.random.default_rng([seed, 211])
    return f"{_word(rng, 2)}_{_word(rng, 2)}"


def _tint(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    r, g, b = np.clip(np.asarray(colour) * (1 + rng.normal(0, spread)) + rng.normal(0, 160 * spread, 3) * 0.4, 8, 252)
    return float(r), float(g), float(b)


@lru_cache(maxsize=1024, typed=True)
def draw_identity(seed: int) -> Identity:
    """Draw an invented person.

    Args:
        seed: any integer >= 0; the same seed gives the same person.

    Returns:
        The identity. Each label value is equally likely; the traits that carry a label depart from it with
        probability ``LABEL_NOISE`` each, so a network can learn the labels well but not perfectly.
    """
    rng = np.random.default_rng([seed, 307])
    age, gender, race = (int(rng.integers(len(v))) for v in (AGES, GENDERS, RACES))
    noise = rng.random(4) < LABEL_NOISE
    other = rng.random(4)

    hair = int(other[0] * 7) if noise[0] else _RACE_HAIR[race]
    brows = int(other[1] * 2) if noise[1] else _GENDER_BROWS[gender]
    line = int(other[2] * 3) if noise[2] else _AGE_SHAPE[age] // 3
    shape = int(other[3] * 3) if noise[3] else _AGE_SHAPE[age] % 3

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Identity(
        seed=seed,
        name=invented_name(seed),
        age=AGES[age],
        gender=GENDERS[gender],
        race=RACES[race],
        head_width=(1.06, 1.0, 0.94)[shape] + between(-0.02, 0.02),
        head_length=(1.74, 1.84, 1.94)[shape] + between(-0.03, 0.03),
        jaw=(0.09, 0.0, -0.07)[shape] + between(-0.03, 0.03),
        cranium=between(1.55, 1.68),
        skin=_tint(rng, SKIN_TONES[int(rng.integers(len(SKIN_TONES)))], 0.03),
        eye_size=between(0.92, 1.12),
        eye_open=between(0.9, 1.15),
        eye_tilt=between(-0.03, 0.05),
        iris=_tint(rng, IRIS_COLOURS[int(rng.integers(len(IRIS_COLOURS)))], 0.05),
        brow_thickness=(0.115, 0.06)[brows] + between(-0.012, 0.012),
        brow_arch=(0.03, 0.10)[brows] + between(-0.015, 0.015),
        brow_height=between(0.26, 0.33),
        nose_width=between(0.86, 1.16),
        nose_length=between(0.545, 0.605),
        mouth_width=between(0.385, 0.44),
        mouth_height=between(1.11, 1.19),
        lip_fullness=between(0.85, 1.25),
        lips=_tint(rng, LIP_COLOURS[int(rng.integers(len(LIP_COLOURS)))], 0.03),
        hair=_tint(rng, HAIR_COLOURS[hair], 0.05),
        hair_style=HAIR_STYLES[int(rng.integers(len(HAIR_STYLES)))],
        hair_volume=between(0.10, 0.22),
        hairline=(1.12, 0.98, 0.86)[line] + between(-0.03, 0.03),
        fringe=(0.0, 0.0, 0.42)[line] + between(0.0, 0.08) * (line == 2),
        parting=(between(-0.1, 0.1), between(0.35, 0.6), between(-0.25, 0.25))[line],
        ear_size=between(0.85, 1.12),
        neck_width=between(0.56, 0.70),
    )
