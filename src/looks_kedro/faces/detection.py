"""Faces in a picture by MTCNN (Zhang et al., 2016), as facenet-pytorch implements it.

Only its ``detect`` is used, on one RGB image at a time; selecting and cropping are our own. Its weights are inside
the facenet-pytorch wheel.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from looks_kedro.faces.landmarks import Floats
from looks_kedro.lists import PlusList

_LEAST_SIDE = 48  # smaller pictures are enlarged: MTCNN's pyramid would be empty, and torch.cat raises
_STEP = 0.709  # between the levels of MTCNN's pyramid, its default
_FINE_STEP = 0.85


class Detection(BaseModel, extra="forbid", frozen=True):
    """How faces are searched, and which of them count."""

    thresholds: Annotated[tuple[float, float, float], PlusList] = Field(
        (0.6, 0.7, 0.7), description="least probability in the three stages of MTCNN, 0..1"
    )
    longest_side: int = Field(
        320,
        ge=64,
        description="larger pictures are shrunk to this before the search, px; the network sees a face at 48 px, "
        "so more costs time and gains nothing for faces wider than a sixth of the picture",
    )
    min_face_fraction: float = Field(
        0.1, gt=0, le=1, description="smallest face searched, as a fraction of the picture's longest side"
    )
    padding: float = Field(
        0.25,
        ge=0,
        le=1,
        description="border added before the search by repeating the edge, as a fraction of each side; "
        "tight crops need it (on them several boxes score exactly 1, and an unstable sort breaks the tie)",
    )
    min_probability: float = Field(0.9, ge=0, le=1, description="least probability of a face that counts")
    min_face_width: float = Field(40.0, ge=0, description="narrower faces are refused as too small, raw px")
    rival_area: float = Field(
        0.4, gt=0, description="a second face makes the picture ambiguous from this fraction of the chosen one's area"
    )
    rival_probability: float = Field(0.95, ge=0, le=1, description="least probability of such a second face")


@dataclass(frozen=True, eq=False)
class Face:
    """A face found in a picture; coordinates in pixels of the picture as given, pixel centres at integers.

    Attributes:
        box: left, top, right, bottom, (4,); may reach over the edges.
        probability: 0..1.
        landmarks: (5, 2), left eye, right eye, nose, left and right corner of the mouth, as seen in the image.
    """

    box: Floats
    probability: float
    landmarks: Floats

    @property
    def width(self) -> float:
        """Width of the box in pixels."""
        return float(self.box[2] - self.box[0])

    @property
    def area(self) -> float:
        """Area of the box in square pixels."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


class FaceDetector:
    """Finds faces; loads the network when it is made (about 2 s with torch's import)."""

    def __init__(self, settings: Detection | None = None) -> None:
        self.settings = settings or Detection()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from facenet_pytorch import MTCNN

            self._network: Any = MTCNN(
                keep_all=True, thresholds=list(self.settings.thresholds), device="cpu", select_largest=False
            )

    def detect(self, image: npt.NDArray[np.uint8]) -> list[Face]:
        """All faces whose centre lies in the picture, the largest first.

        Args:
            image: (H, W, 3) uint8 RGB, of any size.

        Returns:
            The faces, with a probability above the last threshold; empty when there is none.

        Raises:
            ValueError: the array has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"expected a uint8 RGB array (H, W, 3); found {image.dtype} {image.shape}")
        height, width = image.shape[:2]
        faces: list[Face] = []
        for padding, step in ((self.settings.padding, _STEP), (max(self.settings.padding, 0.5), _FINE_STEP)):
            search, scale, border = self._prepare(image, padding)
            longest = float((search.shape[:2] - 2 * border[::-1]).max())
            least = max(20.0, min(self.settings.min_face_fraction * longest, min(search.shape[:2])))
            found = [
                Face(_map_back(box, scale, border).ravel(), probability, _map_back(points, scale, border))
                for box, probability, points in self._search(search, least, step)
            ]
            # MTCNN's pyramid is coarse: now and then a clear face falls between two of its steps. Look again, finer.
            inside = [face for face in found if _centre_inside(face.box, width, height)]
            faces = max(faces, inside, key=_best)
            if _best(faces) >= self.settings.min_probability:
                break
        return sorted(faces, key=lambda face: (-face.area, face.box[0], face.box[1]))

    def _prepare(self, image: npt.NDArray[np.uint8], padding: float) -> tuple[npt.NDArray[np.uint8], Floats, Floats]:
        """The picture as it is searched, its scale (x, y) against the raw one, and its border (x, y) in pixels."""
        import cv2

        height, width = image.shape[:2]
        factor = min(1.0, self.settings.longest_side / max(height, width))
        factor = max(factor, _LEAST_SIDE / min(height, width)) if min(height, width) < _LEAST_SIDE else factor
        factor = min(factor, 2.0 * self.settings.longest_side / max(height, width))
        small = image
        if factor != 1.0:
            size = (max(1, round(width * factor)), max(1, round(height * factor)))
            method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            small = cv2.resize(image, size, interpolation=method)
        rows, columns = small.shape[:2]
        x, y = round(columns * padding), round(rows * padding)
        y, x = max(y, (25 - rows) // 2), max(x, (25 - columns) // 2)  # at least 24 px each way
        padded = cv2.copyMakeBorder(small, y, y, x, x, cv2.BORDER_REPLICATE)
        return padded, np.array([columns / width, rows / height]), np.array([x, y], dtype=np.float64)

    def _search(self, search: npt.NDArray[np.uint8], least: float, step: float) -> list[tuple[Floats, float, Floats]]:
        """Box (4,), probability and landmarks (5, 2) of each face at least ``least`` pixels wide."""
        self._network.min_face_size, self._network.factor = least, step
        try:
            boxes, probabilities, landmarks = self._network.detect(search, landmarks=True)
        except (RuntimeError, IndexError) as error:  # candidates without a pixel in a degenerate picture
            if "memory" in str(error):
                raise
            return []
        if boxes is None:
            return []
        return [
            (np.asarray(box, dtype=np.float64), float(probability), np.asarray(points, dtype=np.float64))
            for box, probability, points in zip(boxes, probabilities, landmarks, strict=True)
        ]


def _map_back(points: Floats, scale: Floats, border: Floats) -> Floats:
    """From pixels of the searched picture to raw pixels; pixel centres at integers."""
    mapped: Floats = (points.reshape(-1, 2) - border + 0.5) / scale - 0.5
    return mapped


def _best(faces: list[Face]) -> float:
    return max((face.probability for face in faces), default=0.0)


def _centre_inside(box: Floats, width: int, height: int) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return bool(0 <= x <= width - 1 and 0 <= y <= height - 1)
