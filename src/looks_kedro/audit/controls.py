"""How well a finished model does on parts of the picture, on mixed backgrounds, and for the group it serves worst."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.companions.ladder import background_only, face_only, filled, person_matte
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import (
    Interval,
    balanced_accuracy_interval,
    critical_value,
    people_of,
    share_interval,
    spread,
)
from looks_kedro.progress import track

__all__ = ["CONTROL_COLUMNS", "background_gap", "mixed_backgrounds", "model_controls", "on_ground_of", "worst_groups"]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Model = Callable[[Image], npt.NDArray[Any]]
"""uint8 images (n, S, S, 3) to logits (n, 2)."""

CONTROL_COLUMNS = ("control", "images", "balanced_accuracy", "low", "high", "note")

_BATCH = 64
_LEAST_IMAGES, _LEAST_PEOPLE = 10, 3


def model_controls(
    model: Model,
    faces: Any,
    labels: npt.ArrayLike,
    identities: npt.ArrayLike,
    landmarks: npt.ArrayLike,
    mattes: Any = None,
    attributes: Mapping[str, npt.ArrayLike] | None = None,
    *,
    seed: int = 0,
    batch_size: int = _BATCH,
) -> pd.DataFrame:
    """Try a finished model where a part of the picture is missing or another's.

    ``mixed same`` and ``mixed random`` show each person before the background of an image of the same class, and of a
    class drawn evenly; their difference is the background gap of Xiao et al. (2020, "Noise or Signal", section 3:
    MIXED-SAME, MIXED-RAND, BG-GAP). There it is a difference of accuracies over nine classes of equal size; here of
    balanced accuracies, which is the same for classes of equal size.

    Args:
        model: uint8 (n, S, S, 3) RGB to logits (n, 2); class 1 is said where the second is larger.
        faces: uint8 (N, S, S, 3).
        labels: 0 or 1 (N,).
        identities: (N,).
        landmarks: (N, 5, 2) in pixels of the faces.
        mattes: uint8 (N, S, S), 255 where the person is; without them the head's ellipse is the person.
        attributes: (N,) values by name; the worst group is sought among class x value of each.
        seed: of the donors.
        batch_size: images that the model gets at a time.

    Returns:
        Columns ``CONTROL_COLUMNS``: a row for the faces as they are, ``face only``, ``background only``, ``mixed
        same``, ``mixed random``, ``background gap`` (a difference of two balanced accuracies), and a ``worst group``
        for each attribute (an accuracy, for a group has one class). 95 % intervals, by person.

    Raises:
        BadInputError: shapes differ, a class is missing, or the model gives no (n, 2) logits.
    """
    marks, names, points = _checked(faces, labels, identities, landmarks, mattes)
    evenly = np.random.default_rng([seed, 23]).integers(2, size=len(marks))
    donors = {"mixed same": _donors(marks, marks, names, seed), "mixed random": _donors(marks, evenly, names, seed)}
    edits: dict[str, Callable[[int], Image]] = {
        "as they are": lambda row: np.asarray(faces[row]),
        "face only": lambda row: face_only(np.asarray(faces[row]), points[row]),
        "background only": lambda row: background_only(
            np.asarray(faces[row]), points[row], None if mattes is None else np.asarray(mattes[row])
        ),
    }
    for name, chosen in donors.items():
        edits[name] = lambda row, chosen=chosen: _mixed(faces, points, mattes, row, int(chosen[row]))  # type: ignore[misc]
    person = "the head's ellipse" if mattes is None else "the matte"
    notes = {
        "face only": "the face's ellipse on grey",
        "background only": f"without {person}, filled from around it",
        "mixed same": f"{person} before the background of the same class",
        "mixed random": f"{person} before the background of a random class",
    }
    rows, right = [], {}
    for name, edit in edits.items():
        right[name] = _decisions(model, edit, len(marks), batch_size, name) == marks
        rows.append(_row(name, len(marks), balanced_accuracy_interval(right[name], marks, names), notes.get(name, "")))
    gap = background_gap(right["mixed same"], right["mixed random"], marks, names)
    rows.append(_row("background gap", len(marks), gap, "mixed same less mixed random (Xiao et al., 2020)"))
    rows += worst_groups(right["as they are"], marks, names, attributes or {})
    return pd.DataFrame(rows, columns=list(CONTROL_COLUMNS))


def background_gap(
    right_same: npt.ArrayLike,
    right_random: npt.ArrayLike,
    labels: npt.ArrayLike,
    identities: npt.ArrayLike,
    error_rate: float = 0.05,
) -> Interval:
    """Balanced accuracy on backgrounds of the same class less that on backgrounds of a random class.

    Both are decisions on the same people, so the interval is that of the paired difference, by person.

    Args:
        right_same: bool (N,), whether the decision on ``mixed same`` is right.
        right_random: bool (N,), on ``mixed random``.
        labels: 0 or 1 (N,).
        identities: (N,).
        error_rate: 0.05 for a 95 % interval.
    """
    difference = np.asarray(right_same, dtype=np.float64) - np.asarray(right_random, dtype=np.float64)
    marks, names = np.asarray(labels), np.asarray(identities)
    means = [float(difference[marks == one].mean()) for one in (0, 1)]
    sizes = [int((marks == one).sum()) for one in (0, 1)]
    influence = (difference - np.where(marks == 1, means[1], means[0])) / np.where(marks == 1, sizes[1], sizes[0]) / 2
    covariance, freedom = spread(influence, people_of(names, marks))
    value = 0.5 * (means[0] + means[1])
    reach = float(critical_value(freedom[0], error_rate)) * float(np.sqrt(covariance[0, 0]))
    return Interval(value, max(value - reach, -1.0), min(value + reach, 1.0))


def worst_groups(
    right: npt.ArrayLike, labels: npt.ArrayLike, identities: npt.ArrayLike, attributes: Mapping[str, npt.ArrayLike]
) -> list[dict[str, Any]]:
    """The group of class x value on which the model is right least often, for each attribute.

    Groups of fewer than 10 images or 3 people are left out, and the note says so. The worst of several groups looks
    worse than it is by chance; its interval is the one that holds for all groups together (Bonferroni).

    Args:
        right: bool (N,).
        labels: 0 or 1 (N,).
        identities: (N,).
        attributes: (N,) values by name; an empty value belongs to no group.

    Returns:
        Rows of :func:`model_controls`.
    """
    correct, marks = np.asarray(right, dtype=bool), np.asarray(labels)
    names = np.asarray(identities).astype(str)
    rows = []
    for attribute, given in attributes.items():
        values = np.asarray(given).astype(str)
        if values.shape != marks.shape:
            raise BadInputError(f"{attribute}: found {values.shape[0]} values for {len(marks)} images.")
        groups = {(one, value): (marks == one) & (values == value) for one in (0, 1) for value in np.unique(values)
                  if value}  # fmt: skip
        seen = {key: rows_of for key, rows_of in groups.items() if rows_of.any()}
        large = {
            key: rows_of
            for key, rows_of in seen.items()
            if rows_of.sum() >= _LEAST_IMAGES and len(np.unique(names[rows_of])) >= _LEAST_PEOPLE
        }
        left = f"; {len(seen) - len(large)} small groups left out" if len(large) < len(seen) else ""
        if not large:
            rows.append(
                _row(f"worst group: {attribute}", 0, Interval(*[np.nan] * 3), f"no group is large enough{left}")
            )
            continue
        key = min(large, key=lambda one: float(correct[large[one]].mean()))
        chosen = large[key]
        reached = share_interval(correct[chosen], people_of(names[chosen]), 0.05 / len(large))
        note = f"accuracy on class {key[0]}, {key[1]}; the worst of {len(large)} groups{left}"
        rows.append(_row(f"worst group: {attribute}", int(chosen.sum()), reached, note))
    return rows


def mixed_backgrounds(
    faces: Any, landmarks: npt.ArrayLike, donors: npt.ArrayLike, mattes: Any = None
) -> Iterator[Image]:
    """Each person before the background of another image.

    Args:
        faces: uint8 (N, S, S, 3).
        landmarks: (N, 5, 2).
        donors: (N,) rows whose background is shown; the image's own row leaves it as it is.
        mattes: uint8 (N, S, S).

    Yields:
        uint8 (S, S, 3), one an image.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    for row, donor in enumerate(np.asarray(donors)):
        yield _mixed(faces, points, mattes, row, int(donor))


