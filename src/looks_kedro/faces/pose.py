"""The turn of a head: which faces count as frontal, and the estimate from the five landmarks.

For the estimate a stiff model of a face is brought into the place where its projection falls on the landmarks (EPnP,
Lepetit et al., 2009, then Levenberg-Marquardt). Yaw is good enough to tell side views; pitch is weak, because a tilt
and the shape of a face change the landmarks alike. :mod:`looks_kedro.faces.hopenet` estimates the same angles with a
network.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from looks_kedro.errors import BadParameterError
from looks_kedro.faces.landmarks import Floats, checked_landmarks

HOPENET_FILES = ("hopenet_alpha2.pkl", "hopenet_robust_alpha1.pkl")
"""Names that HopeNet's published weights go by; of several in a folder the first counts."""

# An average face in millimetres, seen by the camera: x to the image's right, y down, z away from the camera. Places
# in x and y are those of the alignment's template, with eyes 63 mm apart; depths behind the nose from anthropometry.
FACE_MODEL: Floats = np.array(
    [[-31.5, -36.2, 30.0], [31.5, -36.2, 30.0], [0.0, 0.0, 0.0], [-28.0, 28.5, 24.0], [28.0, 28.5, 24.0]]
)


class PoseFilter(BaseModel, extra="forbid", frozen=True):
    """Which faces count as frontal; angles in degrees."""

    method: Literal["auto", "hopenet", "landmarks"] = Field(
        "auto", description="how the pose is estimated; auto: by HopeNet where there are weights, else by landmarks"
    )
    weights: str | None = Field(
        None, description="a file of HopeNet weights; null looks for the published names in the folder of weights"
    )
    max_yaw: float = Field(30.0, gt=0, le=90, description="largest turn to either side")
    max_pitch: float = Field(60.0, gt=0, le=90, description="largest nod; weak with landmarks, so wide")
    max_roll: float = Field(90.0, gt=0, le=180, description="largest tilt in the image's plane; alignment removes it")

    def accepts(self, yaw: float, pitch: float, roll: float) -> bool:
        """Whether a head with these angles counts as frontal."""
        return abs(yaw) <= self.max_yaw and abs(pitch) <= self.max_pitch and abs(roll) <= self.max_roll

    def weights_file(self, folder: Path | None = None) -> Path | None:
        """The file of HopeNet weights to use, or None: the pose comes from the landmarks.

        Args:
            folder: where weights are kept; it need not exist.

        Raises:
            BadParameterError: ``weights`` names no file, or ``method`` is hopenet and there are no weights.
        """
        if self.method == "landmarks":
            return None
        if self.weights is not None:
            path = Path(self.weights)
            if not path.is_file():
                raise BadParameterError(
                    f"preprocessing.pose.weights is {self.weights}; expected a file of HopeNet weights, found no such "
                    f"file. Correct it, or set it to null."
                )
            return path
        places = [folder / name for name in HOPENET_FILES] if folder is not None else []
        found = next((path for path in places if path.is_file()), None)
        if found is None and self.method == "hopenet":
            where = f"none of {', '.join(HOPENET_FILES)} in {folder}" if folder is not None else "no folder of weights"
            raise BadParameterError(
                f"preprocessing.pose.method is hopenet, but there are no weights: found {where}. Put the file there, "
                f"name it with preprocessing.pose.weights, or set the method to landmarks."
            )
        return found


def head_pose(landmarks: npt.ArrayLike, image_size: tuple[int, int]) -> tuple[float, float, float]:
    """Estimate how a head is turned.

    The camera's focal length is the image's width, its principal point the middle of the landmarks: photos are crops
    of unknown optics, and a face shall not count as turned because it is beside the middle.

    Args:
        landmarks: (5, 2) in pixels of the image.
        image_size: width and height of the image, px.

    Returns:
        Degrees. Yaw, positive when the subject turns to the subject's own left (the image's right); pitch, positive
        when the subject looks up; roll, positive when the head leans clockwise as seen in the image.
    """
    points = checked_landmarks(landmarks)
    rotation = _solve(points - points.mean(axis=0), float(max(image_size[0], 1)))
    return angles_of(rotation)


