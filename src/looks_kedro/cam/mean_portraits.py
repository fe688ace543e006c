"""Mean portraits of groups, to lie under averaged maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from looks_kedro.cam.averages import similarity

__all__ = ["MeanFaces", "mean_faces"]

ImageArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class MeanFaces:
    """Mean portraits of groups.

    Attributes:
        groups: names, of groups with images only.
        images: int64 (G,), how many images each group has.
        plain: uint8 (G, S, S, 3), means in image coordinates.
        aligned: uint8 (G, S, S, 3), means after each portrait's landmarks were moved onto the target.
        target: (5, 2) in pixels of S, the mean landmarks of all images.
    """

    groups: tuple[str, ...]
    images: npt.NDArray[np.int64]
    plain: ImageArray
    aligned: ImageArray
    target: npt.NDArray[np.float64]

    def face(self, group: str, aligned: bool = False) -> ImageArray:
        """The mean portrait of a group, uint8 (S, S, 3)."""
        face: ImageArray = (self.aligned if aligned else self.plain)[self.groups.index(group)]
        return face


def mean_faces(
    images: Iterable[ImageArray],
    landmarks: npt.NDArray[np.floating],
    groups: Mapping[str, npt.NDArray[np.bool_]],
    size: int = 200,
) -> MeanFaces:
    """Mean portraits of many groups that may overlap, in one pass over the images.

    Args:
        images: N portraits, uint8 (H, H, 3), read one at a time.
        landmarks: (N, 5, 2) in pixels of an image of ``size``.
        groups: name of each group to a flag an image (N,); one without images is left out.
        size: side of the means in pixels.

    Raises:
        ValueError: there are not as many images as landmarks.
    """
    import cv2

    chosen = {name: flags for name, flags in groups.items() if flags.any()}
    members = np.array([*chosen.values()], dtype=bool).reshape(len(chosen), len(landmarks))
    target = np.asarray(landmarks, dtype=np.float64).mean(axis=0)
    # Sums of bytes: whole numbers, which float32 holds exactly for 65,000 portraits.
    plain, aligned = (np.zeros((len(chosen), size, size, 3), dtype=np.float32) for _ in range(2))
    reached = np.zeros((len(chosen), size, size, 1), dtype=np.float32)
    inside = np.ones((size, size), dtype=np.uint8)
    for number, (image, points) in enumerate(zip(images, landmarks, strict=True)):
        face = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        move = similarity(points, target)
        # Beyond the edge the portrait goes on, so that no pixel is half of it and half black; the weight is 0 there.
        moved = cv2.warpAffine(face, move, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        weight = cv2.warpAffine(inside, move, (size, size), flags=cv2.INTER_NEAREST)[..., None]
        moved *= weight
        for group in np.flatnonzero(members[:, number]):
            plain[group] += face
            aligned[group] += moved
            reached[group] += weight
    counts = members.sum(axis=1)
    plain /= np.maximum(counts, 1)[:, None, None, None]
    aligned /= np.maximum(reached, 1)
    return MeanFaces(tuple(chosen), counts, np.rint(plain).astype(np.uint8), np.rint(aligned).astype(np.uint8), target)
