"""The face's own coordinates in an image, soft masks in them, and moving one picture onto another by landmarks.

Masks are float32 from 0 to 1. Lengths called template pixels are those of FairFace's crop of 300 px, so that a mask
means the same part of a face at every size and in every framing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from looks_kedro.cam.averages import similarity
from looks_kedro.faces.alignment import FACE_SIZE, face_transform, map_points, scale_of

__all__ = ["FaceCoordinates", "blend", "face_coordinates", "move", "ramp", "seam_matched"]

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_KEPT = 16  # channels of one portrait ask for the same coordinates one after the other


@dataclass(frozen=True, eq=False)
class FaceCoordinates:
    """Where each pixel of an image lies in the template of 300 px.

    Attributes:
        across: float32 (H, W), template pixels to the right.
        down: float32 (H, W), template pixels downwards.
        landmarks: (5, 2), the image's landmarks in template pixels.
        pixel: template pixels for each pixel of the image.
    """

    across: Mask
    down: Mask
    landmarks: Floats
    pixel: float

    def ellipse(self, centre: npt.ArrayLike, axes: tuple[float, float], inward: float, outward: float) -> Mask:
        """A soft ellipse: 1 deeper inside than ``inward``, 0 further outside than ``outward``.

        Args:
            centre: x and y, template pixels.
            axes: half axes across and down, template pixels.
            inward: width of the soft edge inside the ellipse, template pixels.
            outward: and outside it.

        Returns:
            float32 (H, W). The edge is never narrower than two pixels of the image, so that it does not alias.
        """
        x, y = np.asarray(centre, dtype=np.float32)
        a, b = np.float32(axes[0]), np.float32(axes[1])
        u, v = (self.across - x) / a, (self.down - y) / b
        radius = np.sqrt(u * u + v * v) + np.float32(1e-6)
        # Distance to the edge to first order: (1 - r) by the length of r's gradient, which is |(u/a, v/b)| / r.
        inside = (1 - radius) * radius / (np.sqrt((u / a) ** 2 + (v / b) ** 2) + np.float32(1e-6))
        lack = max(0.0, 2 * self.pixel - inward - outward) / 2
        return ramp(inside, -(outward + lack), inward + lack)


def face_coordinates(landmarks: npt.ArrayLike, shape: tuple[int, ...]) -> FaceCoordinates:
    """The template's coordinates of every pixel of an image.

    Args:
        landmarks: (5, 2) in pixels of the image.
        shape: height and width first.

    Returns:
        The coordinates; shared between calls, so not to be written to.

    Raises:
        ValueError: the landmarks are not five finite points, or coincide.
    """
    points = np.ascontiguousarray(landmarks, dtype=np.float64)
    return _coordinates(points.tobytes(), points.shape, (int(shape[0]), int(shape[1])))


@lru_cache(maxsize=_KEPT)
def _coordinates(content: bytes, points_shape: tuple[int, ...], shape: tuple[int, int]) -> FaceCoordinates:
    points = np.frombuffer(content).reshape(points_shape)
    transform = face_transform(points, FACE_SIZE)
    x = np.arange(shape[1], dtype=np.float32)[None, :]
    y = np.arange(shape[0], dtype=np.float32)[:, None]
    (a, b, c), (d, e, f) = transform.astype(np.float32)
    across, down = a * x + b * y + c, d * x + e * y + f
    across.setflags(write=False)
    down.setflags(write=False)
    return FaceCoordinates(across, down, map_points(transform, points), 1.0 / scale_of(transform))


def ramp(values: npt.NDArray[np.floating], low: float, high: float) -> Mask:
    """0 up to ``low``, 1 from ``high``, and between them smooth with level ends: ``t^2 (3 - 2 t)``."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1).astype(np.float32, copy=False)
    smooth: Mask = t * t * (3 - 2 * t)
    return smooth


def move(
    image: Image,
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    shape: tuple[int, ...],
    centred_on: tuple[int, ...] = (),
) -> Image:
    """Move a picture by the similarity that brings its landmarks best onto others; outside, it is mirrored.

    Args:
        image: (h, w, 3) or (h, w), uint8.
        source: its landmarks (5, 2).
        target: where they shall come (5, 2).
        shape: height and width of the result.
        centred_on: numbers of landmarks whose centre comes exactly onto its target; turn and scale remain those of
            all five.

    Returns:
        uint8, of the shape. Where the picture shrinks it is smoothed first, so that it does not alias.
    """
    import cv2

    start, end = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    matrix = similarity(start, end)
    if centred_on:
        chosen = list(centred_on)
        matrix[:, 2] = end[chosen].mean(axis=0) - matrix[:, :2] @ start[chosen].mean(axis=0)
    shrinks = 1.0 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if shrinks > 1.05:
        # The blur of an average over one pixel of the result, less the blur that a pixel of the image has already.
        sigma = float(np.sqrt((shrinks**2 - 1) / 12))
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.1)), dtype=np.uint8)
    moved: Image = cv2.warpAffine(
        image, matrix, (int(shape[1]), int(shape[0])), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return moved


def blend(image: Image, other: npt.NDArray[np.generic], weight: Mask) -> Image:
    """``(1 - w) image + w other``, rounded.

    Args:
        image: (H, W, 3) uint8.
        other: (H, W, 3), uint8 or float; values beyond 0..255 are cut off.
        weight: (H, W), 0..1. Where it is 0 the image stays as it is.

    Returns:
        (H, W, 3) uint8.
    """
    mixed = image.astype(np.float32)
    mixed += weight[:, :, None] * (other.astype(np.float32) - mixed)
    return np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)


def seam_matched(image: Image, other: Image, weight: Mask, reach: float) -> npt.NDArray[np.float32]:
    """Another picture with its colours changed smoothly, so that it meets the image at the mask's edge.

    The two pictures' mean colours on the mask's soft edge, weighted by a Gaussian of the distance, tell how they differ
    in tone: a cheap stand-in for the membrane of Poisson blending (Perez et al., 2003). Where the image is darker, the
    other picture is multiplied by their ratio, so that teeth and pupils do not turn black; where it is brighter, their
    difference is added, so that lips and highlights do not glow. What varies inside the mask stays.

    Args:
        image: (H, W, 3) uint8, which stays outside the mask.
        other: (H, W, 3) uint8, shown inside.
        weight: (H, W), 0..1.
        reach: standard deviation of the Gaussian, pixels.

    Returns:
        float32 (H, W, 3), may go beyond 255.
    """
    import cv2

    edge = 4 * weight * (1 - weight)
    # Smooth by way of smaller pictures: the tones have no detail finer than the reach.
    step = max(1, int(reach // 3))
    size = (-(-weight.shape[1] // step), -(-weight.shape[0] // step))

    def smoothed(picture: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), reach / step), dtype=np.float32)

    near = smoothed(edge)[:, :, None] + np.float32(1e-4)
    wanted, given = (smoothed(picture * edge[:, :, None]) / near for picture in (image, other))
    darker, brighter = np.minimum((wanted + 1) / (given + 1), 1), np.maximum(wanted - given, 0)
    whole = (image.shape[1], image.shape[0])
    matched: npt.NDArray[np.float32] = other * cv2.resize(darker, whole, interpolation=cv2.INTER_LINEAR)
    matched += cv2.resize(brighter, whole, interpolation=cv2.INTER_LINEAR)
    return matched
