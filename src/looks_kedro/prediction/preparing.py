"""From a photo to what a network is shown of it: the way of the study's images, in one go.

The face is found, refused and cut out, encoded and composed exactly as preprocessing and background do, so that a photo
of the study gets the very pixels that the networks were trained and tested on.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.faces import (
    Alignment,
    Detection,
    Inspector,
    Portrait,
    PoseFilter,
    crop_face,
    inspect_portraits,
    landmarks_of,
    pose_detail,
)
from looks_kedro.faces.decode import UnreadableImageError, decode
from looks_kedro.faces.inspection import BOX_COLUMNS
from looks_kedro.faces.landmarks import LANDMARK_COLUMNS
from looks_kedro.learning.decoding import read_portrait
from looks_kedro.mattes import MatteLimits, Matter, Mattes, decide, matte_quality
from looks_kedro.mattes.compositing import Variant, compose
from looks_kedro.prediction.photos import Photo

__all__ = ["REGION_SIDE", "Preparation", "PreparedPhoto", "Preparer", "encoded", "prepare_photos", "square"]

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

JPEG_QUALITY = 95
"""Of the study's faces and of its variants: networks see photos that went through this encoder twice."""
REGION_SIDE = 112
"""Pixels of the regions' map; that of the study's table of regions."""

_SHOWN_SIDE = 300


@dataclass(frozen=True)
class Preparation:
    """How photos are prepared: the settings by which the network's own images were made.

    Attributes:
        variant: what the network sees of a face.
        detection: how faces are searched and chosen.
        alignment: how they are cut out.
        pose: which are frontal.
        max_pixels: larger photos are refused before they are decoded.
        mattes: how people are cut out, where the variant needs it.
        limits: when a cut-out counts as failed; none takes all.
        weights_folder: where weights of HopeNet and of the mattes may lie.
    """

    variant: Variant = field(default_factory=lambda: Variant(kind="original"))
    detection: Detection = field(default_factory=Detection)
    alignment: Alignment = field(default_factory=Alignment)
    pose: PoseFilter = field(default_factory=PoseFilter)
    max_pixels: int = 100_000_000
    mattes: Mattes = field(default_factory=Mattes)
    limits: MatteLimits | None = field(default_factory=MatteLimits)
    weights_folder: Path | None = None

    def check(self) -> None:
        """See that the weights are there which these settings need.

        Raises:
            BadInputError: they are not; the message says how to fetch them.
            BadParameterError: those of the head pose are named and not there.
        """
        self.pose.weights_file(self.weights_folder)
        if self.variant.needs_matte:
            self.mattes.weights_file(self.weights_folder or Path())


@dataclass(frozen=True, eq=False)
class PreparedPhoto:
    """A photo on its way to the network.

    Attributes:
        file: its name.
        reason: why it was refused, in one word; "" where it goes on.
        detail: the numbers behind the reason.
        shown: for people: the face as the network sees it, as an image file; of a refused photo the photo, small;
            empty where it cannot be read.
        seen: uint8 (S, S, 3), what the network sees; None where refused.
        regions: uint8 (112, 112), numbers of ``audit.regions.REGIONS``; None where refused.
    """

    file: str
    reason: str = ""
    detail: str = ""
    shown: bytes = b""
    seen: Image | None = None
    regions: Image | None = None


class Preparer:
    """The networks that find, turn and cut out faces, made once a process.

    Args:
        preparation: all settings.
        image_size: side of the network's images, px.
        alpha_colour: RGB behind transparent pixels.
    """

    def __init__(self, preparation: Preparation, image_size: int, alpha_colour: Colour = (0, 0, 0)) -> None:
        self.preparation, self.image_size, self.alpha_colour = preparation, image_size, alpha_colour
        weights = preparation.pose.weights_file(preparation.weights_folder)
        self.inspector = Inspector(
            preparation.detection, preparation.alignment, preparation.pose, weights, preparation.max_pixels
        )
        needed = preparation.variant.needs_matte
        self.matter = Matter(preparation.mattes, preparation.weights_folder) if needed else None


