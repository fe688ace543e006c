"""Many portraits as arrays, as an audit is given them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.portrait import Portrait
from looks_kedro.errors import BadInputError

__all__ = ["PortraitSet"]


@dataclass(frozen=True, eq=False)
class PortraitSet:
    """Faces, their landmarks and, where there are some, their mattes.

    Attributes:
        faces: uint8 (N, S, S, 3) RGB, an array or what gives one for a row number.
        landmarks: float (N, 5, 2) in pixels of the faces.
        mattes: uint8 (N, S, S), 255 where the person is; None without any.
        good: (N,) whether each matte may be used; None uses them all.

    Raises:
        BadInputError: the parts do not fit each other.
    """

    faces: Any
    landmarks: npt.NDArray[np.floating[Any]]
    mattes: Any | None = None
    good: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.faces.shape)
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or self.faces.dtype != np.uint8:
            raise BadInputError(
                f"faces: expected uint8 of the shape (N, S, S, 3); found {self.faces.dtype} {shape}. "
                "Resize the images to one square and keep them in whole numbers from 0 to 255."
            )
        expected: tuple[tuple[str, Any, tuple[int, ...]], ...] = (
            ("landmarks", self.landmarks, (shape[0], 5, 2)),
            ("mattes", self.mattes, shape[:3]),
            ("good", self.good, shape[:1]),
        )
        for name, values, wanted in expected:
            if values is not None and tuple(values.shape) != wanted:
                raise BadInputError(
                    f"{name}: expected the shape {wanted} for faces of {shape}; found {tuple(values.shape)}. "
                    "Give one row for each face, in the faces' order."
                )
        lacking = np.flatnonzero(~np.isfinite(np.asarray(self.landmarks)).all(axis=(1, 2)))
        if len(lacking):
            raise BadInputError(
                f"landmarks, row {lacking[0]}: expected finite numbers; found {np.asarray(self.landmarks)[lacking[0]]} "
                f"({len(lacking)} such rows). Leave out images without a face."
            )

    def __len__(self) -> int:
        return int(self.faces.shape[0])

    @property
    def side(self) -> int:
        """Side of the faces, px."""
        return int(self.faces.shape[1])

    @property
    def with_matte(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each portrait has a good matte."""
        if self.mattes is None:
            return np.zeros(len(self), dtype=np.bool_)
        return np.ones(len(self), dtype=np.bool_) if self.good is None else np.asarray(self.good, dtype=np.bool_)

    def portrait(self, row: int) -> Portrait:
        """One portrait; its matte only where it is good."""
        number = int(row)
        usable = self.mattes is not None and (self.good is None or bool(self.good[number]))
        matte = np.asarray(self.mattes[number]) if usable and self.mattes is not None else None
        points = np.asarray(self.landmarks[number], dtype=np.float64)
        return Portrait(np.asarray(self.faces[number]), points, matte)
