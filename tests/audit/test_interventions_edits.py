"""What each edit exchanges, and what it leaves alone."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from looks_kedro.audit.interventions import CHANNELS, Portrait, channel_named, face
from looks_kedro.audit.interventions.background import filled
from looks_kedro.audit.interventions.jpeg_traces import deblocked, recompressed, traced_quality
from looks_kedro.audit.interventions.light import skin_pixels
from looks_kedro.errors import BadParameterError
from looks_kedro.faces.alignment import map_points, similarity
from looks_kedro.portraits import Plant, aligned_face, draw_identity

SIZE = 128
PLACED = [name for name, channel in CHANNELS.items() if channel.kind != "image"]


@cache
def drawn(person: int, plant: str = "none", bit: int = 0, size: int = SIZE) -> tuple[Portrait, dict[str, np.ndarray]]:
    """A portrait with its true matte, and its true masks; the cue's bit is as asked."""
    plants = (Plant(channel=plant),) if plant != "none" else ()
    cues = {plant: bit} if plants else None
    who = draw_identity(500 + person)
    photo = aligned_face(who, seed=700 + person, looks=bit, plants=plants, cues=cues, size=size, masks=True)
    matte = photo.masks["person"].astype(np.uint8) * 255
    return Portrait(photo.image, photo.landmarks, matte), photo.masks


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


@pytest.mark.parametrize("name", CHANNELS)
def test_a_portrait_that_is_its_own_donor_stays_as_it_is(name: str) -> None:
    portrait, _ = drawn(1)
    edited = CHANNELS[name].edit(portrait, portrait)
    assert edited.shape == portrait.pixels.shape
    assert edited.dtype == np.uint8
    assert apart(edited, portrait.pixels) < (2.5 if name == "jpeg_quality" else 0.6)


@pytest.mark.parametrize("name", PLACED)
def test_nothing_changes_where_the_mask_is_empty(name: str) -> None:
    (recipient, _), (donor, _) = drawn(1, "border", 0), drawn(2, "border", 1)
    channel = CHANNELS[name]
    mask = channel.mask(recipient)
    edited = channel.edit(recipient, donor)
    assert 0 <= mask.min() <= mask.max() <= 1
    assert np.array_equal(edited[mask == 0], recipient.pixels[mask == 0])
    assert apart(edited[mask > 0.9], recipient.pixels[mask > 0.9]) > 2


@pytest.mark.parametrize("name", PLACED)
def test_masks_end_softly(name: str) -> None:
    mask = CHANNELS[name].mask(drawn(3, size=256)[0])
    if name != "background":  # the true matte has hard edges
        assert max(np.abs(np.diff(mask, axis=0)).max(), np.abs(np.diff(mask, axis=1)).max()) < 0.35


@pytest.mark.parametrize("name", CHANNELS)
def test_an_edit_leaves_its_portraits_alone(name: str) -> None:
    (recipient, _), (donor, _) = drawn(4), drawn(5)
    before = recipient.pixels.copy(), donor.pixels.copy()
    CHANNELS[name].edit(recipient, donor)
    assert np.array_equal(recipient.pixels, before[0])
    assert np.array_equal(donor.pixels, before[1])


@pytest.mark.parametrize(
    "name", [name for name in CHANNELS if name not in {"jpeg_quality", "random_patch", "resolution"}]
)
def test_an_edit_at_twice_the_size_shows_the_same(name: str) -> None:
    (recipient, _), (donor, _) = drawn(6, size=64), drawn(7, size=64)
    small = CHANNELS[name].edit(recipient, donor)

    def enlarged(portrait: Portrait) -> Portrait:
        pixels = cv2.resize(portrait.pixels, (128, 128), interpolation=cv2.INTER_CUBIC)
        matte = cv2.resize(portrait.matte, (128, 128), interpolation=cv2.INTER_LINEAR)
        return Portrait(pixels, 2 * portrait.landmarks + 0.5, matte)

    large = CHANNELS[name].edit(enlarged(recipient), enlarged(donor))
    assert apart(cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA), small) < 5


