"""Variations of whole batches on their device, each image by draws of its own.

The transforms of torchvision v2 draw once for a whole batch, and image by image they cost a call each. Here the same
operations work on all images at once: mirror, rotation, shift and scale as one resampling, colour and erasing as
arithmetic, blur as a product with a band matrix. For one image they give what torchvision's functions give.

Draws are made in main memory from a seed, so the same seed gives the same draws on every device, for any number of
workers, and when an epoch is gone through again. Each image uses the same number of draws whatever is switched on:
one variation more does not change the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD, Augmentation

__all__ = ["Variations", "augment", "draw_variations", "vary"]

Numbers = npt.NDArray[np.float64]
Seed = int | tuple[int, ...]

_DRAWS = 15
_ERASED_AREA = (0.02, 0.33)
_ERASED_RATIO = (0.3, 1 / 0.3)
_BLUR = (0.1 / 224, 2.0 / 224)
_LUMA = (0.2989, 0.587, 0.114)


@dataclass(frozen=True)
class Variations:
    """How each of N images is varied; all arrays are (N,) except ``erased``.

    Attributes:
        mirror: bool, swap left and right, before all else.
        angle: degrees, clockwise about the centre.
        shift_x: to the right, as a share of the width.
        shift_y: down, as a share of the height.
        scale: factor of size about the centre.
        brightness: factor of all values.
        contrast: factor of the distance to the mean grey of the image.
        saturation: factor of the distance to the grey of the pixel.
        blur: standard deviation of the Gaussian as a share of the width; 0 leaves the image sharp.
        erased: (N, 4), top, left, height and width of the erased rectangle as shares of the side; height 0 for none.
    """

    mirror: npt.NDArray[np.bool_]
    angle: Numbers
    shift_x: Numbers
    shift_y: Numbers
    scale: Numbers
    brightness: Numbers
    contrast: Numbers
    saturation: Numbers
    blur: Numbers
    erased: Numbers


def augment(images: torch.Tensor, settings: Augmentation, seed: Seed, first: int = 0) -> torch.Tensor:
    """Vary a batch of images, each by draws of its own.

    Args:
        images: (N, 3, H, W) on any device: uint8 in RGB, or float as ``on_device`` normalises it.
        settings: how much.
        seed: of the draws, numbers of 0 or more such as (seed, epoch, step).
        first: place of the first image within the whole batch, where several devices share one: then the devices
            together give what one device would.

    Returns:
        The same shape, dtype, device and memory format; the very same tensor where nothing is varied.
    """
    if settings.off or not len(images):
        return images
    return vary(images, draw_variations(settings, len(images), seed, first))


def draw_variations(settings: Augmentation, count: int, seed: Seed, first: int = 0) -> Variations:
    """Draw how each image is varied.

    Angles, shifts and factors are uniform within what the settings allow. A blur has a standard deviation of 0.1 to 2
    pixels in an image of 224 (Chen et al., 2020), and as large a share of others. An erased rectangle covers 2 to 33 %
    of the image with sides of 0.3 to 3.3 to each other (Zhong et al., 2020), cut to the image's sides.

    Args:
        settings: how much.
        count: number of images.
        seed: numbers of 0 or more.
        first: images of the same seed that come before these.
    """
    numbers = np.random.default_rng(seed).random((first + count, _DRAWS))[first:].T
    around_zero = 2 * numbers - 1
    area = _between(numbers[11], *_ERASED_AREA)
    ratio = np.exp(_between(numbers[12], *np.log(_ERASED_RATIO)))
    height, width = np.minimum(np.sqrt(area * ratio), 1), np.minimum(np.sqrt(area / ratio), 1)
    erased = np.stack([numbers[13] * (1 - height), numbers[14] * (1 - width), height, width], axis=1)
    return Variations(
        mirror=numbers[0] < settings.mirror,
        angle=settings.rotation * around_zero[1],
        shift_x=settings.translation * around_zero[2],
        shift_y=settings.translation * around_zero[3],
        scale=1 + settings.scale * around_zero[4],
        brightness=1 + settings.brightness * around_zero[5],
        contrast=1 + settings.contrast * around_zero[6],
        saturation=1 + settings.saturation * around_zero[7],
        blur=np.where(numbers[8] < settings.blur, _between(numbers[9], *_BLUR), 0.0),
        erased=np.where((numbers[10] < settings.erase)[:, None], erased, 0.0),
    )


def _between(share: Numbers, low: float, high: float) -> Numbers:
    return low + (high - low) * share


def vary(images: torch.Tensor, variations: Variations) -> torch.Tensor:
    """Vary a batch as drawn: mirror and move, colour, blur, erase, in this order.

    What comes in from outside the frame repeats the pixels of its edge. What is erased gets ImageNet's mean colour.

    Args:
        images: as for :func:`augment`.
        variations: for each image.

    Returns:
        As :func:`augment`.
    """
    moved = _moves(variations)
    coloured = any((getattr(variations, name) != 1).any() for name in ("brightness", "contrast", "saturation"))
    blurred, erased = (variations.blur > 0).any(), (variations.erased[:, 2] > 0).any()
    if not (moved or coloured or blurred or erased):
        return _mirrored(images, variations.mirror)
    pixels = _to_unit(images)
    pixels = _resampled(pixels, variations) if moved else _mirrored(pixels, variations.mirror)
    if coloured:
        pixels = _coloured(pixels, variations)
    if blurred:
        pixels = _blurred(pixels, variations.blur)
    if erased:
        pixels = _erased(pixels, variations.erased)
    layout = torch.channels_last if images.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    return _from_unit(pixels, images.dtype).contiguous(memory_format=layout)


def _moves(variations: Variations) -> bool:
    turned = (variations.angle != 0) | (variations.scale != 1)
    return bool((turned | (variations.shift_x != 0) | (variations.shift_y != 0)).any())


def _to_unit(images: torch.Tensor) -> torch.Tensor:
    """Values in 0..1 of uint8 or normalised images, float32 or the type that came in.

    Plane by plane, whatever came in: sums and factors of whole images take half the time then.
    """
    images = images.contiguous()
    if not images.is_floating_point():
        return images.float().div_(255)
    return torch.addcmul(_planes(images, IMAGENET_MEAN), images, _planes(images, IMAGENET_STD))


def _from_unit(pixels: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if not dtype.is_floating_point:
        return pixels.mul(255).round_().clamp_(0, 255).to(dtype)
    return pixels.sub(_planes(pixels, IMAGENET_MEAN)).div_(_planes(pixels, IMAGENET_STD))


def _planes(pixels: torch.Tensor, colour: tuple[float, float, float]) -> torch.Tensor:
    return _colour(colour, pixels.dtype, pixels.device)


@lru_cache(maxsize=32)
def _colour(colour: tuple[float, float, float], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A number for each colour, (3, 1, 1), kept on the device."""
    with torch.inference_mode(mode=False):
        return torch.tensor(colour, dtype=dtype, device=device)[:, None, None]


