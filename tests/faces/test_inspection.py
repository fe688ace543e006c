import hashlib
import io
import json
import math
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from looks_kedro.duplicates import perceptual_hash, thumbnail
from looks_kedro.faces import (
    BOX_COLUMNS,
    LANDMARK_COLUMNS,
    Alignment,
    Detection,
    Inspector,
    Portrait,
    PoseFilter,
    align,
    crop_face,
    decode,
    face_row,
    inspect_portraits,
    landmarks_of,
    pose_detail,
)
from looks_kedro.faces.hopenet import build_network
from looks_kedro.faces.image_quality import image_quality
from looks_kedro.parallel import map_batches
from looks_kedro.portraits import draw_identity, take_photo
from looks_kedro.tables import columns, schema


@pytest.fixture(scope="module")
def inspector():
    return Inspector(Detection(device="cpu"))


@pytest.fixture(scope="module")
def photos():
    return [take_photo(draw_identity(seed), seed=seed, looks=1) for seed in range(400, 430)]


@pytest.fixture
def portrait(tmp_path):
    def make(content, name="1.jpg"):
        path = tmp_path / name
        path.write_bytes(content)
        return Portrait(path, f"celebrities/ada/{name}", hashlib.sha256(content).hexdigest())

    return make


def frontal(photos):
    return next(photo for photo in photos if abs(photo.yaw) < 15)


def inspect_one(state, item):
    (found,) = inspect_portraits(state, [item])
    assert set(found) == {"reason", "detail", "image", "face"}
    assert json.loads(json.dumps(found)) == found
    return found


def row_of(found, **changed):
    names = {
        "file": "celebrities/ada/1.jpg",
        "raw_file": "ada/1.jpg",
        "looks": 1,
        "identity": "ada",
        "source": "folder",
    }
    return face_row(found, **names | {"pose": PoseFilter()} | changed)


def test_a_frontal_portrait_has_its_face_where_it_is(inspector, portrait, photos):
    photo = frontal(photos)
    found = inspect_one(inspector, portrait(photo.jpeg()))
    face = found["face"]
    assert (found["reason"], found["detail"]) == ("", "")
    landmarks = landmarks_of(face, LANDMARK_COLUMNS)
    assert np.hypot(*(landmarks - photo.landmarks).T).mean() < 0.08 * (face["box_right"] - face["box_left"])
    assert face["pose_method"] == "landmarks"
    assert abs(face["yaw"] - photo.yaw) < 20


def test_the_picture_is_measured(inspector, portrait, photos):
    photo = frontal(photos)
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2019:05:17 10:11:12"
    file = io.BytesIO()
    Image.fromarray(photo.image).save(file, "JPEG", quality=83, exif=exif)
    item = portrait(file.getvalue())
    pixels = decode(item.path)
    assert inspect_one(inspector, item)["image"] == {
        "raw_width": photo.image.shape[1],
        "raw_height": photo.image.shape[0],
        "photo_date": "2019-05-17",
        "perceptual_hash": perceptual_hash(pixels),
        "thumbnail": thumbnail(pixels),
        "jpeg_quality": 83,
    }


def test_measurements_become_a_row_of_the_face_table(inspector, portrait, photos):
    row = row_of(inspect_one(inspector, portrait(frontal(photos).jpeg())))
    assert [*row] == [name for name in columns("face_table") if name not in {"kept", "person_distance"}]
    assert row["frontal"] is True
    table = pd.DataFrame([row]).assign(kept=True, person_distance=math.nan)
    schema("face_table").validate(table[columns("face_table")])


def test_of_a_file_that_is_no_jpeg_the_jpeg_quality_is_missing(inspector, portrait, photos):
    file = io.BytesIO()
    Image.fromarray(frontal(photos).image).save(file, "PNG")
    found = inspect_one(inspector, portrait(file.getvalue(), "1.png"))
    assert found["image"]["jpeg_quality"] is None
    assert math.isnan(row_of(found)["jpeg_quality"])


def test_a_side_view_is_measured_and_called_so_by_the_filter(inspector, portrait, photos):
    photo = max(photos, key=lambda one: abs(one.yaw))
    assert abs(photo.yaw) > 40
    found = inspect_one(inspector, portrait(photo.jpeg()))
    assert found["reason"] == ""
    row = row_of(found)
    assert row["frontal"] is False
    assert np.sign(row["yaw"]) == np.sign(photo.yaw)
    assert pose_detail(row).startswith(f"yaw {row['yaw']:.0f}, pitch ")
    assert row_of(found, pose=PoseFilter(max_yaw=89.9))["frontal"] is True


