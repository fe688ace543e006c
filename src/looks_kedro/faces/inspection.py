"""What preprocessing wants to know of one portrait: where its face is, how it is turned, or why it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.faces.alignment import Alignment
from looks_kedro.faces.cropping import crop_geometry
from looks_kedro.faces.decode import MAX_PIXELS, UnreadableImageError, decode
from looks_kedro.faces.detection import Detection, Face, FaceDetector
from looks_kedro.faces.landmarks import LANDMARK_COLUMNS, landmark_columns
from looks_kedro.faces.pose import PoseFilter, head_pose
from looks_kedro.faces.selection import Refusal, choose_face

STAGE = "preprocessing"
"""Value of the column ``stage`` in the rejections."""


@dataclass(frozen=True)
class Portrait:
    """One raw image to be looked at.

    Attributes:
        path: where it lies.
        file: its name in the ``faces`` folder, such as ``celebrities/ada/0001.jpg``.
        raw_file: its name in the raw folder, such as ``ada/0001.png``.
        looks: 1 for celebrities, 0 for ordinary people.
        identity: who it shows.
        source: where it comes from.
    """

    path: Path
    file: str
    raw_file: str
    looks: int
    identity: str
    source: str


@dataclass(frozen=True)
class Inspection:
    """What was found: a row of the face table, a row of the rejections, or both for a side view."""

    face: dict[str, Any] | None = None
    rejection: dict[str, Any] | None = None


class Inspector:
    """The detector and all settings of an inspection, made once a process.

    Use ``functools.partial(Inspector, detection, ...)`` as the ``setup`` of ``map_images``.
    """

    def __init__(
        self,
        detection: Detection | None = None,
        alignment: Alignment | None = None,
        pose: PoseFilter | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.detection = detection or Detection()
        self.alignment = alignment or Alignment()
        self.pose = pose or PoseFilter()
        self.max_pixels = max_pixels
        self.detector = FaceDetector(self.detection)


def inspect_portrait(state: Inspector, item: Portrait) -> Inspection:
    """Decode a portrait, find and choose its face, estimate the pose.

    Args:
        state: the detector and settings.
        item: the portrait.

    Returns:
        The rows. Reasons of rejections: ``unreadable``, ``no_face``, ``several_faces``, ``too_small``,
        ``side_view``; a side view also has its row of the face table, with ``frontal`` false.
    """
    try:
        image = decode(item.path, state.max_pixels)
    except UnreadableImageError as error:
        return _refused(item, "unreadable", error.reason)
    found = choose_face(state.detector.detect(image), image.shape, state.detection)
    if isinstance(found, Refusal):
        return _refused(item, found.reason, found.detail)
    try:
        row = _face_row(state, item, image, found)
    except ValueError as error:  # landmarks that coincide or are not finite
        return _refused(item, "no_face", f"no usable landmarks: {error}")
    if row["frontal"]:
        return Inspection(face=row)
    detail = f"yaw {row['yaw']:.0f}, pitch {row['pitch']:.0f}, roll {row['roll']:.0f} degrees"
    return Inspection(face=row, rejection=_refused(item, "side_view", detail).rejection)


def _refused(item: Portrait, reason: str, detail: str) -> Inspection:
    return Inspection(
        rejection={
            "file": item.file,
            "looks": item.looks,
            "identity": item.identity,
            "stage": STAGE,
            "reason": reason,
            "detail": detail,
        }
    )


def _face_row(state: Inspector, item: Portrait, image: npt.NDArray[np.uint8], face: Face) -> dict[str, Any]:
    """A row of the face table, its columns in order; pixels rounded to 0.01, degrees to 0.01."""
    height, width = image.shape[:2]
    # Rounded first: who crops from the table must get the same pixels as who crops from the detection.
    landmarks, box = np.round(face.landmarks, 2), np.round(face.box, 2)
    yaw, pitch, roll = (round(angle, 2) for angle in head_pose(landmarks, (width, height)))
    crop_landmarks, crop_scale = crop_geometry(landmarks, box, state.alignment)
    left, top, right, bottom = (float(value) for value in box)
    return {
        "file": item.file,
        "raw_file": item.raw_file,
        "looks": item.looks,
        "identity": item.identity,
        "source": item.source,
        "raw_width": width,
        "raw_height": height,
        "box_left": left,
        "box_top": top,
        "box_right": right,
        "box_bottom": bottom,
        "probability": round(face.probability, 5),
        **landmark_columns(landmarks, LANDMARK_COLUMNS),
        "yaw": yaw,
        "pitch": pitch,
        "roll": roll,
        "pose_method": state.pose.method,
        "frontal": state.pose.accepts(yaw, pitch, roll),
        "crop_scale": round(crop_scale, 4),
        **landmark_columns(crop_landmarks),
    }