def _sent(numbers: npt.NDArray[np.generic], device: torch.device) -> torch.Tensor:
    """Numbers on the device; from pinned memory, or a GPU would be waited for with each batch."""
    tensor = torch.from_numpy(np.ascontiguousarray(numbers))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _mirrored(images: torch.Tensor, mirror: npt.NDArray[np.bool_]) -> torch.Tensor:
    if not mirror.any():
        return images
    chosen = _sent(mirror, images.device)
    return torch.where(chosen[:, None, None, None], images.flip(3), images)


def _resampled(pixels: torch.Tensor, variations: Variations) -> torch.Tensor:
    """Mirror, scale, turn and shift in one bilinear resampling.

    The pixel at o from the centre is taken from M R(-angle) (o - shift) / scale, where M swaps left and right.
    ``grid_sample`` counts in half sides, hence the ratio of the sides in the mixed terms.
    """
    height, width = pixels.shape[2:]
    turn = np.radians(variations.angle)
    cos, sin = np.cos(turn) / variations.scale, np.sin(turn) / variations.scale
    swap = np.where(variations.mirror, -1.0, 1.0)
    across, down = 2 * variations.shift_x, 2 * variations.shift_y
    mixed, mixed_back = sin * height / width, -sin * width / height
    rows = [
        np.stack([swap * cos, swap * mixed, -swap * (cos * across + mixed * down)], axis=1),
        np.stack([mixed_back, cos, -(mixed_back * across + cos * down)], axis=1),
    ]
    moves = _sent(np.stack(rows, axis=1), pixels.device).to(pixels.dtype)
    grid = functional.affine_grid(moves, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _coloured(pixels: torch.Tensor, variations: Variations) -> torch.Tensor:
    """Brightness, contrast and saturation, each cut to 0..1, as torchvision's ``adjust_...`` do."""
    luma = _planes(pixels, _LUMA)
    factors = np.stack([variations.brightness, variations.contrast, variations.saturation])
    brightness, contrast, saturation = _sent(factors, pixels.device).to(pixels.dtype)[:, :, None, None, None]
    pixels = (pixels * brightness).clamp_(0, 1)
    grey = (pixels * luma).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    pixels = torch.lerp(grey, pixels, contrast).clamp_(0, 1)
    return torch.lerp((pixels * luma).sum(1, keepdim=True), pixels, saturation).clamp_(0, 1)


def _blurred(pixels: torch.Tensor, blur: Numbers) -> torch.Tensor:
    """A Gaussian blur of some images, mirrored at the edges: B x C' with the kernel in the band matrices B and C."""
    rows = np.flatnonzero(blur)
    chosen = _sent(rows, pixels.device)
    deviations = _sent(blur[rows] * pixels.shape[3], pixels.device).to(pixels.dtype)
    down, across = (_bands(side, deviations)[:, None] for side in pixels.shape[2:])
    return pixels.index_copy(0, chosen, down @ pixels[chosen] @ across.transpose(2, 3))


def _bands(side: int, deviations: torch.Tensor) -> torch.Tensor:
    """Matrices (n, side, side) that blur a line of pixels: row i holds the weights of all pixels for pixel i.

    The kernel reaches three standard deviations of the largest blur that can be drawn. Beyond both ends lie the
    mirrored pixels, without the last one twice.
    """
    reach = max(1, math.ceil(3 * _BLUR[1] * side))
    place = torch.arange(side, device=deviations.device)
    to, mirrored = place[:, None], torch.stack([place, -place, 2 * (side - 1) - place])
    distance = (mirrored[:, None] - to).abs()
    counts = (distance <= reach) & torch.stack([place >= 0, place > 0, place < side - 1])[:, None]
    weights = torch.exp(-0.5 * (distance / deviations[:, None, None, None]) ** 2) * counts
    bands = weights.sum(1)
    return bands / bands.sum(2, keepdim=True)


def _erased(pixels: torch.Tensor, erased: Numbers) -> torch.Tensor:
    """Fill a rectangle, rounded to whole pixels, with ImageNet's mean colour."""
    height, width = pixels.shape[2:]
    sides = np.array([height, width, height, width])
    top, left, tall, wide = np.round(erased * sides).astype(np.int64).T
    bounds = _sent(np.stack([top, top + tall, left, left + wide]), pixels.device)
    above, below, before, after = bounds[:, :, None, None, None]
    row = torch.arange(height, device=pixels.device)[:, None]
    column = torch.arange(width, device=pixels.device)
    inside = (row >= above) & (row < below) & (column >= before) & (column < after)
    return torch.where(inside, _planes(pixels, IMAGENET_MEAN), pixels)
