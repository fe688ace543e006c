"""Image properties, and which of them carry a classification."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit.companions import measure_properties, units_of
from looks_kedro.audit.companions.properties import design, importances, known_properties
from looks_kedro.errors import BadInputError
from looks_kedro.faces.alignment import TEMPLATE


def textured(seed: int, side: int = 64) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(side, side, 3)).astype(np.float32)
    return np.clip(128 + 400 * cv2.GaussianBlur(noise, (0, 0), 2.5), 0, 255).astype(np.uint8)


def saved(image: np.ndarray, quality: int) -> np.ndarray:
    _, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


def test_coarse_jpeg_leaves_its_blocks_and_a_picture_without_jpeg_none():
    fine = measure_properties([textured(i) for i in range(6)])["blockiness"]
    coarse = measure_properties([saved(textured(i), 15) for i in range(6)])["blockiness"]
    assert coarse.min() > fine.max()
    assert fine.mean() == pytest.approx(1, abs=0.1)


def test_files_tell_their_size_and_quality(tmp_path):
    for name, quality in (("one.jpg", 30), ("two.jpg", 90)):
        cv2.imwrite(str(tmp_path / name), textured(0)[:48], [cv2.IMWRITE_JPEG_QUALITY, quality])
    cv2.imwrite(str(tmp_path / "three.png"), textured(0))
    told = measure_properties([tmp_path / "one.jpg", str(tmp_path / "two.jpg"), tmp_path / "three.png"])
    assert told["jpeg_quality"].tolist()[:2] == [30, 90]
    assert np.isnan(told["jpeg_quality"][2])
    assert told["raw_height"].tolist() == [48, 48, 64]
    assert told["bytes_per_pixel"][0] < told["bytes_per_pixel"][1]


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "page.jpg").write_text("<html>")
    with pytest.raises(BadInputError, match=r"page\.jpg: not an image"):
        measure_properties([tmp_path / "page.jpg"])


def test_the_framing_is_that_of_the_landmarks():
    points = np.stack([TEMPLATE / 300 * 64, 0.5 * TEMPLATE / 300 * 64 + 10])
    told = measure_properties([textured(0), textured(1)], points)
    assert told["face_size"][1] == pytest.approx(told["face_size"][0] / 2)
    assert told["face_across"][1] == pytest.approx(told["face_across"][0] / 2 + 10 / 64)
    assert told["face_tilt"].abs().max() < 1e-6


def test_a_face_table_gives_its_properties_and_nothing_that_tells_who_it_is():
    table = pd.DataFrame({"identity": ["a", "b"], "sharpness": [1, 2], "yaw": [3, 4], "jpeg_quality": [90.0, np.nan]})
    table[["box_left", "box_top", "box_right", "box_bottom"]] = [[0, 0, 10, 12], [1, 1, 21, 31]]
    expected = {"jpeg_quality": [90.0, np.nan], "sharpness": [1.0, 2.0], "box_width": [10.0, 20.0]}
    pd.testing.assert_frame_equal(known_properties(table), pd.DataFrame(expected | {"box_height": [12.0, 30.0]}))
    with pytest.raises(BadInputError, match="at least one of"):
        known_properties(table[["identity", "yaw"]])
    with pytest.raises(BadInputError, match="text where a number"):
        known_properties(pd.DataFrame({"sharpness": ["1.5", "sharp"]}))


def test_the_design_ranks_values_and_marks_what_is_missing():
    columns, groups = design(pd.DataFrame({"size": [1.0, 1000.0, np.nan, 10.0, 100.0]}))
    assert groups == [[0, 1, 2]]
    assert columns[2].tolist() == [0, 0, 1]
    assert np.allclose(columns[[0, 3, 4, 1], 0] + columns[[1, 4, 3, 0], 0], 0)
    assert np.allclose(columns[:, 1], columns[:, 0] ** 2)


def many(count=120, photos=2, seed=0):
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(count) % 2, photos)
    names = np.repeat([f"p{i:03d}" for i in range(count)], photos)
    table = pd.DataFrame({name: generator.normal(size=count).repeat(photos) for name in ("sharpness", "red", "width")})
    return table, labels, names


def test_the_property_that_differs_carries_the_classification():
    table, labels, names = many()
    table["red"] += 2 * labels
    told = importances(table, units_of(labels, names))
    assert told["property"][0] == "red"
    assert told["drop_low"][0] > 0.5
    assert told["alone"][0] > 0.85
    assert told["drop"][1:].abs().max() < 0.15
    assert told["alone"][1:].max() < 0.65


def test_a_class_between_two_kinds_of_the_other_is_found_by_the_square():
    table, labels, names = many()
    sign = np.where(np.arange(120).repeat(2) % 4 < 2, 1, -1)
    table["width"] = np.where(labels == 1, 0.2, 3.0) * sign + 0.1 * table["width"]
    assert importances(table, units_of(labels, names)).iloc[0].loc["alone"] > 0.95


def test_two_properties_that_tell_all_share_the_importance():
    """Either alone would do; a loss of AUC would say that neither matters."""
    table, labels, names = many()
    table["red"] += 8 * labels
    table["width"] = table["red"] + 0.01 * table["width"]
    told = importances(table, units_of(labels, names)).set_index("property")
    assert told.loc["red", "drop_low"] > 0.3
    assert told.loc["width", "drop_low"] > 0.3
    assert told.loc["sharpness", "drop"] < 0.1
