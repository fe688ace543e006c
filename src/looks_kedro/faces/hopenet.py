"""The turn of a head by HopeNet (Ruiz, Chong and Rehg, CVPR workshops 2018) from its published weights.

The network classifies each angle into 66 bins of 3 degrees; the angle is the bins' expectation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from looks_kedro.faces.pose import angles_of, lean_of, nod_of, turn_of
from looks_kedro.weight_files import load_network

if TYPE_CHECKING:
    from torch import nn

BINS = 66
INPUT_SIZE = 224
"""Side of the network's input, px: its average pool of 7 x 7 fits no other."""

HEADS = ("fc_yaw", "fc_pitch", "fc_roll")
_LEFT_OVER = "fc_finetune."  # of an early experiment of its authors; in the published files, without use
_BATCH = 64  # on a GPU


class HopeNet:
    """Head poses from pictures and face boxes.

    Args:
        weights: ``hopenet_alpha2.pkl``, ``hopenet_robust_alpha1.pkl`` or a file of the same format.
        device: where it computes. On the CPU images pass one by one, so that a result is the same to the last bit
            whatever images are in the batch.

    Raises:
        BadInputError: the file is missing or not HopeNet's.
    """

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        import torch

        with torch.device("meta"):
            network = build_network()
        what = "HopeNet weights (hopenet_alpha2.pkl or hopenet_robust_alpha1.pkl)"
        self._network: Any = load_network(network, Path(weights), what, optional=(_LEFT_OVER,)).to(device)
        self.device = device

    def angles(
        self, images: Sequence[npt.NDArray[np.uint8]], boxes: Sequence[npt.ArrayLike]
    ) -> list[tuple[float, float, float]]:
        """Estimate how heads are turned.

        Args:
            images: (H, W, 3) uint8 RGB each, of any sizes.
            boxes: the face in each, (4,): left, top, right, bottom in pixels.

        Returns:
            Yaw, pitch and roll of each in degrees, with the meaning and signs of ``faces.pose.head_pose``.
        """
        inputs = [_pixels(image, box) for image, box in zip(images, boxes, strict=True)]
        size = 1 if self.device == "cpu" else _BATCH
        found: list[tuple[float, float, float]] = []
        for start in range(0, len(inputs), size):
            found += [to_our_angles(*row) for row in self._degrees(np.stack(inputs[start : start + size]))]
        return found

    def _degrees(self, pixels: npt.NDArray[np.uint8]) -> list[list[float]]:
        """HopeNet's own yaw, pitch, roll (N, 3) of inputs (N, 224, 224, 3): softmax expectation x 3 - 99 each."""
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 255.0
            mean, std = (
                torch.tensor(value, device=self.device).view(1, 3, 1, 1)
                for value in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
            )
            features = self._network((batch - mean) / std)
            numbers = torch.arange(BINS, dtype=torch.float32, device=self.device)
            columns = [
                (torch.softmax(getattr(self._network, head)(features), dim=1) * numbers).sum(dim=1) * 3.0 - 99.0
                for head in HEADS
            ]
            degrees: list[list[float]] = torch.stack(columns, dim=1).double().cpu().tolist()
        return degrees


def build_network() -> nn.Module:
    """The architecture with the layer names of the published files; called, it gives the 2,048 pooled features."""
    from torch import nn
    from torchvision.models.resnet import Bottleneck, ResNet

    network: nn.Module = ResNet(Bottleneck, [3, 4, 6, 3])
    network.avgpool = nn.AvgPool2d(7)
    network.fc = nn.Identity()
    for head in HEADS:
        network.add_module(head, nn.Linear(2048, BINS))
    network.add_module(_LEFT_OVER.rstrip("."), nn.Linear(2048 + 3, 3))
    return network


def to_our_angles(yaw: float, pitch: float, roll: float) -> tuple[float, float, float]:
    """From HopeNet's angles to those of ``faces.pose``; degrees.

    HopeNet learned the annotations of 300W-LP: a rotation about x, then y, then z from outside, R = Rx(pitch)
    Ry(yaw) Rz(roll), while ours turns first: R = turn(yaw) nod(pitch) lean(roll). Its yaw is positive when the nose
    points to the image's left; pitch and roll have our signs (its authors draw the nose to the picture's
    (-sin yaw, -cos yaw sin pitch), x to the right, y down). So the whole rotation is converted: beside the sign of
    yaw it changes an angle by little for heads that turn or nod alone, and by up to some degrees for those that do
    both.
    """
    return angles_of(nod_of(pitch) @ turn_of(-yaw) @ lean_of(roll))


def loose_crop(box: npt.ArrayLike, image_shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The part of the picture that HopeNet looks at: left, top, right, bottom.

    Half a box width is added on each side, 0.75 of its height above and 0.25 below, and what lies beside the picture
    is cut off, as its authors did.

    Raises:
        ValueError: the box lies beside the picture or is not finite.
    """
    corners = np.asarray(box, dtype=np.float64).reshape(4)
    if not np.isfinite(corners).all():
        raise ValueError(f"a face's box must be finite; found {corners}")
    left, top, right, bottom = (float(value) for value in corners)
    width, height = abs(right - left), abs(bottom - top)
    crop = (
        int(max(left - 0.5 * width, 0)),
        int(max(top - 0.75 * height, 0)),
        int(min(right + 0.5 * width, image_shape[1])),
        int(min(bottom + 0.25 * height, image_shape[0])),
    )
    if crop[2] <= crop[0] or crop[3] <= crop[1]:
        raise ValueError(f"box {corners} lies beside the picture of {image_shape[1]} x {image_shape[0]} pixels")
    return crop


def _pixels(image: npt.NDArray[np.uint8], box: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """The input (224, 224, 3) uint8: the loose crop with its shorter side resized to 224, and of that the middle."""
    left, top, right, bottom = loose_crop(box, image.shape)
    width, height = right - left, bottom - top
    shorter = min(width, height)
    size = (INPUT_SIZE * width // shorter, INPUT_SIZE * height // shorter)
    small = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right])).resize(size, Image.Resampling.BILINEAR)
    x, y = (round((side - INPUT_SIZE) / 2.0) for side in size)
    return np.asarray(small.crop((x, y, x + INPUT_SIZE, y + INPUT_SIZE)), dtype=np.uint8)
