"""The colour of the light, seen on the skin: measured, and matched where a channel must not carry it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.portrait import Image, Portrait

__all__ = ["in_the_light_of", "skin_pixels"]

_LARGEST_GAIN = 1.35
_STEP = 3  # every third pixel across and down is enough for a mean


def skin_pixels(portrait: Portrait) -> Image:
    """Pixels of forehead, cheeks and nose, (n, 3) uint8; at small sizes all of them, else a third each way."""
    step = _STEP if portrait.pixels.shape[0] >= 128 else 1
    at = portrait.coordinates
    across, down = at.across[::step, ::step], at.down[::step, ::step]
    eyes, mouth = at.landmarks[:2].mean(axis=0), at.landmarks[3:].mean(axis=0)
    # A band from under the brows' middle to the upper lip, as wide as the eyes are apart, without the eyes.
    wide = np.abs(across - eyes[0]) < 62
    cheeks = wide & (down > eyes[1] + 24) & (down < mouth[1] - 26)
    forehead = (np.abs(across - eyes[0]) < 45) & (down > eyes[1] - 62) & (down < eyes[1] - 42)
    chosen = portrait.pixels[::step, ::step][cheeks | forehead]
    return chosen if len(chosen) else portrait.pixels.reshape(-1, 3)


def in_the_light_of(recipient: Portrait, donor: Portrait, moved: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The donor's picture with its cast of colour changed to the recipient's.

    Each channel is multiplied by the ratio of the skins' means, without the ratio's brightness (a von Kries change of
    the illuminant's chromaticity): what is laid around the recipient must not bring the donor's white balance along,
    which is the channel ``colour``. Brightness stays, because skins differ in it more than lamps do.

    Args:
        recipient: whose light is wanted.
        donor: whose skin tells the light that is there.
        moved: (H, W, 3) uint8, the donor's picture, moved or not.

    Returns:
        float32 (H, W, 3), may go beyond 255.
    """
    ratio = (skin_pixels(recipient).mean(axis=0) + 1) / (skin_pixels(donor).mean(axis=0) + 1)
    gain = np.clip(ratio / ratio.prod() ** (1 / 3), 1 / _LARGEST_GAIN, _LARGEST_GAIN).astype(np.float32)
    lit: npt.NDArray[np.float32] = moved * gain
    return lit
