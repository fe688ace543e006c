"""The picture's colour and light: white balance, brightness, contrast and saturation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.geometry import ramp
from looks_kedro.audit.interventions import face
from looks_kedro.audit.interventions.light import skin_pixels
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait, whole_image

__all__ = ["CHANNEL"]

_LARGEST_STRETCH, _LARGEST_SHIFT = 1.5, 22.0  # of lightness, as a factor and in units of L
_BLACK = 25.0  # L below which the shift fades: what is black stays so, as under a brighter lamp
_GREY, _COLOURFUL = 2.0, 7.0  # chroma of the skin in a picture without colours, and in any with them
_HEAD = (130.0, 170.0)  # half axes of what is left out when the surroundings' cast is measured, template pixels
_DARK = 20.0  # L below which no cast is seen
_COMPLEXION = 4.0  # units of a and b by which skins differ under one lamp

Lab = npt.NDArray[np.float32]


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient in the donor's colours, after Reinhard et al. (2001), in CIELAB.

    Lightness takes the donor's mean and standard deviation over the image: ``L' = (L - m_r) s_d / s_r + m_d``, less
    so where it is black. The cast (a and b) is shifted by the difference of the skins' means, in proportion to the
    lightness: over the whole image it would be the difference of two grounds' colours, which is the surround's. On the
    face itself it is shifted only as far as the pixels around the head agree: a lamp colours
    everything, a complexion the face alone, and exchanging that is the skin's. A donor without colours takes the
    recipient's away.
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
    coloured, colourful = (ramp(np.hypot(one[1:2], one[2:]), _GREY, _COLOURFUL) for one in (skin, wanted))
    share = np.minimum(lightness / max(float(skin[0]), 10.0), 1.3)[:, :, None]
    cast = wanted[1:] - skin[1:]
    # A grey face has no complexion to keep.
    kept = coloured * face.mask(recipient)[:, :, None]
    cast = (1 - kept) * cast + kept * _agreed(cast, _cast_around(donor) - _cast_around(recipient))
    colours[:, :, 1:] = colourful * (colours[:, :, 1:] + share * cast) + (1 - colourful) * share * wanted[1:]
    return _rgb(colours)


def _agreed(on_skin: Lab, around: Lab) -> Lab:
    """What both say of the difference of two lamps, in a and b each, less what two complexions may make of it."""
    common = np.minimum(np.abs(on_skin), np.abs(around)) - _COMPLEXION
    return np.where(on_skin * around > 0, np.sign(on_skin) * np.maximum(common, 0), 0).astype(np.float32)


def _cast_around(portrait: Portrait) -> Lab:
    """Mean a and b of what is lit around the head, (2,): of the lamp, and of what happens to be there."""
    at = portrait.coordinates
    head = at.ellipse(at.landmarks.mean(axis=0), _HEAD, 0.0, 1.0)[::2, ::2]
    colours = _lab(portrait.pixels[::2, ::2])[head < 0.5]
    lit = colours[colours[:, 0] > _DARK]
    return np.asarray(lit[:, 1:].mean(axis=0)) if len(lit) else np.zeros(2, dtype=np.float32)


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
