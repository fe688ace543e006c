"""Laying a person on another ground, and the other ways to show a face: the variants of an image.

A variant says what of a portrait a model sees. All of them are made from the face, its matte and its landmarks, each
one pixel for pixel in the geometry of the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, model_validator

from looks_kedro.faces.geometry import face_ellipse
from looks_kedro.lists import PlusList

Image = npt.NDArray[np.uint8]
Byte = Annotated[int, Field(ge=0, le=255)]

Kind = Literal["original", "colour", "transparent", "grayscale", "face_only", "background_only", "blurred_background"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FROM_MATTES: tuple[Kind, ...] = ("colour", "transparent", "background_only", "blurred_background")
"""The kinds that look at the matte; the others need none."""

_OPTIONS: dict[str, tuple[Kind, ...]] = {
    "colour": ("colour", "face_only", "background_only"),
    "edge": ("face_only",),
    "grow": ("background_only",),
    "blur": ("blurred_background",),
}


class Variant(BaseModel, extra="forbid", frozen=True):
    """What a variant does to the faces; an option that means nothing for its kind is refused."""

    kind: Kind
    colour: Annotated[tuple[Byte, Byte, Byte], PlusList] = Field(
        (255, 255, 255),
        description="RGB: behind the person (colour), around the face (face_only), in the person's place "
        "(background_only)",
    )
    edge: float = Field(0.01, ge=0, le=0.2, description="softness of the ellipse's edge, as a fraction of the side")
    grow: float = Field(
        0.03, ge=0, le=0.3, description="how far beyond the matte the person is taken out, as a fraction of the side"
    )
    blur: float = Field(0.08, gt=0, le=0.5, description="standard deviation of the blur, as a fraction of the side")

    @model_validator(mode="after")
    def _only_what_means_something(self) -> Variant:
        for name in sorted(self.model_fields_set & _OPTIONS.keys()):
            if self.kind not in _OPTIONS[name]:
                told = " or ".join(_OPTIONS[name])
                raise ValueError(f"{name} means something for kind: {told} alone; leave it out for kind: {self.kind}")
        return self

    @property
    def needs_matte(self) -> bool:
        """Whether the matte is looked at."""
        return self.kind in FROM_MATTES


def compose(variant: Variant, face: Image, landmarks: npt.ArrayLike, matte: Image | None) -> Image:
    """Make one image of a variant.

    Args:
        variant: what it shows.
        face: (H, W, 3) uint8 RGB.
        landmarks: (5, 2) in pixels of the face; looked at for ``face_only`` alone.
        matte: (H, W) uint8, 255 where the person is; None where the variant needs none.

    Returns:
        uint8 (H, W, 3) RGB, or (H, W, 4) RGBA for ``transparent``.

    Raises:
        ValueError: the variant needs a matte and there is none, or shapes do not match.
    """
    side = max(face.shape[:2])
    if variant.kind == "original":
        return face
    if variant.kind == "grayscale":
        return in_gray(face)
    if variant.kind == "face_only":
        return on_colour(face, ellipse_matte(landmarks, face.shape[:2], variant.edge * side), variant.colour)
    if matte is None:
        raise ValueError(f"kind {variant.kind} needs a matte, and there is none")
    if variant.kind == "colour":
        return on_colour(face, matte, variant.colour)
    if variant.kind == "transparent":
        return with_alpha(face, matte)
    if variant.kind == "background_only":
        return on_colour(face, 255 - grown(matte, variant.grow * side), variant.colour)
    return on_blurred_ground(face, matte, variant.blur * side)


def on_colour(face: Image, matte: Image, colour: Sequence[int] = (255, 255, 255)) -> Image:
    """Composite a face on one colour: ``a face + (1 - a) colour`` with a = matte / 255, rounded.

    Args:
        face: (H, W, 3) uint8 RGB.
        matte: (H, W) uint8, 255 where the person is.
        colour: red, green, blue, 0..255.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: shapes do not match, or the colour is not three values of 0..255.
    """
    _check_shapes(face, matte)
    if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
        raise ValueError(f"expected a colour of three values from 0 to 255; found {tuple(colour)}")
    return _mixed(face, np.asarray(colour, dtype=np.uint8), matte)


def with_alpha(face: Image, matte: Image) -> Image:
    """A face with its matte as alpha; where alpha is 0 the colour is black, so that no trace of the ground is left.

    Args:
        face: (H, W, 3) uint8 RGB.
        matte: (H, W) uint8, 255 where the person is.

    Returns:
        (H, W, 4) uint8 RGBA, colours not multiplied by alpha: ``without_alpha`` on a colour gives what ``on_colour``
        gives.
    """
    _check_shapes(face, matte)
    return np.dstack([np.where(matte[:, :, None] > 0, face, np.uint8(0)), matte])


def without_alpha(image: Image, colour: Sequence[int]) -> Image:
    """Lay an image that may be transparent on a colour: what a network of three channels sees of it.

    Args:
        image: (H, W, 4) uint8 RGBA, or (H, W, 3) or (H, W), which have no alpha.
        colour: red, green, blue, 0..255.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    if image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    return on_colour(image[:, :, :3], image[:, :, 3], colour) if image.shape[2] == 4 else image


