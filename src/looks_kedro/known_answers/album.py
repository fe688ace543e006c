"""The album: a case's people and photos, drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from looks_kedro.known_answers.cases import Case, Structure
from looks_kedro.known_answers.settings import CaseSizes
from looks_kedro.portraits.identity import draw_identity
from looks_kedro.portraits.photo import aligned_face
from looks_kedro.portraits.plants import Plant, draw_cues

__all__ = ["Album", "Faces", "Part", "Shot", "make_album"]

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_APART = 1_000_003  # keeps the people of different seeds and structures apart
_PHOTOS_TO_KNOW = 12  # of each person, a quarter of them in the test, where people are met again
_STRUCTURES: tuple[Structure, ...] = ("classes", "pseudo_split", "people")


@dataclass(frozen=True)
class Shot:
    """One photo: who is on it, when it was taken, and the class it is filed under."""

    person: int
    moment: int
    looks: int


@dataclass(frozen=True, eq=False)
class Faces:
    """Pictures, (N, S, S, 3) uint8, and the true landmarks on them, (N, 5, 2) in pixels."""

    images: Images
    landmarks: Floats


@dataclass(frozen=True)
class Part:
    """The photos of the training or of the test."""

    shots: tuple[Shot, ...]

    @property
    def looks(self) -> npt.NDArray[np.int64]:
        """The classes, (N,)."""
        return np.array([shot.looks for shot in self.shots], dtype=np.int64)

    @property
    def identities(self) -> npt.NDArray[np.str_]:
        """Who is shown, (N,)."""
        return np.array([f"person_{shot.person}" for shot in self.shots])


@dataclass(eq=False)
class Album:
    """People and photos of one seed; cases that differ only in strength or network share one, and its drawings."""

    train: Part
    test: Part
    more: Part
    sizes: CaseSizes
    _drawn: dict[tuple[int, int, str, tuple[tuple[str, int], ...]], tuple[Images, Floats]] = field(
        default_factory=dict, repr=False
    )

    def tested(self, case: Case) -> Part:
        """The test's photos; more of them, of other people, where nothing tells the classes apart."""
        return self.test if case.telling else Part((*self.test.shots, *self.more.shots))

    def faces(self, shots: Sequence[Shot], plants: Sequence[Plant], toggled: str = "") -> Faces:
        """Draw photos with a case's plants.

        Args:
            shots: of either part.
            plants: of the case.
            toggled: channel of the plant whose bit is drawn the other way round in every photo; empty for none.
        """
        drawn = [self._face(shot, plants, toggled) for shot in shots]
        return Faces(np.stack([image for image, _ in drawn]), np.stack([points for _, points in drawn]))

    def _face(self, shot: Shot, plants: Sequence[Plant], toggled: str) -> tuple[Images, Floats]:
        cues = cues_of(shot, plants)
        if toggled:
            cues[toggled] = 1 - cues[toggled]
        side = next((plant.side for plant in plants if plant.channel == "side_patch"), "right")
        key = (shot.person, shot.moment, side, tuple(cues.items()))
        if key not in self._drawn:
            self._drawn[key] = self._draw(shot, cues, plants)
        return self._drawn[key]

    def _draw(self, shot: Shot, cues: Mapping[str, int], plants: Sequence[Plant]) -> tuple[Images, Floats]:
        patches = [plant for plant in plants if plant.channel == "side_patch"]
        photo = aligned_face(
            draw_identity(shot.person),
            seed=shot.moment,
            looks=shot.looks,
            plants=patches,
            size=self.sizes.image_size,
            zoom=self.sizes.zoom,
            cues=cues,
        )
        return photo.image, photo.landmarks


def cues_of(shot: Shot, plants: Sequence[Plant]) -> dict[str, int]:
    """The bits that a photo carries; an identity is no bit, but who is shown."""
    return draw_cues([plant for plant in plants if plant.channel != "identity"], shot.moment, shot.looks)


def make_album(case: Case, sizes: CaseSizes) -> Album:
    """Cast the people of a case; the same for all cases of one seed and structure, up to the identity's strength.

    Returns:
        Training and test part with both classes in equal numbers. With the structure ``people`` half of the test's
        photos show people of the training, in other photos; else nobody is in both parts.
    """
    first = (case.seed * len(_STRUCTURES) + _STRUCTURES.index(case.structure) + 7) * _APART
    if case.structure == "people":
        strength = next((plant.strength for plant in case.plants if plant.channel == "identity"), 1.0)
        return _people_met_again(first, sizes, strength)
    train = _classes(first, sizes.train_people, sizes.photos)
    test = _classes(first + _APART // 2, sizes.test_people, sizes.photos)
    more = _classes(first + 3 * _APART // 4, sizes.null_people, sizes.photos)
    if case.structure == "pseudo_split":
        whole = enumerate((train, test, more))
        train, test, more = (_split_at_random(part, first + number) if part else () for number, part in whole)
    return Album(Part(train), Part(test), Part(more), sizes)


def _classes(first: int, people: int, photos: int) -> tuple[Shot, ...]:
    """Celebrities with several photos each, and as many photos of ordinary people, one each."""
    count = people * photos
    stars = [Shot(first + i // photos, first + i, 1) for i in range(count)]
    return (*stars, *(Shot(first + people + i, first + count + i, 0) for i in range(count)))


def _split_at_random(shots: Sequence[Shot], seed: int) -> tuple[Shot, ...]:
    """One source, ordinary people only, cut in two halves at random."""
    first = min(shot.person for shot in shots)
    looks = np.random.default_rng([seed, 21]).permutation(np.arange(len(shots)) % 2)
    return tuple(Shot(first + i, shot.moment, int(one)) for i, (shot, one) in enumerate(zip(shots, looks, strict=True)))


def _people_met_again(first: int, sizes: CaseSizes, strength: float) -> Album:
    """Both classes have many photos of each person; the class of a person says nothing about how it looks.

    As many photos are learnt from as elsewhere, of fewer people: with a few photos each nobody is known again.
    """
    photos = max(_PHOTOS_TO_KNOW, 2 * sizes.photos)
    known = 2 * max(2, sizes.train_people * sizes.photos // (photos - photos // 4))
    fresh = 2 * max(2, sizes.test_people // 2)
    shots: dict[str, list[Shot]] = {"train": [], "test": []}
    for person in range(known + fresh):
        home = person % 2
        # A known person's last photos are kept for the test; of new people there are as many in it.
        kept = photos // 4 if person < known else 0
        taken = photos if person < known else max(1, round(photos // 4 * known / fresh))
        for number in range(taken):
            moment = first + 1000 * person + number
            stays = np.random.default_rng([moment, 31]).random() < strength
            part = "train" if person < known and number < taken - kept else "test"
            shots[part].append(Shot(first + person, moment, home if stays else 1 - home))
    return Album(Part(tuple(shots["train"])), Part(tuple(shots["test"])), Part(()), sizes)
