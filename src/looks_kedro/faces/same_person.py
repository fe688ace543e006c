"""Is it this person? Photos that a search brought for a name, though they show somebody else, lie apart.

Each person gets a robust centre on the sphere of embeddings, as a minimum covariance determinant does it (Rousseeuw
and Van Driessen, 1999): a start in the densest half, steps to the nearest half, then all that belong to it. Up to
almost half of the photos may show others, all of them the same other too, and do not move it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, model_validator

from looks_kedro.errors import BadParameterError
from looks_kedro.faces.landmarks import Floats

log = logging.getLogger(__name__)

EMBEDDING_FILES = ("20180402-114759-vggface2.pt",)
"""Names that the weights of the embedding go by."""

_STARTS = 500  # of more photos every second, third, ... is tried as the start; they come in no order of likeness
_STEPS = 30  # each step lessens a sum; a handful is usual
_MANY = 0.25  # of the photos rejected: more than searches by name usually bring
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution


class SamePerson(BaseModel, extra="forbid", frozen=True):
    """Which photos of a person count as showing somebody else; distances are 1 - cosine of embeddings, 0 to 2."""

    enabled: bool = Field(True, description="whether the photos of each celebrity are compared with one another")
    weights: str | None = Field(
        None, description="a file of face embedding weights; null looks for the published name in the folder of weights"
    )
    least_photos: int = Field(5, ge=3, description="persons with fewer faces are not judged")
    least_agreement: float = Field(
        0.5, gt=0, le=1, description="a person is judged where this share of the photos show one and the same face"
    )
    deviations: float = Field(
        3.0, gt=0, description="a photo is rejected beyond the person's median distance plus this many deviations"
    )
    always_same: float = Field(0.4, ge=0, le=2, description="the limit of no person is below this distance")
    always_other: float = Field(0.65, ge=0, le=2, description="the limit of no person is above this distance")
    nearer_by: float = Field(
        0.15,
        ge=0,
        le=2,
        description="a photo nearer to another person by this much, and within that one's limit, is rejected too",
    )

    @model_validator(mode="after")
    def _ordered(self) -> SamePerson:
        if self.always_same > self.always_other:
            raise ValueError(f"always_same ({self.always_same}) must not be above always_other ({self.always_other})")
        return self

    def weights_file(self, folder: Path | None = None) -> Path | None:
        """The file of embedding weights, or None: the check is off, or there are none.

        Args:
            folder: where weights are kept; it need not exist.

        Raises:
            BadParameterError: ``weights`` names no file.
        """
        if not self.enabled:
            return None
        if self.weights is not None:
            path = Path(self.weights)
            if not path.is_file():
                raise BadParameterError(
                    f"preprocessing.same_person.weights is {self.weights}; expected a file of face embedding weights, "
                    f"found no such file. Correct it, or set it to null."
                )
            return path
        places = [folder / name for name in EMBEDDING_FILES] if folder is not None else []
        return next((path for path in places if path.is_file()), None)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What was found of each face.

    Attributes:
        distances: (N,) cosine distance to the centre of the person's other photos; NaN where not judged.
        limits: (N,) largest distance of that person; NaN where not judged.
        others: (N,) bool, whether it counts as somebody else.
        details: (N,) the numbers behind it in words; empty where not judged.
    """

    distances: Floats
    limits: Floats
    others: npt.NDArray[np.bool_]
    details: list[str]


@dataclass(frozen=True, eq=False)
class _Person:
    """One identity: its rows, their distances to the centre of the others, the centre, and the limit."""

    rows: npt.NDArray[np.intp]
    distances: Floats
    centre: Floats
    limit: float


def distances_to_person(
    embeddings: npt.ArrayLike, identities: Sequence[str], settings: SamePerson | None = None
) -> Floats:
    """Cosine distance (N,) of each face to the robust centre of its identity; NaN where not judged."""
    return other_people(embeddings, identities, settings).distances


def other_people(embeddings: npt.ArrayLike, identities: Sequence[str], settings: SamePerson | None = None) -> Judgement:
    """Judge of each face whether it shows the person that it is said to show.

    A person's limit is median + ``deviations`` x 1.4826 MAD of the distances of the photos within the limit, found by
    repetition from ``always_other``, and kept between ``always_same`` and ``always_other``. A face counts as somebody
    else beyond the limit, or when it is nearer to the centre of another identity by ``nearer_by`` and would pass as a
    photo of that one.

    Args:
        embeddings: (N, D), of any length but 0.
        identities: (N,) who each is said to show; empty, or with a single photo, where nothing is to be compared.
        settings: the rule.

    Returns:
        The judgement. Identities with fewer than ``least_photos`` photos, and those whose photos do not agree on one
        person (told in the log), are not judged; the latter do not attract others either.
    """
    settings = settings or SamePerson()
    points = _on_the_sphere(embeddings)
    names = np.asarray(identities, dtype=object)
    if points.shape[0] != names.shape[0]:
        raise ValueError(f"{points.shape[0]} embeddings for {names.shape[0]} identities")
    people: dict[str, _Person] = {}
    undecided: list[str] = []
    for name in sorted({str(name) for name in identities if name}):
        rows = np.flatnonzero(names == name)
        if len(rows) < settings.least_photos:
            continue
        person = _person(points, rows, settings)
        if np.count_nonzero(person.distances <= person.limit) < settings.least_agreement * len(rows):
            undecided.append(name)
        else:
            people[name] = person
    if undecided:
        log.warning(
            "The photos of %s do not agree on one person, so none of them is rejected as somebody else; look at them.",
            ", ".join(undecided[:10]) + (f" and {len(undecided) - 10} more" if len(undecided) > 10 else ""),
        )
    _tell_alike(people, settings)
    judgement = _judgement(points, people, settings)
    judged, rejected = int(np.isfinite(judgement.distances).sum()), int(judgement.others.sum())
    if rejected > _MANY * judged:
        log.warning(
            "%d of %d photos count as showing somebody else. If the review page shows that they do not, the embedding "
            "does not suit these photos: set preprocessing.same_person.enabled to false, or take other weights.",
            rejected,
            judged,
        )
    return judgement


