"""Raw sets: two classes of photo files as a search for pictures might have brought them in, spoilt ones included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import BaseModel, Field

from looks_kedro.errors import BadInputError
from looks_kedro.lists import PlusList
from looks_kedro.portraits.identity import Identity, draw_identity
from looks_kedro.portraits.plants import Plant

if TYPE_CHECKING:
    from looks_kedro.portraits.photo import Photo

SPOILT = ("no face", "two faces", "truncated", "duplicate")
_STRIDE = 1_000_003  # keeps the seeds of different sets apart


class PhotoSet(BaseModel, extra="forbid", frozen=True):
    """Settings of a synthetic raw set."""

    seed: int = Field(0, ge=0, description="the same seed gives the same files")
    celebrities: int = Field(24, ge=0, description="number of identities in the class celebrities")
    photos_per_celebrity: int = Field(10, ge=1, description="photos of each of them")
    ordinary: int = Field(240, ge=0, description="number of ordinary photos, each of another person")
    plants: Annotated[tuple[Plant, ...], PlusList] = Field((), description="what tells the classes apart")
    spoilt: bool = Field(True, description="add a file without a face, with two, truncated and twice to each class")


@dataclass(frozen=True)
class RawPhoto:
    """One file of a raw set and what is true of it.

    Attributes:
        file: name inside the class's folder: ``ada_lorin/0007.jpg`` or ``0012.jpg``.
        content: the file's bytes.
        identity: name of the person; empty where there is none or two.
        age: FairFace value; empty where there is no single person. So are gender and race.
        gender: FairFace value.
        race: FairFace value.
        looks: 1 celebrities, 0 ordinary.
        yaw: true turn of the head in degrees; NaN without a single person.
        origin: from which :func:`redraw` draws the photo again.
        spoilt: empty, or one of ``SPOILT``.
    """

    file: str
    content: bytes
    identity: str
    age: str
    gender: str
    race: str
    looks: int
    yaw: float
    origin: str
    spoilt: str = ""


@dataclass(frozen=True)
class _Task:
    """What one file needs to be drawn; small, so that it travels to other processes cheaply."""

    file: str
    name: str
    identity_seed: int
    photo_seed: int
    looks: int
    plants: tuple[Plant, ...]
    spoilt: str = ""

    @property
    def origin(self) -> str:
        plants = "+".join(f"{p.channel}:{p.strength:g}:{p.side}" for p in self.plants)
        return (
            f"synthetic:seed={self.photo_seed},person={self.identity_seed},looks={self.looks},"
            f"plants={plants},spoilt={self.spoilt}"
        )


def _names(count: int, first: int) -> list[str]:
    """Distinct names for identities with seeds ``first``, ``first + 1``, ..."""
    names: list[str] = []
    taken: set[str] = set()
    for seed in range(first, first + count):
        name = base = draw_identity(seed).name
        again = 2
        while name in taken:
            name, again = f"{base}_{again}", again + 1
        taken.add(name)
        names.append(name)
    return names


def _plan(settings: PhotoSet) -> list[_Task]:
    """All files of the set in order: celebrities, then ordinary ones."""
    first = settings.seed * _STRIDE
    each = settings.photos_per_celebrity
    tie = next((plant for plant in settings.plants if plant.channel == "identity"), None)
    # With identities planted, ordinary people have several photos each too, and leave their class by chance.
    share = each if tie else 1
    strangers = -(-settings.ordinary // share)
    stars = [first + i for i in range(settings.celebrities)]
    others = [first + settings.celebrities + i for i in range(strangers)]
    names = dict(zip(stars + others, _names(len(stars) + len(others), first), strict=True))
    slots = [(person, 1) for person in stars for _ in range(each)]
    slots += [(others[i // share], 0) for i in range(settings.ordinary)]
    if tie and stars and others:
        slots = _loosen(slots, tie.strength, stars, others, settings.seed)
    tasks: list[_Task] = []
    counts: dict[str, int] = {}
    for index, (person, looks) in enumerate(slots):
        folder = f"{names[person]}/" if looks else ""
        counts[folder] = counts.get(folder, 0) + 1
        file = f"{folder}{counts[folder]:04d}.jpg"
        tasks.append(_Task(file, names[person], person, first + index, looks, settings.plants))
    return tasks + (_spoilt(settings, tasks, first) if settings.spoilt else [])


def _loosen(
    slots: list[tuple[int, int]], strength: float, stars: list[int], others: list[int], seed: int
) -> list[tuple[int, int]]:
    """Hand a share (1 - strength) of the photos to people of the other class."""
    rng = np.random.default_rng([seed, 131])
    loose = []
    for person, looks in slots:
        away, pick = rng.random() >= strength, rng.random()
        pool = others if looks else stars
        loose.append((pool[int(pick * len(pool))] if away else person, looks))
    return loose


def _spoilt(settings: PhotoSet, tasks: list[_Task], first: int) -> list[_Task]:
    """One of each kind of spoilt file for each class, named like its neighbours."""
    extra: list[_Task] = []
    for looks in (1, 0):
        mine = [task for task in tasks if task.looks == looks]
        if not mine:
            continue
        names = {task.file for task in mine}
        for i, kind in enumerate(SPOILT):
            like = mine[(i * 7) % len(mine)]
            folder = like.file.rpartition("/")[0]
            number = 1
            while (file := f"{folder}/{number:04d}.jpg".lstrip("/")) in names:
                number += 1
            names.add(file)
            seed = like.photo_seed if kind == "duplicate" else first + 900_000 + 10 * looks + i
            extra.append(_Task(file, like.name, like.identity_seed, seed, looks, settings.plants, kind))
    return extra


def _draw(task: _Task) -> RawPhoto:
    from looks_kedro.portraits.photo import empty_scene, group_photo, take_photo

    person = draw_identity(task.identity_seed)
    seed, looks, plants = task.photo_seed, task.looks, task.plants
    if task.spoilt == "no face":
        photo = empty_scene(person, seed=seed, looks=looks, plants=plants)
    elif task.spoilt == "two faces":
        photo = group_photo(person, draw_identity(task.identity_seed + 500_000), seed=seed, looks=looks, plants=plants)
    else:
        photo = take_photo(person, seed=seed, looks=looks, plants=plants)
    content = photo.jpeg()
    if task.spoilt == "truncated":
        content = content[: len(content) * 2 // 5]
    alone = task.spoilt in ("", "truncated", "duplicate")
    return RawPhoto(
        file=task.file,
        content=content,
        identity=task.name if alone else "",
        age=person.age if alone else "",
        gender=person.gender if alone else "",
        race=person.race if alone else "",
        looks=looks,
        yaw=photo.yaw if alone else float("nan"),
        origin=task.origin,
        spoilt=task.spoilt,
    )


def photo_set(settings: PhotoSet, looks: int | None = None, processes: int | None = None) -> list[RawPhoto]:
    """Draw a raw set.

    Args:
        settings: how many of what, and what is planted.
        looks: only this class (1 celebrities, 0 ordinary); None = both, celebrities first.
        processes: how many processes draw; None = one a core.

    Returns:
        The files in a fixed order, the same for the same settings.
    """
    return list(iterate_photo_set(settings, looks, processes))


def iterate_photo_set(settings: PhotoSet, looks: int | None = None, processes: int | None = None) -> Iterator[RawPhoto]:
    """The files of :func:`photo_set`, one after the other, so that they need not all be held."""
    tasks = [task for task in _plan(settings) if looks in (None, task.looks)]
    if processes == 1:
        yield from map(_draw, tasks)
        return
    from looks_kedro.parallel import map_images

    yield from map_images(_draw, tasks, processes=processes, description="drawing portraits")


def redraw(origin: str, *, cues: Mapping[str, int] | None = None, masks: bool = False) -> Photo:
    """Draw a raw photo again from the ``origin`` of its :class:`RawPhoto`, with its truth, or with a cue toggled.

    Args:
        origin: as written in the acquisition log.
        cues: bits by channel in place of the drawn ones; all else stays as it was.
        masks: draw the label map too.

    Raises:
        BadInputError: the origin was not written by this studio, or names a spoilt file.
    """
    from looks_kedro.portraits.photo import take_photo

    try:
        values = dict(part.split("=", 1) for part in origin.removeprefix("synthetic:").split(","))
        plants = [part.split(":") for part in values["plants"].split("+") if part]
        planted = tuple(Plant.model_validate({"channel": c, "strength": float(s), "side": d}) for c, s, d in plants)
        seed, person, looks = (int(values[key]) for key in ("seed", "person", "looks"))
        spoilt = values["spoilt"]
    except (KeyError, ValueError) as error:
        raise BadInputError(f"origin '{origin}': not written by the portrait studio ({error}).") from error
    if spoilt in ("no face", "two faces"):
        raise BadInputError(f"origin '{origin}': a spoilt file shows no single person and cannot be drawn again.")
    return take_photo(draw_identity(person), seed=seed, looks=looks, plants=planted, cues=cues, masks=masks)


__all__ = ["SPOILT", "Identity", "PhotoSet", "RawPhoto", "iterate_photo_set", "photo_set", "redraw"]
