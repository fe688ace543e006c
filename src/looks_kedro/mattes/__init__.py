"""Cut-outs of persons: making a matte, judging it, and laying the person on a colour.

A matte is uint8 (H, W), 255 where the person is; here live functions of one image, without tables or catalog. Regions
of the face come from the landmarks (``faces.geometry``) and never need a matte.
"""

from looks_kedro.mattes.compositing import on_colour
from looks_kedro.mattes.cutting import FaceToCut, Matter, Mattes, make_matte, matte_key, matte_pixels, saved_matte
from looks_kedro.mattes.grabcut import GrabCut, grabcut_matte
from looks_kedro.mattes.quality import MatteLimits, decide, matte_quality
from looks_kedro.mattes.rembg import RembgMatte

__all__ = [
    "FaceToCut",
    "GrabCut",
    "MatteLimits",
    "Matter",
    "Mattes",
    "RembgMatte",
    "decide",
    "grabcut_matte",
    "make_matte",
    "matte_key",
    "matte_pixels",
    "matte_quality",
    "on_colour",
    "saved_matte",
]
