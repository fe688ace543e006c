"""What is measured of one raw image: the picture, the face that it is about, how that is turned, how good it is.

Measured is what depends on the image's content and the settings alone; whose image it is, and whether a head turned
so far still counts as frontal, is said by :func:`face_row`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.faces.alignment import Alignment, map_points, scale_of, warp
from looks_kedro.faces.cropping import crop_transform
from looks_kedro.faces.decode import MAX_PIXELS, UnreadableImageError, decode_photo, read_file
from looks_kedro.faces.detection import Detection, Face, FaceDetector
from looks_kedro.faces.landmarks import LANDMARK_COLUMNS, landmark_columns
from looks_kedro.faces.pose import PoseFilter, head_pose
from looks_kedro.faces.selection import Refusal, choose_face
from looks_kedro.tables import columns

_PIXELS_AT_ONCE = 16_000_000  # decoded at a time, however many portraits a batch has; 48 MB

BOX_COLUMNS = ("box_left", "box_top", "box_right", "box_bottom")
"""Columns of a face's box in raw pixels."""


@dataclass(frozen=True)
class Portrait:
    """One raw image to be looked at.

    Attributes:
        path: where it lies.
        file: what messages call it.
        sha256: of its bytes, by which its measurement is known again.
    """

    path: Path
    file: str
    sha256: str


