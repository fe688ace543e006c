import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.faces import align, face_transform, map_points
from looks_kedro.faces.alignment import TEMPLATE, box_transform, inverse, scale_of, similarity, warp

angles = st.floats(-180, 180)
scales = st.floats(0.1, 10)
shifts = st.floats(-500, 500)
points = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=3, max_size=8).map(np.array)


def matrix(angle, scale, x, y):
    a = np.radians(angle)
    return np.array([[scale * np.cos(a), -scale * np.sin(a), x], [scale * np.sin(a), scale * np.cos(a), y]])


def spread(cloud):
    return np.sqrt(((cloud - cloud.mean(axis=0)) ** 2).sum(axis=1).mean())


@given(points, angles, scales, shifts, shifts)
def test_an_exact_similarity_is_recovered(cloud, angle, scale, x, y):
    if spread(cloud) < 0.1:
        return
    true = matrix(angle, scale, x, y)
    assert np.allclose(similarity(cloud, map_points(true, cloud)), true, atol=1e-6 * max(1, scale))


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_no_small_change_of_the_similarity_fits_better(seed):
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    best = similarity(source, target)

    def error(transform):
        return ((map_points(transform, source) - target) ** 2).sum()

    a, b = best[0, 0], best[1, 0]
    for step in rng.normal(scale=1e-3, size=(20, 4)):
        changed = np.array(
            [[a + step[0], -b - step[1], best[0, 2] + step[2]], [b + step[1], a + step[0], best[1, 2] + step[3]]]
        )
        assert error(changed) >= error(best)


def test_the_similarity_agrees_with_umeyama_as_scikit_image_has_it():
    transform = pytest.importorskip("skimage.transform")
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(5, 2)) * 40 + 100, TEMPLATE + rng.normal(size=(5, 2)) * 6
    other = transform.SimilarityTransform.from_estimate(source, target).params
    assert np.allclose(similarity(source, target), other[:2], atol=1e-8)


def test_points_that_coincide_are_refused():
    with pytest.raises(ValueError, match="coincide"):
        face_transform(np.ones((5, 2)))


@pytest.mark.parametrize("bad", [np.ones((4, 2)), np.full((5, 2), np.nan)])
def test_landmarks_of_a_wrong_shape_or_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="five finite points"):
        face_transform(bad)


@given(angles, scales, shifts, shifts)
def test_the_inverse_undoes_a_transform(angle, scale, x, y):
    transform = matrix(angle, scale, x, y)
    assert np.allclose(map_points(inverse(transform), map_points(transform, TEMPLATE)), TEMPLATE, atol=1e-6)


def photo_with_dots(landmarks, reach, size=900):
    rows, columns = np.mgrid[:size, :size]
    light = sum(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * reach**2)) for x, y in landmarks)
    return np.repeat(np.rint(90 + 160 * light).astype(np.uint8)[:, :, None], 3, axis=2)


def centre_of_light(crop, near):
    x, y = (round(value) for value in near)
    patch = crop[y - 12 : y + 13, x - 12 : x + 13, 0].astype(float) - 90
    rows, columns = np.mgrid[y - 12 : y + 13, x - 12 : x + 13]
    return np.array([(patch * columns).sum(), (patch * rows).sum()]) / patch.sum()


@pytest.mark.parametrize(("angle", "scale"), [(0, 0.6), (0, 1.0), (25, 1.4), (-80, 1.7), (0, 2.6)])
def test_what_lies_at_the_landmarks_comes_to_the_template(angle, scale):
    raw = matrix(angle, scale, 0, 0)
    landmarks = map_points(raw, TEMPLATE)
    landmarks += 450.3 - landmarks.mean(axis=0)
    crop, mapped, crop_scale = align(photo_with_dots(landmarks, 3 * scale), landmarks)
    assert crop.shape == (300, 300, 3)
    assert np.allclose(mapped, TEMPLATE, atol=1e-6)
    assert crop_scale == pytest.approx(scale)
    for point in mapped:
        assert np.hypot(*(centre_of_light(crop, point) - point)) < 0.06


def test_shrinking_averages_and_does_not_alias():
    checks = (np.indices((900, 900)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = warp(np.dstack([checks] * 3), matrix(0, 1 / 4, 0.3, 0.7), 200)
    assert np.abs(crop[5:-5, 5:-5].astype(float) - 127.5).max() < 3


def test_a_large_photo_shrunk_looks_like_the_same_photo_taken_small():
    rng = np.random.default_rng(0)
    small = cv2.GaussianBlur(rng.integers(0, 256, (150, 150, 3), dtype=np.uint8), (0, 0), 2.0)
    large = cv2.resize(small, (600, 600), interpolation=cv2.INTER_CUBIC)
    from_small, from_large = warp(small, matrix(0, 1, 0, 0), 150), warp(large, matrix(0, 0.25, -0.375, -0.375), 150)
    assert np.abs(from_small.astype(int) - from_large)[3:-3, 3:-3].mean() < 2.5


def test_the_identity_changes_nothing():
    image = np.random.default_rng(1).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    assert np.array_equal(warp(image, matrix(0, 1, 0, 0), 80), image)


def test_beyond_the_photo_its_edge_is_repeated():
    image = np.zeros((50, 50, 3), np.uint8)
    image[:, :25], image[:, 25:] = (200, 10, 10), (10, 10, 200)
    crop, _, _ = align(image, TEMPLATE / 300 * 30 + 10)
    assert (crop[:, 0] == (200, 10, 10)).all()
    assert (crop[:, -1] == (10, 10, 200)).all()


def test_the_box_becomes_a_square_in_the_middle():
    transform = box_transform([100, 50, 200, 250], margin=0.25, size=300)
    assert scale_of(transform) == pytest.approx(1.0)
    assert np.allclose(map_points(transform, [[150, 150]]), [[149.5, 149.5]])


def test_the_template_is_symmetric():
    mirrored = TEMPLATE[[1, 0, 2, 4, 3]] * [-1, 1] + [299, 0]
    assert np.allclose(mirrored, TEMPLATE, atol=0.1)


@pytest.mark.parametrize("size", [128, 224])
def test_another_size_is_the_same_geometry(size):
    _, mapped, _ = align(np.zeros((300, 300, 3), np.uint8), TEMPLATE, size)
    assert np.allclose(mapped, TEMPLATE * size / 300)
