"""Variations of batches, against torchvision's functions on one image at a time."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from looks_kedro.learning.augmentation import Variations, augment, draw_variations, vary
from looks_kedro.learning.data import on_device
from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD, Augmentation

ALL = Augmentation(
    mirror=0.5, rotation=25, translation=0.1, scale=0.2, brightness=0.4, contrast=0.4, saturation=0.4, blur=0.5,
    erase=0.5,
)  # fmt: skip
MEAN, STD = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))


def pictures(count: int, height: int = 40, width: int = 40, seed: int = 0) -> torch.Tensor:
    """Smooth uint8 pictures (count, 3, height, width) in channels-last."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (255 * smooth).round().to(torch.uint8).contiguous(memory_format=torch.channels_last)


def unvaried(count: int) -> Variations:
    return draw_variations(Augmentation(), count, 0)


def seen(image: torch.Tensor, variations: Variations, row: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One image in 0..1, varied by torchvision's functions, and where the frame of the original covers it."""
    height, width = image.shape[1:]

    def moved(picture: torch.Tensor) -> torch.Tensor:
        mirrored = transforms.horizontal_flip(picture) if variations.mirror[row] else picture
        return transforms.affine(
            mirrored,
            angle=float(variations.angle[row]),
            translate=[float(variations.shift_x[row]) * width, float(variations.shift_y[row]) * height],
            scale=float(variations.scale[row]),
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )

    picture, covered = moved(image), moved(torch.ones(1, height, width)) > 0.999
    return picture, covered


@pytest.mark.parametrize(("height", "width"), [(40, 40), (30, 50)])
def test_mirror_turn_shift_and_scale_in_one_resampling_are_torchvisions(height: int, width: int) -> None:
    images = pictures(8, height, width)
    drawn = draw_variations(Augmentation(mirror=0.5, rotation=40, translation=0.2, scale=0.3), 8, 3)
    assert 0 < drawn.mirror.sum() < 8
    varied = vary(images, drawn)
    for row in range(8):
        expected, covered = seen(images[row].float() / 255, drawn, row)
        assert covered.float().mean() > 0.2
        difference = (varied[row].float() / 255 - expected).abs()[:, covered[0]]
        assert difference.max() < 0.004  # half a grey value of rounding, and the arithmetic of the grid


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colours_are_torchvisions(name: str) -> None:
    images = on_device(pictures(6).permute(0, 2, 3, 1).numpy(), torch.device("cpu"))
    drawn = draw_variations(Augmentation(**{name: 0.8}), 6, 1)
    varied = vary(images, drawn) * STD + MEAN
    adjust = getattr(transforms, f"adjust_{name}")
    for row, factor in enumerate(getattr(drawn, name)):
        expected = adjust(images[row] * STD + MEAN, float(factor))
        assert torch.allclose(varied[row], expected, atol=1e-5), factor
    assert (varied - (images * STD + MEAN)).abs().max() > 0.05


def test_blurs_are_torchvisions_with_a_strength_for_each_image() -> None:
    images = pictures(4, 224, 224)
    drawn = draw_variations(Augmentation(blur=0.6), 4, 2)
    assert 0 < (drawn.blur > 0).sum() < 4
    varied = vary(images, drawn).float()
    for row, share in enumerate(drawn.blur):
        picture = images[row].float()
        # 13 taps reach three times the largest standard deviation of 2 px at a side of 224.
        expected = transforms.gaussian_blur(picture, [13, 13], [float(share) * 224] * 2) if share else picture
        assert (varied[row] - expected).abs().max() < 0.6


def test_an_erased_rectangle_holds_the_mean_colour_and_nothing_else_changes() -> None:
    images = on_device(pictures(16).permute(0, 2, 3, 1).numpy(), torch.device("cpu"))
    drawn = draw_variations(Augmentation(erase=0.7), 16, 5)
    erased = drawn.erased[:, 2] > 0
    assert 0 < erased.sum() < 16
    varied = vary(images, drawn)
    for row in range(16):
        top, left, height, width = np.round(drawn.erased[row] * 40).astype(int)
        expected = transforms.erase(images[row], top, left, height, width, torch.zeros(3, 1, 1))
        assert torch.allclose(varied[row], expected, atol=1e-5)
    shares = drawn.erased[erased, 2] * drawn.erased[erased, 3]
    assert shares.min() > 0.015
    assert shares.max() < 0.34


def test_switched_off_gives_the_very_same_tensor() -> None:
    images = pictures(2)
    assert augment(images, Augmentation(), 0) is images


def test_a_mirror_alone_moves_pixels_and_changes_none() -> None:
    images = pictures(12)
    for batch in (images, on_device(images.permute(0, 2, 3, 1).numpy(), torch.device("cpu"))):
        drawn = draw_variations(Augmentation(mirror=0.5), 12, 0)
        varied = vary(batch, drawn)
        for row, mirrored in enumerate(drawn.mirror):
            assert torch.equal(varied[row], batch[row].flip(2) if mirrored else batch[row])


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_shape_type_and_layout_stay_and_the_input_is_untouched(layout: torch.memory_format, kind: torch.dtype) -> None:
    images = pictures(5).to(kind).contiguous(memory_format=layout)
    before = images.clone()
    varied = augment(images, ALL, 7)
    assert (varied.shape, varied.dtype) == (images.shape, kind)
    assert varied.is_contiguous(memory_format=layout)
    assert torch.equal(images, before)
    assert not torch.equal(varied, images)


def test_normalised_images_are_varied_as_their_pixels_are() -> None:
    images = pictures(6)
    normalised = on_device(images.permute(0, 2, 3, 1).numpy(), torch.device("cpu"))
    from_pixels = on_device(augment(images, ALL, 4).permute(0, 2, 3, 1).numpy(), torch.device("cpu"))
    assert ((augment(normalised, ALL, 4) - from_pixels) * STD).abs().max() <= 0.51 / 255


@settings(max_examples=25, deadline=None)
@given(
    seed=st.tuples(st.integers(0, 2**32), st.integers(0, 1000), st.integers(0, 10**6)),
    count=st.integers(1, 7),
    cut=st.integers(0, 7),
)
def test_a_seed_gives_the_same_images_however_the_batch_is_divided(
    seed: tuple[int, int, int], count: int, cut: int
) -> None:
    images = pictures(count, 16, 16)
    cut = min(cut, count)
    whole = augment(images, ALL, seed)
    assert torch.equal(whole, augment(images, ALL, seed))
    parts = [augment(images[:cut], ALL, seed), augment(images[cut:], ALL, seed, first=cut)]
    assert torch.equal(torch.cat(parts), whole)


def test_each_image_and_each_step_has_a_draw_of_its_own() -> None:
    images = pictures(1).expand(6, -1, -1, -1).contiguous(memory_format=torch.channels_last)
    steps = torch.cat([augment(images, ALL, (0, 1, step)) for step in (0, 1)])
    alike = [(i, j) for i in range(12) for j in range(i) if torch.equal(steps[i], steps[j])]
    assert not alike


def test_one_variation_more_leaves_the_draws_of_the_others_as_they_were() -> None:
    without, all_on = (draw_variations(chosen, 9, 1) for chosen in (ALL.model_copy(update={"blur": 0.0}), ALL))
    for field in fields(Variations):
        same = np.array_equal(getattr(without, field.name), getattr(all_on, field.name))
        assert same == (field.name != "blur"), field.name


@settings(max_examples=30, deadline=None)
@given(rotation=st.floats(0, 180), translation=st.floats(0, 0.9), scale=st.floats(0, 0.9), seed=st.integers(0, 10_000))
def test_a_plain_image_stays_plain_wherever_it_is_moved(
    rotation: float, translation: float, scale: float, seed: int
) -> None:
    # What comes in from outside repeats the edge: no black corners that would betray the variation.
    images = torch.full((3, 3, 20, 20), 90, dtype=torch.uint8)
    varied = augment(images, Augmentation(rotation=rotation, translation=translation, scale=scale), seed)
    assert torch.equal(varied, images)


def test_draws_stay_within_their_bounds_and_fill_them() -> None:
    drawn = draw_variations(ALL, 4000, 0)
    assert drawn.mirror.mean() == pytest.approx(0.5, abs=0.03)
    for values, bound in ((drawn.angle, 25), (drawn.shift_x, 0.1), (drawn.scale - 1, 0.2), (drawn.contrast - 1, 0.4)):
        assert np.abs(values).max() == pytest.approx(bound, rel=0.01)
        assert np.abs(values).max() <= bound
        assert values.mean() == pytest.approx(0, abs=0.05 * bound)
    blurred = drawn.blur[drawn.blur > 0] * 224
    assert len(blurred) / 4000 == pytest.approx(0.5, abs=0.03)
    assert 0.1 <= blurred.min() < 0.11
    assert 1.99 < blurred.max() <= 2
    inside = drawn.erased[:, :2] + drawn.erased[:, 2:]
    assert inside.max() <= 1 + 1e-12


def test_a_turn_is_clockwise_and_a_shift_goes_right_and_down() -> None:
    image = torch.zeros(1, 3, 9, 9, dtype=torch.uint8)
    image[0, :, 4, 7] = 255
    turned = vary(image, replace(unvaried(1), angle=np.array([90.0])))
    assert turned[0, 0].nonzero().tolist() == [[7, 4]]
    shifted = vary(image, replace(unvaried(1), shift_x=np.array([1 / 9]), shift_y=np.array([-3 / 9])))
    assert shifted[0, 0].nonzero().tolist() == [[1, 8]]