def test_a_truncated_file_is_unreadable_and_the_reason_is_told(inspector, portrait, photos):
    content = frontal(photos).jpeg()
    found = inspect_one(inspector, portrait(content[: len(content) // 2]))
    assert found["face"] is None
    assert found["image"] is None
    assert found["reason"] == "unreadable"
    assert "truncated" in found["detail"]


def test_a_picture_without_a_face_is_measured_all_the_same(inspector, portrait, tmp_path):
    Image.new("RGB", (300, 400), (80, 120, 200)).save(tmp_path / "sky.png")
    found = inspect_one(inspector, portrait((tmp_path / "sky.png").read_bytes()))
    assert found["face"] is None
    assert found["reason"] == "no_face"
    assert (found["image"]["raw_width"], found["image"]["raw_height"]) == (300, 400)


def test_a_face_that_is_too_small_is_refused_and_still_measured(portrait, photos):
    item = portrait(frontal(photos).jpeg())
    found = inspect_one(Inspector(Detection(min_face_width=5000, device="cpu")), item)
    assert found["reason"] == "too_small"
    assert found["face"] == inspect_one(Inspector(Detection(device="cpu")), item)["face"]


def test_of_several_faces_the_one_that_would_have_been_chosen_is_measured(inspector, portrait, photos):
    image = frontal(photos).image
    both = np.ascontiguousarray(np.hstack([image, image[:, ::-1]]))
    file = io.BytesIO()
    Image.fromarray(both).save(file, "PNG")
    found = inspect_one(inspector, portrait(file.getvalue(), "both.png"))
    assert found["reason"] == "several_faces"
    assert found["face"] is not None


def test_the_crop_made_from_the_table_is_the_aligned_face_that_was_measured(inspector, portrait, photos):
    item = portrait(frontal(photos).jpeg())
    face = inspect_one(inspector, item)["face"]
    crop = crop_face(item.path, landmarks_of(face, LANDMARK_COLUMNS), [face[side] for side in BOX_COLUMNS])
    aligned, landmarks, scale = align(decode(item.path), landmarks_of(face, LANDMARK_COLUMNS))
    assert np.array_equal(crop, aligned)
    assert np.allclose(landmarks_of(face), landmarks, atol=0.01)
    assert face["crop_scale"] == pytest.approx(scale, abs=1e-4)
    assert {name: face[name] for name in image_quality(crop)} == image_quality(crop)


def test_cropping_by_the_box_keeps_the_heads_tilt_and_has_its_own_landmarks(portrait, photos):
    by_box = Alignment(method="box", margin=0.0)
    face = inspect_one(Inspector(Detection(device="cpu"), by_box), portrait(frontal(photos).jpeg()))["face"]
    raw, mapped = landmarks_of(face, LANDMARK_COLUMNS), landmarks_of(face)
    eyes = raw[1] - raw[0]
    mapped_eyes = mapped[1] - mapped[0]
    assert np.arctan2(*eyes[::-1]) == pytest.approx(np.arctan2(*mapped_eyes[::-1]), abs=0.01)
    side = max(face["box_right"] - face["box_left"], face["box_bottom"] - face["box_top"])
    assert face["crop_scale"] == pytest.approx(side / 300, abs=1e-3)


def test_with_its_weights_the_pose_comes_from_hopenet(portrait, photos, tmp_path):
    torch.manual_seed(1)
    torch.save(build_network().state_dict(), tmp_path / "hopenet_alpha2.pkl")
    item = portrait(frontal(photos).jpeg())
    weights = tmp_path / "hopenet_alpha2.pkl"
    detection = Detection(device="cpu")
    found = inspect_one(Inspector(detection, pose=PoseFilter(), pose_weights=weights), item)["face"]
    state = Inspector(detection, pose=PoseFilter(method="landmarks"), pose_weights=weights)
    plain = inspect_one(state, item)["face"]
    pose = {"yaw", "pitch", "roll", "pose_method"}
    assert (found["pose_method"], plain["pose_method"]) == ("hopenet", "landmarks")
    assert all(found[angle] != plain[angle] for angle in ("yaw", "pitch", "roll"))
    assert {name: found[name] for name in found.keys() - pose} == {name: plain[name] for name in plain.keys() - pose}


def test_batches_and_processes_change_nothing(portrait, photos):
    items = [portrait(photo.jpeg(), f"{number}.jpg") for number, photo in enumerate(photos[:5])]
    items.insert(2, portrait(b"no picture", "nothing.jpg"))
    make = partial(Inspector, Detection(device="cpu"), Alignment(), PoseFilter())
    alone = [inspect_one(make(), item) for item in items]
    here = list(map_batches(inspect_portraits, items, setup=make, processes=1, batch_size=4))
    there = list(map_batches(inspect_portraits, items, setup=make, processes=2, batch_size=2))
    assert json.dumps(here) == json.dumps(there) == json.dumps(alone)


def test_importing_the_package_loads_no_network_library():
    heavy = "{'torch', 'cv2', 'facenet_pytorch', 'torchvision'}"
    code = f"import sys, looks_kedro.faces, looks_kedro.mattes; print({heavy} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
