import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.faces import ellipse_mask, face_ellipse, mirror_landmarks
from looks_kedro.faces.alignment import TEMPLATE


def turned(points, angle, scale=1.0, shift=(0.0, 0.0)):
    a = np.radians(angle)
    return (points - 150) @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]).T * scale + 150 + shift


def test_the_face_holds_its_landmarks_and_lies_in_the_head():
    face, head = ellipse_mask(TEMPLATE, 300), ellipse_mask(TEMPLATE, 300, "head")
    assert all(face[round(y), round(x)] for x, y in TEMPLATE)
    assert (head | ~face)[:250].all()
    assert head.sum() > 1.3 * face.sum()


def test_the_mask_has_the_area_of_the_ellipse():
    landmarks = turned(TEMPLATE, 17, 0.6)
    _, (across, along), _ = face_ellipse(landmarks)
    assert ellipse_mask(landmarks, (320, 330)).sum() == pytest.approx(np.pi * across * along, rel=0.01)


@given(st.floats(-90, 90), st.floats(0.3, 3), st.floats(-50, 50), st.floats(-50, 50))
def test_the_ellipse_moves_with_the_face(angle, scale, x, y):
    centre, axes, tilt = face_ellipse(TEMPLATE)
    moved_centre, moved_axes, moved_tilt = face_ellipse(turned(TEMPLATE, angle, scale, (x, y)))
    assert np.allclose(moved_centre, turned(np.array([centre]), angle, scale, (x, y))[0], atol=1e-6)
    assert np.allclose(moved_axes, np.array(axes) * scale)
    assert moved_tilt - tilt == pytest.approx(angle, abs=1e-6)


@given(st.integers(0, 1000))
def test_the_mask_of_the_mirrored_face_is_the_mirrored_mask(seed):
    landmarks = TEMPLATE / 4 + np.random.default_rng(seed).normal(scale=2, size=(5, 2))
    mirrored = ellipse_mask(mirror_landmarks(landmarks, 75), 75)
    assert (mirrored != ellipse_mask(landmarks, 75)[:, ::-1]).sum() <= 4  # pixels exactly on the edge


@given(st.integers(0, 1000), st.integers(1, 400))
def test_mirroring_twice_changes_nothing(seed, width):
    landmarks = np.random.default_rng(seed).uniform(0, 300, (5, 2))
    assert np.allclose(mirror_landmarks(mirror_landmarks(landmarks, width), width), landmarks)


def test_mirroring_keeps_left_on_the_left():
    mirrored = mirror_landmarks(TEMPLATE + np.array([20, 0]), 300)
    assert mirrored[0, 0] < mirrored[1, 0]
    assert mirrored[3, 0] < mirrored[4, 0]
    assert mirrored[2, 0] == pytest.approx(299 - TEMPLATE[2, 0] - 20)
