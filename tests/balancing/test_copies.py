from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.balancing import (
    Balancing,
    copied_image,
    copied_landmarks,
    is_copy,
    mirrored_name,
    split_parts,
    with_copies,
)

PHOTO = {"mirrored": False, "rotation": 0.0, "brightness": 1.0}
ROWS = st.fixed_dictionaries({"mirrored": st.booleans(), "rotation": st.floats(-45, 45), "brightness": st.just(1.0)})


def dotted(points, size: int) -> np.ndarray:
    """An image with a soft dot of its own colour at each point."""
    rows, columns = np.mgrid[:size, :size]
    image = np.zeros((size, size, 3))
    for number, (x, y) in enumerate(points):
        dot = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
        image[..., number % 3] += dot
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


def test_mirrored_copies_stand_beside_their_parents_in_training(labels_of):
    table = split_parts(labels_of([6, 6, 6], 60), Balancing(mirror="celebrities"))
    copies = table[table["mirrored"]]
    assert len(copies) == (table["part"].eq("train") & table["looks"].eq(1) & ~table["mirrored"]).sum() > 0
    assert (copies["file"] == copies["parent"].map(mirrored_name)).all()
    assert set(copies["looks"]) == {1}
    parents = table.set_index("file").loc[copies["parent"]]
    assert (parents["part"] == "train").all()


def test_each_kind_of_copy_is_made_once_of_each_training_photo(labels_of):
    settings = Balancing(mirror="both", rotate="celebrities", max_degrees=8, brighten="both", max_brightness=0.2)
    faces = labels_of([3, 3], 5)
    table = with_copies(faces.assign(parent=faces["file"]), settings, (faces["identity"] != "p1").to_numpy())
    kinds = table[is_copy(table)].assign(turned=table["rotation"] != 0, lit=table["brightness"] != 1)
    assert kinds.groupby(["looks", "mirrored", "turned", "lit"]).size().to_dict() == {
        (0, False, False, True): 5, (0, True, False, False): 5,
        (1, False, False, True): 3, (1, False, True, False): 3, (1, True, False, False): 3,
    }  # fmt: skip
    turned, lit = kinds.loc[kinds["turned"], "rotation"], kinds.loc[kinds["lit"], "brightness"]
    assert turned.abs().between(2, 8).all()
    assert (lit - 1).abs().between(0.05, 0.2).all()
    assert turned.nunique() == 3
    assert lit.nunique() > 5
    assert table["file"].is_unique
    assert not kinds["identity"].eq("p1").any()


def test_how_a_photo_is_copied_depends_on_it_and_the_seed_alone(labels_of):
    settings = Balancing(rotate="both", brighten="both", mirror="none")
    faces = labels_of([3, 3], 5)
    faces = faces.assign(parent=faces["file"])
    whole = with_copies(faces, settings).set_index("file")
    some = with_copies(faces.iloc[[4, 1]], settings).set_index("file")
    columns = ["mirrored", "rotation", "brightness"]
    assert whole.loc[some.index, columns].equals(some[columns])
    other = with_copies(faces, settings.model_copy(update={"seed": 1})).set_index("file")
    turned = whole.index[whole["rotation"] != 0]
    assert (whole.loc[turned, "rotation"] != other.loc[turned, "rotation"]).all()


def test_degrees_go_both_ways_and_over_their_range(labels_of):
    faces = labels_of([2, 2], 2000)
    table = with_copies(faces.assign(parent=faces["file"]), Balancing(rotate="both", max_degrees=20, mirror="none"))
    degrees = table.loc[is_copy(table), "rotation"]
    assert (degrees > 0).mean() == pytest.approx(0.5, abs=0.04)
    assert degrees.abs().mean() == pytest.approx((5 + 20) / 2, abs=0.4)
    assert degrees.abs().min() >= 5
    assert degrees.abs().max() <= 20


def test_a_photo_may_be_called_like_a_copy(labels_of):
    faces = labels_of([1, 1], 1).iloc[[0, 0, 1]].reset_index(drop=True)
    faces["file"] = ["celebrities/a.jpg", "celebrities/A.Mirrored.jpg", "celebrities/b.jpg"]
    table = with_copies(faces.assign(parent=faces["file"]), Balancing())
    assert table["file"].str.casefold().is_unique
    assert "celebrities/a.mirrored-2.jpg" in set(table["file"])


def test_a_photo_itself_is_not_changed():
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    points = np.random.default_rng(1).uniform(0, 7, (5, 2))
    assert (copied_image(PHOTO, image) == image).all()
    assert (copied_landmarks(PHOTO, points, (9, 7)) == points).all()


def test_a_mirrored_image_is_reversed_and_its_landmarks_change_names():
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    row = PHOTO | {"mirrored": True}
    assert (copied_image(row, image) == image[:, ::-1]).all()
    points = np.array([[1.0, 2], [6, 2], [4, 3], [2, 5], [5, 5]])
    expected = [[1, 2], [6, 2], [3, 3], [2, 5], [5, 5]]
    assert copied_landmarks(row, points, (6, 8)).tolist() == expected


def test_turning_is_counter_clockwise_as_seen():
    row = PHOTO | {"rotation": 90.0}
    image = np.zeros((5, 5, 3), dtype=np.uint8)
    image[2, 4] = 255  # right of the centre
    assert np.argwhere(copied_image(row, image)[..., 0] == 255).tolist() == [[0, 2]]  # above it
    assert (copied_image(row, image) == np.rot90(image)).all()


@given(ROWS, st.lists(st.tuples(st.floats(20, 80), st.floats(20, 80)), min_size=5, max_size=5), st.booleans())
@settings(deadline=None, max_examples=60)
def test_landmarks_are_where_their_pixels_went(row, points, tall):
    points = np.array(points)
    image = dotted(points, 101)
    image = image if not tall else np.vstack([image, np.zeros((20, 101, 3), dtype=np.uint8)])
    moved = copied_landmarks(row, points, image.shape[:2])
    order = [1, 0, 2, 4, 3] if row["mirrored"] else range(5)
    made = copied_image(row, image)
    for number, (x, y) in zip(order, moved, strict=True):
        if not (8 < x < 92 and 8 < y < image.shape[0] - 8):
            continue
        column, line = round(x), round(y)
        window = made[line - 1 : line + 2, column - 1 : column + 2, number % 3].astype(float)
        assert window.max() > 190


def test_brightness_is_a_factor_of_the_colours_and_not_of_alpha_or_matte():
    row = PHOTO | {"brightness": 1.5}
    image = np.array([[[10, 100, 200, 77]]], dtype=np.uint8)
    assert copied_image(row, image).tolist() == [[[15, 150, 255, 77]]]
    assert copied_image(row, image[..., :3]).tolist() == [[[15, 150, 255]]]
    assert copied_image(row, image[..., 0]).tolist() == [[10]]


def test_face_and_matte_move_together():
    row = {"mirrored": True, "rotation": 13.0, "brightness": 0.7}
    matte = np.zeros((60, 60), dtype=np.uint8)
    matte[20:50, 10:30] = 255
    face = np.repeat(matte[..., None], 3, axis=2)
    moved = copied_image(row, matte)
    assert (copied_image(row | {"brightness": 1.0}, face)[..., 0] == moved).all()
    assert not (moved == matte).all()
    assert copied_image(row, face).flags["C_CONTIGUOUS"]
    # The area stays: a turn neither shrinks nor grows what is inside.
    assert moved.mean() == pytest.approx(matte.mean(), rel=0.02)
