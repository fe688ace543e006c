import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from looks_kedro.errors import BadParameterError
from looks_kedro.faces import PoseFilter, head_pose, mirror_landmarks
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.faces.pose import FACE_MODEL, angles_of, rotation_of

yaws = st.floats(-70, 70)
pitches = st.floats(-35, 35)
rolls = st.floats(-60, 60)


def projected(yaw, pitch, roll, width=400, distance=700.0):
    """Landmarks of the model's face, turned, in the middle of a photo."""
    camera = np.array([[width, 0, width / 2], [0, width, width / 2], [0, 0, 1.0]])
    turn, _ = cv2.Rodrigues(rotation_of(yaw, pitch, roll))
    shift = np.array([0.0, 0.0, distance])
    return cv2.projectPoints(FACE_MODEL, turn, shift, camera, None)[0].reshape(5, 2)


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-170, 170))
def test_angles_and_rotations_are_inverse(yaw, pitch, roll):
    assert np.allclose(angles_of(rotation_of(yaw, pitch, roll)), (yaw, pitch, roll), atol=1e-6)


@given(yaws, pitches, rolls)
@settings(max_examples=60, deadline=None)
def test_the_pose_of_a_projected_face_is_recovered(yaw, pitch, roll):
    assert np.allclose(head_pose(projected(yaw, pitch, roll), (400, 400)), (yaw, pitch, roll), atol=3.0)


def test_yaw_is_positive_when_the_nose_points_to_the_images_right():
    turned = TEMPLATE.copy()
    turned[2, 0] += 25
    assert head_pose(turned, (300, 300))[0] > 10
    turned[2, 0] -= 50
    assert head_pose(turned, (300, 300))[0] < -10


def test_pitch_is_positive_when_the_nose_points_up():
    up, down = TEMPLATE.copy(), TEMPLATE.copy()
    up[2, 1] -= 15
    down[2, 1] += 15
    assert head_pose(up, (300, 300))[1] > head_pose(TEMPLATE, (300, 300))[1] > head_pose(down, (300, 300))[1]


def test_roll_is_positive_when_the_head_leans_clockwise():
    a = np.radians(20)
    clockwise = (TEMPLATE - 150) @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]).T + 150
    assert head_pose(clockwise, (300, 300))[2] == pytest.approx(20, abs=1)


def test_the_template_looks_straight_ahead():
    assert np.allclose(head_pose(TEMPLATE, (300, 300)), 0, atol=4)


@given(yaws, pitches, st.floats(-30, 30), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_the_yaw_of_the_mirrored_face_is_the_negative(yaw, pitch, roll, seed):
    noise = np.random.default_rng(seed).normal(scale=0.5, size=(5, 2))
    landmarks = projected(yaw, pitch, roll) + noise
    straight = np.array(head_pose(landmarks, (400, 400)))
    mirrored = np.array(head_pose(mirror_landmarks(landmarks, 400), (400, 400)))
    assert np.allclose(mirrored, straight * [-1, 1, -1], atol=0.5)


@given(st.floats(-300, 300), st.floats(-300, 300), st.floats(0.3, 4))
@settings(max_examples=30, deadline=None)
def test_place_and_size_of_the_photo_do_not_matter(x, y, scale):
    landmarks = projected(20, 5, -10)
    moved = (landmarks + np.array([x, y])) * scale
    width = round(400 * scale)
    assert np.allclose(head_pose(moved, (width, width)), head_pose(landmarks, (400, 400)), atol=0.5)


def test_degenerate_landmarks_give_finite_angles():
    assert np.isfinite(head_pose(np.full((5, 2), 7.0), (300, 300))).all()
    line = np.column_stack([np.arange(5.0), np.arange(5.0)])
    assert np.isfinite(head_pose(line, (300, 300))).all()


def test_the_filter_accepts_up_to_its_limits_on_both_sides():
    frontal = PoseFilter(max_yaw=30)
    assert frontal.accepts(30, 0, 0)
    assert frontal.accepts(-30, 0, 0)
    assert not frontal.accepts(30.1, 0, 0)
    assert not frontal.accepts(-30.1, 0, 0)
    assert not frontal.accepts(0, 61, 0)
    assert not frontal.accepts(0, 0, -91)


def test_a_misspelt_parameter_is_refused():
    with pytest.raises(ValidationError, match="max_jaw"):
        PoseFilter(max_jaw=20)


def test_without_weights_the_pose_comes_from_the_landmarks(tmp_path):
    assert PoseFilter().weights_file(None) is None
    assert PoseFilter().weights_file(tmp_path / "nothing") is None


def test_weights_in_the_folder_are_taken_unless_landmarks_are_asked_for(tmp_path):
    robust = tmp_path / "hopenet_robust_alpha1.pkl"
    robust.write_bytes(b"weights")
    assert PoseFilter().weights_file(tmp_path) == robust
    assert PoseFilter(method="hopenet").weights_file(tmp_path) == robust
    assert PoseFilter(method="landmarks").weights_file(tmp_path) is None
    first = tmp_path / "hopenet_alpha2.pkl"
    first.write_bytes(b"weights")
    assert PoseFilter().weights_file(tmp_path) == first
    assert PoseFilter(weights=str(robust)).weights_file(tmp_path) == robust


def test_weights_that_are_asked_for_and_missing_are_told(tmp_path):
    with pytest.raises(BadParameterError, match=r"pose.method is hopenet.*hopenet_alpha2.pkl"):
        PoseFilter(method="hopenet").weights_file(tmp_path)
    with pytest.raises(BadParameterError, match=r"pose.method is hopenet.*no folder"):
        PoseFilter(method="hopenet").weights_file(None)
    with pytest.raises(BadParameterError, match=r"pose.weights is gone.pkl"):
        PoseFilter(weights="gone.pkl").weights_file(tmp_path)
