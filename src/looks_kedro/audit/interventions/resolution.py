"""How sharp the picture is: resolution, focus and smoothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.portrait import Channel, Image, Portrait, whole_image

__all__ = ["CHANNEL"]

_HALF_SIDE = 150.0  # of the square around the head in which sharpness is measured, template pixels
_BANDS = 10
_LOWEST = 0.04  # cycles a pixel: coarser than this is what is shown, not how sharp
_WEAKEST, _STRONGEST = 0.02, 4.0  # gain of a band; more would be noise made visible
_PADDING = 12  # mirrored around the image, so that its opposite edges do not meet


def edit(recipient: Portrait, donor: Portrait) -> Image:
    """The recipient as sharp as the donor.

    Each band of spatial frequencies is multiplied by the ratio of the two heads' amplitudes in it, relative to the
    coarse bands: heads show much the same, so that the ratio tells the camera rather than the picture. Blurring is
    exact, sharpening brings back what noise and rounding have left of it, up to 4 times.
    """
    from scipy import fft

    gain = np.log(_spectrum(donor) / _spectrum(recipient)) / 2
    gain = np.convolve(np.pad(gain, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    # 1 for all that is coarser: brightness stays.
    gain = np.clip(np.exp(gain - gain[0]), _WEAKEST, _STRONGEST)
    padding = min(_PADDING, *recipient.pixels.shape[:2])
    pixels = np.pad(
        recipient.pixels.astype(np.float32), ((padding, padding), (padding, padding), (0, 0)), mode="symmetric"
    )
    height, width = pixels.shape[:2]
    frequency = np.hypot(fft.fftfreq(height)[:, None], fft.rfftfreq(width)[None, :])
    response = np.interp(frequency, _centres(), gain).astype(np.float32)
    filtered = fft.irfft2(
        fft.rfft2(pixels, axes=(0, 1)) * response[:, :, None], s=(height, width), axes=(0, 1), overwrite_x=True
    )
    edited: Image = np.rint(np.clip(filtered[padding:-padding, padding:-padding], 0, 255)).astype(np.uint8)
    return edited


def _edges() -> npt.NDArray[np.float64]:
    return np.geomspace(_LOWEST, 0.5, _BANDS + 1)


def _centres() -> npt.NDArray[np.float64]:
    edges = _edges()
    return np.sqrt(edges[1:] * edges[:-1])


def _spectrum(portrait: Portrait) -> npt.NDArray[np.float64]:
    """Mean power of the luminance in bands of frequency around the head, (``_BANDS``,), cycles a pixel."""
    import cv2

    at = portrait.coordinates
    x, y = portrait.landmarks.mean(axis=0)
    half = max(12, round(_HALF_SIDE / at.pixel))
    height, width = portrait.pixels.shape[:2]
    left, top = max(0, round(x) - half), max(0, round(y) - half)
    patch = portrait.pixels[top : min(height, round(y) + half), left : min(width, round(x) + half)]
    grey = cv2.cvtColor(np.ascontiguousarray(patch), cv2.COLOR_RGB2GRAY).astype(np.float32)
    window = np.hanning(grey.shape[0])[:, None] * np.hanning(grey.shape[1])[None, :]
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2 / (window**2).sum()
    frequency = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.rfftfreq(grey.shape[1])[None, :])
    band = np.digitize(frequency.ravel(), _edges()) - 1
    inside = (band >= 0) & (band < _BANDS)
    totals = np.bincount(band[inside], weights=power.ravel()[inside], minlength=_BANDS)
    counts = np.bincount(band[inside], minlength=_BANDS)
    known = counts > 0
    means = totals[known] / counts[known]
    # Rounding to whole grey levels has a power of 1/12: below it nothing is known.
    spectrum: npt.NDArray[np.float64] = np.interp(np.arange(_BANDS), np.flatnonzero(known), means) + 1 / 12
    return spectrum


CHANNEL = Channel(
    name="resolution",
    kind="image",
    sentence="The picture's sharpness is exchanged: it is blurred or sharpened until it has the other's.",
    edit=edit,
    mask=whole_image,
    overlaps=("face", "surround", "jpeg_quality"),
)
