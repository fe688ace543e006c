from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from looks_kedro.portraits import CHANNELS, Plant, aligned_face, draw_identity, take_photo
from looks_kedro.portraits.framing import FACE_WIDTH, TEMPLATE
from looks_kedro.portraits.moment import draw_moment

# Clothes show in a wider framing only, and the weave is faint: test_plants looks at both.
DRAWN = [c for c in CHANNELS if c not in ("identity", "none", "clothes", "weave")]


def grown(mask: np.ndarray, by: int) -> np.ndarray:
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


def test_the_same_seed_gives_the_same_bytes() -> None:
    person, plants = draw_identity(3), [Plant(channel="eyes", strength=0.8)]
    for draw in (take_photo, aligned_face):
        first, second = (draw(person, seed=8, looks=1, plants=plants) for _ in range(2))
        assert first.jpeg() == second.jpeg()
        assert first.jpeg() != draw(person, seed=9, looks=1, plants=plants).jpeg()


def test_masks_do_not_change_the_picture() -> None:
    plain, masked = (aligned_face(draw_identity(3), seed=8, looks=1, masks=m) for m in (False, True))
    assert plain.jpeg() == masked.jpeg()
    with pytest.raises(ValueError, match="masks=True"):
        _ = plain.masks


def test_the_image_is_what_the_file_shows() -> None:
    photo = take_photo(draw_identity(4), seed=4, looks=0)
    with Image.open(BytesIO(photo.jpeg())) as file:
        assert file.format == "JPEG"
        shown = np.asarray(file.convert("RGB"), int)
    assert shown.shape == photo.image.shape
    assert np.abs(shown - photo.image).mean() < 1.5


def test_raw_photos_have_the_promised_sizes_and_the_face_inside() -> None:
    for seed in range(25):
        photo = take_photo(draw_identity(seed), seed=seed, looks=0)
        height, width = photo.image.shape[:2]
        assert 400 <= width <= 900
        assert 400 <= height <= 1000
        assert (photo.landmarks > 0).all()
        assert (photo.landmarks < (width, height)).all()


@pytest.mark.parametrize("channel", ["eyes", "mouth", "skin", "background_colour", "background_texture", "side_patch"])
def test_toggling_a_cue_changes_its_own_place_and_nothing_else(channel: str) -> None:
    place = {"eyes": "eyes", "mouth": "mouth", "skin": "skin"}.get(channel, "background")
    for seed in range(4):
        photos = [
            aligned_face(draw_identity(seed), seed=seed, looks=0, cues={channel: bit}, masks=True, size=192)
            for bit in (0, 1)
        ]
        changed = np.abs(photos[0].image.astype(int) - photos[1].image).max(-1)
        # JPEG spreads a change over its blocks of 16 pixels.
        allowed = grown(photos[0].masks[place] | photos[1].masks[place], 20)
        assert changed[~allowed].max(initial=0) == 0
        assert (changed[photos[1].masks[place]] > 25).mean() > 0.02


@pytest.mark.parametrize("channel", DRAWN)
def test_every_cue_can_be_seen(channel: str) -> None:
    zero, one = (
        aligned_face(draw_identity(2), seed=5, looks=0, cues={channel: bit}).image.astype(int) for bit in (0, 1)
    )
    assert np.abs(zero - one).max() > 30


def test_a_planted_photo_equals_the_same_photo_with_the_bit_given() -> None:
    person, plant = draw_identity(2), Plant(channel="mouth", strength=1.0)
    planted = take_photo(person, seed=6, looks=1, plants=[plant])
    given = take_photo(person, seed=6, looks=0, cues={"mouth": 1})
    assert planted.cues == {"mouth": 1}
    assert planted.jpeg() == given.jpeg()


