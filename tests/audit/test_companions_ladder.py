"""What is left of a picture on each rung, and what the classifier measures in it."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.audit.companions import RUNGS, background_only, degraded, face_only
from looks_kedro.audit.companions.ladder import ladder_features, person_matte, picture_features
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.faces.geometry import ellipse_mask

SIDE = 64
LANDMARKS = (TEMPLATE + 0.5) * (SIDE / 300) - 0.5


def picture(seed: int = 0) -> np.ndarray:
    """Red person on blue ground, with noise."""
    head = ellipse_mask(LANDMARKS, SIDE, "head")
    colours = np.where(head[:, :, None], (200, 40, 30), (20, 60, 200))
    noise = np.random.default_rng(seed).integers(-15, 16, (SIDE, SIDE, 3))
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def test_shuffled_pixels_are_the_same_pixels_and_shuffled_patches_the_same_patches():
    face = picture()
    pixels, patches = degraded("pixels shuffled", face, (1, 2)), degraded("patches shuffled", face, (1, 2))
    rows = [np.sort(one.reshape(-1, 3).astype(int) @ [65536, 256, 1]) for one in (face, pixels, patches)]
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[0], rows[2])
    blocks = [
        {one.tobytes() for one in image.reshape(8, 8, 8, 8, 3).swapaxes(1, 2).reshape(64, 8, 8, 3)}
        for image in (face, patches)
    ]
    assert blocks[0] == blocks[1]
    assert not np.array_equal(patches, face)
    assert not np.array_equal(patches, pixels)


def test_two_pictures_are_shuffled_differently_and_one_always_the_same():
    assert np.array_equal(
        degraded("pixels shuffled", picture(), (0, 1)), degraded("pixels shuffled", picture(), (0, 1))
    )
    assert not np.array_equal(
        degraded("pixels shuffled", picture(), (0, 1)), degraded("pixels shuffled", picture(), (0, 2))
    )


def test_the_mean_colour_is_one_colour():
    one = degraded("mean colour", picture(), (0,))
    assert len(np.unique(one.reshape(-1, 3), axis=0)) == 1
    assert np.abs(one[0, 0] - picture().mean(axis=(0, 1))).max() <= 0.5


def test_the_background_shows_nothing_of_the_person():
    """However the person is coloured, deep inside the head's ellipse the filled picture is the ground's blue."""
    shown = background_only(picture(), LANDMARKS)
    inside = person_matte(shown.shape, LANDMARKS, None) > 0.99
    assert np.abs(shown[inside].astype(int) - (20, 60, 200)).max() < 60
    outside = person_matte(shown.shape, LANDMARKS, None) < 0.01
    assert np.array_equal(shown[outside], picture()[outside])


def test_a_matte_takes_out_the_person_it_outlines():
    matte = np.zeros((SIDE, SIDE), np.uint8)
    matte[10:40, 20:50] = 255
    face = np.full((SIDE, SIDE, 3), 90, np.uint8)
    face[10:40, 20:50] = 250
    assert np.abs(background_only(face, matte=matte).astype(int) - 90).max() <= 3
    with pytest.raises(ValueError, match="landmarks or a matte"):
        background_only(face)


def test_a_person_who_fills_the_picture_leaves_its_mean():
    face = picture()
    shown = background_only(face, matte=np.full((SIDE, SIDE), 255, np.uint8))
    assert np.abs(shown - face.mean(axis=(0, 1))).max() <= 1.5


def test_the_face_alone_is_grey_around():
    shown = face_only(picture(), LANDMARKS)
    outside = ~ellipse_mask(1.15 * LANDMARKS - 0.15 * LANDMARKS.mean(axis=0), SIDE, "face")
    assert (shown[outside] == 127).all()
    assert outside.mean() > 0.25
    centre = ellipse_mask(LANDMARKS, SIDE, "face")
    assert np.array_equal(shown[20:40, 25:40], picture()[20:40, 25:40])
    assert centre[20:40, 25:40].all()


def test_features_see_what_each_rung_leaves():
    """Two classes that differ in direction of stripes: seen when intact, gone when pixels are shuffled."""
    stripes = np.where(np.arange(SIDE) // 4 % 2, 200, 50).astype(np.uint8)
    upright = np.broadcast_to(stripes[None, :, None], (SIDE, SIDE, 3))
    level = upright.transpose(1, 0, 2)
    both = np.stack([upright, level])
    intact = ladder_features("intact", both)
    assert intact.shape == (2, 182)
    assert np.abs(intact[0] - intact[1]).max() > 0.15
    shuffled = ladder_features("pixels shuffled", both)
    where = slice(0, 96)  # directions of edges
    assert np.abs(shuffled[0] - shuffled[1])[where].max() < 0.05


def test_features_do_not_depend_on_the_batch():
    faces = np.stack([picture(seed) for seed in range(70)])
    assert np.allclose(picture_features(faces)[66:], picture_features(faces[66:]), atol=1e-6)
    points = np.repeat(LANDMARKS[None], 70, axis=0)
    for rung in RUNGS:
        together = ladder_features(rung, faces, points, seed=3)
        assert np.isfinite(together).all()
        assert np.allclose(together[65], picture_features(degraded(rung, faces[65], (3, 65), points[65])[None])[0],
                           atol=1e-6)  # fmt: skip


def test_cells_hold_the_colours_of_their_place():
    face = np.zeros((SIDE, SIDE, 3), np.uint8)
    face[:16, 48:] = 255
    cells = picture_features(face[None])[0, 96:112]  # luma
    assert cells[3] == pytest.approx(1, abs=1e-5)
    assert np.delete(cells, 3).max() < 1e-6
