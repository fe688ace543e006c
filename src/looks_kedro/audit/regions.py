"""The parts of a portrait by its landmarks: every pixel belongs to exactly one.

For telling on which part a heatmap lies. A frontal face in FairFace's proportions is assumed; where there is a good
matte, it decides what is ground.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.geometry import FaceCoordinates, face_coordinates

__all__ = ["REGIONS", "region_map", "region_masks"]

REGIONS = (
    "eyes",
    "brows",
    "nose",
    "mouth",
    "forehead",
    "cheeks",
    "jaw",
    "hair",
    "neck_and_clothes",
    "background_left",
    "background_right",
    "background_top",
)
"""Names of the regions; left and right as seen in the image."""

Flags = npt.NDArray[np.bool_]

# All in template pixels, of which the eyes are 110 apart.
_FACE = ((149.5, 136.0), (97.0, 128.0))  # of faces.geometry, down to the chin of real faces
_HEAD = ((149.5, 118.0), (123.0, 170.0))
_EYE = (36.0, 19.0)
_BROW, _BROW_LIFT = (42.0, 13.0), 30.0
_MOUTH, _MOUTH_DROP = (62.0, 30.0), 5.0  # lips hang lower than their corners
_JAW_BELOW_MOUTH = -8.0
_NECK, _SHOULDERS, _NECK_HALF_WIDTH = 226.0, 262.0, 58.0
_TOP, _TOP_HALF_WIDTH = 40.0, 90.0


def region_masks(
    landmarks: npt.ArrayLike, size: int | tuple[int, int], matte: npt.NDArray[np.uint8] | None = None
) -> dict[str, Flags]:
    """The regions one by one.

    Args:
        landmarks: (5, 2) in pixels of the image.
        size: side of a square image, or (height, width), px.
        matte: (H, W) uint8, 255 where the person is, if it is good.

    Returns:
        Name of each of ``REGIONS`` to its boolean array (H, W); together they cover each pixel once.
    """
    numbers = region_map(landmarks, size, matte)
    return {name: numbers == number for number, name in enumerate(REGIONS)}


def region_map(
    landmarks: npt.ArrayLike, size: int | tuple[int, int], matte: npt.NDArray[np.uint8] | None = None
) -> npt.NDArray[np.uint8]:
    """The region of each pixel.

    Args:
        landmarks: (5, 2) in pixels of the image.
        size: side of a square image, or (height, width), px.
        matte: (H, W) uint8, 255 where the person is, if it is good.

    Returns:
        uint8 (H, W), numbers of ``REGIONS``.

    Raises:
        ValueError: the matte has another size.
    """
    shape = (size, size) if isinstance(size, int) else size
    if matte is not None and matte.shape != shape:
        raise ValueError(f"expected a matte of the image's size {shape}; found {matte.shape}")
    at = face_coordinates(landmarks, shape)
    found = np.full(shape, -1, dtype=np.int8)
    face = _in_ellipse(at, *_FACE)
    for name, mask in {**_features(at), **_skin(at)}.items():
        found[(found < 0) & face & mask] = REGIONS.index(name)
    head = _in_ellipse(at, *_HEAD)
    person = head if matte is None else matte >= 128
    for name, mask in _around(at, head, person, matte is not None).items():
        found[(found < 0) & mask] = REGIONS.index(name)
    return found.astype(np.uint8)


def _in_ellipse(at: FaceCoordinates, centre: npt.ArrayLike, axes: tuple[float, float]) -> Flags:
    x, y = np.asarray(centre, dtype=np.float64)
    inside: Flags = ((at.across - x) / axes[0]) ** 2 + ((at.down - y) / axes[1]) ** 2 <= 1
    return inside


def _features(at: FaceCoordinates) -> dict[str, Flags]:
    """Eyes, brows, nose and mouth; earlier ones come first where they overlap."""
    left, right, tip = at.landmarks[:3]
    middle, mouth = (left + right) / 2, at.landmarks[3:].mean(axis=0)
    lift = np.array([0.0, _BROW_LIFT])
    # The nose widens from the root between the eyes to its wings, and follows its tip where the head is turned.
    along = np.clip((at.down - (middle[1] - 8)) / max(tip[1] + 20 - (middle[1] - 8), 1), 0, 1)
    ridge = middle[0] + (tip[0] - middle[0]) * along
    wings = (along > 0) & (along < 1) & (np.abs(at.across - ridge) < 11 + 19 * along)
    return {
        "eyes": _in_ellipse(at, left, _EYE) | _in_ellipse(at, right, _EYE),
        "brows": _in_ellipse(at, left - lift, _BROW) | _in_ellipse(at, right - lift, _BROW),
        "nose": wings,
        "mouth": _in_ellipse(at, mouth + np.array([0.0, _MOUTH_DROP]), _MOUTH),
    }


def _skin(at: FaceCoordinates) -> dict[str, Flags]:
    """Forehead, jaw and cheeks: what the features leave of the face."""
    eyes, mouth = at.landmarks[:2].mean(axis=0), at.landmarks[3:].mean(axis=0)
    return {
        "forehead": at.down < eyes[1] - 14,
        "jaw": at.down > mouth[1] + _JAW_BELOW_MOUTH,
        "cheeks": np.ones(at.down.shape, dtype=np.bool_),
    }


def _around(at: FaceCoordinates, head: Flags, person: Flags, known: bool) -> dict[str, Flags]:
    """What is not the face; earlier ones come first where they overlap."""
    (middle, _), (half_width, _) = _HEAD
    aside = np.abs(at.across - middle)
    slope = np.clip((aside - _NECK_HALF_WIDTH) / (half_width - _NECK_HALF_WIDTH), 0, 1)
    below = at.down > _NECK + (_SHOULDERS - _NECK) * slope
    ground = ~person
    body = below & person if known else below
    hair = person & ~below if known else head & ~below
    top = ground & (_TOP - at.down > aside - _TOP_HALF_WIDTH)
    return {
        "neck_and_clothes": body,
        "hair": hair,
        "background_top": top,
        "background_left": at.across < middle,
        "background_right": at.across >= middle,
    }
