"""Faces in a picture by MTCNN (Zhang et al., 2016), with facenet-pytorch's weights.

How pictures are prepared and how finely they are searched is here, the networks in ``cascade``, the choice among the
faces in ``selection``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from looks_kedro.errors import BadParameterError
from looks_kedro.faces.cascade import Cascade, pyramid
from looks_kedro.faces.landmarks import Floats
from looks_kedro.lists import PlusList

_LEAST_SIDE = 48  # smaller pictures are enlarged: MTCNN's pyramid would be empty
_STEP = 0.709  # between the levels of MTCNN's pyramid, its default
_FINE_STEP = 0.85

Image = npt.NDArray[np.uint8]


class Detection(BaseModel, extra="forbid", frozen=True):
    """How faces are searched, and which of them count."""

    thresholds: Annotated[tuple[float, float, float], PlusList] = Field(
        (0.6, 0.7, 0.7), description="least probability in the three stages of MTCNN, 0..1"
    )
    longest_side: int = Field(
        640,
        ge=64,
        description="larger pictures are shrunk to this before the search, px; the network sees a face at 48 px, "
        "so more gains nothing for faces wider than a twelfth of the picture",
    )
    min_face_fraction: float = Field(
        0.06, gt=0, le=1, description="smallest face searched, as a fraction of the picture's longest side"
    )
    coarse_fraction: float = Field(
        0.2,
        ge=0,
        le=1,
        description="smallest face of a first, quick search, as a fraction of the longest side; a picture is done "
        "with it when a clear face is found beside which no smaller one could matter; 0 leaves it out",
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
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the networks run; auto takes a GPU when there is one"
    )
    batch_size: int = Field(
        16,
        ge=1,
        description="pictures that are looked at together; on a GPU those of one shape are searched in one pass, on "
        "the CPU one by one, so that a picture's result depends on nothing else",
    )


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

    def prominence(self, image_shape: tuple[int, ...]) -> float:
        """Area, times ``1 - d / 2`` where d is the distance from the picture's centre, 1 in a corner."""
        half = np.array([image_shape[1] / 2, image_shape[0] / 2])
        centre = np.array([(self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2])
        distance = float(np.hypot(*(centre - half)) / np.hypot(*half))
        return self.area * (1.0 - 0.5 * min(distance, 1.0))


class FaceDetector:
    """Finds faces, coarsely first.

    A search for faces of a sixteenth of a picture costs many times one for faces of a quarter of it, and most
    portraits need only the second. So a picture is searched for faces from ``coarse_fraction`` of its longest side,
    and is done when a clear face (``min_probability``) is found that is so large that no narrower one can matter: with
    w the least width searched, a face that could be chosen in its place or refuse the picture beside it has at least
    the area w^2, that is, its prominence and ``rival_area`` times its area are both at least w^2. Otherwise it is
    searched again, as far down as this rule asks for, or to ``min_face_fraction`` when no clear face is found.
    The widths searched are always among those of the search to the end, so that a face's place does not depend on
    how it was found.

    Where even that finds no clear face, the picture is searched once more with wider padding and a finer pyramid:
    MTCNN's is coarse, and now and then a clear face falls between two of its steps.
    """

    def __init__(self, settings: Detection | None = None) -> None:
        self.settings = settings or Detection()
        self.device = device_named(self.settings.device)
        self.searched_at_once = 1 if self.device == "cpu" else self.settings.batch_size
        self._cascade = Cascade(self.settings.thresholds, self.device)

    def detect(self, image: Image) -> list[Face]:
        """All faces whose centre lies in the picture, the largest first.

        Args:
            image: (H, W, 3) uint8 RGB, of any size.

        Returns:
            The faces, with a probability above the last threshold; empty when there is none.

        Raises:
            ValueError: the array has another shape or type.
        """
        return self.detect_many([image])[0]

    def detect_many(self, images: Sequence[Image]) -> list[list[Face]]:
        """The faces of several pictures; on a GPU those of one shape are searched together.

        Args:
            images: each as for :meth:`detect`.

        Returns:
            What :meth:`detect` gives for each; on a GPU up to rounding.

        Raises:
            ValueError: an array has another shape or type.
        """
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
                raise ValueError(f"expected a uint8 RGB array (H, W, 3); found {image.dtype} {image.shape}")
        padding, least_probability = self.settings.padding, self.settings.min_probability
        faces: list[list[Face]] = [[] for _ in images]
        fractions = dict.fromkeys(range(len(images)), self.settings.coarse_fraction)
        while fractions:
            finer: dict[int, float] = {}
            for index, found, least in self._searched(images, fractions, _Search(padding, _STEP)):
                matters = least_that_matters(found, images[index].shape, self.settings)
                fraction = matters / max(images[index].shape[:2])
                if fraction >= least:
                    faces[index] = found
                else:
                    finer[index] = fraction
            fractions = finer
        unclear = {index: 0.0 for index, found in enumerate(faces) if _best(found) < least_probability}
        for index, found, _ in self._searched(images, unclear, _Search(max(padding, 0.5), _FINE_STEP)):
            faces[index] = max(faces[index], found, key=_best)
        return [sorted(found, key=lambda face: (-face.area, face.box[0], face.box[1])) for found in faces]

    def _searched(
        self, images: Sequence[Image], fractions: Mapping[int, float], search: _Search
    ) -> Iterator[tuple[int, list[Face], float]]:
        """Search some of the pictures, each for faces from a fraction of its longest side.

        Yields:
            The picture's number; its faces; and the least width searched, also as a fraction, 0 when it was searched
            as far down as it ever is.
        """
        alike: dict[tuple[float, ...], list[tuple[int, _Prepared]]] = {}
        for index, fraction in fractions.items():
            prepared = self._prepare(images[index], search.padding)
            widths = self._widths(prepared, search.step)
            # Compared as it is given back below: what asked for narrower faces is never searched the same way again.
            first = max(0, sum(width / prepared.longest <= fraction for width in widths) - 1)
            batch = alike.setdefault((first, *prepared.pixels.shape, *prepared.border), [])
            batch.append((index, prepared))
            if len(batch) == self.searched_at_once:
                yield from self._search(images, batch, widths, first)
                batch.clear()
        for (start, *_), batch in alike.items():
            if batch:
                yield from self._search(images, batch, self._widths(batch[0][1], search.step), int(start))

    def _search(
        self, images: Sequence[Image], batch: Sequence[tuple[int, _Prepared]], widths: Sequence[float], first: int
    ) -> Iterator[tuple[int, list[Face], float]]:
        results = self._cascade(np.stack([prepared.pixels for _, prepared in batch]), widths[first:])
        for (index, prepared), result in zip(batch, results, strict=True):
            height, width = images[index].shape[:2]
            found = [
                Face(prepared.mapped_back(box).ravel(), probability, prepared.mapped_back(points))
                for box, probability, points in result
            ]
            inside = [face for face in found if _centre_inside(face.box, width, height)]
            yield index, inside, widths[first] / prepared.longest if first else 0.0

    def _widths(self, prepared: _Prepared, step: float) -> list[float]:
        """Widths of all faces that are ever searched, px of the prepared picture, rising."""
        sides = prepared.pixels.shape[:2]
        least = max(20.0, min(self.settings.min_face_fraction * prepared.longest, min(sides)))
        return pyramid(least, min(sides), step)

    def _prepare(self, image: Image, padding: float) -> _Prepared:
        """The picture as it is searched: shrunk, or enlarged when it is tiny, with its edge repeated around it."""
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
        return _Prepared(padded, np.array([columns / width, rows / height]), np.array([x, y], dtype=np.float64))


@dataclass(frozen=True)
class _Search:
    """A picture's border as a fraction of its sides, and the ratio of a searched width to the next."""

    padding: float
    step: float


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A picture as it is searched, its scale (x, y) against the raw one, and its border (x, y) in pixels."""

    pixels: Image
    scale: Floats
    border: Floats

    @property
    def longest(self) -> float:
        """Longest side without the border, px."""
        return float((self.pixels.shape[:2] - 2 * self.border[::-1]).max())

    def mapped_back(self, points: Floats) -> Floats:
        """From pixels of the searched picture to raw pixels; pixel centres at integers."""
        mapped: Floats = (points.reshape(-1, 2) - self.border + 0.5) / self.scale - 0.5
        return mapped


def least_that_matters(faces: Sequence[Face], image_shape: tuple[int, ...], settings: Detection) -> float:
    """Width below which no face could be chosen instead of these, or refuse the picture; 0 without a clear face."""
    clear = [face for face in faces if face.probability >= settings.min_probability]
    if not clear:
        return 0.0
    chosen = max(clear, key=lambda face: face.prominence(image_shape))
    return float(np.sqrt(min(settings.rival_area * chosen.area, chosen.prominence(image_shape))))


def _best(faces: list[Face]) -> float:
    return max((face.probability for face in faces), default=0.0)


def _centre_inside(box: Floats, width: int, height: int) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return bool(0 <= x <= width - 1 and 0 <= y <= height - 1)


def device_named(name: str) -> str:
    """``cpu`` or ``cuda``, for ``auto`` by what there is.

    Raises:
        BadParameterError: cuda is asked for and there is none.
    """
    import torch

    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise BadParameterError("detection.device is cuda, but torch sees no GPU here: set it to auto or cpu.")
    return name if name != "auto" else "cuda" if there else "cpu"
