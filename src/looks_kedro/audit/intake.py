"""What a user gives, as the audit works on it: images in memory or in files, landmarks given or found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.portrait_set import PortraitSet
from looks_kedro.errors import BadInputError
from looks_kedro.progress import track

__all__ = ["FindLandmarks", "Given", "face_finder", "take_in"]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_LEAST_EXTENT = 1.0
"""Landmarks that are all within a pixel are no face's."""

FindLandmarks = Callable[[Image], "npt.ArrayLike | None"]
"""An image (S, S, 3) to five landmarks (5, 2) in its pixels, or none where no face is found."""


@dataclass(frozen=True, eq=False)
class Given:
    """The images that can be audited.

    Attributes:
        portraits: with landmarks and, where there are some, mattes.
        rows: (n,) which of the images given these are.
        notes: what was left out, a sentence each.
        count: of the images given.
    """

    portraits: PortraitSet
    rows: npt.NDArray[np.int64]
    notes: tuple[str, ...]
    count: int


@dataclass(frozen=True, eq=False)
class _Rows:
    """Some of the images, in the order asked for, each read when it is looked at."""

    source: Any
    rows: npt.NDArray[np.int64]
    shape: tuple[int, ...]
    dtype: np.dtype[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Image:
        return np.asarray(self.source[int(self.rows[row])])


@dataclass(frozen=True, eq=False)
class _Files:
    """Image files, decoded when they are looked at; all as large as the first."""

    paths: tuple[Path, ...]
    read: Callable[[Path], Image]
    shape: tuple[int, ...]
    dtype: np.dtype[np.uint8]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Image:
        image = self.read(self.paths[int(row)])
        if image.shape != self.shape[1:]:
            raise _unequal(str(self.paths[int(row)]), image.shape, self.shape[1:])
        return image


def take_in(
    faces: Any,
    landmarks: npt.ArrayLike | None = None,
    mattes: Any = None,
    good_mattes: npt.ArrayLike | None = None,
    find: FindLandmarks | None = None,
) -> Given:
    """Bring images, landmarks and mattes into one form.

    Args:
        faces: uint8 (N, S, S, 3) RGB; or a list of such images, or of image files, all of one size.
        landmarks: (N, 5, 2) or (N, 10) in pixels of the faces: left eye, right eye, nose, left and right corner of the
            mouth, as seen, x before y; NaN, or five equal points, where there are none. None has them found.
        mattes: uint8 (N, S, S), 255 where the person is; or a list of files.
        good_mattes: (N,) which of them may be used; None uses all.
        find: finds the landmarks of an image; None takes MTCNN.

    Raises:
        BadInputError: sizes or numbers do not fit, a file cannot be read, or no image has landmarks.
    """
    images, cuts = _images(faces, "faces", _read_colour), _images(mattes, "mattes", _read_grey)
    count = int(images.shape[0])
    if landmarks is None:
        finder = find or face_finder()
        points = _found(images, finder)
    else:
        points = np.asarray(landmarks, dtype=np.float64)
        if points.shape not in ((count, 5, 2), (count, 10)):
            raise BadInputError(
                f"landmarks: expected (N, 5, 2) or (N, 10) with N = {count}, as there are faces; found {points.shape}. "
                "Give none to have them found."
            )
    points = points.reshape(count, 5, 2)
    # Zeros, as some detectors give where they find nothing, are no face either.
    known = np.isfinite(points).all(axis=(1, 2)) & (np.ptp(points, axis=1).max(axis=1) > _LEAST_EXTENT)
    rows = np.flatnonzero(known)
    if not len(rows):
        raise BadInputError(
            f"landmarks: none of {count} images has five finite landmarks that lie apart. "
            "Are these faces, upright and in RGB?"
        )
    good = None if good_mattes is None else np.asarray(good_mattes, dtype=np.bool_)
    if known.all():
        return Given(PortraitSet(images, points, cuts, good), rows, (), count)
    kept = [None if part is None else _Rows(part, rows, (len(rows), *part.shape[1:]), part.dtype)
            for part in (images, cuts)]  # fmt: skip
    portraits = PortraitSet(kept[0], points[rows], kept[1], None if good is None else good[rows])
    first = int(np.flatnonzero(~known)[0])
    note = f"{count - len(rows)} of {count} images have no face landmarks and were left out (the first is row {first})."
    return Given(portraits, rows, (note,), count)


def face_finder() -> FindLandmarks:
    """MTCNN's landmarks of the face that a picture is about; none where there is no such face, or several."""
    from looks_kedro.faces import Detection, Face, FaceDetector, choose_face

    settings = Detection(min_face_width=0)
    detector = FaceDetector(settings)

    def find(image: Image) -> Floats | None:
        chosen = choose_face(detector.detect(image), image.shape, settings)
        return chosen.landmarks if isinstance(chosen, Face) else None

    return find


def _found(images: Any, find: FindLandmarks) -> Floats:
    points = np.full((len(images), 5, 2), np.nan)
    for row in track(range(len(images)), "finding faces", len(images)):
        landmarks = find(np.asarray(images[row]))
        if landmarks is not None:
            points[row] = np.asarray(landmarks, dtype=np.float64).reshape(5, 2)
    return points


def _images(given: Any, name: str, read: Callable[[Path], Image]) -> Any:
    """Images as something with a shape that gives one for a row number; None stays None."""
    if given is None or hasattr(given, "shape"):
        return given
    items = list(given) if isinstance(given, Sequence) and not isinstance(given, (str, bytes)) else []
    if not items:
        raise BadInputError(
            f"{name}: expected an array of images, or a list of images or of files; found {type(given).__name__}"
            f"{'' if items or not isinstance(given, Sequence) else ' without any'}."
        )
    if isinstance(items[0], (str, Path)):
        paths = tuple(Path(item) for item in items)
        return _Files(paths, read, (len(paths), *read(paths[0]).shape), np.dtype(np.uint8))
    arrays = [np.asarray(item) for item in items]
    for row, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise _unequal(f"{name}, row {row}", array.shape, arrays[0].shape)
    return np.stack(arrays)


def _unequal(where: str, found: tuple[int, ...], expected: tuple[int, ...]) -> BadInputError:
    return BadInputError(
        f"{where}: expected the size of the first image, {expected}; found {found}. "
        "Bring the images to one square, best by aligning the faces (looks_kedro.faces.align)."
    )


def _read_colour(path: Path) -> Image:
    from looks_kedro.faces import UnreadableImageError, decode

    try:
        return decode(path)
    except UnreadableImageError as error:
        raise BadInputError(f"{path}: {error}; restore or remove it.") from error


def _read_grey(path: Path) -> Image:
    from PIL import Image as Pillow

    try:
        with Pillow.open(path) as picture:
            return np.asarray(picture.convert("L"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: expected a grey matte; found {error}. Make it anew or leave it out.") from error
