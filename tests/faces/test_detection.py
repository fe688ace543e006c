import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from looks_kedro.faces import Detection, Face, FaceDetector, Refusal, choose_face
from looks_kedro.portraits import draw_identity, take_photo


@pytest.fixture(scope="module")
def detector():
    return FaceDetector()


@pytest.fixture(scope="module")
def photos():
    taken = (take_photo(draw_identity(seed), seed=seed, looks=0) for seed in range(300, 330))
    return [photo for photo in taken if abs(photo.yaw) < 20][:6]


def test_faces_are_found_where_they_are(detector, photos):
    errors = []
    for photo in photos:
        face = choose_face(detector.detect(photo.image), photo.image.shape, detector.settings)
        assert isinstance(face, Face)
        left, top, right, bottom = face.box
        assert ((photo.landmarks > (left, top)) & (photo.landmarks < (right, bottom))).all()
        errors.append(np.hypot(*(face.landmarks - photo.landmarks).T).mean() / face.width)
    assert np.median(errors) < 0.06


def test_coordinates_are_those_of_the_picture_as_given(detector, photos):
    image = photos[0].image
    large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    small, double = detector.detect(image)[0], detector.detect(large)[0]
    assert np.abs((double.landmarks + 0.5) / 2 - 0.5 - small.landmarks).max() < 0.03 * small.width
    assert np.abs(double.box / 2 - small.box).max() < 0.06 * small.width


def test_the_same_picture_gives_the_same_faces(detector, photos):
    first, second = (detector.detect(photos[1].image)[0] for _ in range(2))
    assert first.landmarks.tobytes() == second.landmarks.tobytes()
    assert first.box.tobytes() == second.box.tobytes()


def test_a_tight_crop_still_has_its_face(detector, photos):
    photo = photos[2]
    (left, top), (right, bottom) = photo.landmarks.min(axis=0), photo.landmarks.max(axis=0)
    reach = 0.45 * (right - left)
    x0, x1 = max(0, int(left - reach)), int(right + reach)
    y0, y1 = max(0, int(top - reach)), int(bottom + reach)
    crop = np.ascontiguousarray(photo.image[y0:y1, x0:x1])
    face = choose_face(detector.detect(crop), crop.shape, detector.settings)
    assert isinstance(face, Face)
    assert np.hypot(*(face.landmarks + np.array([x0, y0]) - photo.landmarks).T).mean() < 0.1 * face.width


def test_two_people_are_too_many(detector, photos):
    one, two = (cv2.resize(photo.image, (400, 500)) for photo in photos[3:5])
    both = np.ascontiguousarray(np.hstack([one, two]))
    faces = detector.detect(both)
    assert len(faces) >= 2
    assert faces[0].area >= faces[1].area
    equal = Detection(rival_area=0.05)
    found = choose_face(faces, both.shape, equal)
    assert isinstance(found, Refusal)
    assert found.reason == "several_faces"


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (11, 11), (30, 47), (200, 200)])
def test_pictures_without_a_face_give_none_whatever_their_size(detector, shape):
    noise = np.random.default_rng(5).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert [face for face in detector.detect(noise) if face.probability > 0.9] == []
    assert detector.detect(np.zeros_like(noise)) == []


def test_a_face_of_a_few_pixels_is_measured_in_those_pixels(detector, photos):
    photo = photos[0]
    scale = 0.1
    tiny = cv2.resize(photo.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for face in detector.detect(tiny):
        assert face.width < max(tiny.shape)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((50, 50), np.uint8),
        np.zeros((50, 50, 4), np.uint8),
        np.zeros((50, 50, 3)),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_rgb_pictures_are_refused(detector, wrong):
    with pytest.raises(ValueError, match="RGB"):
        detector.detect(wrong)


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="min_probabilty"):
        Detection(min_probabilty=0.5)
