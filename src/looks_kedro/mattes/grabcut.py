"""A person's matte by GrabCut (Rother, Kolmogorov and Blake, 2004), seeded by the face.

A single cut that starts from the head's outline drops hair beside the face, because its colour is more frequent outside
the outline than inside. So two cuts are made, one from a head with short hair and one from a head with hair down to
the shoulders, and a pixel is the person's when one of them says so.

Good on loose crops with a calm background, poor on tight and busy ones: judge every matte with ``matte_quality``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from looks_kedro.faces.alignment import FACE_SIZE, face_transform, inverse, map_points
from looks_kedro.faces.geometry import ellipse_mask
from looks_kedro.faces.landmarks import Floats, checked_landmarks


class GrabCut(BaseModel, extra="forbid", frozen=True):
    """How GrabCut works."""

    side: int = Field(150, ge=64, le=512, description="the image is cut at this longest side, px, and refined after")
    iterations: int = Field(2, ge=1, le=20, description="rounds of colour models and cut, for short hair; long: half")
    edge: float = Field(0.02, gt=0, le=0.2, description="reach of the edge's refinement, as a fraction of the side")


# In the template's pixels (see faces.alignment): neck and shoulders below the face.
_BODY: Floats = np.array(
    [
        [98, 205],
        [92, 262],
        [10, 300],
        [-90, 330],
        [-90, 900],
        [386, 900],
        [386, 330],
        [286, 300],
        [204, 262],
        [198, 205],
    ],
    dtype=np.float64,
)
_CROWN: Floats = np.array([[85, 0], [214, 0], [214, 16], [85, 16]], dtype=np.float64)  # where hair is, if any
_LAB_WEIGHTS = np.array([0.7, 1.5, 1.5], dtype=np.float32)  # strands differ in lightness more than in colour
_HAIR_HALF_WIDTH, _HAIR_ENDS = 138.0, 270.0  # long hair, in the template's pixels from the middle and from the top
_DOME_BASE, _DOME_HEIGHT = 100.0, 160.0
HAIR_REACH = 25.0
_CHIN = 262.0


def grabcut_matte(
    face: npt.NDArray[np.uint8], landmarks: npt.ArrayLike, settings: GrabCut | None = None
) -> npt.NDArray[np.uint8]:
    """Cut a person out.

    Seeds: the inner face is the person; the head's ellipse (or, for long hair, all beside the face), neck and
    shoulders probably are; the upper corners and strips at the sides above the shoulders are not. The cuts are made
    small, keep the part that holds the face, and the edge is refined at full size by a guided filter (He, Sun and
    Tang, 2010).

    Args:
        face: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) in pixels of the face.
        settings: how it works.

    Returns:
        (H, W) uint8, 255 where the person is, soft at the edge; the same for the same input.
    """
    import cv2

    settings = settings or GrabCut()
    height, width = face.shape[:2]
    scale = min(1.0, settings.side / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = cv2.resize(face, size, interpolation=cv2.INTER_AREA) if scale < 1 else face
    factors = np.array([size[0] / width, size[1] / height])
    points = (checked_landmarks(landmarks) + 0.5) * factors - 0.5
    small = np.ascontiguousarray(small)
    face_part = ellipse_mask(points, (size[1], size[0]))
    short = _cut(small, _seeds(small, points), settings.iterations)
    # More rounds would find the skin again and drop the hair.
    long = _cut(small, _long_hair_seeds(small, points), (settings.iterations + 1) // 2)
    person = _part_with(_part_with(short, face_part) | _part_with(long, face_part), face_part)
    soft = cv2.GaussianBlur(person.astype(np.float32), (0, 0), 0.7)
    full = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR)
    return _refined(face, full, max(2, round(settings.edge * max(height, width))))


def _seeds(image: npt.NDArray[np.uint8], points: Floats) -> npt.NDArray[np.uint8]:
    """GrabCut's mask of sure and probable person and ground."""
    import cv2

    shape = (image.shape[0], image.shape[1])
    back = inverse(face_transform(points))
    seeds = np.full(shape, cv2.GC_PR_BGD, dtype=np.uint8)
    body = np.zeros(shape, dtype=np.uint8)
    cv2.fillPoly(body, [np.rint(map_points(back, _BODY)).astype(np.int32)], 1)
    head = ellipse_mask(points, shape, "head")
    face = ellipse_mask(points, shape, "face")
    seeds[_surely_ground(back, shape) & ~head & (body == 0)] = cv2.GC_BGD
    seeds[head | (body > 0) | _hair(image, back)] = cv2.GC_PR_FGD
    inner = max(3, round(0.1 * shape[1])) | 1
    core = cv2.erode(face.astype(np.uint8), np.ones((inner, inner), np.uint8), borderValue=0)
    seeds[core > 0] = cv2.GC_FGD
    return seeds


