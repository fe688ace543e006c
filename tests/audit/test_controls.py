"""Controls of a finished model, on models whose behaviour is known."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.audit.controls import (
    CONTROL_COLUMNS,
    background_gap,
    mixed_backgrounds,
    model_controls,
    on_ground_of,
    worst_groups,
)
from looks_kedro.errors import BadInputError
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.faces.geometry import ellipse_mask
from looks_kedro.intervals import mean_interval, people_of

SIDE, COUNT = 48, 160
LANDMARKS = (TEMPLATE + 0.5) * (SIDE / 300) - 0.5
POINTS = np.repeat(LANDMARKS[None], COUNT, axis=0)
LABELS = np.arange(COUNT) % 2
NAMES = np.array([f"p{i // 4:02d}" for i in range(COUNT)])  # each person in both classes
PEOPLE = np.array([f"{LABELS[i]}{i // 8:02d}" for i in range(COUNT)])  # each in one


def two_cues() -> np.ndarray:
    """Red in the face and green around it both tell the class: 200 or 60."""
    head = ellipse_mask(LANDMARKS, SIDE, "head")
    faces = np.full((COUNT, SIDE, SIDE, 3), 100, np.uint8)
    for face, label in zip(faces, LABELS, strict=True):
        face[head, 0] = 200 if label else 60
        face[~head, 1] = 200 if label else 60
    return faces


def model_by(channel: int, mask: np.ndarray):
    """Says class 1 where a channel is bright in a part of the picture."""

    def logits(images: np.ndarray) -> np.ndarray:
        bright = images[:, mask, channel].mean(axis=1) - 130
        return np.stack([-bright, bright], axis=1)

    return logits


CENTRE = np.zeros((SIDE, SIDE), bool)
CENTRE[18:26, 18:30] = True
CORNER = np.zeros((SIDE, SIDE), bool)
CORNER[:, :3] = CORNER[:, -3:] = True


def controls(model, **more):
    table = model_controls(model, two_cues(), LABELS, PEOPLE, POINTS, **more)
    assert tuple(table.columns) == CONTROL_COLUMNS
    return table.set_index("control")


def test_a_model_of_the_background_fails_with_it():
    table = controls(model_by(1, CORNER))
    reached = table["balanced_accuracy"]
    assert reached["as they are"] == reached["background only"] == reached["mixed same"] == 1
    assert reached["face only"] == 0.5
    assert 0.35 < reached["mixed random"] < 0.65
    assert reached["background gap"] == pytest.approx(reached["mixed same"] - reached["mixed random"])
    assert table["low"]["background gap"] > 0.3


def test_a_model_of_the_face_keeps_its_decisions_on_any_background():
    table = controls(model_by(0, CENTRE))
    reached = table["balanced_accuracy"]
    assert reached["face only"] == reached["mixed same"] == reached["mixed random"] == 1
    assert reached["background only"] == 0.5
    assert reached["background gap"] == 0


def test_mattes_say_what_the_person_is():
    """The matte is the lower half only, so a mixed picture has the upper half of its donor."""
    mattes = np.zeros((COUNT, SIDE, SIDE), np.uint8)
    mattes[:, SIDE // 2 :] = 255
    upper = np.zeros((SIDE, SIDE), bool)
    upper[4:12] = True
    table = controls(model_by(1, upper & CORNER), mattes=mattes)
    assert 0.35 < table["balanced_accuracy"]["mixed random"] < 0.65
    assert "the matte" in table["note"]["mixed same"]


def test_a_mixed_picture_has_the_persons_face_and_the_donors_ground():
    faces = two_cues()
    mixed = on_ground_of(faces[1], faces[0], LANDMARKS, LANDMARKS)
    assert np.array_equal(mixed[CENTRE], faces[1][CENTRE])
    assert np.array_equal(mixed[:, :2], faces[0][:, :2])
    own = next(mixed_backgrounds(faces, POINTS, np.arange(COUNT)))
    assert np.array_equal(own, faces[0])


def test_the_gap_is_the_difference_with_the_interval_of_paired_decisions():
    generator = np.random.default_rng(0)
    same, random = generator.random(COUNT) < 0.9, generator.random(COUNT) < 0.7
    gap = background_gap(same, random, LABELS, PEOPLE)
    right = [same[one == LABELS].mean() - random[one == LABELS].mean() for one in (0, 1)]
    assert gap.value == pytest.approx(np.mean(right))
    assert gap.low < gap.value < gap.high
    # Of two classes of equal size, the balanced difference is the plain mean of the differences.
    plain = mean_interval(same.astype(float) - random, people_of(PEOPLE))
    assert gap.high - gap.low == pytest.approx(plain.high - plain.low, rel=0.2)
    assert background_gap(same, same, LABELS, PEOPLE).high == 0


def test_the_worst_group_is_found_and_small_ones_are_left_out():
    gender = np.where(np.arange(COUNT) // 2 % 2, "Male", "Female")
    gender[:2] = "tiny"
    right = ~((LABELS == 1) & (gender == "Male") & (np.arange(COUNT) % 8 == 3))
    row = worst_groups(right, LABELS, NAMES, {"gender": gender})[0]
    chosen = (LABELS == 1) & (gender == "Male")
    assert row["balanced_accuracy"] == pytest.approx(right[chosen].mean())
    assert row["images"] == chosen.sum()
    assert "class 1, Male; the worst of 4 groups; 2 small groups left out" in row["note"]
    none = worst_groups(right, LABELS, NAMES, {"name": np.array([f"v{i}" for i in range(COUNT)])})[0]
    assert np.isnan(none["balanced_accuracy"])


def test_attributes_add_rows():
    table = controls(model_by(0, CENTRE), attributes={"gender": np.where(np.arange(COUNT) // 2 % 2, "M", "F")})
    assert table["balanced_accuracy"]["worst group: gender"] == 1


def test_models_and_inputs_of_another_shape_are_refused():
    with pytest.raises(BadInputError, match=r"gave the shape \(64,\)"):
        model_controls(lambda images: images.mean(axis=(1, 2, 3)), two_cues(), LABELS, PEOPLE, POINTS)
    with pytest.raises(BadInputError, match="159 landmarks"):
        model_controls(model_by(0, CENTRE), two_cues(), LABELS, PEOPLE, POINTS[1:])
    with pytest.raises(BadInputError, match="both 0 and 1"):
        model_controls(model_by(0, CENTRE), two_cues(), np.zeros(COUNT), PEOPLE, POINTS)


def test_a_class_of_one_person_has_no_others_backgrounds():
    names = np.where(LABELS == 1, "only", PEOPLE)
    table = model_controls(model_by(1, CORNER), two_cues(), LABELS, names, POINTS).set_index("control")
    mixed_rows = ["mixed same", "mixed random", "background gap"]
    assert table.loc[mixed_rows, ["balanced_accuracy", "low", "high"]].isna().all(axis=None)
    assert table.loc[mixed_rows, "note"].str.contains("a class has one person").all()
    assert table.loc["as they are", "balanced_accuracy"] == 1
