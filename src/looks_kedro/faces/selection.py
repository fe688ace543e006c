"""Which of the faces a picture is about, and when that cannot be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from looks_kedro.faces.detection import Detection, Face


@dataclass(frozen=True)
class Refusal:
    """Why no face was chosen.

    Attributes:
        reason: ``no_face``, ``several_faces`` or ``too_small``.
        detail: the numbers behind it.
        face: the face that would have been chosen otherwise; None for ``no_face``.
    """

    reason: str
    detail: str = ""
    face: Face | None = None


def choose_face(faces: Sequence[Face], image_shape: tuple[int, ...], settings: Detection) -> Face | Refusal:
    """Choose the face that the picture is about.

    Faces below ``min_probability`` do not count. The chosen face has the greatest prominence: the area of its box,
    times ``1 - d / 2`` where d is the distance of its centre from the picture's, 1 in a corner. The picture is
    refused when another face, not a second box on the same one, has at least ``rival_area`` of its area and at least
    ``rival_probability``, or when the chosen face is narrower than ``min_face_width``.

    Args:
        faces: what the detector found, in raw pixels.
        image_shape: (H, W, ...) of the raw picture.
        settings: the limits.

    Returns:
        The face, or the refusal.
    """
    candidates = [face for face in faces if face.probability >= settings.min_probability]
    if not candidates:
        best = max((face.probability for face in faces), default=None)
        detail = "nothing found" if best is None else f"best probability {best:.2f}, below {settings.min_probability}"
        return Refusal("no_face", detail)
    chosen = max(candidates, key=lambda face: (face.prominence(image_shape), -face.box[0], -face.box[1]))
    rivals = [
        face
        for face in candidates
        if face is not chosen
        and face.probability >= settings.rival_probability
        and face.area >= settings.rival_area * chosen.area
        and _overlap(face, chosen) < 0.5
    ]
    if rivals:
        largest = max(face.area for face in rivals) / chosen.area
        detail = f"{len(rivals) + 1} faces, the second with {largest:.0%} of the first's area"
        return Refusal("several_faces", detail, chosen)
    if chosen.width < settings.min_face_width:
        detail = f"face {chosen.width:.0f} px wide, at least {settings.min_face_width:.0f} wanted"
        return Refusal("too_small", detail, chosen)
    return chosen


def _overlap(one: Face, other: Face) -> float:
    """Common area as a fraction of the smaller box."""
    width = min(one.box[2], other.box[2]) - max(one.box[0], other.box[0])
    height = min(one.box[3], other.box[3]) - max(one.box[1], other.box[1])
    if width <= 0 or height <= 0:
        return 0.0
    return float(width * height / max(min(one.area, other.area), 1e-9))
