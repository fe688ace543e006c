"""What is measured in the images before a label is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.companions import near_copies, properties
from looks_kedro.audit.companions.ladder import RUNGS, SIDE, ladder_features
from looks_kedro.audit.companions.permutations import Floats
from looks_kedro.errors import BadInputError
from looks_kedro.progress import track

__all__ = ["Evidence", "gather_evidence"]


@dataclass(frozen=True)
class Evidence:
    """What was measured, without looking at a label.

    Attributes:
        identities: (N,) names.
        properties: (N, K), one column a property.
        rungs: (N, p) features by rung; a rung that needs landmarks is missing where there are none.
        copies: pairs of copies filed under two people.
        neighbours: pairs of mutual nearest neighbours.
        pictures: (N, 64, 64, 3) uint8.
        landmarks: (N, 5, 2) in pixels of the pictures, or None.
        mattes: (N, 64, 64) uint8, or None.
    """

    identities: npt.NDArray[Any]
    properties: pd.DataFrame
    rungs: Mapping[str, npt.NDArray[np.float32]]
    copies: near_copies.Pairs
    neighbours: near_copies.Pairs
    pictures: npt.NDArray[np.uint8] = field(repr=False)
    landmarks: Floats | None = field(default=None, repr=False)
    mattes: npt.NDArray[np.uint8] | None = field(default=None, repr=False)


def gather_evidence(
    faces: Any,
    identities: npt.ArrayLike,
    landmarks: npt.ArrayLike | None = None,
    mattes: Any = None,
    raw: pd.DataFrame | None = None,
    *,
    seed: int = 0,
) -> Evidence:
    """Measure everything that does not depend on the labels; arguments as in ``find_companions``.

    Raises:
        BadInputError: lengths differ, landmarks are not (N, 5, 2) and finite, or a face is no colour picture.
    """
    names = np.asarray(identities).astype(str)
    given = faces if hasattr(faces, "__getitem__") else list(faces)
    points = _checked(given, names, landmarks, mattes, raw)
    measured, pictures, small = [], [], []
    for row in track(range(len(names)), "image properties"):
        face, told = properties.opened(_one(given, row))
        measured.append(told | properties.measured(face, None if points is None else points[row]))
        pictures.append(_shrunk(face))
        if points is not None:
            scale = np.array([SIDE / face.shape[1], SIDE / face.shape[0]])
            small.append((points[row] + 0.5) * scale - 0.5)
    table = pd.DataFrame(measured).astype(np.float64)
    if raw is not None:
        known = properties.known_properties(raw)
        table = pd.concat([known, table[[name for name in table.columns if name not in known.columns]]], axis=1)
    shown = np.stack(pictures)
    places = None if points is None else np.stack(small)
    cut = None if mattes is None else np.stack([_shrunk(_one(mattes, row)) for row in range(len(names))])
    rungs: dict[str, npt.NDArray[np.float32]] = {
        rung: ladder_features(rung, shown, places, cut, seed)
        for rung in track(RUNGS, "degraded inputs")
        if not (rung == "face only" and places is None)
        and not (rung == "background only" and places is None and cut is None)
    }
    return Evidence(
        identities=names,
        properties=table,
        rungs=rungs,
        copies=near_copies.copy_pairs(shown, names),
        neighbours=near_copies.mutual_neighbours(rungs["intact"], names),
        pictures=shown,
        landmarks=places,
        mattes=cut,
    )


def _checked(
    faces: Any, names: npt.NDArray[Any], landmarks: npt.ArrayLike | None, mattes: Any, raw: pd.DataFrame | None
) -> Floats | None:
    """Refuse what does not fit together; gives the landmarks as numbers."""
    count = len(names)
    points = None if landmarks is None else np.asarray(landmarks, dtype=np.float64)
    for what, given in (("faces", faces), ("landmarks", points), ("mattes", mattes), ("image properties", raw)):
        if given is not None and len(given) != count:
            raise BadInputError(f"{what}: found {len(given)} for {count} identities; expected one an image.")
    if points is not None:
        if points.shape != (count, 5, 2):
            raise BadInputError(f"landmarks: expected the shape ({count}, 5, 2), found {points.shape}.")
        wrong = np.flatnonzero(~np.isfinite(points).all(axis=(1, 2)))
        if len(wrong):
            raise BadInputError(
                f"landmarks, row {wrong[0]}: not finite, nor are those of {len(wrong) - 1} others. Leave out images "
                "in which no face was found, or give no landmarks."
            )
    return points


def _one(images: Any, row: int) -> Any:
    """One item of a list, or of an array that may be read by lists of rows alone."""
    return images[np.array([row])][0] if hasattr(images, "ndim") else images[row]


def _shrunk(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The picture at ``SIDE`` x ``SIDE``, each pixel the mean of what it covers."""
    import cv2

    if image.shape[:2] == (SIDE, SIDE):
        return np.ascontiguousarray(image)
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA))
