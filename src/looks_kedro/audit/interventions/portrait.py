"""What an intervention works on, and what a channel is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.geometry import FaceCoordinates, Mask, face_coordinates

__all__ = ["Channel", "Image", "Kind", "Portrait"]

Image = npt.NDArray[np.uint8]
Kind = Literal["face", "local", "surround", "image"]


@dataclass(frozen=True, eq=False)
class Portrait:
    """An image, where its face is, and where its person is if that is known.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) in pixels: left eye, right eye, nose, left and right corner of the mouth, as seen.
        matte: (H, W) uint8, 255 where the person is; None where there is no good one.
    """

    pixels: Image
    landmarks: npt.NDArray[np.float64]
    matte: Image | None = None

    @property
    def coordinates(self) -> FaceCoordinates:
        """Where each pixel lies in the face."""
        return face_coordinates(self.landmarks, self.pixels.shape)


@dataclass(frozen=True)
class Channel:
    """Something in a picture that a model might go by, and the edit that gives it the value of another picture.

    Attributes:
        name: as in tables.
        kind: ``face`` or ``local`` (a part of the face), ``surround`` (outside the head) or ``image`` (no place).
        sentence: what is exchanged, for a reader who has not read this code.
        edit: recipient and donor to the edited image, (H, W, 3) uint8; pure, and the same whoever the donor is.
        mask: recipient to the weight with which each pixel is exchanged, float32 (H, W).
        needs_matte: whether recipient and donor both need a good matte.
        inside: larger channels that hold this one entirely or nearly so.
        overlaps: other channels that share pixels or properties with it.
        control: whether it is there for comparison and makes no claim of its own.
    """

    name: str
    kind: Kind
    sentence: str
    edit: Callable[[Portrait, Portrait], Image]
    mask: Callable[[Portrait], Mask]
    needs_matte: bool = False
    inside: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    control: bool = False

    @property
    def in_face(self) -> bool:
        """Whether the channel is the face or a part of it."""
        return self.kind in {"face", "local"}

    def defined(self, recipient: Portrait, donor: Portrait) -> bool:
        """Whether the edit can be made."""
        return not self.needs_matte or (recipient.matte is not None and donor.matte is not None)


def whole_image(portrait: Portrait) -> Mask:
    """The mask of a channel without a place: 1 everywhere."""
    return np.ones(portrait.pixels.shape[:2], dtype=np.float32)