def rotation_of(yaw: float, pitch: float, roll: float) -> Floats:
    """The rotation (3, 3) of a head with these angles in degrees, in the order yaw, pitch, roll from outside."""
    rotation: Floats = turn_of(yaw) @ nod_of(pitch) @ lean_of(roll)
    return rotation


def turn_of(yaw: float) -> Floats:
    """The rotation (3, 3) that turns a head to its own left, degrees."""
    y = math.radians(yaw)
    return np.array([[math.cos(y), 0.0, -math.sin(y)], [0.0, 1.0, 0.0], [math.sin(y), 0.0, math.cos(y)]])


def nod_of(pitch: float) -> Floats:
    """The rotation (3, 3) that makes a head look up, degrees."""
    p = math.radians(pitch)
    return np.array([[1.0, 0.0, 0.0], [0.0, math.cos(p), math.sin(p)], [0.0, -math.sin(p), math.cos(p)]])


def lean_of(roll: float) -> Floats:
    """The rotation (3, 3) that leans a head clockwise as seen in the image, degrees."""
    r = math.radians(roll)
    return np.array([[math.cos(r), -math.sin(r), 0.0], [math.sin(r), math.cos(r), 0.0], [0.0, 0.0, 1.0]])


def angles_of(rotation: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of a rotation (3, 3); the inverse of :func:`rotation_of`."""
    forward = -rotation[:, 2]  # where the nose points
    yaw = math.degrees(math.atan2(forward[0], -forward[2]))
    pitch = math.degrees(math.asin(float(np.clip(-forward[1], -1.0, 1.0))))
    lean = rotation_of(yaw, pitch, 0.0).T @ rotation
    return yaw, pitch, math.degrees(math.atan2(lean[1, 0], lean[0, 0]))


def _solve(points: Floats, focal: float) -> Floats:
    """The rotation whose projection is nearest: refined from EPnP and from a frontal start, the better of the two."""
    import cv2

    camera = np.array([[focal, 0.0, 0.0], [0.0, focal, 0.0], [0.0, 0.0, 1.0]])
    spread = float(np.sqrt(np.mean(np.sum(points**2, axis=1))))
    model_spread = float(np.sqrt(np.mean(np.sum(FACE_MODEL[:, :2] ** 2, axis=1))))
    frontal = (np.zeros(3), np.array([0.0, 0.0, focal * model_spread / max(spread, 1e-6)]))
    starts: list[tuple[Any, Any]] = [frontal]
    try:
        ok, rotation, shift = cv2.solvePnP(FACE_MODEL, points, camera, None, flags=cv2.SOLVEPNP_EPNP)
        if ok and np.isfinite(rotation).all() and shift[2] > 0:
            starts.insert(0, (rotation, shift))
    except cv2.error:
        pass  # degenerate landmarks; the frontal start remains
    best, least = np.zeros(3), math.inf
    for start_rotation, start_shift in starts:
        ok, rotation, shift = cv2.solvePnP(
            FACE_MODEL,
            points,
            camera,
            None,
            np.array(start_rotation, dtype=np.float64).reshape(3, 1),
            np.array(start_shift, dtype=np.float64).reshape(3, 1),
            useExtrinsicGuess=True,
            flags=cv2.SOLVEPNP_ITERATIVE,
        )
        projected, _ = cv2.projectPoints(FACE_MODEL, rotation, shift, camera, None)
        error = float(np.sum((projected.reshape(-1, 2) - points) ** 2))
        if ok and math.isfinite(error) and shift[2] > 0 and error < least - 1e-9:
            best, least = rotation, error
    matrix: Floats = np.asarray(cv2.Rodrigues(best)[0], dtype=np.float64)
    return matrix