def on_ground_of(
    face: Image,
    donor: Image,
    landmarks: npt.ArrayLike,
    donor_landmarks: npt.ArrayLike,
    matte: Image | None = None,
    donor_matte: Image | None = None,
) -> Image:
    """A person before the background of another image, whose person is taken out and filled from around.

    Args:
        face: (S, S, 3) uint8, whose person is shown.
        donor: (S, S, 3) uint8, whose background is shown.
        landmarks: (5, 2) of the face.
        donor_landmarks: (5, 2) of the donor.
        matte: (S, S) uint8 of the face; the head's ellipse without it.
        donor_matte: of the donor.
    """
    person = person_matte(face.shape, landmarks, matte)[:, :, None]
    ground = filled(donor, person_matte(donor.shape, donor_landmarks, donor_matte, margin=0.03))
    return np.rint(face * person + ground * (1 - person)).astype(np.uint8)


def _mixed(faces: Any, landmarks: Floats, mattes: Any, row: int, donor: int) -> Image:
    if row == donor:
        return np.asarray(faces[row])
    cut = [None, None] if mattes is None else [np.asarray(mattes[one]) for one in (row, donor)]
    return on_ground_of(
        np.asarray(faces[row]), np.asarray(faces[donor]), landmarks[row], landmarks[donor], cut[0], cut[1]
    )


