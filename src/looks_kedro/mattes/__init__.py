"""Cut-outs of persons: making a matte, judging it, and laying the person on a colour.

A matte is uint8 (H, W), 255 where the person is; here live functions of one image, without folders, tables or
catalog. Regions of the face come from the landmarks (``faces.geometry``) and never need a matte.
"""

from looks_kedro.mattes.compositing import on_colour
from looks_kedro.mattes.grabcut import GrabCut, grabcut_matte
from looks_kedro.mattes.quality import MatteLimits, matte_quality

__all__ = ["GrabCut", "MatteLimits", "grabcut_matte", "matte_quality", "on_colour"]
