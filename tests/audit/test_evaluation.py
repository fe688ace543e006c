"""Which images are edited, with whose values, and that each model's decisions are those on the edits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from drawn_study import SIDE, Part, drawn_part

from looks_kedro.audit import (
    CHANNELS,
    Classifier,
    PortraitSet,
    as_classifier,
    chosen_channels,
    chosen_rows,
    evaluate_channels,
    evaluate_unedited,
)
from looks_kedro.audit.interventions import resized
from looks_kedro.errors import BadInputError, BadParameterError

NAMES = ["face", "surround", "crop_scale"]


@pytest.fixture(scope="module")
def part() -> Part:
    return drawn_part(3, 400)


@pytest.fixture(scope="module")
def portraits(part: Part) -> PortraitSet:
    mattes = np.zeros((12, SIDE, SIDE), np.uint8)
    mattes[:, SIDE // 4 :, SIDE // 4 : -SIDE // 4] = 255
    return PortraitSet(part.faces, part.landmarks, mattes, np.arange(12) != 0)


def corner_is_bright(images: np.ndarray) -> np.ndarray:
    """Logits by the upper left corner against the middle, so that edits change them."""
    third = images.shape[1] // 3
    values = images.mean(axis=3)
    difference = values[:, :third, :third].mean(axis=(1, 2)) - values[:, third:-third, third:-third].mean(axis=(1, 2))
    return np.stack([np.zeros(len(images)), difference - np.float64(10)], axis=1)


def models() -> dict[str, Classifier]:
    return {"small": as_classifier(corner_is_bright, 24, batch_size=7), "large": as_classifier(corner_is_bright)}


def test_decisions_are_those_on_the_edits_made_one_by_one(part: Part, portraits: PortraitSet) -> None:
    found = evaluate_channels(
        models(), portraits, part.looks, part.identities, channels=[*NAMES, "background"], draws=2, batch_size=11
    )
    for size, name in ((24, "small"), (SIDE, "large")):
        for one in found[name]:
            assert one.same.shape == one.balanced.shape == (len(one.rows), 4)
            for right, donors in ((one.same, one.same_donors), (one.balanced, one.balanced_donors)):
                for place, row in enumerate(one.rows):
                    edits = [
                        resized(CHANNELS[one.channel].edit(portraits.portrait(row), portraits.portrait(donor)), size)
                        for donor in donors[place]
                    ]
                    said = corner_is_bright(np.stack(edits)).argmax(axis=1)
                    assert right[place].tolist() == (said == part.looks[row]).tolist()
    assert [one.channel for one in found["small"]] == ["face", "surround", "background", "crop_scale"]


def test_donors_are_others_half_of_them_of_each_class_and_the_same_for_all_channels(
    part: Part, portraits: PortraitSet
) -> None:
    face, surround, background = evaluate_channels(
        models(), portraits, part.looks, part.identities, channels=["face", "surround", "background"], draws=3
    )["small"]
    assert (face.same_donors == surround.same_donors).all()
    assert (face.balanced_donors == surround.balanced_donors).all()
    for one in (face, background):
        own = part.looks[one.rows][:, None]
        assert (part.looks[one.same_donors] == own).all()
        assert ((part.looks[one.balanced_donors] == own).sum(axis=1) == 3).all()
        for donors in (one.same_donors, one.balanced_donors):
            assert (part.identities[donors] != part.identities[one.rows][:, None]).all()
    assert 0 not in background.rows
    assert 0 not in background.balanced_donors
    assert 0 in face.rows


def test_processes_change_nothing_and_the_seed_does(part: Part, portraits: PortraitSet) -> None:
    def found(processes: int, seed: int) -> list[np.ndarray]:
        given = evaluate_channels(
            models(), portraits, part.looks, part.identities, channels=NAMES, draws=1, seed=seed, processes=processes
        )
        return [part for one in given["small"] for part in (one.same, one.balanced, one.balanced_donors)]

    alone = found(1, 0)
    assert all((a == b).all() for a, b in zip(alone, found(2, 0), strict=True))
    assert not all((a == b).all() for a, b in zip(alone, found(1, 1), strict=True))


def test_only_the_recipients_are_edited_and_all_may_give(part: Part, portraits: PortraitSet) -> None:
    recipients = [1, 2, 5, 6]
    (found,) = evaluate_channels(
        models(), portraits, part.looks, part.identities, channels=["surround"], recipients=recipients, draws=6
    )["large"]
    assert found.rows.tolist() == recipients
    assert len(np.unique(found.balanced_donors)) > len(recipients)


def test_the_images_as_they_are_are_decided_at_each_models_size(part: Part, portraits: PortraitSet) -> None:
    found = evaluate_unedited(models(), portraits, part.looks, batch_size=5)
    assert found["large"].tolist() == (corner_is_bright(part.faces).argmax(axis=1) == part.looks).tolist()
    small = np.stack([resized(face, 24) for face in part.faces])
    assert found["small"].tolist() == (corner_is_bright(small).argmax(axis=1) == part.looks).tolist()


def test_everybody_gives_one_image_before_anybody_gives_a_second() -> None:
    labels = np.r_[np.zeros(30, int), np.ones(60, int)]
    people = np.r_[np.arange(30), 100 + np.repeat([0, 1, 2], [50, 7, 3])].astype(str)
    rows = chosen_rows(labels, people, 24)
    assert (np.diff(rows) > 0).all()
    assert Counter(labels[rows]) == {0: 12, 1: 12}
    assert sorted(Counter(people[rows[labels[rows] == 1]]).values()) == [3, 4, 5]
    assert chosen_rows(labels, people, None).tolist() == list(range(90))
    assert Counter(labels[chosen_rows(labels, people, 80)]) == {0: 30, 1: 50}


def test_channels_are_those_asked_for_and_those_that_can_be_tried() -> None:
    assert chosen_channels(None, mattes=True) == list(CHANNELS)
    assert set(CHANNELS) - set(chosen_channels(None, mattes=False)) == {"background"}
    assert chosen_channels(["mouth", "face"], mattes=False) == ["face", "mouth", "random_patch"]
    with pytest.raises(BadParameterError, match="'hat' is unknown"):
        chosen_channels(["hat"], mattes=False)
    with pytest.raises(BadInputError, match="background: it needs good mattes"):
        chosen_channels(["background"], mattes=False)


def test_too_few_people_with_mattes_are_told(part: Part) -> None:
    portraits = PortraitSet(part.faces, part.landmarks, np.zeros(part.faces.shape[:3], np.uint8), part.looks == 1)
    with pytest.raises(BadInputError, match="channel background: expected images with a good matte of both classes"):
        evaluate_channels(models(), portraits, part.looks, part.identities, channels=["background"])
