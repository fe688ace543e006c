"""How well a finished model does on parts of the picture, on mixed backgrounds, and for the group it serves worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.companions.ladder import background_only, face_only
from looks_kedro.audit.donors import can_be_exchanged
from looks_kedro.audit.mixed_backgrounds import mixed, mixed_backgrounds, on_ground_of
from looks_kedro.audit.worst_groups import control_row, worst_groups
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval, balanced_accuracy_interval, critical_value, people_of, spread
from looks_kedro.progress import track

__all__ = [
    "CONTROL_COLUMNS",
    "background_gap",
    "controls_of",
    "mixed_backgrounds",
    "model_controls",
    "on_ground_of",
    "worst_groups",
]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Model = Callable[[Image], npt.NDArray[Any]]
"""uint8 images (n, S, S, 3) to logits (n, 2)."""

CONTROL_COLUMNS = ("control", "images", "balanced_accuracy", "low", "high", "note")

_BATCH = 64

_UNKNOWN = Interval(np.nan, np.nan, np.nan)
_ALONE = "unknown: a class has one person, and no other's background to be shown before"


def model_controls(
    model: Model,
    faces: Any,
    labels: npt.ArrayLike,
    identities: npt.ArrayLike,
    landmarks: npt.ArrayLike,
    mattes: Any = None,
    attributes: Mapping[str, npt.ArrayLike] | None = None,
    *,
    good_mattes: npt.ArrayLike | None = None,
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
        good_mattes: bool (N,), which mattes may be used; None uses them all. Backgrounds are then of the images with
            good ones alone, or, where fewer than two people of a class have one, by the head's ellipse for all.
        seed: of the donors.
        batch_size: images that the model gets at a time.

    Returns:
        Columns ``CONTROL_COLUMNS``: a row for the faces as they are, ``face only``, ``background only``, ``mixed
        same``, ``mixed random``, ``background gap`` (a difference of two balanced accuracies), and a ``worst group``
        for each attribute (an accuracy, for a group has one class). 95 % intervals, by person. Where a class has one
        person the mixed rows and the gap are NaN, and ``note`` says why.

    Raises:
        BadInputError: shapes differ, a class is missing, or the model gives no (n, 2) logits.
    """
    table = controls_of(
        {"": model},
        faces,
        labels,
        identities,
        landmarks,
        mattes,
        attributes,
        good_mattes=good_mattes,
        seed=seed,
        batch_size=batch_size,
    )
    return table[""]


def controls_of(
    models: Mapping[str, Model],
    faces: Any,
    labels: npt.ArrayLike,
    identities: npt.ArrayLike,
    landmarks: npt.ArrayLike,
    mattes: Any = None,
    attributes: Mapping[str, npt.ArrayLike] | None = None,
    *,
    good_mattes: npt.ArrayLike | None = None,
    seed: int = 0,
    batch_size: int = _BATCH,
) -> dict[str, pd.DataFrame]:
    """The controls of several models, by name; each edited image is made once and shown to all of them.

    Args:
        models: by name; otherwise as :func:`model_controls`.
        faces: uint8 (N, S, S, 3), or what gives one for a row number.
        labels: 0 or 1 (N,).
        identities: (N,).
        landmarks: (N, 5, 2).
        mattes: uint8 (N, S, S), or what gives one for a row number.
        attributes: (N,) values by name.
        good_mattes: bool (N,).
        seed: of the donors.
        batch_size: images at a time.

    Raises:
        BadInputError: as :func:`model_controls`.
    """
    marks, names, points = _checked(faces, labels, identities, landmarks, mattes)
    cut, mattes = _cut_out(marks, names, mattes, good_mattes)
    edits = _edits(faces, points, mattes, marks, names, cut, seed)
    right: dict[str, dict[str, Flags]] = {name: {} for name in models}
    for control, (chosen, edit) in edits.items():
        said = _decisions(models, edit, chosen, batch_size, control)
        for name in models:
            right[name][control] = said[name] == marks[chosen]
    notes = _notes(mattes is not None)
    return {name: _table(flags, edits, marks, names, attributes or {}, notes) for name, flags in right.items()}


