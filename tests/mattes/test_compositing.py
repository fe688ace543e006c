import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.mattes import on_colour

bytes_ = st.integers(0, 255)


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
