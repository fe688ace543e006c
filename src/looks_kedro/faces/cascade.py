"""The three networks of MTCNN (Zhang et al., 2016), run on pictures of one shape at a time.

The networks, their weights and the steps between them are facenet-pytorch's; a test holds the two against each
other. What differs is how it is computed: every window is averaged down from a table of sums, in whole numbers,
instead of pixel by pixel (several times faster on a CPU); the windows of a stage go through its network together;
equal scores are told apart by place; and windows that hold no pixel are left out instead of being an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from looks_kedro.faces.landmarks import Floats

if TYPE_CHECKING:
    from torch import Tensor

CELL = 12
"""Width at which the first network sees a face, px."""

_STRIDE = 2  # from one answer of the first network to the next, px
_WINDOWS_AT_ONCE = 1024  # through the second and third network; bounds the memory

Found = tuple[Floats, float, Floats]
"""Box (4,), probability and landmarks (5, 2) of a face, in pixels of the picture."""


class Cascade:
    """MTCNN's networks on a device; loads them when it is made (about 2 s with torch's import).

    Args:
        thresholds: least probability in the three stages.
        device: where the networks run, ``cpu`` or ``cuda``.
    """

    def __init__(self, thresholds: Sequence[float], device: str = "cpu") -> None:
        import torch

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

            networks = PNet(), RNet(), ONet()
        self._thresholds = tuple(thresholds)
        self._device = torch.device(device)
        # Channels last: on a CPU the pooling layers are several times faster in it.
        self._networks: list[Any] = [
            network.eval().to(self._device, memory_format=torch.channels_last) for network in networks
        ]

    def __call__(self, pictures: npt.NDArray[np.uint8], widths: Sequence[float]) -> list[list[Found]]:
        """The faces in pictures of the same shape.

        Args:
            pictures: (N, H, W, 3) uint8 RGB.
            widths: of the faces to search, px, rising; each finds those up to about 1.4 times as wide.

        Returns:
            The faces of each picture, the most probable first.
        """
        import torch

        with torch.inference_mode():
            sums = self._sums(pictures)
            boxes, owners = self._propose(sums, widths)
            boxes, owners = self._refine(sums, boxes, owners)
            located = self._locate(sums, boxes, owners)
        edges, scores, numbers, points = (part.cpu().numpy() for part in located)
        found: list[list[Found]] = []
        for number in range(len(pictures)):
            mine = numbers == number
            here = zip(edges[mine].astype(np.float64), scores[mine], points[mine].astype(np.float64), strict=True)
            found.append(_one_a_face([(box, float(score), landmarks) for box, score, landmarks in here]))
        return found

    def _sums(self, pictures: npt.NDArray[np.uint8]) -> Tensor:
        """For each pixel the sum of all above and to the left of it, (N, H + 1, W + 1, 3), exact."""
        import cv2
        import torch

        depth = cv2.CV_32S if 255 * pictures.shape[1] * pictures.shape[2] < 2**31 else cv2.CV_64F
        return torch.from_numpy(np.stack([cv2.integral(picture, sdepth=depth) for picture in pictures])).to(
            self._device
        )

    def _propose(self, sums: Tensor, widths: Sequence[float]) -> tuple[Tensor, Tensor]:
        """First stage: square windows (K, 4) that may hold a face, and the number of each one's picture (K,)."""
        import torch

        height, width = sums.shape[1] - 1, sums.shape[2] - 1
        boxes, scores, shifts = (torch.zeros(0, size, device=self._device) for size in (4, 1, 4))
        owners = torch.zeros(0, dtype=torch.int64, device=self._device)
        for scale in (CELL / face for face in widths if face <= min(height, width)):
            size = int(height * scale + 1), int(width * scale + 1)
            shift, probability = self._networks[0](_shrunk_pictures(sums, size))
            owner, row, column = torch.nonzero(probability[:, 1] >= self._thresholds[0], as_tuple=True)
            corner = torch.stack([column, row], dim=1).float() * _STRIDE
            box = torch.cat([((corner + 1) / scale).floor(), ((corner + CELL) / scale).floor()], dim=1)
            score = probability[owner, 1, row, column]
            keep = _separate(box, score, owner, 0.5)
            boxes, owners = torch.cat([boxes, box[keep]]), torch.cat([owners, owner[keep]])
            scores = torch.cat([scores, score[keep, None]])
            shifts = torch.cat([shifts, shift[owner, :, row, column][keep]])
        keep = _separate(boxes, scores[:, 0], owners, 0.7)
        boxes = boxes[keep]
        sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        return _square(boxes + shifts[keep] * sides), owners[keep]

    def _refine(self, sums: Tensor, boxes: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
        """Second stage: the windows that still may hold a face, moved onto it."""
        boxes, owners, (shifts, probabilities) = self._judged(1, 24, sums, boxes, owners)
        scores = probabilities[:, 1]
        keep = _separate(boxes, scores, owners, 0.7)
        return _square(_moved(boxes[keep], shifts[keep])), owners[keep]

    def _locate(self, sums: Tensor, boxes: Tensor, owners: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Third stage: boxes (K, 4), probabilities (K,), numbers of the pictures (K,) and landmarks (K, 5, 2)."""
        import torch

        boxes, owners, (shifts, places, probabilities) = self._judged(2, 48, sums, boxes, owners)
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        points = torch.stack([places[:, :5], places[:, 5:]], dim=2) * sides[:, None] + boxes[:, None, :2] - 1
        return _moved(boxes, shifts), probabilities[:, 1], owners, points

    def _judged(
        self, stage: int, side: int, sums: Tensor, boxes: Tensor, owners: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The windows that a stage's network takes for a face, and its answers on them, probabilities last."""
        import torch

        height, width = sums.shape[1] - 1, sums.shape[2] - 1
        first = boxes[:, :2].trunc().clamp(min=1) - 1
        last = torch.minimum(boxes[:, 2:].trunc(), boxes.new_tensor([width, height]))
        held = (last > first).all(dim=1).nonzero()[:, 0]
        boxes, owners, spans = boxes[held], owners[held], torch.cat([first, last], dim=1)[held].long()
        # The networks give (shifts, probabilities) or (shifts, landmarks, probabilities), and nothing on nothing.
        parts = [
            self._networks[stage](_shrunk_windows(sums, some, numbers, side))
            for some, numbers in zip(
                torch.split(spans, _WINDOWS_AT_ONCE), torch.split(owners, _WINDOWS_AT_ONCE), strict=True
            )
            if len(some)
        ] or [[boxes.new_zeros(0, size) for size in ((4, 2) if stage == 1 else (4, 10, 2))]]
        answers = [torch.cat(columns) for columns in zip(*parts, strict=True)]
        sure = (answers[-1][:, 1] > self._thresholds[stage]).nonzero()[:, 0]
        return boxes[sure], owners[sure], [answer[sure] for answer in answers]


def _shrunk_pictures(sums: Tensor, size: tuple[int, int]) -> Tensor:
    """All pictures at another size (N, 3, h, w), each pixel the mean of those that it touches; scaled to -1..1."""
    height, width = sums.shape[1] - 1, sums.shape[2] - 1
    (top, bottom), (left, right) = (_spans(full, part, sums) for full, part in ((height, size[0]), (width, size[1])))
    rows = sums.index_select(1, bottom) - sums.index_select(1, top)
    means = (rows.index_select(2, right) - rows.index_select(2, left)).float()
    means /= ((bottom - top)[:, None] * (right - left))[None, :, :, None]
    return _scaled(means)


def _shrunk_windows(sums: Tensor, spans: Tensor, owners: Tensor, side: int) -> Tensor:
    """Windows (K, 4) of whole pixels, each at a square size (K, 3, side, side); scaled to -1..1."""
    _, rows, columns, _ = sums.shape
    flat = sums.reshape(-1, 3)
    left, right = _spans(spans[:, 2] - spans[:, 0], side, sums, spans[:, 0])
    top, bottom = _spans(spans[:, 3] - spans[:, 1], side, sums, spans[:, 1])
    start = owners[:, None] * rows

    def at(row: Tensor, column: Tensor) -> Tensor:
        place = ((start + row) * columns)[:, :, None] + column[:, None, :]
        return flat.index_select(0, place.view(-1)).view(*place.shape, 3)  # twice as fast as flat[place]

    means = (at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left)).float()
    means /= ((bottom - top)[:, :, None] * (right - left)[:, None, :])[..., None]
    return _scaled(means)


def _spans(full: Any, part: int, like: Tensor, start: Any = 0) -> tuple[Tensor, Tensor]:
    """First and last (exclusive) of the pixels that each of ``part`` equal parts of a line of ``full`` touches."""
    import torch

    steps = torch.arange(part, device=like.device)
    full, start = (value[:, None] if isinstance(value, torch.Tensor) else value for value in (full, start))
    return start + steps * full // part, start + -((-(steps + 1) * full) // part)


def _scaled(means: Tensor) -> Tensor:
    return ((means - 127.5) * 0.0078125).permute(0, 3, 1, 2)


def _square(boxes: Tensor) -> Tensor:
    """The boxes, their shorter side made as long as the other around the same centre."""
    import torch

    sides = boxes[:, 2:] - boxes[:, :2]
    longest = sides.max(dim=1, keepdim=True).values
    corner = boxes[:, :2] + sides * 0.5 - longest * 0.5
    return torch.cat([corner, corner + longest], dim=1)


def _moved(boxes: Tensor, shifts: Tensor) -> Tensor:
    """The boxes, each corner moved by a fraction of the box's sides."""
    moved: Tensor = boxes + shifts * (boxes[:, 2:] - boxes[:, :2] + 1).repeat(1, 2)
    return moved


def _separate(boxes: Tensor, scores: Tensor, owners: Tensor, limit: float) -> Tensor:
    """Which boxes of each picture stay when of those that overlap more than the limit the best is kept."""
    from torchvision.ops import nms

    # Moved apart picture by picture, in double precision, so that the shift changes no overlap.
    apart = boxes.double() + (owners * 2.0**20)[:, None]
    kept: Tensor = nms(apart, scores.double(), limit)
    return kept


def _one_a_face(faces: list[Found]) -> list[Found]:
    """The faces, the most probable first, without those that lie by more than 0.7 of the smaller box on another."""
    kept: list[Found] = []
    for face in sorted(faces, key=lambda face: (-face[1], *face[0])):
        if all(_common(face[0], other[0]) <= 0.7 for other in kept):
            kept.append(face)
    return kept


def _common(one: Floats, other: Floats) -> float:
    """Common area as a fraction of the smaller box; a box counts the pixels of both its edges."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]) + 1
    areas = [float(np.prod(box[2:] - box[:2] + 1)) for box in (one, other)]
    return float(np.prod(np.maximum(sides, 0.0))) / min(areas)


def pyramid(least: float, most: float, step: float) -> list[float]:
    """Widths of faces, from the least to the most, each ``1 / step`` times the one before."""
    widths = []
    while least <= most:
        widths.append(least)
        least /= step
    return widths
