"""The parts of a portrait."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.audit.regions import REGIONS, region_map, region_masks
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.faces.geometry import mirror_landmarks
from looks_kedro.portraits import aligned_face, draw_identity


@settings(max_examples=20, deadline=None)
@given(
    st.integers(40, 160),
    st.floats(0.5, 1.6),
    st.floats(-30, 30),
    st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
    st.booleans(),
)
def test_every_pixel_is_in_exactly_one_region(
    size: int, scale: float, degrees: float, shift: tuple[float, float], with_matte: bool
) -> None:
    turn = np.radians(degrees)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = ((TEMPLATE - 150) @ matrix.T + 150 + shift) * size / 300
    matte = (np.add.outer(np.arange(size), np.arange(size)) % 2 * 255).astype(np.uint8) if with_matte else None
    masks = region_masks(points, size, matte)
    assert tuple(masks) == REGIONS
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()


@pytest.mark.parametrize("person", range(4))
def test_true_features_lie_in_their_regions(person: int) -> None:
    photo = aligned_face(draw_identity(person), seed=person, looks=0, size=200, masks=True)
    masks = region_masks(photo.landmarks, 200, photo.masks["person"].astype(np.uint8) * 255)
    assert masks["mouth"][photo.masks["mouth"]].mean() > 0.85
    assert masks["eyes"][photo.masks["eyes"]].mean() > 0.6
    assert (masks["eyes"] | masks["brows"] | masks["cheeks"])[photo.masks["eyes"]].mean() > 0.85
    background = masks["background_left"] | masks["background_right"] | masks["background_top"]
    ground = photo.masks["background"]
    assert background[ground].mean() > 0.85  # the rest is beside the jaw, within the face's ellipse
    assert not background[photo.masks["person"]].any()
    assert masks["neck_and_clothes"][photo.masks["clothes"]].all()  # a tight crop may show none


def test_each_landmark_lies_in_its_own_region() -> None:
    masks = region_masks(TEMPLATE, 300)
    for (x, y), name in zip(TEMPLATE, ("eyes", "eyes", "nose", "mouth", "mouth"), strict=True):
        assert masks[name][round(y), round(x)]
    assert masks["forehead"][40, 150]
    assert masks["brows"][62, 95]
    assert masks["cheeks"][150, 80]
    assert masks["jaw"][245, 150]
    assert masks["hair"][60, 40]
    assert masks["neck_and_clothes"][295, 150]
    assert masks["background_left"][120, 5]
    assert masks["background_right"][120, 295]
    assert masks["background_top"][2, 30]


def test_the_mirrored_face_has_mirrored_regions() -> None:
    size = 151
    points = TEMPLATE * size / 300 + np.array([[3, 1], [2, 2], [4, -1], [3, 0], [1, 1]])
    straight = region_map(points, size)
    mirrored = region_map(mirror_landmarks(points, size), size)[:, ::-1]
    left, right = REGIONS.index("background_left"), REGIONS.index("background_right")
    swapped = np.where(mirrored == left, right, np.where(mirrored == right, left, mirrored))
    assert (swapped == straight).mean() > 0.995


def test_a_matte_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="matte of the image's size"):
        region_map(TEMPLATE, 300, np.zeros((20, 20), dtype=np.uint8))
