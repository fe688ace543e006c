import cv2
import numpy as np
import pytest

from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.mattes import grabcut_matte, matte_quality


def drawn(skin=(225, 180, 150), hair=(60, 40, 30), shirt=(150, 40, 60), ground=(90, 150, 170), noise=6.0, long=False):
    """A person in FairFace's geometry, and who is drawn where."""
    person = np.zeros((300, 300), np.uint8)
    picture = np.full((300, 300, 3), ground, np.uint8)

    def lay(shape, colour):
        person[shape > 0] = 255
        picture[shape > 0] = colour

    def ellipse(centre, axes, start=0, end=360):
        return cv2.ellipse(np.zeros((300, 300), np.uint8), centre, axes, 0, start, end, 1, -1)

    lay(ellipse((150, 110), (112, 130)), hair)
    if long:
        lay(cv2.rectangle(np.zeros((300, 300), np.uint8), (24, 0), (275, 260), 1, -1), hair)
    lay(ellipse((150, 330), (150, 70)), shirt)
    lay(cv2.rectangle(np.zeros((300, 300), np.uint8), (115, 220), (185, 280), 1, -1), skin)
    lay(ellipse((150, 140), (92, 112)), skin)
    for x, y in TEMPLATE[:2]:
        cv2.circle(picture, (int(x), int(y)), 9, (40, 40, 60), -1)
    cv2.line(picture, (105, 205), (195, 205), (180, 60, 70), 7)
    shaded = picture + np.random.default_rng(0).normal(scale=noise, size=picture.shape)
    return np.clip(shaded, 0, 255).astype(np.uint8), person


def overlap(matte, truth):
    a, b = matte > 127, truth > 127
    return (a & b).sum() / (a | b).sum()


def test_long_hair_that_leaves_little_background_is_kept():
    """The sides are hair but for a strip: a cut that starts from the head's outline alone drops it."""
    face, truth = drawn(long=True, hair=(120, 70, 30), skin=(235, 200, 170), ground=(80, 130, 210))
    hair = (truth > 0) & (np.abs(np.arange(300) - 150) > 105)[None, :]
    hair[250:] = False
    matte = grabcut_matte(face, TEMPLATE)
    assert (matte[hair] > 127).mean() > 0.9


@pytest.mark.parametrize("long", [False, True])
def test_a_person_on_a_calm_ground_is_cut_out(long):
    face, truth = drawn(long=long)
    matte = grabcut_matte(face, TEMPLATE)
    assert matte.shape == (300, 300)
    assert matte.dtype == np.uint8
    assert overlap(matte, truth) > 0.93
    assert matte_quality(face, matte, TEMPLATE)["ellipse_overlap"] > 0.95


def test_the_edge_is_soft_and_the_rest_decided():
    matte = grabcut_matte(drawn()[0], TEMPLATE)
    between = ((matte > 5) & (matte < 250)).mean()
    assert 0.005 < between < 0.12


def test_the_same_face_gives_the_same_matte():
    face = drawn()[0]
    first = grabcut_matte(face, TEMPLATE)
    cv2.setRNGSeed(77)
    assert grabcut_matte(face, TEMPLATE).tobytes() == first.tobytes()


@pytest.mark.parametrize("size", [96, 224, 420])
def test_other_sizes_work_alike(size):
    face, truth = drawn(noise=2)
    matte = grabcut_matte(cv2.resize(face, (size, size)), TEMPLATE * size / 300)
    assert matte.shape == (size, size)
    assert overlap(matte, cv2.resize(truth, (size, size))) > 0.9


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_colour_gives_a_matte_and_no_error(value):
    matte = grabcut_matte(np.full((300, 300, 3), value, np.uint8), TEMPLATE)
    assert matte.shape == (300, 300)


def test_landmarks_outside_the_picture_give_a_matte_and_no_error():
    assert grabcut_matte(drawn()[0], TEMPLATE + 400).shape == (300, 300)


def test_the_person_is_one_piece_without_holes():
    matte = grabcut_matte(drawn(noise=25)[0], TEMPLATE)
    parts, labels = cv2.connectedComponents((matte > 127).astype(np.uint8))
    sizes = np.bincount(labels.ravel())[1:]
    assert sizes.max() / sizes.sum() > 0.99
    assert parts >= 2


def test_the_studios_portraits_are_cut_out_well_in_the_median():
    from looks_kedro.portraits import aligned_face, draw_identity

    found = []
    for number in range(12):
        photo = aligned_face(draw_identity(number), seed=number, looks=0, size=300, masks=True)
        matte = grabcut_matte(photo.image, photo.landmarks)
        found.append(overlap(matte, photo.masks["person"] * 255))
    assert np.median(found) >= 0.9