@pytest.mark.parametrize(("name", "plant", "mask"), [("eyes", "eyes", "eyes"), ("mouth", "mouth", "mouth")])
def test_a_feature_comes_from_the_donor(name: str, plant: str, mask: str) -> None:
    # The same person and moment with the cue toggled: what the edit should give is known pixel by pixel.
    (recipient, masks), (donor, _) = drawn(8, plant, 0), drawn(8, plant, 1)
    edited = CHANNELS[name].edit(recipient, donor)
    place = masks[mask]
    assert apart(edited[place], donor.pixels[place]) < 0.25 * apart(recipient.pixels[place], donor.pixels[place])
    other = "mouth" if name == "eyes" else "eyes"
    kept = CHANNELS[other].edit(recipient, donor)
    assert apart(kept[place], recipient.pixels[place]) < 1


def test_the_skin_takes_freckles_along_and_leaves_the_eyes() -> None:
    (recipient, masks), (donor, _) = drawn(9, "skin", 0), drawn(9, "skin", 1)
    edited = CHANNELS["skin"].edit(recipient, donor)
    inner = CHANNELS["skin"].mask(recipient) > 0.9
    assert apart(edited[inner], donor.pixels[inner]) < 0.1 * apart(recipient.pixels[inner], donor.pixels[inner])
    assert apart(edited[masks["eyes"]], recipient.pixels[masks["eyes"]]) < 4


@pytest.mark.parametrize("name", ["surround", "background"])
def test_the_ground_behind_takes_the_donors_colour(name: str) -> None:
    (recipient, masks), (donor, donors) = drawn(10, "background_colour", 0), drawn(11, "background_colour", 1)
    edited = CHANNELS[name].edit(recipient, donor)
    ground = cv2.erode(masks["background"].astype(np.uint8), np.ones((5, 5))) > 0

    def warmth(pixels: np.ndarray, where: np.ndarray) -> float:
        return float(pixels[where][:, 0].mean() - pixels[where][:, 2].mean())

    wanted, had = warmth(donor.pixels, donors["background"]), warmth(recipient.pixels, masks["background"])
    assert abs(warmth(edited, ground) - wanted) < 0.35 * abs(had - wanted)
    inner = CHANNELS["face"].mask(recipient) > 0.9
    assert np.array_equal(edited[inner], recipient.pixels[inner])


def test_the_donors_white_balance_does_not_travel_with_its_surround() -> None:
    (recipient, masks), (donor, _) = drawn(12, "colour_cast", 0), drawn(12, "colour_cast", 1)
    edited = CHANNELS["surround"].edit(recipient, donor)
    ground = masks["background"]
    assert apart(edited[ground], recipient.pixels[ground]) < 0.35 * apart(
        donor.pixels[ground], recipient.pixels[ground]
    )


def test_a_frame_is_given_and_taken_away_and_a_plain_ground_is_not() -> None:
    (dark, _), (bright, _), (bare, _) = drawn(13, "border", 0), drawn(14, "border", 1), drawn(15)
    (other, _) = drawn(16)
    edit = CHANNELS["border"].edit
    outermost = np.ones((SIZE, SIZE), dtype=bool)
    outermost[3:-3, 3:-3] = False
    assert apart(edit(bare, bright)[outermost], bright.pixels[outermost]) < 12
    assert apart(edit(dark, bright)[outermost], bright.pixels[outermost]) < 12
    freed = edit(dark, bare)[outermost]
    assert apart(freed, dark.pixels[outermost]) > 2 * apart(freed, edit(dark, other)[outermost])
    assert apart(edit(bare, other), bare.pixels) < 0.5


def test_the_recipients_face_comes_to_the_donors_place_and_size() -> None:
    (recipient, _), (donor, _) = drawn(17, "crop_scale", 0), drawn(18, "crop_scale", 1)
    edited = CHANNELS["crop_scale"].edit(recipient, donor)
    matrix = similarity(recipient.landmarks, donor.landmarks)
    assert np.hypot(*matrix[:, 0]) > 1.2
    # A bright spot painted on the nose is found again where the landmarks say.
    marked = recipient.pixels.copy()
    x, y = np.rint(recipient.landmarks[2]).astype(int)
    cv2.circle(marked, (int(x), int(y)), 3, (0, 255, 0), -1)
    moved = CHANNELS["crop_scale"].edit(Portrait(marked, recipient.landmarks), donor).astype(int)
    found = np.abs(moved - edited).sum(axis=2)
    rows, columns = np.nonzero(found > 60)
    wanted = map_points(matrix, [[x, y]])[0]
    assert np.allclose([columns.mean(), rows.mean()], wanted, atol=0.7)


