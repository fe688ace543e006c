"""Cross-validation: each fold of people by the network that has not seen them."""

import numpy as np
import pytest

from looks_kedro.audit import audit
from looks_kedro.audit.folds import checked_folds, joined_decisions, some_portraits
from looks_kedro.audit.interventions.portrait_set import PortraitSet
from looks_kedro.audit.reliance import Decisions
from looks_kedro.errors import BadInputError, BadParameterError

COUNT, SIDE = 48, 32
LABELS = np.arange(COUNT) % 2
PEOPLE = np.array([f"person {row // 4}-{row % 2}" for row in range(COUNT)])
FOLDS = (np.arange(COUNT) // 4) % 2
POINTS = np.tile(np.array([[11, 13], [21, 13], [16, 18], [12, 23], [20, 23]], dtype=float), (COUNT, 1, 1))


@pytest.fixture
def faces():
    images = np.random.default_rng(3).integers(90, 110, (COUNT, SIDE, SIDE, 3)).astype(np.uint8)
    images[LABELS == 1, :, -6:] = 220
    images[LABELS == 0, :, -6:] = 20
    return images


def by_right_side(images):
    score = images[:, :, -6:].mean(axis=(1, 2, 3)) - 120
    return np.stack([-score, score], axis=1)


def blind(images):
    return np.tile([1.0, 0.0], (len(images), 1))


def test_each_image_is_shown_to_the_model_of_its_fold_alone(faces):
    report = audit(
        [by_right_side, blind], faces, LABELS, PEOPLE, landmarks=POINTS, folds=FOLDS, channels=["surround"], draws=1
    )
    # One half is always right, the other always says class 0.
    assert report.balanced_accuracy.value == pytest.approx(0.75)
    assert report.images == COUNT


def test_folds_whose_models_agree_give_the_verdict_of_one_model(faces):
    models = [by_right_side, by_right_side]
    report = audit(models, faces, LABELS, PEOPLE, landmarks=POINTS, folds=FOLDS, channels=["surround"], draws=1)
    assert str(report.verdict.verdict) == "SHORTCUT"
    assert report.verdict.channels == ("surround",)
    assert report.reliance["reliance"].iloc[0] == pytest.approx(1.0, abs=0.05)
    assert report.reliance["images"].iloc[0] == COUNT


def test_joined_decisions_name_the_rows_and_donors_of_all_images():
    parts = []
    for fold in (0, 1):
        right = np.full((3, 2), fold == 0)
        rows, donors = np.arange(3), np.array([[1, 2], [0, 2], [0, 1]])
        parts.append([Decisions("face", "face", right, ~right, rows, donors, donors)])
    rows = [np.array([5, 1, 3]), np.array([0, 2, 4])]
    (joined,) = joined_decisions(parts, rows)
    assert joined.rows.tolist() == [5, 1, 3, 0, 2, 4]
    assert joined.same_donors.tolist() == [[1, 3], [5, 3], [5, 1], [2, 4], [0, 4], [0, 2]]
    assert joined.same[:, 0].tolist() == [True] * 3 + [False] * 3


def test_a_channel_that_one_fold_lacks_is_left_out():
    right = np.ones((2, 1), dtype=bool)
    here, gone = Decisions("face", "face", right, right), Decisions("background", "surround", right, right)
    rows = [np.array([0, 1]), np.array([2, 3])]
    assert [one.channel for one in joined_decisions([[here, gone], [here]], rows)] == ["face"]


def test_some_portraits_are_those_of_the_rows(faces):
    whole = PortraitSet(faces, POINTS, faces[..., 0], LABELS.astype(bool))
    some = some_portraits(whole, np.array([7, 2]))
    assert np.array_equal(some.portrait(0).pixels, faces[7])
    assert some.with_matte.tolist() == [True, False]
    assert some.portrait(1).matte is None


def test_folds_that_do_not_fit_are_told():
    with pytest.raises(BadInputError, match="expected the numbers 0 to 2"):
        checked_folds(FOLDS, 3, PEOPLE, LABELS)
    split = FOLDS.copy()
    split[0] = 1
    with pytest.raises(BadInputError, match="each person in one"):
        checked_folds(split, 2, PEOPLE, LABELS)
    with pytest.raises(BadInputError, match="1 people of class"):
        checked_folds(np.where(np.isin(PEOPLE, PEOPLE[:2]), 0, 1), 2, PEOPLE, LABELS)


def test_controls_and_folds_together_are_refused(faces):
    with pytest.raises(BadParameterError, match="controls"):
        audit([by_right_side, blind], faces, LABELS, PEOPLE, landmarks=POINTS, folds=FOLDS, controls=True)
