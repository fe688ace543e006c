import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from looks_kedro.known_answers.baselines import cleanlab_score, heat_outside_the_face, image_properties, property_score
from looks_kedro.known_answers.judging import Exhibit

LANDMARKS = np.array([[22.0, 25], [42, 25], [32, 36], [25, 46], [39, 46]])


def exhibit_of(count: int) -> Exhibit:
    faces = np.zeros((count, 64, 64, 3), np.uint8)
    ones = np.ones(count, int)
    landmarks = np.tile(LANDMARKS, (count, 1, 1))
    names = np.array([f"person_{row}" for row in range(count)])

    def model(images: np.ndarray) -> np.ndarray:
        return np.tile(np.array([0.0, 1.0], np.float32), (len(images), 1))

    return Exhibit(model, faces, landmarks, ones, names, ones > 1, 0)


def test_heat_in_the_middle_lies_on_the_face_and_heat_in_a_corner_does_not() -> None:
    middle, corner = np.zeros((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.float32)
    middle[:, 4, 4] = corner[:, 0, 0] = 1
    assert heat_outside_the_face(exhibit_of(2), lambda images: middle) < 0.1
    assert heat_outside_the_face(exhibit_of(2), lambda images: corner) > 0.9


def test_the_property_score_is_that_of_the_best_property() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    table = pd.DataFrame({"noise": rng.random(300), "telling": rng.normal(size=300) - labels, "constant": 1.0})
    expected = max(abs(2 * roc_auc_score(labels, table[name]) - 1) for name in table)
    assert property_score(table, labels) == pytest.approx(expected)


def test_cleanlab_finds_a_property_that_tells_the_classes_apart_and_none_in_noise() -> None:
    pytest.importorskip("cleanlab")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    noise = pd.DataFrame({"noise": rng.random(300)})
    assert cleanlab_score(noise, labels) < 0.65
    assert cleanlab_score(noise.assign(telling=labels + 0.1 * rng.random(300)), labels) > 0.95


def test_dark_and_light_pictures_differ_in_their_properties() -> None:
    rng = np.random.default_rng(0)
    table = image_properties(
        np.stack([rng.integers(0, 60, (32, 32, 3)), rng.integers(180, 255, (32, 32, 3))]).astype(np.uint8)
    )
    assert table["brightness"].is_monotonic_increasing
    assert (table["dark"] < table["light"]).all()
    assert table["entropy"].between(4, 8).all()
