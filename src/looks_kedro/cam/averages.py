"""Averages of maps over many images, in image coordinates or after alignment on landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["align_maps", "average_maps", "enlarge", "group_averages", "similarity"]

FloatArray = npt.NDArray[np.float32]


def enlarge(maps: npt.NDArray[np.floating], size: int) -> FloatArray:
    """Resize maps bilinearly to a square, with the corners of the pixels (not their centres) brought together.

    The same as torch's ``interpolate(mode="bilinear", align_corners=False)``.

    Args:
        maps: (h, w) or (N, h, w).
        size: side in pixels.

    Returns:
        float32 (size, size) or (N, size, size).
    """
    import cv2

    values = np.asarray(maps, dtype=np.float32)
    if values.ndim == 2:
        resized: FloatArray = cv2.resize(values, (size, size), interpolation=cv2.INTER_LINEAR)
        return resized
    return np.stack([enlarge(one, size) for one in values])


def average_maps(
    maps: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    size: int = 300,
    *,
    landmarks: npt.NDArray[np.floating] | None = None,
    names: Sequence[str] = ("ordinary", "celebrity"),
) -> dict[str, FloatArray]:
    """The mean map of each class.

    Averages in image coordinates blur where faces differ in place and size; with ``landmarks`` each map is first
    moved by the similarity that brings its landmarks best onto the mean ones.

    Args:
        maps: (N, h, w).
        classes: (N,), index into ``names``.
        size: side of the result in pixels.
        landmarks: (N, 5, 2), x and y in pixels of the image of ``size``; none averages in image coordinates.
        names: of the classes; one without images is left out.

    Returns:
        Name of each class to its float32 (size, size).
    """
    rows = {name: np.flatnonzero(classes == number) for number, name in enumerate(names)}
    means: dict[str, FloatArray] = {}
    for name, chosen in rows.items():
        if not len(chosen):
            continue
        if landmarks is None:
            means[name] = enlarge(maps[chosen].mean(axis=0, dtype=np.float64), size)
        else:
            target = landmarks.mean(axis=0)
            means[name] = align_maps(maps[chosen], landmarks[chosen], target, size)
    return means


def group_averages(
    maps: npt.NDArray[np.floating],
    groups: Mapping[str, npt.NDArray[np.bool_]],
    size: int,
    *,
    landmarks: npt.NDArray[np.floating] | None = None,
    target: npt.NDArray[np.floating] | None = None,
) -> dict[str, FloatArray]:
    """The mean map of each of many groups that may overlap, in one pass over the maps.

    Args:
        maps: (N, h, w).
        groups: name of each group to a flag an image (N,); one without images is left out.
        size: side of the results in pixels.
        landmarks: (N, 5, 2) in pixels of an image of ``size``; none averages in image coordinates.
        target: (5, 2), where landmarks are moved to; the mean of ``landmarks`` when none.

    Returns:
        Name of each group to its float32 (size, size).
    """
    chosen = {name: flags for name, flags in groups.items() if flags.any()}
    if landmarks is None:
        return {name: enlarge(maps[flags].mean(axis=0, dtype=np.float64), size) for name, flags in chosen.items()}
    goal = landmarks.mean(axis=0) if target is None else target
    means = _aligned_means(maps, landmarks, goal, size, np.array([*chosen.values()], dtype=bool).reshape(-1, len(maps)))
    return dict(zip(chosen, means, strict=True))


def align_maps(
    maps: npt.NDArray[np.floating],
    landmarks: npt.NDArray[np.floating],
    target: npt.NDArray[np.floating],
    size: int,
) -> FloatArray:
    """The mean of maps after each is moved so that its landmarks fall on the target's.

    A pixel's mean is over the images that reach it; where none does it is 0.

    Args:
        maps: (N, h, w).
        landmarks: (N, 5, 2) in pixels of the image of ``size``.
        target: (5, 2).
        size: side in pixels.

    Returns:
        float32 (size, size).
    """
    return _aligned_means(maps, landmarks, target, size, np.ones((1, len(maps)), dtype=bool))[0]


def _aligned_means(
    maps: npt.NDArray[np.floating],
    landmarks: npt.NDArray[np.floating],
    target: npt.NDArray[np.floating],
    size: int,
    members: npt.NDArray[np.bool_],
) -> list[FloatArray]:
    """Means of aligned maps over groups; members (groups, N)."""
    import cv2

    total = np.zeros((len(members), size, size))
    reached = np.zeros((len(members), size, size))
    inside = np.ones((size, size), dtype=np.float32)
    for number, (one, points) in enumerate(zip(maps, landmarks, strict=True)):
        move = similarity(points, target)
        value = cv2.warpAffine(enlarge(one, size), move, (size, size), flags=cv2.INTER_LINEAR)
        weight = cv2.warpAffine(inside, move, (size, size), flags=cv2.INTER_LINEAR)
        for group in np.flatnonzero(members[:, number]):
            total[group] += value
            reached[group] += weight
    means = np.divide(total, reached, out=np.zeros_like(total), where=reached > 1e-6)
    return list(means.astype(np.float32))


def similarity(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The turn, scale and shift that brings points onto others with the least squared distance.

    As complex numbers ``z -> a z + b`` with ``a = <target', source'> / <source', source'>`` over the centred points.

    Args:
        source: (n, 2).
        target: (n, 2).

    Returns:
        float64 (2, 3), for ``cv2.warpAffine``.
    """
    start = source[:, 0].astype(np.float64) + 1j * source[:, 1]
    end = target[:, 0].astype(np.float64) + 1j * target[:, 1]
    centred = start - start.mean()
    spread = float((np.abs(centred) ** 2).sum())
    factor = (end - end.mean()) @ centred.conj() / spread if spread > 0 else 1.0 + 0j
    shift = end.mean() - factor * start.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])