def _donors(
    marks: npt.NDArray[Any], wanted: npt.NDArray[Any], names: npt.NDArray[Any], seed: int
) -> npt.NDArray[np.int64]:
    """For each image one of another person in the wanted class, drawn evenly; itself where there is nobody else."""
    generator = np.random.default_rng([seed, 29])
    pools = [np.flatnonzero(marks == one) for one in (0, 1)]
    result = np.arange(len(marks))
    for row, one in enumerate(wanted):
        others = pools[one][names[pools[one]] != names[row]]
        if len(others):
            result[row] = generator.choice(others)
    return result


def _decisions(
    model: Model, edit: Callable[[int], Image], count: int, batch_size: int, name: str
) -> npt.NDArray[np.int64]:
    said = []
    for start in track(range(0, count, batch_size), name):
        images = np.stack([edit(row) for row in range(start, min(start + batch_size, count))])
        logits = np.asarray(model(images))
        if logits.shape != (len(images), 2):
            raise BadInputError(
                f"the model gave the shape {logits.shape} for {len(images)} images; expected logits ({len(images)}, 2)"
            )
        said.append(logits.argmax(axis=1))
    return np.concatenate(said).astype(np.int64)


def _row(name: str, images: int, reached: Interval, note: str) -> dict[str, Any]:
    return {
        "control": name,
        "images": images,
        "balanced_accuracy": reached.value,
        "low": reached.low,
        "high": reached.high,
        "note": note,
    }


def _checked(
    faces: Any, labels: npt.ArrayLike, identities: npt.ArrayLike, landmarks: npt.ArrayLike, mattes: Any
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], Floats]:
    marks, names = np.asarray(labels).astype(np.int64), np.asarray(identities).astype(str)
    points = np.asarray(landmarks, dtype=np.float64)
    counts = {"faces": len(faces), "labels": len(marks), "identities": len(names), "landmarks": len(points)}
    if mattes is not None:
        counts["mattes"] = len(mattes)
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise BadInputError(f"expected one of each for every image; found {told}")
    if set(np.unique(marks).tolist()) != {0, 1}:
        raise BadInputError(f"labels: expected both 0 and 1, found {np.unique(marks).tolist()}")
    return marks, names, points
