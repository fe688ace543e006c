"""The synthetic portrait studio: invented people, drawn photos of them, and the ground truth of every pixel.

No Kedro, no files and no models here: values in, pictures out, the same for the same seed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from looks_kedro.portraits.identity import AGES, GENDERS, RACES, Identity, draw_identity
    from looks_kedro.portraits.photo import Photo, aligned_face, take_photo
    from looks_kedro.portraits.plants import CHANNELS, Plant, draw_bit, draw_cues
    from looks_kedro.portraits.raw_set import PhotoSet, RawPhoto, photo_set, redraw

_HOMES = {
    "identity": ("AGES", "GENDERS", "RACES", "Identity", "draw_identity"),
    "photo": ("Photo", "aligned_face", "take_photo"),
    "raw_set": ("PhotoSet", "RawPhoto", "photo_set", "redraw"),
    "plants": ("CHANNELS", "Plant", "draw_bit", "draw_cues"),
}

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


def __getattr__(name: str) -> Any:
    # The drawing needs OpenCV: load it when somebody draws, not when parameters are read.
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
