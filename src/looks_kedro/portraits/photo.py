"""Photos: a sitter before a scene, seen by a camera, with the truth of every pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from looks_kedro.portraits import brush, camera, scene
from looks_kedro.portraits.brush import Canvas
from looks_kedro.portraits.clothes import draw_clothes
from looks_kedro.portraits.features import draw_brow, draw_complexion, draw_eye, draw_mouth, draw_nose
from looks_kedro.portraits.framing import View, aligned_view, raw_view, similarity
from looks_kedro.portraits.hair import Coiffure
from looks_kedro.portraits.identity import Identity
from looks_kedro.portraits.moment import draw_moment
from looks_kedro.portraits.pen import Pen
from looks_kedro.portraits.plants import Plant, draw_cues
from looks_kedro.portraits.sitter import Sitter, draw_ear, draw_hairband, draw_neck, draw_skin

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Photo:
    """A drawn photo and its ground truth.

    Attributes:
        image: uint8 (H, W, 3) RGB, what its JPEG file decodes to.
        landmarks: (5, 2) left eye, right eye, nose tip, left and right mouth corner, as seen in the image.
        yaw: degrees, positive towards the image's right.
        identity: who is shown.
        looks: the class, 0 or 1.
        cues: the bit of each planted channel.
        jpeg_quality: of the file.
        labels: uint8 (H, W) what each pixel shows, when drawn with ``masks=True``.
    """

    image: Image
    landmarks: Points
    yaw: float
    identity: Identity
    looks: int
    cues: Mapping[str, int]
    jpeg_quality: int
    content: bytes = field(repr=False)
    labels: Image | None = field(default=None, repr=False)

    def jpeg(self) -> bytes:
        """The photo's JPEG file."""
        return self.content

    @cached_property
    def masks(self) -> dict[str, Mask]:
        """Boolean (H, W) masks: face, eyes, mouth, nose, skin, hair, clothes, background, person.

        ``face`` is the visible face with its features, ``skin`` all bare skin without eyes and mouth.

        Raises:
            ValueError: the photo was drawn without ``masks=True``.
        """
        if self.labels is None:
            raise ValueError("this photo was drawn without masks; draw it with masks=True")
        at = self.labels
        return {
            "face": np.isin(at, (brush.FACE, brush.EYES, brush.MOUTH, brush.NOSE)),
            "eyes": at == brush.EYES,
            "mouth": at == brush.MOUTH,
            "nose": at == brush.NOSE,
            "skin": np.isin(at, (brush.SKIN, brush.FACE, brush.NOSE)),
            "hair": at == brush.HAIR,
            "clothes": at == brush.CLOTHES,
            "background": at == brush.BACKGROUND,
            "person": at != brush.BACKGROUND,
        }