class Inspector:
    """The networks and all settings of an inspection, made once a process.

    Use ``functools.partial(Inspector, detection, ...)`` as the ``setup`` of ``map_images``.

    Args:
        detection: how faces are searched and chosen.
        alignment: the geometry of the face crop.
        pose: by which method the pose is estimated; its limits are applied by :func:`face_row`.
        pose_weights: HopeNet's weights; without them the pose comes from the landmarks.
        max_pixels: larger images are refused.
    """

    def __init__(
        self,
        detection: Detection | None = None,
        alignment: Alignment | None = None,
        pose: PoseFilter | None = None,
        pose_weights: Path | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.detection = detection or Detection()
        self.alignment = alignment or Alignment()
        self.max_pixels = max_pixels
        self.detector = FaceDetector(self.detection)
        self.hopenet: Any = None
        if pose_weights is not None and (pose or PoseFilter()).method != "landmarks":
            from looks_kedro.faces.hopenet import HopeNet

            self.hopenet = HopeNet(pose_weights, self.detector.device)


@dataclass(eq=False)
class _Looked:
    """A portrait on its way: its pixels, what is known of the picture, the face or the reason for having none."""

    pixels: npt.NDArray[np.uint8] | None = None
    image: dict[str, Any] | None = None
    face: Face | None = None
    reason: str = ""
    detail: str = ""


def inspect_portraits(state: Inspector, items: Sequence[Portrait]) -> list[dict[str, Any]]:
    """Decode portraits, find and choose the face of each, measure it.

    Each file is read once and decoded once.

    Args:
        state: the networks and settings.
        items: the portraits; what is measured of one does not depend on the others.

    Returns:
        A mapping each that JSON can hold, with ``reason``, ``detail``, ``image`` and ``face``:

        - ``reason`` is "" for a portrait whose face is clear, else ``unreadable``, ``no_face``, ``several_faces`` or
          ``too_small``, with the numbers behind it in ``detail``;
        - ``image`` has ``raw_width``, ``raw_height``, ``photo_date``, ``perceptual_hash``, ``thumbnail`` and
          ``jpeg_quality`` (None when it is no JPEG file); it is None for an unreadable file;
        - ``face`` has box, landmarks and pose, the crop's geometry and the image quality of the crop, by the names
          of the face table. It is there for ``several_faces`` and ``too_small`` as well (the face that would have
          been chosen, so that a person may overrule), and None where there is none.
    """
    return [result for part in _decoded(state, items) for result in _measured(state, part)]


def _decoded(state: Inspector, items: Sequence[Portrait]) -> Iterator[list[_Looked]]:
    """The portraits decoded, as many at a time as the memory is meant to hold."""
    part: list[_Looked] = []
    pixels = 0
    for item in items:
        part.append(_read(item, state.max_pixels))
        pixels += 0 if part[-1].image is None else part[-1].image["raw_width"] * part[-1].image["raw_height"]
        if pixels >= _PIXELS_AT_ONCE:
            yield part
            part, pixels = [], 0
    yield part


def _read(item: Portrait, max_pixels: int) -> _Looked:
    from looks_kedro.duplicates import perceptual_hash, thumbnail
    from looks_kedro.faces.image_quality import jpeg_quality

    try:
        data = read_file(item.path)
        photo = decode_photo(data, max_pixels)
    except UnreadableImageError as error:
        return _Looked(reason="unreadable", detail=error.reason)
    height, width = photo.pixels.shape[:2]
    image = {
        "raw_width": width,
        "raw_height": height,
        "photo_date": photo.taken,
        "perceptual_hash": perceptual_hash(photo.pixels),
        "thumbnail": thumbnail(photo.pixels),
        "jpeg_quality": jpeg_quality(data),
    }
    return _Looked(photo.pixels, image)


def _measured(state: Inspector, looked: Sequence[_Looked]) -> list[dict[str, Any]]:
    readable = [one for one in looked if one.pixels is not None]
    found = state.detector.detect_many([one.pixels for one in readable if one.pixels is not None])
    for one, faces in zip(readable, found, strict=True):
        assert one.pixels is not None
        chosen = choose_face(faces, one.pixels.shape, state.detection)
        if isinstance(chosen, Refusal):
            one.reason, one.detail, one.face = chosen.reason, chosen.detail, chosen.face
        else:
            one.face = chosen
    rows = [_face(state, one) for one in looked]
    _add_poses(state, looked, rows)
    for one in readable:
        one.pixels = None  # before the next are decoded
    return [
        {"reason": one.reason, "detail": one.detail, "image": one.image, "face": row}
        for one, row in zip(looked, rows, strict=True)
    ]


def _face(state: Inspector, one: _Looked) -> dict[str, Any] | None:
    """The columns of a face but its pose; pixels rounded to 0.01."""
    from looks_kedro.faces.image_quality import image_quality

    if one.face is None or one.pixels is None:
        return None
    # Rounded first: who crops from the table must get the same pixels as who crops from the detection.
    landmarks, box = np.round(one.face.landmarks, 2), np.round(one.face.box, 2)
    try:
        transform = crop_transform(landmarks, box, state.alignment)
    except ValueError as error:  # landmarks that coincide or are not finite
        one.reason, one.detail = "no_face", f"no usable landmarks: {error}"
        return None
    return {
        **dict(zip(BOX_COLUMNS, (float(side) for side in box), strict=True)),
        "probability": round(one.face.probability, 5),
        **landmark_columns(landmarks, LANDMARK_COLUMNS),
        "crop_scale": round(scale_of(transform), 4),
        **landmark_columns(map_points(transform, landmarks)),
        **image_quality(warp(one.pixels, transform, state.alignment.size)),
    }


def _add_poses(state: Inspector, looked: Sequence[_Looked], rows: Sequence[dict[str, Any] | None]) -> None:
    """Fill in yaw, pitch, roll and the method; degrees rounded to 0.01."""
    there = [(one.pixels, row) for one, row in zip(looked, rows, strict=True) if one.pixels is not None and row]
    if state.hopenet is not None:
        boxes = [[row[side] for side in BOX_COLUMNS] for _, row in there]
        angles = state.hopenet.angles([pixels for pixels, _ in there], boxes)
    else:
        angles = [
            head_pose(np.array([row[name] for name in LANDMARK_COLUMNS]).reshape(5, 2), pixels.shape[1::-1])
            for pixels, row in there
        ]
    for (_, row), (yaw, pitch, roll) in zip(there, angles, strict=True):
        row |= {name: round(float(angle), 2) for name, angle in (("yaw", yaw), ("pitch", pitch), ("roll", roll))}
        row["pose_method"] = "landmarks" if state.hopenet is None else "hopenet"


def face_row(
    measured: Mapping[str, Any], *, file: str, raw_file: str, looks: int, identity: str, source: str, pose: PoseFilter
) -> dict[str, Any]:
    """A row of the face table from what was measured.

    Args:
        measured: a result of :func:`inspect_portraits` with a ``face``.
        file: its name in the ``faces`` folder, such as ``celebrities/ada/0001.jpg``.
        raw_file: its name in the raw folder, such as ``ada/0001.png``.
        looks: 1 for celebrities, 0 for ordinary people.
        identity: who it is filed under.
        source: where it comes from.
        pose: which poses count as frontal.

    Returns:
        The table's columns in order, without ``kept`` and ``person_distance``, which are decided later.
    """
    face, image = measured["face"], measured["image"]
    quality = image["jpeg_quality"]
    row = face | {name: image[name] for name in ("raw_width", "raw_height", "photo_date", "perceptual_hash")}
    row |= {"file": file, "raw_file": raw_file, "looks": looks, "identity": identity, "source": source}
    row |= {"frontal": pose.accepts(face["yaw"], face["pitch"], face["roll"])}
    row |= {"jpeg_quality": float("nan") if quality is None else quality}
    return {name: row[name] for name in columns("face_table") if name not in {"kept", "person_distance"}}


def pose_detail(row: Mapping[str, Any]) -> str:
    """How a head is turned, for the detail of the rejection ``side_view``; takes a row of the face table."""
    return f"yaw {row['yaw']:.0f}, pitch {row['pitch']:.0f}, roll {row['roll']:.0f} degrees"
