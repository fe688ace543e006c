import numpy as np
import pytest
from pydantic import ValidationError

from looks_kedro.errors import BadParameterError
from looks_kedro.faces import ellipse_mask
from looks_kedro.portraits import CHANNELS, Plant, aligned_face, draw_bit, draw_cues, draw_identity


@pytest.mark.parametrize("strength", [0.5, 0.75, 1.0])
def test_a_bit_follows_its_class_as_often_as_its_strength_says(strength: float) -> None:
    for looks in (0, 1):
        share = np.mean([draw_bit(seed, looks, strength, "eyes") == looks for seed in range(1500)])
        assert abs(share - strength) < 4 * np.sqrt(strength * (1 - strength) / 1500) + 1e-9


def test_the_bits_of_two_plants_in_one_photo_are_independent() -> None:
    plants = [Plant(channel="eyes", strength=0.5), Plant(channel="mouth", strength=0.5)]
    bits = np.array([list(draw_cues(plants, seed, 1).values()) for seed in range(1500)])
    assert abs(np.corrcoef(bits.T)[0, 1]) < 0.1


def test_the_same_photo_keeps_its_bit() -> None:
    assert [draw_bit(s, 1, 0.6, "blur") for s in range(50)] == [draw_bit(s, 1, 0.6, "blur") for s in range(50)]


def test_none_plants_nothing_and_cues_come_in_the_order_of_the_channels() -> None:
    plants = [Plant(channel="blur"), Plant(channel="none"), Plant(channel="eyes")]
    assert list(draw_cues(plants, 3, 1)) == [c for c in CHANNELS if c in ("eyes", "blur")]


def test_an_override_takes_the_place_of_the_drawn_bit() -> None:
    assert draw_cues([Plant(channel="eyes")], 3, 1, {"eyes": 0, "skin": 1}) == {"eyes": 0, "skin": 1}


@pytest.mark.parametrize("cues", [{"eye": 1}, {"eyes": 2}, {"none": 1}])
def test_a_wrong_override_is_refused(cues: dict[str, int]) -> None:
    with pytest.raises(BadParameterError):
        draw_cues([], 3, 1, cues)


def test_a_channel_planted_twice_is_refused() -> None:
    with pytest.raises(BadParameterError, match="eyes"):
        draw_cues([Plant(channel="eyes"), Plant(channel="eyes", strength=0.6)], 3, 1)


@pytest.mark.parametrize(
    "wrong", [{"channel": "nose"}, {"channel": "eyes", "strength": 0.4}, {"channel": "eyes", "x": 1}]
)
def test_a_wrong_plant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Plant.model_validate(wrong)


def test_new_channels_come_last_so_that_old_photos_keep_their_bits() -> None:
    old = ("eyes", "mouth", "skin", "background_colour", "background_texture", "side_patch", "border", "jpeg_quality")
    assert CHANNELS[:13] == (*old, "blur", "crop_scale", "colour_cast", "identity", "none")
    assert [draw_bit(seed, 1, 0.6, "colour_cast") for seed in range(12)] == [1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0]


def changed_by(channel: str, seed: int, size: int = 192) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """How much each pixel changes when the cue is toggled, and the masks of the photo."""
    person = draw_identity(seed)
    zero, one = (
        aligned_face(person, seed=seed, looks=0, cues={channel: bit}, masks=True, size=size, zoom=0.75)
        for bit in (0, 1)
    )
    return np.abs(zero.image.astype(int) - one.image).max(-1), zero.masks


def test_the_clothes_cue_changes_the_clothes_alone() -> None:
    for seed in range(4):
        change, masks = changed_by("clothes", seed)
        rows = np.flatnonzero((change > 25).any(axis=1))
        assert (change[masks["clothes"]] > 25).mean() > 0.6
        assert (change[masks["face"]] > 60).mean() < 0.01  # JPEG carries a little over the chin's edge
        assert rows.min() > 110


def test_the_hairband_lies_between_the_face_and_what_is_around_the_head() -> None:
    for seed in range(6):
        photo = aligned_face(draw_identity(seed), seed=seed, looks=0, size=192, zoom=0.75)
        change, _ = changed_by("hairband", seed)
        face, head = (ellipse_mask(photo.landmarks, 192, part) for part in ("face", "head"))
        strong = change > 60
        assert strong.sum() > 150
        assert (strong & face).sum() < 0.2 * strong.sum()
        assert (strong & ~head).sum() < 0.2 * strong.sum()


def test_the_weave_covers_face_and_background_and_leaves_the_colours_as_they_are() -> None:
    person = draw_identity(3)
    plain, *woven = (
        aligned_face(person, seed=3, looks=0, cues=cues, masks=True, size=96).image.astype(float)
        for cues in ({}, {"weave": 0}, {"weave": 1})
    )
    masks = aligned_face(person, seed=3, looks=0, masks=True, size=96).masks
    for bit, image in enumerate(woven):
        assert np.abs(image.mean(axis=(0, 1)) - plain.mean(axis=(0, 1))).max() < 0.7
        for place in ("face", "background"):
            assert np.abs(image - plain)[masks[place]].mean() > 2
        spectrum = np.abs(np.fft.fft2((image - plain).mean(-1)))
        row, column = np.unravel_index(spectrum[:48, 1:].argmax(), (48, 95))
        assert (row, column + 1) == (24, (72, 24)[bit])


def test_a_wider_framing_shows_the_same_face_smaller() -> None:
    near, wide = (aligned_face(draw_identity(2), seed=5, looks=0, size=96, zoom=zoom) for zoom in (1.0, 0.75))
    eyes = [np.linalg.norm(photo.landmarks[1] - photo.landmarks[0]) for photo in (near, wide)]
    assert eyes[1] / eyes[0] == pytest.approx(0.75, abs=0.001)