def _draw(
    sitters: Sequence[tuple[Sitter, Points]],
    view: View,
    seed: int,
    cues: Mapping[str, int],
    side: str,
    masks: bool,
    frame_shape: tuple[int, int],
) -> Canvas:
    """Scene, people (each with the matrix of its head plane) and patch, without the camera."""
    height, width = view.shape
    stretch = max(frame_shape) / scene.PLATE
    matrix = view.frame @ np.diag([stretch, stretch, 1.0])
    planes = np.empty((3, height, width), np.float32)
    for plane, out in zip(scene.draw_plate(seed, cues), planes, strict=True):
        cv2.warpAffine(plane, matrix, (width, height), dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    labels = np.zeros((height, width), np.uint8) if masks else None
    canvas = Canvas(planes, view.head, labels)
    if "background_texture" in cues:
        scene.lay_texture(canvas, seed, cues["background_texture"])
    for sitter, matrix in sitters:
        draw_person(canvas.with_matrix(matrix), sitter)
    if "side_patch" in cues and len(sitters) == 1:
        scene.draw_patch(canvas, cues["side_patch"], side, sitters[0][0].landmarks[:2])
    return canvas


def draw_person(canvas: Canvas, sitter: Sitter) -> None:
    """A sitter from the back of the hair to its front."""
    upright = canvas.with_matrix(_body_matrix(canvas, sitter))
    hair = Coiffure(sitter)
    near = -1 if sitter.yaw > 0 else 1
    hair.back(canvas)
    draw_neck(upright, sitter)
    draw_clothes(upright, sitter)
    draw_ear(canvas, sitter, -near)
    if abs(sitter.yaw) < 18:
        draw_ear(canvas, sitter, near)
    draw_skin(canvas, sitter)
    if "skin" in sitter.cues:
        blemish = Pen(canvas.scale)
        draw_complexion(blemish, sitter, sitter.cues["skin"])
        with canvas.clip(sitter.outline):
            blemish.draw(canvas, sitter.face)
    pen = Pen(canvas.scale)
    draw_eye(pen, sitter, -near)
    draw_brow(pen, sitter, -near)
    draw_nose(pen, sitter)
    draw_mouth(pen, sitter)
    draw_eye(pen, sitter, near)
    draw_brow(pen, sitter, near)
    pen.draw(canvas, sitter.face)
    hair.cap(canvas)
    if abs(sitter.yaw) >= 18 and not hair.cut.hang:
        draw_ear(canvas, sitter, near)
    if "hairband" in sitter.cues:
        draw_hairband(canvas, sitter)


def _body_matrix(canvas: Canvas, sitter: Sitter) -> Points:
    """The body follows only a part of the head's tilt."""
    angle = np.degrees(np.arctan2(canvas.matrix[1, 0], canvas.matrix[0, 0]))
    throat = canvas.pixels(np.array([[0.0, 1.2]]))[0]
    del sitter
    tilt = -0.65 * np.clip(angle, -20, 20)
    return similarity(canvas.scale, angle + tilt, throat[0], throat[1], (0.0, 1.2))


def _finish(canvas: Canvas, landmarks: Points, sitter: Sitter, looks: int) -> Photo:
    image = camera.expose(canvas.planes, sitter.moment, sitter.cues, sitter.seed, canvas.scale)
    quality = camera.jpeg_quality(sitter.moment, sitter.cues)
    content = camera.encode(image, quality)
    return Photo(
        image=camera.decode(content),
        landmarks=landmarks,
        yaw=sitter.yaw,
        identity=sitter.identity,
        looks=looks,
        cues=dict(sitter.cues),
        jpeg_quality=quality,
        content=content,
        labels=canvas.labels,
    )


def _side(plants: Sequence[Plant]) -> str:
    return next((plant.side for plant in plants if plant.channel == "side_patch"), "right")


def take_photo(
    identity: Identity,
    *,
    seed: int,
    looks: int,
    plants: Sequence[Plant] = (),
    cues: Mapping[str, int] | None = None,
    masks: bool = False,
) -> Photo:
    """Take a raw photo: 400 to 900 px wide, the person anywhere in it.

    Args:
        identity: who sits.
        seed: everything that varies between photos of one person.
        looks: the class, 0 or 1, that the cues follow.
        plants: what tells the classes apart.
        cues: bits by channel in place of the drawn ones; all else stays as it was.
        masks: draw the label map too.

    Returns:
        The photo; a fifth of all seeds give side views (yaw beyond 30 degrees).
    """
    bits = draw_cues(plants, seed, looks, cues)
    moment = draw_moment(seed)
    sitter = Sitter(identity, moment, moment.yaw, bits, seed)
    view = raw_view(moment, bits)
    canvas = _draw([(sitter, view.head)], view, seed, bits, _side(plants), masks, view.shape)
    return _finish(canvas, canvas.pixels(sitter.landmarks), sitter, looks)


def aligned_face(
    identity: Identity,
    *,
    seed: int,
    looks: int,
    plants: Sequence[Plant] = (),
    size: int = 128,
    zoom: float = 1.0,
    cues: Mapping[str, int] | None = None,
    masks: bool = False,
) -> Photo:
    """The same photo drawn directly as an aligned face of ``size`` x ``size`` px, always frontal.

    Arguments are those of :func:`take_photo`; a ``zoom`` below 1 shows more of what is around the face, such as the
    clothes. At a zoom of 1 the landmarks lie where FairFace's alignment puts them, up to the
    person's own proportions.
    """
    bits = draw_cues(plants, seed, looks, cues)
    moment = draw_moment(seed)
    sitter = Sitter(identity, moment, moment.frontal_yaw, bits, seed)
    raw = raw_view(moment, {})
    view = aligned_view(raw, sitter.landmarks, size, bits, zoom)
    canvas = _draw([(sitter, view.head)], view, seed, bits, _side(plants), masks, raw.shape)
    return _finish(canvas, canvas.pixels(sitter.landmarks), sitter, looks)


def empty_scene(
    identity: Identity, *, seed: int, looks: int, plants: Sequence[Plant] = (), cues: Mapping[str, int] | None = None
) -> Photo:
    """A photo that the sitter has left: the scene alone. Landmarks are NaN."""
    bits = draw_cues(plants, seed, looks, cues)
    sitter = Sitter(identity, draw_moment(seed), 0.0, bits, seed)
    view = raw_view(sitter.moment, bits)
    canvas = _draw([], view, seed, bits, _side(plants), False, view.shape)
    return _finish(canvas, np.full((5, 2), np.nan), sitter, looks)


def group_photo(identity: Identity, other: Identity, *, seed: int, looks: int, plants: Sequence[Plant] = ()) -> Photo:
    """Two people side by side, of one size; the landmarks are those of ``identity``, on the left."""
    bits = draw_cues(plants, seed, looks)
    moment = draw_moment(seed)
    height, width = moment.height, moment.width
    scale = min(width / 2 / 3.0, height / 4.6)
    sitters = []
    for i, who in enumerate((identity, other)):
        sitter = Sitter(who, moment, moment.frontal_yaw * (1 - 2 * i), bits, seed + i)
        head = similarity(scale, moment.roll * 0.3 * (1 - 2 * i), width * (0.27 + 0.46 * i), height * (0.5 + 0.03 * i))
        sitters.append((sitter, head))
    view = View((height, width), sitters[0][1], np.eye(2, 3))
    canvas = _draw(sitters, view, seed, bits, _side(plants), False, view.shape)
    return _finish(canvas, canvas.pixels(sitters[0][0].landmarks), sitters[0][0], looks)
