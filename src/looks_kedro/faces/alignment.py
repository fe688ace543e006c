"""From a face in a photo to a face crop in FairFace's geometry.

Both classes pass through the same warp, so that the crop's scale, place and tilt cannot tell them apart.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from looks_kedro.faces.landmarks import Floats, checked_landmarks

FACE_SIZE = 300
"""Side of a face crop in pixels."""

# Medians of MTCNN's landmarks over the 294 frontal ones of 500 FairFace images (validation part, 224 px, whole
# crop), scaled to 300 px and made symmetric. dlib's own mean shape with padding 0.25, which FairFace was cut with,
# puts the eyes at (95.5, 94.3) and (200.6, 94.3); MTCNN places them 3 px higher and a little further out.
TEMPLATE: Floats = np.array([[94.4, 91.3], [204.6, 91.3], [149.5, 154.6], [100.5, 204.4], [198.5, 204.4]])
"""Where the landmarks of a frontal face lie in a crop of 300 px."""

_LARGEST_BLOCK = 8  # a photo is averaged over at most 8 x 8 samples a face pixel


class Alignment(BaseModel, extra="forbid", frozen=True):
    """How a face is cut out."""

    method: Literal["landmarks", "box"] = Field(
        "landmarks",
        description="landmarks: rotated and scaled so that eyes, nose and mouth come to FairFace's places; "
        "box: a square around the detector's box, as the published study cropped",
    )
    size: int = Field(FACE_SIZE, ge=32, le=400, description="side of the crop, px")
    margin: float = Field(0.25, ge=0, le=2, description="with box: border on each side as a fraction of the box")


def align(
    image: npt.NDArray[np.uint8], landmarks: npt.ArrayLike, size: int = FACE_SIZE
) -> tuple[npt.NDArray[np.uint8], Floats, float]:
    """Cut out a face in FairFace's geometry (dlib's face chip with padding 0.25).

    Args:
        image: (H, W, 3) uint8.
        landmarks: (5, 2) in pixels of the image.
        size: side of the crop, px.

    Returns:
        The crop (size, size, 3) uint8; the landmarks in it (5, 2); and the crop's scale: raw pixels for each pixel
        of the crop, above 1 where the photo was shrunk.
    """
    points = checked_landmarks(landmarks)
    transform = face_transform(points, size)
    return warp(image, transform, size), map_points(transform, points), scale_of(transform)


def face_transform(landmarks: npt.ArrayLike, size: int = FACE_SIZE) -> Floats:
    """The similarity, (2, 3), that brings landmarks to the template with the least squared error."""
    return similarity(checked_landmarks(landmarks), TEMPLATE * (size / FACE_SIZE))


def box_transform(box: npt.ArrayLike, margin: float, size: int = FACE_SIZE) -> Floats:
    """The scaling and shift, (2, 3), that bring the square around a box (4,) to a crop of the size."""
    left, top, right, bottom = (float(value) for value in np.asarray(box, dtype=np.float64))
    side = max(right - left, bottom - top, 1e-6) * (1.0 + 2.0 * margin)
    scale = size / side
    middle = (size - 1) / 2
    return np.array(
        [[scale, 0.0, middle - scale * (left + right) / 2], [0.0, scale, middle - scale * (top + bottom) / 2]]
    )


def similarity(source: Floats, target: Floats) -> Floats:
    """The rotation, scaling and shift of least squared error from points to points, without reflection.

    Closed form: with centred points as complex numbers p and q, the factor is sum(conj(p) q) / sum(|p|^2). In two
    dimensions this equals the solution of Umeyama (1991).

    Args:
        source: (N, 2), N >= 2, not all equal.
        target: (N, 2).

    Returns:
        (2, 3) float matrix M, with ``target ~ M[:, :2] @ source + M[:, 2]``.

    Raises:
        ValueError: the points of one side coincide.
    """
    p = source[:, 0] + 1j * source[:, 1]
    q = target[:, 0] + 1j * target[:, 1]
    p0, q0 = p.mean(), q.mean()
    spread = float(np.sum(np.abs(p - p0) ** 2))
    factor = complex(np.sum(np.conj(p - p0) * (q - q0)) / spread) if spread > 1e-12 else 0j
    if abs(factor) < 1e-12:
        raise ValueError("a similarity needs points that do not all coincide")
    shift = complex(q0 - factor * p0)
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def map_points(transform: Floats, points: npt.ArrayLike) -> Floats:
    """Apply a (2, 3) matrix to points (N, 2)."""
    mapped: Floats = np.asarray(points, dtype=np.float64) @ transform[:, :2].T + transform[:, 2]
    return mapped


def inverse(transform: Floats) -> Floats:
    """The (2, 3) matrix that undoes another."""
    back = np.linalg.inv(transform[:, :2])
    return np.column_stack([back, -back @ transform[:, 2]])


def scale_of(transform: Floats) -> float:
    """Raw pixels for each pixel of the crop."""
    return 1.0 / math.hypot(transform[0, 0], transform[1, 0])


def warp(image: npt.NDArray[np.uint8], transform: Floats, size: int) -> npt.NDArray[np.uint8]:
    """Resample an image through a similarity, averaging where it shrinks and repeating the edge outside.

    A pixel of the crop is the mean of k x k bilinear samples, k the crop's scale rounded up: without that, large
    photos would alias and small ones not, and a classifier could see where an image came from.

    Args:
        image: (H, W, 3) or (H, W), uint8.
        transform: (2, 3), from image to crop, pixel centres at integers.
        size: side of the crop, px.

    Returns:
        (size, size, 3) or (size, size), uint8.
    """
    import cv2

    block = min(_LARGEST_BLOCK, max(1, math.ceil(scale_of(transform) - 1e-6)))
    # The centre of pixel i of the crop is the middle of samples i*k ... i*k + k - 1.
    fine = transform * block
    fine[:, 2] += (block - 1) / 2
    crop = cv2.warpAffine(
        image, fine, (size * block, size * block), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    if block > 1:
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(crop, dtype=np.uint8)