def _long_hair_seeds(image: npt.NDArray[np.uint8], points: Floats) -> npt.NDArray[np.uint8]:
    """As :func:`_seeds`, for a head with hair down to the shoulders that may reach the picture's sides."""
    import cv2

    height, width = image.shape[:2]
    seeds = _seeds(image, points)
    rows, columns = np.mgrid[:height, :width]
    from_side = np.minimum(columns, width - 1 - columns)
    places = map_points(face_transform(points), np.column_stack([columns.ravel(), rows.ravel()])).reshape(-1, width, 2)
    across, down = np.abs(places[..., 0] - FACE_SIZE / 2), places[..., 1]
    dome = (across / _HAIR_HALF_WIDTH) ** 2.6 + (np.maximum(_DOME_BASE - down, 0) / _DOME_HEIGHT) ** 2.6 <= 1
    hair = dome & (down < _HAIR_ENDS)
    ground = (from_side + rows < 0.08 * width) | ((from_side < 0.02 * width) & (rows < 0.6 * height))
    seeds[seeds == cv2.GC_BGD] = cv2.GC_PR_BGD
    seeds[hair & (seeds != cv2.GC_FGD)] = cv2.GC_PR_FGD
    seeds[ground & (seeds != cv2.GC_FGD)] = cv2.GC_BGD
    return seeds


def _hair(image: npt.NDArray[np.uint8], back: Floats) -> npt.NDArray[np.bool_]:
    """What has the colour of the top of the head and hangs together with it: hair that falls beside the face."""
    import cv2

    top = np.zeros(image.shape[:2], dtype=np.uint8)
    cv2.fillPoly(top, [np.rint(map_points(back, _CROWN)).astype(np.int32)], 1)
    if top.sum() < 20:
        return np.zeros(image.shape[:2], dtype=np.bool_)
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), 1.0), cv2.COLOR_RGB2LAB).astype(np.float32)
    colour = np.median(lab[top > 0], axis=0)
    distance = np.sqrt((((lab - colour) * _LAB_WEIGHTS) ** 2).sum(axis=2))
    like = (distance < HAIR_REACH).astype(np.uint8)
    _, parts = cv2.connectedComponents(like, connectivity=4)
    touching = np.unique(parts[(top > 0) & (like > 0)])
    return np.asarray(np.isin(parts, touching[touching > 0]))


def _surely_ground(back: Floats, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Corners and side strips above the shoulders, in the picture's own frame."""
    height, width = shape
    rows, columns = np.mgrid[:height, :width]
    chin = float(map_points(back, [[FACE_SIZE / 2, _CHIN]])[0, 1])
    strip = max(2, round(0.03 * width))
    from_side = np.minimum(columns, width - 1 - columns)
    sides = (from_side < strip) & (rows < 0.75 * chin)
    corners = from_side + rows < 0.22 * width
    return np.asarray(sides | corners)


def _cut(image: npt.NDArray[np.uint8], seeds: npt.NDArray[np.uint8], iterations: int) -> npt.NDArray[np.uint8]:
    import cv2

    if not (np.isin(seeds, (cv2.GC_BGD, cv2.GC_PR_BGD)).any() and np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)).any()):
        return np.asarray(np.isin(seeds, (cv2.GC_FGD, cv2.GC_PR_FGD)), dtype=np.uint8)
    mask = seeds.copy()
    cv2.setRNGSeed(0)  # the colour models start from k-means
    models = np.zeros((1, 65)), np.zeros((1, 65))
    try:
        cv2.grabCut(image, mask, None, *models, iterations, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # a picture of one colour gives no colour models; the seeds are the best guess
        mask = seeds
    return np.asarray((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), dtype=np.uint8)


def _part_with(cut: npt.NDArray[np.uint8], face: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The connected part with most of the face, its holes filled."""
    import cv2

    _, parts = cv2.connectedComponents(cut, connectivity=4)
    counts = np.bincount(parts[face & (cut > 0)], minlength=1)
    if counts.size < 2:
        return cut
    person = (parts == int(np.argmax(counts))).astype(np.uint8)
    _, rest = cv2.connectedComponents(1 - person, connectivity=4)
    border = np.concatenate([rest[0], rest[-1], rest[:, 0], rest[:, -1]])
    outside = np.unique(border[border > 0])
    person[(rest > 0) & ~np.isin(rest, outside)] = 1
    return np.asarray(person, dtype=np.uint8)


def _refined(
    face: npt.NDArray[np.uint8], matte: npt.NDArray[np.float32], reach: int, smoothness: float = 1e-3
) -> npt.NDArray[np.uint8]:
    """Fit the matte's edge to the picture's: a guided filter with the grey picture as its guide."""
    import cv2

    window = (2 * reach + 1, 2 * reach + 1)
    guide = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.boxFilter(values, -1, window, borderType=cv2.BORDER_REFLECT), dtype=np.float32)

    mean_guide, mean_matte = mean(guide), mean(matte)
    slope = (mean(guide * matte) - mean_guide * mean_matte) / (mean(guide * guide) - mean_guide**2 + smoothness)
    offset = mean_matte - slope * mean_guide
    soft = mean(slope) * guide + mean(offset)
    # The filter leaves a haze of a few per cent on both sides; stretch it away.
    stretched = np.clip((soft - 0.1) / 0.8, 0.0, 1.0)
    return np.asarray(np.rint(stretched * 255.0), dtype=np.uint8)
