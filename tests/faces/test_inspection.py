import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from looks_kedro.faces import (
    LANDMARK_COLUMNS,
    Alignment,
    Detection,
    Inspector,
    Portrait,
    PoseFilter,
    align,
    crop_face,
    decode,
    inspect_portrait,
    landmarks_of,
)
from looks_kedro.parallel import map_images
from looks_kedro.portraits import draw_identity, take_photo
from looks_kedro.tables import columns, schema


@pytest.fixture(scope="module")
def inspector():
    return Inspector()


@pytest.fixture(scope="module")
def photos():
    return [take_photo(draw_identity(seed), seed=seed, looks=1) for seed in range(400, 430)]


@pytest.fixture
def portrait(tmp_path):
    def make(content, name="ada/1.jpg", looks=1):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Portrait(path, f"celebrities/{name}", name, looks, "ada", "synthetic")

    return make


def frontal(photos):
    return next(photo for photo in photos if abs(photo.yaw) < 15)


def test_a_frontal_portrait_becomes_a_row_of_the_face_table(inspector, portrait, photos):
    photo = frontal(photos)
    found = inspect_portrait(inspector, portrait(photo.jpeg()))
    assert found.rejection is None
    assert list(found.face) == columns("face_table")
    assert found.face["frontal"] is True
    assert (found.face["raw_height"], found.face["raw_width"]) == photo.image.shape[:2]
    landmarks = landmarks_of(found.face, LANDMARK_COLUMNS)
    assert np.hypot(*(landmarks - photo.landmarks).T).mean() < 0.08 * (found.face["box_right"] - found.face["box_left"])
    schema("face_table").validate(pd.DataFrame([found.face]))


def test_a_side_view_has_its_row_and_a_rejection(inspector, portrait, photos):
    photo = max(photos, key=lambda one: abs(one.yaw))
    assert abs(photo.yaw) > 40
    found = inspect_portrait(inspector, portrait(photo.jpeg()))
    assert found.face["frontal"] is False
    assert np.sign(found.face["yaw"]) == np.sign(photo.yaw)
    assert list(found.rejection) == columns("rejections")
    assert found.rejection["reason"] == "side_view"
    assert "yaw" in found.rejection["detail"]
    schema("rejections").validate(pd.DataFrame([found.rejection]))


def test_the_pose_filter_decides_what_is_frontal(portrait, photos):
    strict = Inspector(pose=PoseFilter(max_yaw=0.001))
    found = inspect_portrait(strict, portrait(frontal(photos).jpeg()))
    assert found.face["frontal"] is False


def test_a_truncated_file_is_unreadable_and_the_reason_is_told(inspector, portrait, photos):
    content = frontal(photos).jpeg()
    found = inspect_portrait(inspector, portrait(content[: len(content) // 2]))
    assert found.face is None
    assert found.rejection["reason"] == "unreadable"
    assert "truncated" in found.rejection["detail"]


def test_a_picture_without_a_face_is_refused(inspector, portrait, tmp_path):
    Image.new("RGB", (300, 400), (80, 120, 200)).save(tmp_path / "sky.png")
    found = inspect_portrait(inspector, portrait((tmp_path / "sky.png").read_bytes()))
    assert found.face is None
    assert found.rejection["reason"] == "no_face"


def test_a_face_that_is_too_small_is_refused(portrait, photos):
    picky = Inspector(Detection(min_face_width=5000))
    found = inspect_portrait(picky, portrait(frontal(photos).jpeg()))
    assert found.rejection["reason"] == "too_small"


def test_the_crop_made_from_the_table_is_the_aligned_face(inspector, portrait, photos):
    item = portrait(frontal(photos).jpeg())
    row = inspect_portrait(inspector, item).face
    box = [row[name] for name in ("box_left", "box_top", "box_right", "box_bottom")]
    crop = crop_face(item.path, landmarks_of(row, LANDMARK_COLUMNS), box)
    aligned, landmarks, scale = align(decode(item.path), landmarks_of(row, LANDMARK_COLUMNS))
    assert np.array_equal(crop, aligned)
    assert np.allclose(landmarks_of(row), landmarks, atol=0.01)
    assert row["crop_scale"] == pytest.approx(scale, abs=1e-4)


def test_cropping_by_the_box_keeps_the_heads_tilt_and_has_its_own_landmarks(portrait, photos):
    by_box = Alignment(method="box", margin=0.0)
    item = portrait(frontal(photos).jpeg())
    row = inspect_portrait(Inspector(alignment=by_box), item).face
    raw, mapped = landmarks_of(row, LANDMARK_COLUMNS), landmarks_of(row)
    eyes = raw[1] - raw[0]
    mapped_eyes = mapped[1] - mapped[0]
    assert np.arctan2(*eyes[::-1]) == pytest.approx(np.arctan2(*mapped_eyes[::-1]), abs=0.01)
    side = max(row["box_right"] - row["box_left"], row["box_bottom"] - row["box_top"])
    assert row["crop_scale"] == pytest.approx(side / 300, abs=1e-3)


def test_one_and_two_processes_give_the_same_rows(portrait, photos):
    items = [portrait(photo.jpeg(), f"ada/{number}.jpg") for number, photo in enumerate(photos[:4])]
    make = partial(Inspector, Detection(), Alignment(), PoseFilter())
    here = list(map_images(inspect_portrait, items, setup=make, processes=1))
    there = list(map_images(inspect_portrait, items, setup=make, processes=2))
    assert here == there


def test_importing_the_package_loads_no_network_library():
    heavy = "{'torch', 'cv2', 'facenet_pytorch'}"
    code = f"import sys, looks_kedro.faces, looks_kedro.mattes; print({heavy} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
