"""The answer key: what a network decides when a plant, and nothing else, is the other way round.

It comes from the studio that drew the portraits, never from an edit or a mask of the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from looks_kedro.known_answers.album import Album, Shot
from looks_kedro.known_answers.cases import Case, plant_name

__all__ = ["RELIES", "UNMOVED", "Grade", "flip_rates", "graded"]

Grade = Literal["relies", "does not", "between"]
Decide = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.int64]]

RELIES, UNMOVED = 0.5, 0.02
"""A network relies on a plant if so many of its decisions flip with it, and does not if at most so few do."""


def graded(flip_rate: float) -> Grade:
    """The key's word for a share of flipped decisions, 0..1."""
    if flip_rate >= RELIES:
        return "relies"
    return "does not" if flip_rate <= UNMOVED else "between"


def flip_rates(case: Case, album: Album, decide: Decide) -> dict[str, float]:
    """Share of the test's decisions that flip when a plant is toggled.

    Args:
        case: whose plants.
        album: its photos.
        decide: images to classes.

    Returns:
        Plant's name to share, 0..1. For an identity, the person on each photo of somebody from the training is
        replaced by one of the other class, also from the training, in the same moment.
    """
    rates = {}
    for plant in case.plants:
        shots: Sequence[Shot] = album.test.shots
        if plant.channel == "identity":
            shots, swapped = _other_people(album)
            after = decide(album.faces(swapped, case.plants).images)
        else:
            after = decide(album.faces(shots, case.plants, toggled=plant.channel).images)
        before = decide(album.faces(shots, case.plants).images)
        rates[plant_name(plant)] = float((after != before).mean())
    return rates


def _other_people(album: Album) -> tuple[list[Shot], list[Shot]]:
    """Test photos of the training's people, and the same photos with people of the other class on them."""
    homes: dict[int, list[int]] = {}
    for shot in album.train.shots:
        homes.setdefault(shot.person, []).append(shot.looks)
    home = {person: round(float(np.mean(looks))) for person, looks in homes.items()}
    classes = [sorted(person for person in home if home[person] == looks) for looks in (0, 1)]
    known = [shot for shot in album.test.shots if shot.person in home]
    rng = np.random.default_rng([len(known), 41])
    swapped = [Shot(int(rng.choice(classes[1 - home[shot.person]])), shot.moment, shot.looks) for shot in known]
    return known, swapped
