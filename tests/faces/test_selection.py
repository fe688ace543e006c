import numpy as np
import pytest

from looks_kedro.faces import Detection, Face, Refusal, choose_face
from looks_kedro.faces.alignment import TEMPLATE

SHAPE = (400, 600, 3)


def face(left, top, width, probability=0.999):
    box = np.array([left, top, left + width, top + 1.2 * width], float)
    return Face(box, probability, TEMPLATE / 300 * width + [left, top])


def test_a_single_face_is_chosen():
    only = face(200, 100, 120)
    assert choose_face([only], SHAPE, Detection()) is only


def test_no_face_is_told_with_the_best_probability():
    assert choose_face([], SHAPE, Detection()) == Refusal("no_face", "nothing found")
    refusal = choose_face([face(0, 0, 90, 0.71)], SHAPE, Detection())
    assert refusal.reason == "no_face"
    assert "0.71" in refusal.detail


def test_a_second_face_of_comparable_size_makes_the_picture_ambiguous():
    faces = [face(80, 100, 120), face(400, 100, 100)]
    refusal = choose_face(faces, SHAPE, Detection())
    assert refusal.reason == "several_faces"
    assert "69%" in refusal.detail
    assert refusal.face is faces[0]


@pytest.mark.parametrize("other", [face(480, 20, 50), face(400, 100, 115, 0.92)])
def test_a_small_or_doubtful_second_face_is_ignored(other):
    main = face(200, 100, 120)
    assert choose_face([main, other], SHAPE, Detection()) is main
    assert choose_face([other, main], SHAPE, Detection()) is main


def test_two_boxes_on_one_face_are_one_face():
    main, second = face(200, 100, 120), face(205, 105, 100)
    assert choose_face([main, second], SHAPE, Detection()) is main


def test_of_two_faces_the_one_in_the_middle_is_preferred():
    middle, corner = face(240, 130, 100), face(0, 0, 105)
    generous = Detection(rival_area=2.0)
    assert choose_face([corner, middle], SHAPE, generous) is middle


def test_a_face_that_is_too_small_is_refused_with_its_width():
    small = face(200, 100, 30)
    refusal = choose_face([small], SHAPE, Detection(min_face_width=40))
    assert refusal.reason == "too_small"
    assert "30 px" in refusal.detail
    assert refusal.face is small
