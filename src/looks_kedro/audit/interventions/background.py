"""What is behind the person, where both cut-outs are good."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.geometry import Mask
from looks_kedro.audit.interventions.light import in_the_light_of
from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait
from looks_kedro.mattes.compositing import grown

__all__ = ["CHANNEL", "filled"]

_GROWN = 0.012  # the matte's edge is kept out of what is taken for ground, fraction of the side


def mask(recipient: Portrait) -> Mask:
    """Where the ground shows: 1 minus the matte.

    Raises:
        ValueError: the portrait has no good matte.
    """
    ground: Mask = ((255 - _matte(recipient)) / 255).astype(np.float32)
    return ground


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient's person before the donor's ground: ``I + (1 - a) (B_donor - B_recipient)``.

    A pixel on the edge shows ``a F + (1 - a) B``. Exchanging B alone needs the ground behind both persons, which is
    filled in from what is seen around them, and never the unknown F: no rim of the old ground remains. Grounds are
    not moved, so that what is on the left stays there.

    Raises:
        ValueError: one of the two has no good matte.
    """
    ground = mask(recipient)
    old, new = filled(recipient.pixels, _matte(recipient)), filled(donor.pixels, _matte(donor))
    if new.shape != old.shape:
        raise ValueError(f"expected portraits of one size; found {recipient.pixels.shape} and {donor.pixels.shape}")
    lit = in_the_light_of(recipient, donor, np.clip(new, 0, 255).astype(np.uint8))
    exchanged = recipient.pixels + ground[:, :, None] * (lit - old)
    return np.rint(np.clip(exchanged, 0, 255)).astype(np.uint8)


def filled(pixels: Image, matte: Image) -> npt.NDArray[np.float32]:
    """The ground of an image, continued smoothly behind the person (pull-push, Gortler et al., 1996).

    Args:
        pixels: (H, W, 3) uint8.
        matte: (H, W) uint8, 255 where the person is.

    Returns:
        float32 (H, W, 3): the image itself where no person is. Without any ground, the image's mean.
    """
    import cv2

    known = (255 - grown(matte, max(1.0, _GROWN * max(matte.shape)))).astype(np.float32) / 255
    if known.max() < 0.5:
        return np.broadcast_to(pixels.mean(axis=(0, 1), dtype=np.float32), pixels.shape).copy()
    # Sums at every level, so that a pixel of a coarse level is the mean of the ground that it covers.
    levels = [(pixels * known[:, :, None], known)]
    while min(levels[-1][1].shape) > 1:
        sums, weights = levels[-1]
        size = (-(-weights.shape[1] // 2), -(-weights.shape[0] // 2))
        levels.append(
            (
                cv2.resize(sums, size, interpolation=cv2.INTER_AREA),
                cv2.resize(weights, size, interpolation=cv2.INTER_AREA),
            )
        )
    result = levels[-1][0] / np.maximum(levels[-1][1], 1e-6)[:, :, None]
    for sums, weights in reversed(levels[:-1]):
        coarse = cv2.resize(result.reshape(*result.shape[:2], 3), weights.shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = np.minimum(weights, 1)[:, :, None]
        result = sums + (1 - share) * coarse
    return np.asarray(result, dtype=np.float32)


def _matte(portrait: Portrait) -> Image:
    if portrait.matte is None:
        raise ValueError("the background can be exchanged only where recipient and donor have a good matte")
    return portrait.matte


CHANNEL = Channel(
    name="background",
    kind="surround",
    sentence="The ground behind the cut-out person is exchanged; hair, face and clothes stay.",
    edit=edit,
    mask=mask,
    needs_matte=True,
    inside=("surround",),
    overlaps=("border", "background_left", "background_right", "background_top", "colour"),
)
