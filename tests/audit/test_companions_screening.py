"""The table of companions on drawn portraits with a plant, and on labels that mean nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit.companions import (
    COMPANION_COLUMNS,
    RUNGS,
    Evidence,
    companions_figure,
    find_companions,
    gather_evidence,
    judge_evidence,
)
from looks_kedro.errors import BadInputError
from looks_kedro.portraits import aligned_face, draw_identity

PEOPLE, SIDE = 48, 64


def portraits(people: int = PEOPLE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo each of people who differ in nothing but who they are."""
    drawn = [aligned_face(draw_identity(900 + i), seed=i, looks=0, size=SIDE) for i in range(people)]
    names = np.array([f"p{i:02d}" for i in range(people)])
    return np.stack([one.image for one in drawn]), names, np.stack([one.landmarks for one in drawn])


@pytest.fixture(scope="module")
def plain() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return portraits()


@pytest.fixture(scope="module")
def evidence(plain: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Evidence:
    faces, names, landmarks = plain
    return gather_evidence(faces, names, landmarks)


LABELS = np.arange(PEOPLE) % 2


def row_of(table: pd.DataFrame, name: str) -> pd.Series:
    return table.set_index("input").loc[name]


def test_the_table_has_its_columns_and_a_row_for_everything_tried(evidence):
    table = judge_evidence(evidence, LABELS, permutations=99).table
    assert tuple(table.columns) == COMPANION_COLUMNS
    assert set(RUNGS) < set(table["input"])
    assert set(table["companion"]) == {"image properties", "degraded input", "pseudo-split", "copies", "neighbours"}
    assert table["flagged"].dtype == bool
    assert (table["note"].str.len() > 0).all()
    tried = table[table["companion"].isin(["image properties", "degraded input"])]
    assert (tried["low"] <= tried["balanced_accuracy"]).all()
    assert (tried["balanced_accuracy"] <= tried["high"]).all()
    assert row_of(table, "class 1: intact")["identities"] == PEOPLE // 2


def test_a_class_of_two_people_with_one_image_each_is_told_as_too_few(plain):
    faces, names, landmarks = (part[:14] for part in plain)
    found = find_companions(faces, (np.arange(14) < 12).astype(int), names, landmarks, permutations=99)
    split = row_of(found.table, "class 0: intact")
    assert (split["identities"], split["flagged"]) == (2, False)
    assert np.isnan(split["balanced_accuracy"])


def test_labels_that_mean_nothing_are_not_flagged(evidence):
    """Four labelings, balanced and 1:5; the benchmark counts thousands."""
    generator = np.random.default_rng(0)
    for one in range(4):
        labels = generator.permutation(np.arange(PEOPLE) < (PEOPLE // 2 if one % 2 else 8)).astype(int)
        assert not judge_evidence(evidence, labels, seed=one).table["flagged"].any()


def test_a_mark_in_the_background_is_found_there_and_nowhere_in_the_face(plain):
    faces, names, landmarks = plain
    marked = faces.copy()
    marked[LABELS == 1, 44:60, 54:62] = (30, 200, 60)
    table = find_companions(marked, LABELS, names, landmarks).table
    assert row_of(table, "background only")["flagged"]
    assert row_of(table, "background only")["balanced_accuracy"] > 0.75
    assert "without the head" in row_of(table, "background only")["note"]
    assert row_of(table, "face only")["p_value"] > 0.01
    assert not row_of(table, "intact")["flagged"]  # the face is there to see
    assert row_of(table, "intact")["p_value"] <= 0.01


def test_a_darker_class_is_told_by_its_brightness_and_by_one_colour(plain):
    faces, names, landmarks = plain
    darker = faces.copy()
    darker[LABELS == 1] = (faces[LABELS == 1] * 0.45).astype(np.uint8)
    found = find_companions(darker, LABELS, names, landmarks)
    assert row_of(found.table, "image properties")["flagged"]
    assert row_of(found.table, "mean colour")["flagged"]
    assert row_of(found.table, "pixels shuffled")["flagged"]
    assert found.importances["alone"].max() > 0.9


def test_the_table_of_the_sources_can_tell_what_the_crops_do_not(plain):
    faces, names, landmarks = plain
    raw = pd.DataFrame({"raw_width": np.where(LABELS == 1, 400, 900) + np.arange(PEOPLE), "file": names})
    found = find_companions(faces, LABELS, names, landmarks, raw=raw)
    assert row_of(found.table, "image properties")["flagged"]
    assert found.importances["property"][0] == "raw_width"
    assert "most by raw width (alone: AUC" in row_of(found.table, "image properties")["note"]
    assert not row_of(found.table, "mean colour")["flagged"]


def test_photos_of_the_other_class_under_new_names_are_flagged_and_listed(plain):
    faces, names, landmarks = plain
    mixed = faces.copy()
    mixed[1:21:2] = faces[0:20:2]  # ten people of class 0 are in class 1, too
    found = find_companions(mixed, LABELS, names, landmarks, files=[f"{name}.jpg" for name in names])
    assert row_of(found.table, "copies between people")["flagged"]
    assert set(map(tuple, found.copies.to_numpy())) == {(f"p{i + 1:02d}.jpg", f"p{i:02d}.jpg") for i in range(0, 20, 2)}


def test_the_same_seed_gives_the_same_table(evidence):
    one, again = (judge_evidence(evidence, LABELS, permutations=49, seed=5).table for _ in range(2))
    pd.testing.assert_frame_equal(one, again)


def test_without_landmarks_two_rungs_are_not_tried(plain):
    faces, names, _ = plain
    table = find_companions(list(faces), LABELS, names, permutations=49).table
    for rung in ("background only", "face only"):
        assert np.isnan(row_of(table, rung)["balanced_accuracy"])
        assert row_of(table, rung)["note"] == "not tried: it needs landmarks"
        assert not row_of(table, rung)["flagged"]


def test_files_are_read_one_by_one_and_tell_their_size(tmp_path, plain):
    import cv2

    faces, names, _ = plain
    for face, name, label in zip(faces, names, LABELS, strict=True):
        larger = cv2.resize(face, (96, 96)) if label else face
        cv2.imwrite(str(tmp_path / f"{name}.png"), larger[:, :, ::-1])
    found = find_companions(sorted(tmp_path.iterdir()), LABELS, names)
    assert row_of(found.table, "image properties")["flagged"]
    assert found.importances.set_index("property").loc["raw_width", "alone"] == 1


def test_the_picture_shows_every_row(evidence):
    found = judge_evidence(evidence, LABELS, permutations=49)
    figure = companions_figure(found, ("ordinary", "celebrities"))
    figure.canvas.draw()
    ticks = [text.get_text() for axis in figure.get_axes() for text in axis.get_yticklabels()]
    assert "halves of celebrities: intact" in ticks
    assert set(RUNGS) < set(ticks)
    assert found.examples.shape == (2, 6, 64, 64, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"identities": ["a"] * 5}, "found 48 for 5"),
        ({"landmarks": np.zeros((PEOPLE, 4, 2))}, r"expected the shape \(48, 5, 2\)"),
        ({"landmarks": np.full((PEOPLE, 5, 2), np.nan)}, "row 0: not finite"),
        ({"labels": np.ones(PEOPLE)}, "all 48 images are of one class"),
        ({"faces": np.zeros((PEOPLE, 8, 8), np.uint8)}, r"expected uint8 \(H, W, 3\)"),
    ],
)
def test_what_does_not_fit_together_is_refused(plain, change, message):
    faces, names, landmarks = plain
    given = {"faces": faces, "labels": LABELS, "identities": names, "landmarks": landmarks} | change
    with pytest.raises(BadInputError, match=message):
        find_companions(**given, permutations=9)
