import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from looks_kedro.faces import ellipse_mask
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.mattes.compositing import (
    FROM_MATTES,
    KINDS,
    Variant,
    compose,
    ellipse_matte,
    grown,
    in_gray,
    on_blurred_ground,
    on_colour,
    with_alpha,
    without_alpha,
)
from looks_kedro.portraits import Photo, aligned_face, draw_identity

bytes_ = st.integers(0, 255)


@pytest.fixture(scope="module")
def portrait() -> Photo:
    return aligned_face(draw_identity(3), seed=5, looks=1, size=150, masks=True)


@pytest.fixture(scope="module")
def soft(portrait: Photo) -> np.ndarray:
    """The portrait's true matte with a soft edge."""
    return cv2.GaussianBlur(portrait.masks["person"].astype(np.uint8) * 255, (0, 0), 1.0)


@given(bytes_, bytes_, bytes_)
def test_each_pixel_is_the_nearest_byte_to_the_mixture(face, matte, colour):
    mixed = on_colour(np.full((1, 1, 3), face, np.uint8), np.full((1, 1), matte, np.uint8), (colour,) * 3)
    assert mixed.dtype == np.uint8
    assert abs(mixed[0, 0, 0] - (face * matte + colour * (255 - matte)) / 255) <= 0.5 + 1e-9


def test_a_full_matte_keeps_the_face_and_an_empty_one_gives_the_colour():
    face = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(on_colour(face, np.full((20, 30), 255, np.uint8)), face)
    assert (on_colour(face, np.zeros((20, 30), np.uint8), (1, 2, 3)) == (1, 2, 3)).all()


def test_white_is_the_default():
    assert (on_colour(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8)) == 255).all()


def test_shapes_and_colours_that_do_not_fit_are_refused():
    face = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="matte"):
        on_colour(face, np.zeros((5, 4), np.uint8))
    with pytest.raises(ValueError, match="colour"):
        on_colour(face, np.zeros((4, 4), np.uint8), (0, 0, 256))


@given(bytes_, bytes_, bytes_)
def test_a_transparent_face_on_a_colour_is_the_face_composited_on_it(face, matte, colour):
    pixel, alpha = np.full((1, 1, 3), face, np.uint8), np.full((1, 1), matte, np.uint8)
    seen = without_alpha(with_alpha(pixel, alpha), (colour, colour, colour))
    assert np.array_equal(seen, on_colour(pixel, alpha, (colour,) * 3))


def test_nothing_of_the_ground_is_left_under_full_transparency(portrait, soft):
    transparent = with_alpha(portrait.image, soft)
    assert transparent.shape == (150, 150, 4)
    assert (transparent[soft == 0] == 0).all()
    assert np.array_equal(transparent[..., :3][soft > 0], portrait.image[soft > 0])


def test_an_image_without_alpha_is_seen_as_it_is(portrait):
    assert without_alpha(portrait.image, (9, 9, 9)) is portrait.image
    assert without_alpha(portrait.image[..., 0], (9, 9, 9)).shape == (150, 150, 3)


def test_a_grey_face_has_three_equal_channels_of_its_luma(portrait):
    grey = in_gray(portrait.image)
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert np.abs(grey[..., 0] - portrait.image @ [0.299, 0.587, 0.114]).max() <= 1


@pytest.mark.parametrize("angle", [0, 20])
def test_the_sharp_ellipse_is_that_of_the_regions_of_the_face(angle):
    turn = cv2.getRotationMatrix2D((150, 150), angle, 0.8)
    points = TEMPLATE @ turn[:, :2].T + turn[:, 2]
    mask, matte = ellipse_mask(points, 300), ellipse_matte(points, (300, 300))
    assert ((matte > 127) != mask).mean() < 1e-4
    between = (matte > 0) & (matte < 255)
    assert 0 < between.mean() < 0.02


