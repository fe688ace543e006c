"""Pictures of which less and less is left, and what a classifier that sees structure can measure in them.

A class that is told as well from shuffled pixels as from the portrait is not told by the face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from looks_kedro.faces.geometry import ellipse_mask
from looks_kedro.mattes.compositing import grown

__all__ = ["RUNGS", "SIDE", "Rung", "background_only", "degraded", "face_only", "ladder_features", "picture_features"]

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

Rung = Literal["intact", "patches shuffled", "pixels shuffled", "mean colour", "background only", "face only"]
RUNGS: tuple[Rung, ...] = get_args(Rung)
"""From the portrait itself to its parts."""

SIDE = 64
"""Side of the pictures that are measured, px."""

_PATCH = 8  # px: an eye is a patch and a half wide, so that no feature of a face stays whole
_GREY = 127
_CELLS = 4
_ORIENTATIONS = 6
_AT_ONCE = 64  # so few that the working arrays stay in the processor's cache


def face_only(face: Image, landmarks: npt.ArrayLike, grey: int = _GREY) -> Image:
    """The face's ellipse, from the hairline to the chin, on grey.

    Args:
        face: (S, S, 3) uint8 RGB.
        landmarks: (5, 2) in pixels of the face.
        grey: what is laid outside, 0..255.

    Returns:
        uint8 (S, S, 3), with a soft edge of a fiftieth of the side.
    """
    inside = _soft(ellipse_mask(landmarks, (face.shape[0], face.shape[1]), "face"))
    return _mixed(face, np.full_like(face, grey), inside)


def background_only(face: Image, landmarks: npt.ArrayLike | None = None, matte: Image | None = None) -> Image:
    """The picture without the person, whose place is filled from what is around.

    Filled rather than blanked, so that no outline tells where the person was and how large.

    Args:
        face: (S, S, 3) uint8 RGB.
        landmarks: (5, 2); without a matte, the head's ellipse is taken out and clothes remain.
        matte: (S, S) uint8, 255 where the person is; taken out with a margin of 3 % of the side.

    Returns:
        uint8 (S, S, 3).

    Raises:
        ValueError: there are neither landmarks nor a matte.
    """
    taken = person_matte(face.shape, landmarks, matte, margin=0.03)
    return _mixed(filled(face, taken), face, taken)


def person_matte(
    shape: tuple[int, ...], landmarks: npt.ArrayLike | None, matte: Image | None, margin: float = 0.0
) -> npt.NDArray[np.float32]:
    """Where the person is, 0..1: the matte, or the head's ellipse where there is none.

    Args:
        shape: height and width first.
        landmarks: (5, 2).
        matte: (H, W) uint8.
        margin: by how much it is widened, as a fraction of the side.
    """
    if matte is None and landmarks is None:
        raise ValueError("taking out the person needs landmarks or a matte; found neither")
    if matte is None:
        return _soft(ellipse_mask(np.asarray(landmarks), (shape[0], shape[1]), "head"))
    return _soft(grown(matte, margin * max(shape[:2])) > 127)


def filled(face: Image, taken: npt.NDArray[np.float32]) -> Image:
    """The picture with a part filled smoothly from what is around it.

    The mean of the surroundings, weighted by a Gaussian of the distance, at ever wider reach until there is some.

    Args:
        face: (S, S, 3) uint8.
        taken: (S, S), 1 where the picture is not to be used.
    """
    import cv2

    height, width = face.shape[:2]
    ground = (1 - taken).astype(np.float32)[:, :, None]
    stack = np.concatenate([face * ground, ground], axis=2)
    small = cv2.resize(stack, (32, 32), interpolation=cv2.INTER_AREA)
    total = np.zeros_like(small)
    for reach, weight in ((1.5, 1.0), (4.0, 1e-2), (12.0, 1e-4)):
        total += weight * cv2.GaussianBlur(small, (0, 0), reach, borderType=cv2.BORDER_REFLECT)
    mean = face.reshape(-1, 3).mean(axis=0)  # where the person fills the picture there is nothing else
    smooth = (total[:, :, :3] + 1e-7 * mean) / (total[:, :, 3:] + 1e-7)
    whole = cv2.resize(smooth.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return _mixed(np.rint(np.clip(whole, 0, 255)).astype(np.uint8), face, taken)


def degraded(
    rung: Rung, face: Image, seed: Sequence[int], landmarks: npt.ArrayLike | None = None, matte: Image | None = None
) -> Image:
    """What is left of a picture on one rung.

    Args:
        rung: one of ``RUNGS``.
        face: (S, S, 3) uint8.
        seed: of the shuffling.
        landmarks: (5, 2), needed by the last two rungs.
        matte: (S, S), used by ``background only`` where there is one.

    Returns:
        uint8 (S, S, 3).
    """
    if rung == "face only":
        return face_only(face, np.asarray(landmarks))
    if rung == "background only":
        return background_only(face, landmarks, matte)
    if rung == "mean colour":
        return np.broadcast_to(np.rint(face.mean(axis=(0, 1))).astype(np.uint8), face.shape).copy()
    generator = np.random.default_rng(list(seed))
    if rung == "pixels shuffled":
        return generator.permutation(face.reshape(-1, 3)).reshape(face.shape)
    if rung == "patches shuffled":
        rows, columns = face.shape[0] // _PATCH, face.shape[1] // _PATCH
        cut = face[: rows * _PATCH, : columns * _PATCH]
        patches = cut.reshape(rows, _PATCH, columns, _PATCH, 3).swapaxes(1, 2).reshape(-1, _PATCH, _PATCH, 3)
        mixed = generator.permutation(patches).reshape(rows, columns, _PATCH, _PATCH, 3).swapaxes(1, 2)
        return np.ascontiguousarray(mixed.reshape(cut.shape))
    return face


def ladder_features(
    rung: Rung, pictures: Image, landmarks: Floats | None = None, mattes: Image | None = None, seed: int = 0
) -> npt.NDArray[np.float32]:
    """Features of all pictures on one rung.

    Args:
        rung: one of ``RUNGS``.
        pictures: (N, SIDE, SIDE, 3) uint8.
        landmarks: (N, 5, 2) in pixels of the pictures.
        mattes: (N, SIDE, SIDE) uint8.
        seed: of the shuffling.

    Returns:
        float32 (N, p).
    """

    def shown() -> Iterator[Image]:
        for row, face in enumerate(pictures):
            points = None if landmarks is None else landmarks[row]
            yield degraded(rung, face, (seed, row), points, None if mattes is None else mattes[row])

    pieces, batch = [], []
    for image in shown():
        batch.append(image)
        if len(batch) == _AT_ONCE:
            pieces.append(picture_features(np.stack(batch)))
            batch = []
    if batch:
        pieces.append(picture_features(np.stack(batch)))
    return np.concatenate(pieces)


def picture_features(images: Image) -> npt.NDArray[np.float32]:
    """What a small fixed classifier measures: where edges of which direction are, colours, and fine texture.

    In 4 x 4 cells: the energy of edges in six directions as a share of the picture's (after Dalal and Triggs, 2005),
    mean luma and chroma, and the logarithm of the Laplacian. Of the whole picture: quantiles of luma and chroma,
    directions, and the logarithm of all energy.

    Args:
        images: (n, S, S, 3) uint8, S a multiple of 4.

    Returns:
        float32 (n, 182).
    """
    planes = _planes(images)
    luma = planes[:, 0]
    padded = np.pad(luma, ((0, 0), (1, 1), (1, 1)), mode="edge")
    left, right, above, below = padded[:, 1:-1, :-2], padded[:, 1:-1, 2:], padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]
    across, down = right - left, below - above
    size = np.sqrt(across * across + down * down) + np.float32(1e-6)
    cosine, sine = (across * across - down * down) / size, 2 * across * down / size  # of the doubled angle
    edges = np.empty((len(luma), _ORIENTATIONS, *luma.shape[1:]), dtype=np.float32)
    for number, angle in enumerate(2 * np.pi * np.arange(_ORIENTATIONS) / _ORIENTATIONS):
        np.maximum(cosine * np.float32(np.cos(angle)) + sine * np.float32(np.sin(angle)), 0, out=edges[:, number])
    energy = _cells(edges)
    total = energy.sum(axis=(1, 2)) + np.float32(1e-4)
    laplacian = np.abs(4 * luma - left - right - above - below)
    sparse = np.sort(planes[:, :, ::2, ::2].reshape(len(luma), 3, -1), axis=2)
    places = np.rint(np.array([0.05, 0.25, 0.5, 0.75, 0.95]) * (sparse.shape[2] - 1)).astype(np.int64)
    parts = [
        np.sqrt(energy / total[:, None, None]).reshape(len(luma), -1),
        _cells(planes).reshape(len(luma), -1),
        np.log(_cells(laplacian[:, None]).reshape(len(luma), -1) + np.float32(1e-3)),
        sparse[:, :, places].reshape(len(luma), -1),
        np.sqrt(energy.mean(axis=2) / total[:, None]),
        np.log(total)[:, None],
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _planes(images: Image) -> npt.NDArray[np.float32]:
    """Luma and the two chroma (ITU-R BT.601), (n, 3, S, S), 0..1 and -0.5..0.5."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]) / 255
    flat = images.reshape(len(images), -1, 3).astype(np.float32)
    planes = matrix.astype(np.float32) @ flat.transpose(0, 2, 1)
    return np.asarray(planes.reshape(len(images), 3, *images.shape[1:3]), dtype=np.float32)


def _cells(planes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Means over 4 x 4 cells: (n, k, S, S) to (n, k, 16)."""
    step = planes.shape[2] // _CELLS
    pool = np.kron(np.eye(_CELLS, dtype=np.float32), np.full((1, step), 1 / step, dtype=np.float32))
    return np.asarray((pool @ planes @ pool.T).reshape(*planes.shape[:2], -1), dtype=np.float32)


def _soft(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """A mask with an edge of about a fiftieth of the side, two pixels at least."""
    import cv2

    sigma = max(0.01 * max(mask.shape), 0.7)
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma), dtype=np.float32)


def _mixed(inside: Image, outside: Image, weight: npt.NDArray[np.float32]) -> Image:
    share = weight[:, :, None]
    return np.rint(inside * share + outside * (1 - share)).astype(np.uint8)