def _judgement(points: Floats, people: dict[str, _Person], settings: SamePerson) -> Judgement:
    count = len(points)
    judgement = Judgement(np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, dtype=np.bool_), [""] * count)
    names = list(people)
    centres = np.stack([person.centre for person in people.values()]) if people else np.zeros((0, points.shape[1]))
    limits = [person.limit for person in people.values()]
    for number, person in enumerate(people.values()):
        judgement.distances[person.rows], judgement.limits[person.rows] = person.distances, person.limit
        to_others = _rounded(1.0 - points[person.rows] @ centres.T)
        to_others[:, number] = np.inf
        nearest = to_others.argmin(axis=1)
        for row, own, other, to_other in zip(
            person.rows, person.distances, nearest, to_others[np.arange(len(nearest)), nearest], strict=True
        ):
            detail = f"distance {own:.2f} to the person, at most {person.limit:.2f}"
            if to_other < own:
                detail += f"; nearer to {names[other]} ({to_other:.2f})"
            judgement.details[row] = detail
            passes = to_other <= limits[other] and own - to_other >= settings.nearer_by
            judgement.others[row] = own > person.limit or passes
    return judgement


def _person(points: Floats, rows: npt.NDArray[np.intp], settings: SamePerson) -> _Person:
    """Centre and limit of one identity from its rows."""
    own = points[rows]
    members = _nearest_half(own)
    limit = settings.always_other
    distances = np.zeros(len(rows))
    for _ in range(_STEPS):
        distances = _distances(own, members)
        inside = distances <= limit
        if inside.any():
            median = float(np.median(distances[inside]))
            spread = _MAD_TO_DEVIATION * float(np.median(np.abs(distances[inside] - median)))
            limit = float(
                np.clip(round(median + settings.deviations * spread, 4), settings.always_same, settings.always_other)
            )
        belonging = distances <= limit
        if not belonging.any() or bool((belonging == members).all()):
            break
        members = belonging
    return _Person(rows, distances, _unit(own[members].sum(axis=0)), limit)


def _nearest_half(own: Floats) -> npt.NDArray[np.bool_]:
    """The more than half of the points (n, D) that lie nearest to their own centre, (n,) bool.

    The start is the point whose sphere of the least radius holds more than half of all: photos of others, fewer than
    half, cannot fill such a sphere, however near they are to one another.
    """
    count = len(own)
    half = count // 2 + 1
    starts = own[:: -(-count // _STARTS)]
    radii = _rounded(np.array([np.partition(1.0 - own @ point, half - 1)[half - 1] for point in starts]))
    centre = starts[int(radii.argmin())]
    members = np.zeros(count, dtype=np.bool_)
    for _ in range(_STEPS):
        nearest = np.argsort(_rounded(1.0 - own @ centre), kind="stable")[:half]
        now = np.zeros(count, dtype=np.bool_)
        now[nearest] = True
        if bool((now == members).all()):
            break
        members, centre = now, _unit(own[now].sum(axis=0))
    return members


def _distances(own: Floats, members: npt.NDArray[np.bool_]) -> Floats:
    """Cosine distances (n,) to the centre of the members, each member to that of the other members.

    Without leaving itself out a member would seem nearer than an equal photo outside, the more so the fewer there are.
    """
    total = own[members].sum(axis=0)
    centres = total[None, :] - own * members[:, None]
    lengths = np.linalg.norm(centres, axis=1)
    cosines = np.einsum("nd,nd->n", own, centres) / np.where(lengths > 0, lengths, 1.0)
    return _rounded(1.0 - np.where(lengths > 0, cosines, 1.0))


def _tell_alike(people: dict[str, _Person], settings: SamePerson) -> None:
    """Name identities with one centre: one person under two names, or a folder that mostly shows another's."""
    names = list(people)
    for first, name in enumerate(names):
        for other in names[first + 1 :]:
            distance = 1.0 - float(people[name].centre @ people[other].centre)
            if distance < settings.always_same / 2:
                log.warning(
                    "%s and %s look like one person (distance %.2f of their centres): the same person under two "
                    "names, or one of the two searches found the other. Look at both.",
                    name,
                    other,
                    distance,
                )


def _on_the_sphere(embeddings: npt.ArrayLike) -> Floats:
    points = np.asarray(embeddings, dtype=np.float64)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise ValueError(f"embeddings must be finite, (N, D); found {points.shape}")
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError("an embedding has the length 0, so it points nowhere")
    unit: Floats = points / lengths
    return unit


def _rounded(distances: Floats) -> Floats:
    """To four digits: the last bits of sums depend on the machine, and no decision shall."""
    return np.round(distances, 4)


def _unit(vector: Floats) -> Floats:
    length = float(np.linalg.norm(vector))
    scaled: Floats = vector / length if length > 0 else vector
    return scaled