def test_a_softer_ellipse_has_a_wider_edge_and_the_same_middle():
    sharp, wide = (ellipse_matte(TEMPLATE, (300, 300), edge) for edge in (0, 12))
    widths = [((matte > 12) & (matte < 243)).mean() for matte in (sharp, wide)]
    assert widths[1] > 5 * widths[0]
    assert ((sharp > 127) != (wide > 127)).mean() < 1e-3


def test_the_face_alone_shows_nothing_outside_the_ellipse(portrait):
    variant = Variant(kind="face_only", colour=(1, 2, 3), edge=0)
    shown = compose(variant, portrait.image, portrait.landmarks, None)
    matte = ellipse_matte(portrait.landmarks, (150, 150))
    assert (shown[matte == 0] == (1, 2, 3)).all()
    assert np.array_equal(shown[matte == 255], portrait.image[matte == 255])


def test_no_pixel_of_the_person_is_left_in_the_background_alone(portrait, soft):
    variant = Variant(kind="background_only", colour=(0, 255, 0))
    shown = compose(variant, portrait.image, portrait.landmarks, soft)
    person = portrait.masks["person"]
    assert (shown[person] == (0, 255, 0)).all()
    far = grown(soft, 10) == 0
    assert far.any()
    assert np.array_equal(shown[far], portrait.image[far])


def test_the_blurred_ground_has_no_colour_of_the_person():
    face = np.full((90, 90, 3), (0, 0, 200), np.uint8)
    person = np.zeros((90, 90), np.uint8)
    person[30:60, 30:60] = 255
    face[person > 0] = (255, 0, 0)
    shown = on_blurred_ground(face, person, 8)
    # A ground of one colour stays so up to the edge of the person, and the person stays as it was.
    assert np.abs(shown.astype(int) - face).max() <= 1


def test_the_ground_is_blurred_and_the_person_is_not(portrait, soft):
    noisy = portrait.image.copy()
    ground = soft == 0
    noisy[ground] = np.random.default_rng(0).integers(0, 256, (int(ground.sum()), 3))
    shown = compose(Variant(kind="blurred_background"), noisy, portrait.landmarks, soft)
    assert shown[ground].std(axis=0).mean() < 0.3 * noisy[ground].std(axis=0).mean()
    assert np.array_equal(shown[soft == 255], noisy[soft == 255])


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("kind", KINDS)
def test_a_matte_of_nothing_or_of_everything_gives_an_image_and_no_error(portrait, kind, value):
    matte = np.full((150, 150), value, np.uint8)
    shown = compose(Variant(kind=kind), portrait.image, portrait.landmarks, matte)
    assert shown.dtype == np.uint8
    assert shown.shape == (150, 150, 4 if kind == "transparent" else 3)


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_variants_that_say_so_look_at_the_matte(portrait, soft, kind):
    variant = Variant(kind=kind)
    assert variant.needs_matte == (kind in FROM_MATTES)
    if variant.needs_matte:
        with pytest.raises(ValueError, match="needs a matte"):
            compose(variant, portrait.image, portrait.landmarks, None)
    else:
        shown = compose(variant, portrait.image, portrait.landmarks, None)
        assert np.array_equal(shown, compose(variant, portrait.image, portrait.landmarks, soft))


def test_the_mirrored_variant_is_the_variant_of_the_mirrored_face(portrait, soft):
    turned = portrait.landmarks[[1, 0, 2, 4, 3]] * [-1, 1] + [149, 0]
    for kind in KINDS:
        there = compose(Variant(kind=kind), portrait.image, portrait.landmarks, soft)[:, ::-1]
        back = compose(Variant(kind=kind), portrait.image[:, ::-1].copy(), turned, soft[:, ::-1].copy())
        assert np.abs(there.astype(int) - back).max() <= 1, kind


@pytest.mark.parametrize(
    "given_",
    [{"kind": "grayscale", "blur": 0.1}, {"kind": "original", "colour": [1, 2, 3]}, {"kind": "face_only", "grow": 0.1}],
)
def test_an_option_that_means_nothing_for_the_kind_is_refused(given_):
    with pytest.raises(ValidationError, match="leave it out for kind"):
        Variant.model_validate(given_)