def test_sharpness_follows_the_donors_both_ways() -> None:
    (sharp, _), (soft, _) = drawn(19, "blur", 0, 256), drawn(20, "blur", 1, 256)

    def detail(pixels: np.ndarray) -> float:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[60:200, 60:200].astype(float)
        fine = grey - cv2.GaussianBlur(grey, (0, 0), 2.5)
        return float(fine.std())

    edit = CHANNELS["resolution"].edit
    blurred, sharpened = edit(sharp, soft), edit(soft, sharp)
    assert detail(blurred) < 0.6 * detail(sharp.pixels)
    assert detail(sharpened) > 1.4 * detail(soft.pixels)
    assert abs(apart(blurred, sharp.pixels)) < 12


@pytest.mark.parametrize("quality", [20, 35, 55, 75, 85])
def test_the_jpeg_quality_is_read_from_pixels(quality: int) -> None:
    rng = np.random.default_rng(quality)
    noise = cv2.GaussianBlur(rng.normal(128, 90, (160, 160, 3)), (0, 0), 1.2)
    pixels = np.clip((noise - 128) * 2 + 128, 0, 255).astype(np.uint8)
    found = traced_quality(recompressed(pixels, quality))
    assert found is not None
    assert abs(found - quality) <= 4


def test_pixels_without_a_history_have_no_jpeg_quality() -> None:
    rng = np.random.default_rng(0)
    pixels = np.clip(cv2.GaussianBlur(rng.normal(128, 90, (160, 160, 3)), (0, 0), 1.2), 0, 255).astype(np.uint8)
    assert traced_quality(pixels) is None
    saved = recompressed(pixels, 30)
    resampled = cv2.resize(saved, (131, 131), interpolation=cv2.INTER_AREA)
    assert traced_quality(resampled) is None


def test_compression_follows_the_donors() -> None:
    (fine, _), (coarse, _) = drawn(21, "jpeg_quality", 0), drawn(22, "jpeg_quality", 1)
    edit = CHANNELS["jpeg_quality"].edit
    wanted = traced_quality(coarse.pixels)
    assert wanted is not None
    assert wanted < 40
    assert traced_quality(edit(fine, coarse)) == pytest.approx(wanted, abs=6)
    assert traced_quality(edit(coarse, fine)) is None or traced_quality(edit(coarse, fine)) > 60


def test_deblocking_takes_steps_between_blocks_away() -> None:
    slope = np.repeat(np.linspace(40, 200, 128)[None, :, None], 128, axis=0).repeat(3, axis=2).astype(np.uint8)
    saved = recompressed(slope, 8)

    def blockiness(pixels: np.ndarray) -> float:
        steps = np.abs(np.diff(pixels[:, :, 1].astype(float), axis=1)).mean(axis=0)
        at_edges = np.arange(1, 128) % 8 == 0
        return float(steps[at_edges].mean() - steps[~at_edges].mean())

    assert blockiness(saved) > 1
    assert blockiness(deblocked(saved, 8)) < 0.5 * blockiness(saved)