def in_gray(face: Image) -> Image:
    """A face without its colours: the luma of ITU-R BT.601 in all three channels.

    Args:
        face: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8; three channels, because the networks have three.
    """
    import cv2

    return without_alpha(np.asarray(cv2.cvtColor(np.ascontiguousarray(face), cv2.COLOR_RGB2GRAY)), (0, 0, 0))


def ellipse_matte(landmarks: npt.ArrayLike, shape: tuple[int, ...], edge: float = 0.0) -> Image:
    """The face's ellipse as a matte: from the hairline to the chin and from cheek to cheek.

    Args:
        landmarks: (5, 2) in pixels of the image.
        shape: height and width.
        edge: px over which it falls from 255 to 0, half of them on either side; 0 is as sharp as pixels are.

    Returns:
        (H, W) uint8, 255 within.
    """
    (x, y), (across, along), angle = face_ellipse(landmarks)
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    u = ((columns - x) * cosine + (rows - y) * sine) / across
    v = ((rows - y) * cosine - (columns - x) * sine) / along
    radius = np.hypot(u, v)
    # Distance from the edge to first order, px: (r - 1) by the length of its gradient.
    slope = np.hypot(u / across, v / along) / np.maximum(radius, 1e-9)
    inside = (1.0 - radius) / np.maximum(slope, 1e-9)
    matte: Image = np.rint(255 * np.clip(0.5 + inside / max(edge, 1.0), 0, 1)).astype(np.uint8)
    return matte


def grown(matte: Image, reach: float) -> Image:
    """A matte that reaches so many pixels further on all sides."""
    import cv2

    steps = round(reach)
    if steps < 1:
        return matte
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * steps + 1, 2 * steps + 1))
    return np.asarray(cv2.dilate(matte, kernel), dtype=np.uint8)


def on_blurred_ground(face: Image, matte: Image, sigma: float) -> Image:
    """A person as before, on the blurred ground.

    The blur is that of the ground alone, ``blur((1 - a) face) / blur(1 - a)``: a plain blur would spread the person's
    own colours around the person.

    Args:
        face: (H, W, 3) uint8 RGB.
        matte: (H, W) uint8, 255 where the person is.
        sigma: standard deviation of the blur, px.

    Returns:
        (H, W, 3) uint8 RGB; where there is no ground at all, the face.
    """
    import cv2

    _check_shapes(face, matte)
    ground = (255 - matte).astype(np.float32)[:, :, None] / 255
    spread = cv2.GaussianBlur(face * ground, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    weight = cv2.GaussianBlur(ground, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)[:, :, None]
    # Deep within the person no ground is near: the colour there is not seen, and the ground's mean stands in.
    mean = (face * ground).sum(axis=(0, 1)) / max(float(ground.sum()), 1.0)
    blurred = (spread + 1e-4 * mean) / (weight + 1e-4)
    return _mixed(face, np.rint(np.clip(blurred, 0, 255)).astype(np.uint8), matte)


def _mixed(face: Image, ground: Image, matte: Image) -> Image:
    alpha = matte.astype(np.uint32)[:, :, None]
    # Whole numbers, so that full and empty pixels stay exact: (x + 127) // 255 rounds to the nearest.
    mixed = (face * alpha + ground.astype(np.uint32) * (255 - alpha) + 127) // 255
    return mixed.astype(np.uint8)


def _check_shapes(face: Image, matte: Image) -> None:
    if face.ndim != 3 or face.shape[2] != 3 or matte.shape != face.shape[:2]:
        raise ValueError(f"expected a face (H, W, 3) and its matte (H, W); found {face.shape} and {matte.shape}")