def _cut_out(marks: Numbers, names: npt.NDArray[Any], mattes: Any, good: npt.ArrayLike | None) -> tuple[Numbers, Any]:
    """Rows whose background is shown, and the mattes that say what it is."""
    everybody = np.arange(len(marks))
    if mattes is None or good is None:
        return everybody, mattes
    cut = np.flatnonzero(np.asarray(good, dtype=bool))
    if not can_be_exchanged(marks, names, good):
        return everybody, None
    return cut, mattes


def _edits(
    faces: Any, points: Floats, mattes: Any, marks: Numbers, names: npt.NDArray[Any], cut: Numbers, seed: int
) -> dict[str, tuple[Numbers, Callable[[int], Image]]]:
    """For each control the rows that it is tried on, and a row to its edited image."""
    evenly = np.random.default_rng([seed, 23]).integers(2, size=len(cut))
    everybody = np.arange(len(marks))
    edits: dict[str, tuple[Numbers, Callable[[int], Image]]] = {
        "as they are": (everybody, lambda row: np.asarray(faces[row])),
        "face only": (everybody, lambda row: face_only(np.asarray(faces[row]), points[row])),
        "background only": (
            cut,
            lambda row: background_only(
                np.asarray(faces[row]), points[row], None if mattes is None else np.asarray(mattes[row])
            ),
        ),
    }
    for name, wanted in (("mixed same", marks[cut]), ("mixed random", evenly)):
        donors = dict(zip(cut.tolist(), cut[_donors(marks[cut], wanted, names[cut], seed)].tolist(), strict=True))
        edits[name] = (cut, lambda row, donors=donors: mixed(faces, points, mattes, row, donors[row]))  # type: ignore[misc]
    return edits


def _notes(by_matte: bool) -> dict[str, str]:
    person = "the matte" if by_matte else "the head's ellipse"
    return {
        "face only": "the face's ellipse on grey",
        "background only": f"without {person}, filled from around it",
        "mixed same": f"{person} before the background of the same class",
        "mixed random": f"{person} before the background of a random class",
    }


def _table(
    right: Mapping[str, Flags],
    edits: Mapping[str, tuple[Numbers, Any]],
    marks: Numbers,
    names: npt.NDArray[Any],
    attributes: Mapping[str, npt.ArrayLike],
    notes: Mapping[str, str],
) -> pd.DataFrame:
    """The controls of one model, from whether its decisions are right."""
    rows = []
    cut = edits["mixed same"][0]
    # Nobody's own background says anything of another's.
    alone = not can_be_exchanged(marks[cut], names[cut], np.ones(len(cut)))
    for control, (chosen, _) in edits.items():
        if alone and control.startswith("mixed"):
            rows.append(control_row(control, len(chosen), _UNKNOWN, _ALONE))
            continue
        reached = balanced_accuracy_interval(right[control], marks[chosen], names[chosen])
        rows.append(control_row(control, len(chosen), reached, notes.get(control, "")))
    gap = background_gap(right["mixed same"], right["mixed random"], marks[cut], names[cut])
    told = "mixed same less mixed random (Xiao et al., 2020)"
    rows.append(control_row("background gap", len(cut), *((_UNKNOWN, _ALONE) if alone else (gap, told))))
    rows += worst_groups(right["as they are"], marks, names, attributes)
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
    models: Mapping[str, Model], edit: Callable[[int], Image], rows: Numbers, batch_size: int, control: str
) -> dict[str, Numbers]:
    """What each model says to the edited images of some rows."""
    said: dict[str, list[Numbers]] = {name: [] for name in models}
    for start in track(range(0, len(rows), batch_size), control):
        images = np.stack([edit(int(row)) for row in rows[start : start + batch_size]])
        for name, model in models.items():
            logits = np.asarray(model(images))
            if logits.shape != (len(images), 2):
                raise BadInputError(
                    f"the model gave the shape {logits.shape} for {len(images)} images; expected logits "
                    f"({len(images)}, 2)"
                )
            said[name].append(logits.argmax(axis=1).astype(np.int64))
    return {name: np.concatenate(parts) for name, parts in said.items()}


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
