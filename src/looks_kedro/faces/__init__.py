"""Where a face is in a picture: decoding, detection, alignment, head pose, and the regions that landmarks give.

Here live functions of one image, its landmarks and settings; no tables, no folders, no catalog. Networks are loaded
only by the classes that need them, never by importing this package.
"""

from looks_kedro.faces.alignment import Alignment, align, face_transform, map_points
from looks_kedro.faces.cropping import crop_face
from looks_kedro.faces.decode import UnreadableImageError, decode
from looks_kedro.faces.detection import Detection, Face, FaceDetector
from looks_kedro.faces.embedding import FaceEmbedder
from looks_kedro.faces.geometry import ellipse_mask, face_ellipse, mirror_landmarks
from looks_kedro.faces.hopenet import HopeNet
from looks_kedro.faces.inspection import BOX_COLUMNS, Inspector, Portrait, face_row, inspect_portraits, pose_detail
from looks_kedro.faces.landmarks import CROP_LANDMARK_COLUMNS, LANDMARK_COLUMNS, landmarks_of
from looks_kedro.faces.pose import PoseFilter, head_pose
from looks_kedro.faces.same_person import SamePerson, other_people
from looks_kedro.faces.selection import Refusal, choose_face

__all__ = [
    "BOX_COLUMNS",
    "CROP_LANDMARK_COLUMNS",
    "LANDMARK_COLUMNS",
    "Alignment",
    "Detection",
    "Face",
    "FaceDetector",
    "FaceEmbedder",
    "HopeNet",
    "Inspector",
    "Portrait",
    "PoseFilter",
    "Refusal",
    "SamePerson",
    "UnreadableImageError",
    "align",
    "choose_face",
    "crop_face",
    "decode",
    "ellipse_mask",
    "face_ellipse",
    "face_row",
    "face_transform",
    "head_pose",
    "inspect_portraits",
    "landmarks_of",
    "map_points",
    "mirror_landmarks",
    "other_people",
    "pose_detail",
]
