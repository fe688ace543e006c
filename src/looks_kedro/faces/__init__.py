"""Where a face is in a picture: decoding, detection, alignment, head pose, and the regions that landmarks give.

Here live functions of one image, its landmarks and settings; no tables, no folders, no catalog. Networks are loaded
only by the classes that need them, never by importing this package.
"""

from looks_kedro.faces.alignment import Alignment, align, face_transform, map_points
from looks_kedro.faces.cropping import crop_face
from looks_kedro.faces.decode import UnreadableImageError, decode
from looks_kedro.faces.detection import Detection, Face, FaceDetector
from looks_kedro.faces.geometry import ellipse_mask, face_ellipse, mirror_landmarks
from looks_kedro.faces.inspection import Inspection, Inspector, Portrait, inspect_portrait
from looks_kedro.faces.landmarks import CROP_LANDMARK_COLUMNS, LANDMARK_COLUMNS, landmarks_of
from looks_kedro.faces.pose import PoseFilter, head_pose
from looks_kedro.faces.selection import Refusal, choose_face

__all__ = [
    "CROP_LANDMARK_COLUMNS",
    "LANDMARK_COLUMNS",
    "Alignment",
    "Detection",
    "Face",
    "FaceDetector",
    "Inspection",
    "Inspector",
    "Portrait",
    "PoseFilter",
    "Refusal",
    "UnreadableImageError",
    "align",
    "choose_face",
    "crop_face",
    "decode",
    "ellipse_mask",
    "face_ellipse",
    "face_transform",
    "head_pose",
    "inspect_portrait",
    "landmarks_of",
    "map_points",
    "mirror_landmarks",
]
