import cv2
import numpy as np
import pytest

from looks_kedro.faces import ellipse_mask
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.mattes import MatteLimits, decide, grabcut_matte, matte_quality
from looks_kedro.portraits import aligned_face, draw_identity


def head(blur=0.0):
    matte = np.where(ellipse_mask(TEMPLATE, 300, "head"), 255, 0).astype(np.uint8)
    return cv2.GaussianBlur(matte, (0, 0), blur) if blur else matte


def person(matte):
    """A picture in which the matte is right: one colour inside, another outside."""
    alpha = matte[:, :, None] / 255
    return (alpha * (200, 150, 120) + (1 - alpha) * (60, 90, 130)).astype(np.uint8)


def measured(matte, face=None):
    return matte_quality(person(matte) if face is None else face, matte, TEMPLATE)


@pytest.fixture(scope="module")
def portraits():
    """Six drawn portraits with their true mattes, unknown to the fit of the score."""
    photos = [aligned_face(draw_identity(300 + i), seed=900 + i, looks=i % 2, size=300, masks=True) for i in range(6)]
    return [(one.image, one.masks["person"].astype(np.uint8) * 255, one.landmarks) for one in photos]


def test_the_measures_of_a_head_are_what_they_say():
    found = measured(head())
    assert found["ellipse_overlap"] == pytest.approx(1, abs=0.01)
    assert found["edge_certainty"] == 1
    assert found["foreground_fraction"] == pytest.approx(ellipse_mask(TEMPLATE, 300, "head").mean(), abs=1e-4)
    assert (found["parts"], found["holes"]) == (1, 0)
    assert found["asymmetry"] < 0.05
    assert found["weak_edge"] == 0
    assert found["head_cover"] == pytest.approx(1, abs=0.01)
    assert found["texture"] <= 1


@pytest.mark.parametrize(("value", "reason"), [(0, "no_person"), (255, "no_background")])
def test_a_matte_of_nothing_or_everything_fails(value, reason):
    found = measured(np.full((300, 300), value, np.uint8), person(head()))
    assert found["quality"] == 0
    assert found["edge_certainty"] == 0
    assert decide(found) == {"passed": False, "reason": reason}


def test_true_mattes_pass_and_the_same_mattes_of_other_people_do_not(portraits):
    right = [matte_quality(face, matte, points)["quality"] for face, matte, points in portraits]
    cut = [
        matte_quality(face, np.where(ellipse_mask(points, 300), matte, 0).astype(np.uint8), points)["quality"]
        for face, matte, points in portraits
    ]
    assert np.median(right) > 0.5
    assert all(whole > bare for whole, bare in zip(right, cut, strict=True))  # without hair, ears and neck


def test_a_matte_beside_the_face_fails_because_of_the_face():
    found = measured(np.roll(head(), 150, axis=1))
    assert found["ellipse_overlap"] < 0.8
    assert decide(found)["reason"] == "face_cut"


def test_a_foggy_edge_is_less_certain_and_of_less_quality():
    found = [measured(head(blur), person(head())) for blur in (0, 2, 30)]
    certain = [one["edge_certainty"] for one in found]
    assert certain[0] > certain[1] > certain[2]
    assert found[2]["quality"] < 0.6 * found[0]["quality"]


def test_parts_and_holes_are_counted_and_a_second_part_costs_quality():
    matte = head()
    whole = measured(matte, person(head()))
    matte[140:150, 140:150] = 0
    matte[270:295, 5:25] = 255
    matte[280, 280] = 255  # a speck
    found = measured(matte, person(head()))
    assert (found["parts"], found["holes"]) == (2, 1)
    assert found["quality"] < whole["quality"]


def test_an_edge_that_no_colour_shows_is_weak():
    face = person(head())
    face[:] = face[0, 0]
    assert measured(head(), face)["weak_edge"] == 1


def test_hair_left_outside_is_seen_beside_the_face():
    """Dark hair that the matte lost: beside the face lies another colour than in the corners."""
    face = person(head())
    hair = cv2.ellipse(np.zeros((300, 300), np.uint8), (150, 112), (138, 175), 0, 0, 360, 255, -1)
    face[(hair > 0) & (head() == 0)] = (20, 15, 10)
    assert measured(head(), face)["surround"] > measured(head())["surround"] + 10
    assert measured(head(), face)["variety"] > measured(head())["variety"] + 10


def test_the_limits_decide_without_measuring_anew():
    found = measured(head())
    assert decide(found, MatteLimits(min_quality=0))["passed"]
    assert decide(found, MatteLimits(max_foreground=0.3))["reason"] == "no_background"
    assert decide(found, MatteLimits(min_foreground=0.9))["reason"] == "no_person"
    assert decide(found | {"quality": 0.4}, MatteLimits(min_quality=0.41))["reason"] == "low_quality"


def test_the_mirrored_face_has_the_same_quality(portraits):
    for face, _, points in portraits[:3]:
        matte = grabcut_matte(face, points)
        mirrored = points[[1, 0, 2, 4, 3]] * [-1, 1] + [299, 0]
        there = matte_quality(face, matte, points)
        back = matte_quality(face[:, ::-1].copy(), matte[:, ::-1].copy(), mirrored)
        for name in ("foreground_fraction", "head_cover", "roughness", "weak_edge"):
            assert back[name] == pytest.approx(there[name], abs=0.02)
        assert back["asymmetry"] == pytest.approx(there["asymmetry"], abs=0.07)  # a template pixel is half a small one
        assert back["quality"] == pytest.approx(there["quality"], abs=0.1)


def test_a_face_of_another_size_than_its_matte_is_refused():
    with pytest.raises(ValueError, match="matte"):
        matte_quality(np.zeros((300, 300, 3), np.uint8), np.zeros((200, 300), np.uint8), TEMPLATE)
