"""What a channel is like on each image, and the groups that are made of it."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.audit.interventions.jpeg_traces import recompressed
from looks_kedro.audit.interventions.portrait_set import PortraitSet
from looks_kedro.audit.shortcut_groups import around_in_words, channel_values, shortcut_groups, towards_classes
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.portraits import Plant, aligned_face, draw_identity

SIDE = 96


def drawn(count: int, *plants: Plant, **more: object) -> tuple[PortraitSet, np.ndarray]:
    photos = [
        aligned_face(draw_identity(i), seed=i, looks=i % 2, plants=plants, size=SIDE, zoom=0.75, **more)
        for i in range(count)
    ]
    faces, points = np.stack([one.image for one in photos]), np.stack([one.landmarks for one in photos])
    return PortraitSet(faces, points), np.array([one.cues.get(plants[0].channel, 0) for one in photos])


def test_a_planted_background_is_in_the_values_of_the_surround_and_not_of_the_mouth() -> None:
    portraits, cue = drawn(40, Plant(channel="background_colour", strength=0.8))
    labels = np.arange(40) % 2
    spoken = {name: towards_classes(labels, channel_values(portraits, name)) for name in ("surround", "mouth")}
    cut = {name: one > np.median(one) for name, one in spoken.items()}
    assert (cut["surround"] == cue).mean() > 0.9
    assert (cut["mouth"] == cue).mean() < 0.8


def test_properties_of_the_whole_image_are_measured_as_they_were_made() -> None:
    portraits, _ = drawn(6, Plant(channel="none"))
    coarse = PortraitSet(np.stack([recompressed(face, 20) for face in portraits.faces]), portraits.landmarks)
    assert (channel_values(coarse, "jpeg_quality") < 40).all()
    sharp, blurred = (
        channel_values(PortraitSet(faces, portraits.landmarks), "resolution")
        for faces in (portraits.faces, (portraits.faces[:, ::4, ::4].repeat(4, 1).repeat(4, 2)))
    )
    assert sharp.shape == (6, 1)
    assert not np.allclose(sharp, blurred)
    larger = PortraitSet(portraits.faces, portraits.landmarks.mean(1, keepdims=True) * -0.2 + portraits.landmarks * 1.2)
    sizes = [channel_values(one, "crop_scale")[:, 0] for one in (portraits, larger)]
    np.testing.assert_allclose(sizes[1] / sizes[0], 1.2, rtol=1e-6)


def lab(*colour: int) -> list[float]:
    """CIELAB of an sRGB colour under D65, by the definition of both."""
    given = np.array(colour) / 255
    light = np.where(given > 0.04045, ((given + 0.055) / 1.055) ** 2.4, given / 12.92)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(matrix @ light / [0.9505, 1.0, 1.089])
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def test_the_mean_colour_is_that_of_the_place() -> None:
    faces = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    faces[0], faces[1] = (200, 30, 30), (30, 200, 30)
    points = np.repeat(drawn(1, Plant(channel="none"))[0].landmarks, 2, axis=0)
    values = channel_values(PortraitSet(faces, points), "border")
    np.testing.assert_allclose(values[:, :3], [lab(200, 30, 30), lab(30, 200, 30)], atol=0.2)
    np.testing.assert_allclose(values[:, 3], 0, atol=1e-2)


def test_groups_by_a_channel_that_says_the_class_alone_cannot_be_made() -> None:
    portraits, _ = drawn(40, Plant(channel="background_colour", strength=1.0))
    labels = np.arange(40) % 2
    with pytest.raises(BadInputError, match="cannot be balanced"):
        shortcut_groups(labels, towards_classes(labels, channel_values(portraits, "surround")))


def test_surrounds_are_named_by_their_colour() -> None:
    faces = np.zeros((6, SIDE, SIDE, 3), np.uint8)
    faces[:4], faces[4:] = (200, 30, 30), (30, 200, 30)
    points = np.repeat(drawn(1, Plant(channel="none"))[0].landmarks, 6, axis=0)
    words = around_in_words(PortraitSet(faces, points))
    assert words is not None
    assert words.tolist() == ["surround near #c81e1e"] * 4 + ["surround near #1ec81e"] * 2
    assert around_in_words(PortraitSet(faces[:4], points[:4])) is None


def test_a_channel_that_does_not_vary_speaks_for_no_class() -> None:
    assert towards_classes([0, 1, 0, 1], np.ones((4, 3))).tolist() == [0, 0, 0, 0]


def test_an_unknown_channel_is_named() -> None:
    with pytest.raises(BadParameterError, match="channel 'hat' is unknown"):
        channel_values(drawn(1, Plant(channel="none"))[0], "hat")
