import cv2
import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN
from pydantic import ValidationError

from looks_kedro.errors import BadParameterError
from looks_kedro.faces import Detection, Face, FaceDetector, Refusal, choose_face
from looks_kedro.faces.cascade import Cascade, pyramid
from looks_kedro.faces.detection import least_that_matters
from looks_kedro.portraits import draw_identity, take_photo


@pytest.fixture(scope="module")
def detector():
    return FaceDetector(Detection(device="cpu"))


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


@pytest.mark.parametrize(("least", "step"), [(20.0, 0.709), (61.0, 0.85)])
def test_the_cascade_finds_what_facenet_pytorch_finds(photos, least, step):
    ours = Cascade((0.6, 0.7, 0.7))
    theirs = MTCNN(keep_all=True, min_face_size=least, factor=step, select_largest=False, device="cpu")
    for photo in photos[:4]:
        image = cv2.resize(photo.image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
        both = np.ascontiguousarray(np.hstack([image, image[:, ::-1]]))
        boxes, probabilities, landmarks = theirs.detect(both, landmarks=True)
        (found,) = ours(both[None], pyramid(least, min(both.shape[:2]), step))
        assert len(found) == len(boxes) > 0
        for face, box, probability, points in zip(found, boxes, probabilities, landmarks, strict=True):
            assert np.abs(face[0] - box).max() < 0.01
            assert face[1] == pytest.approx(float(probability), abs=1e-4)
            assert np.abs(face[2] - points).max() < 0.01


def test_searching_coarsely_first_gives_the_faces_of_the_full_search(photos):
    quick, full = (FaceDetector(Detection(coarse_fraction=part, device="cpu")) for part in (0.25, 0.0))
    for photo in photos:
        one, other = (
            choose_face(detector.detect(photo.image), photo.image.shape, detector.settings)
            for detector in (quick, full)
        )
        assert isinstance(one, Face)
        assert isinstance(other, Face)
        assert np.abs(one.landmarks - other.landmarks).max() < 0.01


@pytest.mark.parametrize("size", [0.70, 0.75, 0.85])
def test_a_smaller_rival_is_seen_beside_a_large_face(detector, photos, size):
    large = cv2.resize(photos[0].image, (400, 500))
    small = cv2.resize(large, None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
    canvas = np.full((500, 400 + small.shape[1], 3), 200, np.uint8)
    canvas[:, :400], canvas[-small.shape[0] :, 400:] = large, small
    assert isinstance(choose_face(detector.detect(large), large.shape, detector.settings), Face)
    refusal = choose_face(detector.detect(canvas), canvas.shape, detector.settings)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "several_faces"


def test_how_far_down_a_picture_is_searched_follows_from_its_clear_face():
    settings = Detection(rival_area=0.4, min_probability=0.9)
    shape, points = (1000, 1000, 3), np.zeros((5, 2))

    def face(left, width, probability=0.99):
        return Face(np.array([left, 500 - width / 2, left + width, 500 + width / 2]), probability, points)

    assert least_that_matters([face(350.0, 300.0)], shape, settings) == pytest.approx(300 * np.sqrt(0.4))
    small = face(100.0, 100.0)
    assert least_that_matters([small, face(350.0, 300.0)], shape, settings) == pytest.approx(300 * np.sqrt(0.4))
    assert least_that_matters([face(350.0, 300.0, 0.89)], shape, settings) == 0
    assert least_that_matters([], shape, settings) == 0
    # At the edge its prominence is less than its area: a narrower face in the middle would be chosen.
    edge = face(850.0, 300.0)
    matters = least_that_matters([edge], shape, Detection(rival_area=2.0))
    assert matters == pytest.approx(np.sqrt(edge.prominence(shape)))
    assert matters < 270


@pytest.mark.parametrize("size", [(641, 3), (700, 333), (333, 700), (997, 641), (650, 650)])
def test_every_search_comes_to_an_end_and_finds_what_the_full_one_finds(photos, size):
    image = cv2.resize(photos[0].image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    canvas = np.full((*size, 3), 170, np.uint8)
    rows, columns = (min(one, other) for one, other in zip(size, image.shape[:2], strict=True))
    canvas[:rows, :columns] = image[:rows, :columns]
    full = FaceDetector(Detection(coarse_fraction=0.0, device="cpu")).detect(canvas)
    expected = choose_face(full, canvas.shape, Detection())
    for fraction in (0.1, 0.4, 1.0):
        detector = FaceDetector(Detection(coarse_fraction=fraction, device="cpu"))
        found = choose_face(detector.detect(canvas), canvas.shape, detector.settings)
        assert type(found) is type(expected)
        if isinstance(found, Face):
            assert np.abs(found.landmarks - expected.landmarks).max() < 0.5


def test_many_pictures_have_the_faces_of_each_alone(detector, photos):
    images = [photo.image for photo in photos]
    images[2:2] = [np.full((60, 90, 3), 128, np.uint8)]
    for found, image in zip(detector.detect_many(images), images, strict=True):
        alone = detector.detect(image)
        assert [face.landmarks.tobytes() for face in found] == [face.landmarks.tobytes() for face in alone]
    assert detector.detect_many([]) == []


def test_pictures_searched_in_one_pass_have_the_faces_of_each_alone(photos):
    detector = FaceDetector(Detection(device="cpu"))
    images = [cv2.resize(photo.image, (320, 400), interpolation=cv2.INTER_AREA) for photo in photos]
    images += [np.full((400, 320, 3), 90, np.uint8), images[0][:300]]
    alone = [detector.detect(image) for image in images]
    detector.searched_at_once = 4
    for found, expected in zip(detector.detect_many(images), alone, strict=True):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert np.abs(one.landmarks - other.landmarks).max() < 0.01
            assert np.abs(one.box - other.box).max() < 0.01
            assert one.probability == pytest.approx(other.probability, abs=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told():
    with pytest.raises(BadParameterError, match=r"detection\.device"):
        FaceDetector(Detection(device="cuda"))
    assert FaceDetector(Detection(device="auto")).device == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_finds_the_faces_that_the_cpu_finds(detector, photos):
    images = [photo.image for photo in photos]
    for found, expected in zip(FaceDetector(Detection(device="cuda")).detect_many(images),
                               detector.detect_many(images), strict=True):  # fmt: skip
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert np.abs(one.landmarks - other.landmarks).max() < 0.02 * other.width
