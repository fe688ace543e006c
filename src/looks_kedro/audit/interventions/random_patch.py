"""Two patches somewhere in the face, away from eyes and mouth: what a local claim is compared with."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.geometry import Mask, blend, move, seam_matched
from looks_kedro.audit.interventions import eyes, mouth
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait

__all__ = ["CHANNEL"]

_CENTRE, _ROOM = np.array([149.5, 130.0]), (78.0, 106.0)  # where a patch's middle may lie, template pixels
_TRIES = 200
_REACH = 22.0


def centres(recipient: Portrait) -> npt.NDArray[np.float64]:
    """Middles of the two patches, (2, 2) in template pixels; drawn once for each portrait, whoever the donor is.

    They lie in the face, and as far from eyes, mouth and each other as needed for the patches not to touch them; where
    many draws find no such pair, the best pair found.
    """
    points = recipient.coordinates.landmarks
    rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(recipient.pixels[::7, ::7]).tobytes()))
    angle, radius = rng.uniform(0, 2 * np.pi, (_TRIES, 2)), np.sqrt(rng.uniform(0, 1, (_TRIES, 2)))
    places = _CENTRE + np.stack([np.cos(angle), np.sin(angle)], axis=-1) * radius[..., None] * _ROOM
    room = np.full((_TRIES, 2), np.inf)
    for middle, axes in ((points[0], eyes.AXES), (points[1], eyes.AXES), (points[3:].mean(axis=0), mouth.AXES)):
        # At least 1 where the ellipses, both a little smaller than their soft edges reach, do not overlap.
        apart = np.hypot(*np.moveaxis((places - middle) / (np.add(axes, eyes.AXES) * 0.9), -1, 0))
        room = np.minimum(room, apart)
    between = np.hypot(*((places[:, 0] - places[:, 1]) / (2 * np.array(eyes.AXES))).T)
    best = np.minimum(room.min(axis=1), between)
    fitting = np.flatnonzero(best >= 1)
    chosen: npt.NDArray[np.float64] = places[fitting[0] if len(fitting) else int(best.argmax())]
    return chosen


def mask(recipient: Portrait) -> Mask:
    """Two soft ellipses of the eyes' size; what of them would reach over an eye or the mouth is left out."""
    at = recipient.coordinates
    first, second = (at.ellipse(middle, eyes.AXES, eyes.SOFT, eyes.SOFT) for middle in centres(recipient))
    apart: Mask = np.maximum(first, second) * (1 - np.maximum(eyes.mask(recipient), mouth.mask(recipient)))
    return apart


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient with two patches of the donor's face, made as the exchange of eyes is."""
    moved = move(donor.pixels, donor.landmarks, recipient.landmarks, recipient.pixels.shape)
    weight = mask(recipient)
    matched = seam_matched(recipient.pixels, moved, weight, _REACH / recipient.coordinates.pixel)
    return blend(recipient.pixels, matched, weight)


CHANNEL = Channel(
    name="random_patch",
    kind="local",
    sentence="Two patches of the face, as large as the eyes but away from eyes and mouth, are exchanged: the control.",
    edit=edit,
    mask=mask,
    inside=("face",),
    overlaps=("skin", "resolution", "jpeg_quality"),
    control=True,
)