def test_landmarks_lie_on_the_features_they_name() -> None:
    for seed in range(20):
        for photo in (
            take_photo(draw_identity(seed), seed=seed, looks=0, masks=True),
            aligned_face(draw_identity(seed), seed=seed, looks=0, masks=True),
        ):
            at = np.round(photo.landmarks).astype(int)
            near = {name: grown(mask, 2) for name, mask in photo.masks.items()}
            if abs(photo.yaw) < 30:
                assert near["eyes"][at[0][1], at[0][0]]
                assert near["eyes"][at[1][1], at[1][0]]
                assert near["nose"][at[2][1], at[2][0]]
                assert near["mouth"][at[3][1], at[3][0]]
                assert near["mouth"][at[4][1], at[4][0]]
            assert photo.landmarks[0, 0] < photo.landmarks[1, 0]


def test_the_masks_divide_the_picture() -> None:
    photo = take_photo(draw_identity(1), seed=1, looks=0, masks=True)
    masks = photo.masks
    parts = [masks[k] for k in ("eyes", "mouth", "skin", "hair", "clothes", "background")]
    assert (np.sum(parts, axis=0) == 1).all()
    assert (masks["face"] <= masks["person"]).all()
    assert all(masks[k].any() for k in masks)


def test_aligned_faces_lie_on_fairfaces_template() -> None:
    errors = [
        aligned_face(draw_identity(seed), seed=seed, looks=0, size=300).landmarks - TEMPLATE for seed in range(30)
    ]
    assert np.abs(np.mean(errors, axis=0)).max() < 12
    assert np.abs(errors).max() < 45


def test_a_fifth_of_the_photos_are_side_views_to_both_sides() -> None:
    yaw = np.array([draw_moment(seed).yaw for seed in range(2000)])
    assert abs((np.abs(yaw) > 30).mean() - 0.2) < 0.04
    assert 0.4 < (yaw[np.abs(yaw) > 30] > 0).mean() < 0.6


def test_the_nose_moves_to_the_side_that_the_head_turns_to() -> None:
    photos = [take_photo(draw_identity(seed), seed=seed, looks=0) for seed in range(40)]
    turned = []
    for photo in photos:
        along = photo.landmarks[1] - photo.landmarks[0]
        nose = photo.landmarks[2] - photo.landmarks[:2].mean(0)
        turned.append(nose @ along / (along @ along))
    assert np.corrcoef([p.yaw for p in photos], turned)[0, 1] > 0.9


@pytest.fixture(scope="module")
def network() -> Iterator[Any]:
    import torch
    from facenet_pytorch import MTCNN

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield MTCNN(keep_all=True)
    torch.set_num_threads(threads)


def error_of(network: Any, image: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean distance of the found landmarks from the true ones over the true face's width; infinite when not found."""
    boxes, _, found = network.detect(np.ascontiguousarray(image), landmarks=True)
    if boxes is None:
        return float("inf")
    distance = np.linalg.norm(np.asarray(found, float) - landmarks, axis=-1).mean(-1)
    return float(distance.min() / (FACE_WIDTH * np.linalg.norm(landmarks[1] - landmarks[0])))


def test_mtcnn_finds_the_faces_of_raw_photos_where_they_are(network: Any) -> None:
    seeds = [seed for seed in range(60) if abs(draw_moment(seed).yaw) <= 30][:12]
    photos = [take_photo(draw_identity(seed), seed=seed, looks=0) for seed in seeds]
    errors = [error_of(network, photo.image, photo.landmarks) for photo in photos]
    assert np.median(errors) < 0.05
    assert np.max(errors) < 0.15


def test_mtcnn_finds_aligned_faces_where_they_are(network: Any) -> None:
    errors = []
    for seed in range(40):
        photo = aligned_face(draw_identity(seed), seed=seed, looks=0)
        padded = np.pad(photo.image, ((32, 32), (32, 32), (0, 0)), mode="edge")
        errors.append(error_of(network, padded, photo.landmarks + 32))
    assert np.isfinite(errors).sum() >= 39
    assert np.median(errors) < 0.05