def cast_on_skin(portrait: Portrait) -> np.ndarray:
    values = cv2.cvtColor(skin_pixels(portrait)[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    return values.mean(axis=0)[1:]


def test_colours_follow_the_donors_light() -> None:
    (cool, _), (warm, _) = drawn(23, "colour_cast", 0), drawn(23, "colour_cast", 1)
    edited = CHANNELS["colour"].edit(cool, warm)
    left = np.linalg.norm(cast_on_skin(Portrait(edited, cool.landmarks)) - cast_on_skin(warm))
    assert left < 0.5 * np.linalg.norm(cast_on_skin(cool) - cast_on_skin(warm))
    around = face.mask(cool) == 0
    moved = (edited.astype(float) - cool.pixels)[around].mean(axis=0)
    wanted = (warm.pixels.astype(float) - cool.pixels)[around].mean(axis=0)
    # A warm lamp has more red and less blue.
    assert wanted[0] > 0 > wanted[2]
    assert moved[0] - moved[2] > 0.5 * (wanted[0] - wanted[2])


def test_a_complexion_is_not_taken_for_the_light() -> None:
    (pale, _), (ruddy, _) = drawn(23, "skin", 0), drawn(23, "skin", 1)
    edited = CHANNELS["colour"].edit(pale, ruddy)
    moved = np.linalg.norm(cast_on_skin(Portrait(edited, pale.landmarks)) - cast_on_skin(pale))
    apart = np.linalg.norm(cast_on_skin(ruddy) - cast_on_skin(pale))
    assert apart > 2
    assert moved < 0.3 * apart


def test_a_grey_face_gets_the_colours_of_the_donor() -> None:
    warm, _ = drawn(23, "colour_cast", 1)
    grey = Portrait(np.repeat(warm.pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2), warm.landmarks)
    assert np.linalg.norm(cast_on_skin(Portrait(CHANNELS["colour"].edit(grey, warm), warm.landmarks))) > 15
    assert np.linalg.norm(cast_on_skin(Portrait(CHANNELS["colour"].edit(warm, grey), warm.landmarks))) < 3


def test_a_donor_without_colours_takes_them_away() -> None:
    (recipient, _), (donor, _) = drawn(25), drawn(26)
    grey = cv2.cvtColor(cv2.cvtColor(donor.pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    edited = CHANNELS["colour"].edit(recipient, Portrait(grey, donor.landmarks)).astype(int)
    assert (edited.max(axis=2) - edited.min(axis=2)).mean() < 4


@pytest.mark.parametrize("person", range(6))
def test_random_patches_are_as_large_as_the_eyes_and_away_from_eyes_and_mouth(person: int) -> None:
    portrait, _ = drawn(30 + person, size=256)
    patch, eyes, mouth = (CHANNELS[name].mask(portrait) for name in ("random_patch", "eyes", "mouth"))
    assert patch.sum() == pytest.approx(eyes.sum(), rel=0.2)
    assert (patch * np.maximum(eyes, mouth)).sum() < 0.03 * patch.sum()
    assert (patch * CHANNELS["face"].mask(portrait)).sum() > 0.6 * patch.sum()


def test_random_patches_do_not_depend_on_the_donor() -> None:
    (recipient, _), (one, _), (other, _) = drawn(36), drawn(37), drawn(38)
    channel = CHANNELS["random_patch"]
    empty = channel.mask(recipient) == 0
    for donor in (one, other):
        assert np.array_equal(channel.edit(recipient, donor)[empty], recipient.pixels[empty])


def test_the_sides_and_the_clothes_make_up_the_surround() -> None:
    portrait, _ = drawn(39)
    surround = CHANNELS["surround"].mask(portrait)
    parts = sum(CHANNELS[f"background_{side}"].mask(portrait) for side in ("left", "right", "top"))
    both = parts + surround * CHANNELS["clothes"].mask(portrait)
    assert np.allclose(both, surround, atol=1e-5)


def test_the_ground_goes_on_behind_the_person_in_its_own_colour() -> None:
    pixels = np.full((60, 60, 3), (10, 120, 200), dtype=np.uint8)
    matte = np.zeros((60, 60), dtype=np.uint8)
    matte[15:60, 20:40] = 255
    pixels[matte > 0] = (250, 0, 0)
    assert np.abs(filled(pixels, matte) - (10, 120, 200)).max() < 2
    assert np.allclose(filled(pixels, np.full_like(matte, 255)), pixels.mean(axis=(0, 1)), atol=0.01)


def test_without_a_good_matte_the_background_is_refused() -> None:
    (recipient, _), (donor, _) = drawn(40), drawn(41)
    bare = Portrait(donor.pixels, donor.landmarks)
    channel = CHANNELS["background"]
    assert channel.defined(recipient, donor)
    assert not channel.defined(recipient, bare)
    with pytest.raises(ValueError, match="good matte"):
        channel.edit(recipient, bare)


def test_channels_name_each_other_rightly() -> None:
    for channel in CHANNELS.values():
        assert {*channel.inside, *channel.overlaps} <= set(CHANNELS) - {channel.name}
        assert channel.sentence.endswith(".")
    assert {name for name, channel in CHANNELS.items() if channel.in_face} == {
        "face", "eyes", "mouth", "skin", "random_patch",
    }  # fmt: skip
    with pytest.raises(BadParameterError, match=r"nose.*expected one of face, eyes"):
        channel_named("nose")
