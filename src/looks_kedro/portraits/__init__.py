"""The synthetic portrait studio: invented people, drawn photos of them, and the ground truth of every pixel.

No Kedro, no files and no models here: values in, pictures out, the same for the same seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from looks_kedro.portraits.identity import AGES, GENDERS, RACES, Identity, draw_identity
    from looks_kedro.portraits.photo import Photo, aligned_face, take_photo
    from looks_kedro.portraits.plants import CHANNELS, Plant, draw_bit, draw_cues
    from looks_kedro.portraits.raw_set import PhotoSet, RawPhoto, photo_set, redraw

# The drawing needs OpenCV: it is loaded when somebody draws, not when parameters are read.
__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "identity": ["AGES", "GENDERS", "RACES", "Identity", "draw_identity"],
        "photo": ["Photo", "aligned_face", "take_photo"],
        "plants": ["CHANNELS", "Plant", "draw_bit", "draw_cues"],
        "raw_set": ["PhotoSet", "RawPhoto", "photo_set", "redraw"],
    },
)

__all__ = [
    "AGES",
    "CHANNELS",
    "GENDERS",
    "RACES",
    "Identity",
    "Photo",
    "PhotoSet",
    "Plant",
    "RawPhoto",
    "aligned_face",
    "draw_bit",
    "draw_cues",
    "draw_identity",
    "photo_set",
    "redraw",
    "take_photo",
]
