"""The picture's colour and light: white balance, brightness, contrast and saturation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.geometry import ramp
from looks_kedro.audit.interventions.light import skin_pixels
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait, whole_image

__all__ = ["CHANNEL"]

_LARGEST_STRETCH, _LARGEST_SHIFT = 1.5, 22.0  # of lightness, as a factor and in units of L
_BLACK = 25.0  # L below which the shift fades: what is black stays so, as under a brighter lamp
_GREY, _COLOURFUL = 2.0, 7.0  # chroma of the skin in a picture without colours, and in any with them

Lab = npt.NDArray[np.float32]


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient in the donor's colours, after Reinhard et al. (2001), in CIELAB.

    Lightness takes the donor's mean and standard deviation over the image: ``L' = (L - m_r) s_d / s_r + m_d``, less
    so where it is black. The cast (a and b) is shifted by the difference of the skins' means, in proportion to the
    lightness: over the whole image it would be the difference of two grounds' colours, which is the surround's. A
    donor without colours takes the recipient's away. A class that has another complexion shows here, too.
    """
    colours = _lab(recipient.pixels)
    lightness = colours[:, :, 0].copy()
    given, own = _lab(donor.pixels[::2, ::2])[:, :, 0], lightness[::2, ::2]
    stretch = np.clip(given.std() / max(own.std(), 1.0), 1 / _LARGEST_STRETCH, _LARGEST_STRETCH)
    shift = np.clip(given.mean() - own.mean(), -_LARGEST_SHIFT, _LARGEST_SHIFT)
    middle = own.mean()
    wanted_lightness = np.clip((lightness - middle) * stretch + middle + shift, 0, 100)
    colours[:, :, 0] += np.minimum(lightness / _BLACK, 1) * (wanted_lightness - lightness)
    skin, wanted = (_lab(skin_pixels(one)[None])[0].mean(axis=0) for one in (recipient, donor))
    colourful = float(ramp(np.hypot(*wanted[1:])[None], _GREY, _COLOURFUL)[0])
    share = np.minimum(lightness / max(float(skin[0]), 10.0), 1.3)[:, :, None]
    colours[:, :, 1:] = colourful * colours[:, :, 1:] + share * (wanted[1:] - colourful * skin[1:])
    return _rgb(colours)


def _lab(pixels: Image) -> Lab:
    import cv2

    values: Lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return values


def _rgb(colours: Lab) -> Image:
    import cv2

    values = np.clip(cv2.cvtColor(colours, cv2.COLOR_LAB2RGB), 0, 1)
    back: Image = np.rint(values * 255).astype(np.uint8)
    return back


CHANNEL = Channel(
    name="colour",
    kind="image",
    sentence="White balance, brightness and contrast of the whole picture are exchanged; what is shown stays.",
    edit=edit,
    mask=whole_image,
    overlaps=("face", "skin"),
)
