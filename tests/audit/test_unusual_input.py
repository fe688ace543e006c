"""The audit of input that is unusual, but plausible: what it says, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from looks_kedro.audit import Rules, as_classifier, audit
from looks_kedro.audit.verdict import Finding
from looks_kedro.errors import BadInputError, BadParameterError

COUNT, SIDE = 40, 32
LABELS = np.arange(COUNT) % 2
PEOPLE = np.array([f"person {row}" for row in range(COUNT)])
POINTS = np.tile(np.array([[11, 13], [21, 13], [16, 18], [12, 23], [20, 23]], dtype=float), (COUNT, 1, 1))


@pytest.fixture
def faces() -> np.ndarray:
    images = np.random.default_rng(3).integers(90, 110, (COUNT, SIDE, SIDE, 3)).astype(np.uint8)
    images[LABELS == 1, :, -6:] = 220
    images[LABELS == 0, :, -6:] = 20
    return images


def by_right_side(images: np.ndarray) -> np.ndarray:
    score = images[:, :, -6:].mean(axis=(1, 2, 3)) - 120
    return np.stack([-score, score], axis=1)


def blind(images: np.ndarray) -> np.ndarray:
    return np.tile([1.0, 0.0], (len(images), 1))


def judged(model: Any, faces: np.ndarray, identities: Any = PEOPLE, labels: Any = LABELS, **more: Any) -> Any:
    given = {"landmarks": POINTS, "channels": ["surround"], "draws": 1, "rules": Rules(draws=200)} | more
    return audit(model, faces, labels, identities, **given)


def test_classes_the_other_way_round_are_told(faces: np.ndarray) -> None:
    found = judged(by_right_side, faces, labels=1 - LABELS).verdict
    assert found.verdict is Finding.NO_SIGNAL
    assert "the other way round" in found.sentence


def test_labels_as_texts_are_told_from_numbers(faces: np.ndarray) -> None:
    with pytest.raises(BadInputError, match=r"expected the numbers 0 and 1; found '0', '1'"):
        judged(by_right_side, faces, labels=LABELS.astype(str))


def test_the_same_training_several_times_makes_nothing_surer(faces: np.ndarray) -> None:
    once, thrice = judged(by_right_side, faces), judged([by_right_side] * 3, faces)
    assert thrice.balanced_accuracy == once.balanced_accuracy
    assert thrice.verdict.verdict is once.verdict.verdict


def test_trainings_that_differ_make_the_accuracy_less_sure(faces: np.ndarray) -> None:
    def careless(images: np.ndarray) -> np.ndarray:
        said = by_right_side(images)
        return np.where((np.arange(len(said)) % 5 == 0)[:, None], -said, said)

    alike, apart = judged([careless] * 2, faces), judged([by_right_side, blind], faces)
    assert apart.balanced_accuracy.value == pytest.approx(0.75)
    assert apart.balanced_accuracy.low < alike.balanced_accuracy.low - 0.2


def test_the_leak_is_that_of_all_trainings_in_any_order(faces: np.ndarray) -> None:
    known = np.arange(COUNT) // 2 % 2 == 0
    seen = {face.tobytes() for face in faces[known]}

    def remembers(images: np.ndarray) -> np.ndarray:
        said = by_right_side(images)
        return np.where(np.array([one.tobytes() in seen for one in images])[:, None], said, -said)

    first, last = (judged(one, faces, known=known).leak for one in ([remembers, blind], [blind, remembers]))
    assert first == last
    assert first.gap == pytest.approx(0.5)


def test_known_people_of_one_class_alone_are_noted_and_lose_no_audit(faces: np.ndarray) -> None:
    found = judged(by_right_side, faces, known=(LABELS == 0) & (np.arange(COUNT) < 20))
    assert found.leak is None
    assert found.verdict.verdict is Finding.SHORTCUT
    assert any("10 of 40 test images are of people who are in the training part" in one for one in found.verdict.notes)
    assert any("leak gap could not be measured" in one for one in found.verdict.notes)
    nobody = judged(by_right_side, faces, known=np.zeros(COUNT, dtype=bool))
    assert any(one.startswith("Nobody of these images was in the training") for one in nobody.verdict.notes)


@pytest.mark.parametrize("nobody", ["", None, float("nan")])
def test_images_without_a_name_are_a_person_each(faces: np.ndarray, nobody: object) -> None:
    names = np.array(PEOPLE, dtype=object)
    names[LABELS == 0] = nobody
    names[1] = "unnamed 38"
    found = judged(by_right_side, faces, names)
    assert found.identities == COUNT
    assert any("20 of 40 images have no identity" in note for note in found.verdict.notes)
    assert found.balanced_accuracy == judged(by_right_side, faces).balanced_accuracy


def test_landmarks_of_zeros_are_no_face(faces: np.ndarray) -> None:
    points = POINTS.copy()
    points[7] = 0
    found = judged(by_right_side, faces, landmarks=points)
    assert found.images == COUNT - 1
    assert any("1 of 40 images have no face landmarks" in note for note in found.verdict.notes)


@pytest.mark.parametrize("good", [LABELS == 1, np.arange(COUNT) < 3])
def test_too_few_good_mattes_leave_the_background_out_with_a_note(faces: np.ndarray, good: np.ndarray) -> None:
    mattes = np.zeros((COUNT, SIDE, SIDE), dtype=np.uint8)
    mattes[:, 8:, 8:24] = 255
    found = judged(by_right_side, faces, mattes=mattes, good_mattes=good, channels=None, images=20)
    assert "background" not in set(found.reliance["channel"])
    assert any("background apart from clothes was not tried" in note for note in found.verdict.notes)
    whole = judged(by_right_side, faces, mattes=mattes, channels=None, images=20)
    assert "background" in set(whole.reliance["channel"])


def test_good_mattes_of_one_fold_alone_leave_the_background_out_with_a_note(faces: np.ndarray) -> None:
    mattes = np.zeros((COUNT, SIDE, SIDE), dtype=np.uint8)
    mattes[:, 8:, 8:24] = 255
    folds = (np.arange(COUNT) >= 20).astype(int)
    models = [by_right_side, by_right_side]
    found = judged(models, faces, mattes=mattes, good_mattes=folds == 0, folds=folds, channels=None)
    assert "background" not in set(found.reliance["channel"])
    assert any("background apart from clothes was not tried" in note for note in found.verdict.notes)


def test_controls_are_of_one_network(faces: np.ndarray) -> None:
    with pytest.raises(BadParameterError, match="expected one network; found 2 trainings"):
        judged([by_right_side, blind], faces, controls=True)


class Flattening(nn.Module):
    """A network that flattens as beginners' do, which takes only what lies in memory in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)
        self.last = nn.Linear(4 * 16 * 16, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.convolution(images).view(-1, 4 * 16 * 16))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
def test_a_network_gets_images_as_a_loader_gives_them(faces: np.ndarray, kind: torch.dtype) -> None:
    network = Flattening().to(kind)
    logits = as_classifier(network, image_size=16)(faces)
    assert logits.shape == (COUNT, 2)
    assert np.isfinite(logits).all()