def prepare_photos(state: Preparer, photos: Sequence[Photo]) -> list[PreparedPhoto]:
    """Find the face of each photo and bring it to what the network sees; result by result independent of the others.

    Args:
        state: networks and settings.
        photos: the photos.

    Returns:
        One each. Reasons: ``unreadable``, ``no_face``, ``several_faces``, ``too_small``, ``side_view`` and, for
        variants that cut people out, ``bad_cutout``.
    """
    readable = [photo for photo in photos if not photo.reason]
    measured = inspect_portraits(state.inspector, [Portrait(one.path, one.file, "") for one in readable])
    found = dict(zip(map(id, readable), measured, strict=True))
    return [_prepared(state, photo, found.get(id(photo))) for photo in photos]


def encoded(pixels: Image) -> bytes:
    """The image file that the study keeps of a face or variant: JPEG; PNG where there is alpha.

    Args:
        pixels: uint8 (H, W, 3) RGB or (H, W, 4) RGBA.
    """
    from PIL import Image as Pictures

    stream = io.BytesIO()
    picture = Pictures.fromarray(np.ascontiguousarray(pixels))
    if pixels.shape[2] == 4:
        picture.save(stream, "PNG", compress_level=6)
    else:
        picture.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue()


def square(data: bytes, alpha_colour: Colour, size: int | None = None) -> Image:
    """An image file as the network sees it.

    Args:
        data: an image file of :func:`encoded`.
        alpha_colour: RGB behind transparent pixels.
        size: side, px; its own where none is given.

    Returns:
        uint8 (size, size, 3).
    """
    return read_portrait(io.BytesIO(data), size, alpha_colour)


def _prepared(state: Preparer, photo: Photo, measured: dict[str, Any] | None) -> PreparedPhoto:
    if measured is None:
        return PreparedPhoto(photo.file, "unreadable", photo.reason)
    reason, detail, face = measured["reason"], measured["detail"], measured["face"]
    if not reason and not state.preparation.pose.accepts(face["yaw"], face["pitch"], face["roll"]):
        reason, detail = "side_view", pose_detail(face)
    try:
        if reason:
            return PreparedPhoto(photo.file, reason, detail, _small(state, photo) if measured["image"] else b"")
        return _composed(state, photo, face)
    except UnreadableImageError as error:  # it was there a moment ago
        return PreparedPhoto(photo.file, "unreadable", error.reason)


def _composed(state: Preparer, photo: Photo, row: dict[str, Any]) -> PreparedPhoto:
    """Cut out, cut free and composed as the variant wants it."""
    from looks_kedro.audit.regions import region_map

    how = state.preparation
    box = [row[side] for side in BOX_COLUMNS]
    crop = crop_face(photo.path, landmarks_of(row, LANDMARK_COLUMNS), box, how.alignment, how.max_pixels)
    face, landmarks = _pixels(encoded(crop)), landmarks_of(row)
    matte = None
    if state.matter is not None:
        matte = state.matter.matte(face, landmarks)
        failed = decide(matte_quality(face, matte, landmarks), how.limits)["reason"] if how.limits else ""
        if failed:
            return PreparedPhoto(photo.file, "bad_cutout", failed.replace("_", " "), encoded(face))
    shown = encoded(compose(how.variant, face, landmarks, matte))
    scaled = (landmarks + 0.5) * (REGION_SIDE / face.shape[0]) - 0.5
    regions = region_map(scaled, REGION_SIDE, None if matte is None else _resized(matte, REGION_SIDE))
    return PreparedPhoto(photo.file, "", "", shown, square(shown, state.alpha_colour, state.image_size), regions)


def _pixels(data: bytes) -> Image:
    from PIL import Image as Pictures

    with Pictures.open(io.BytesIO(data)) as picture:
        return np.asarray(picture, dtype=np.uint8)


def _resized(pixels: Image, side: int) -> Image:
    import cv2

    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _small(state: Preparer, photo: Photo) -> bytes:
    """A refused photo, to be shown beside the reason."""
    from PIL import Image as Pictures
    from PIL import ImageOps

    pixels = decode(photo.path, state.preparation.max_pixels)
    small = ImageOps.contain(Pictures.fromarray(pixels), (_SHOWN_SIDE, _SHOWN_SIDE))
    return encoded(np.asarray(small))
