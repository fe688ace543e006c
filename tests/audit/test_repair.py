"""Repair on features with a planted shortcut, and on small pictures."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from looks_kedro.audit.repair import (
    GROUP_COLUMNS,
    Head,
    exchanged_donors,
    features_of,
    group_accuracies,
    retrain_last_layer,
    shortcut_groups,
    swapped_backgrounds,
)
from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.faces.alignment import TEMPLATE


def planted(people: int, follows: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features of which three carry the class weakly and one a shortcut that follows it so often; 30 are noise."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people) % 2, 3)
    cue = np.where(generator.random(len(labels)) < follows, labels, 1 - labels)
    table = generator.normal(size=(len(labels), 34))
    table[:, :3] += 1.4 * labels[:, None]
    table[:, 3] = 5 * cue + 0.3 * table[:, 3]
    names = np.repeat([f"p{i:03d}" for i in range(people)], 3)
    return 7 + 3 * table, labels, cue, names  # neither centred nor scaled, as features are


def shortcut_head() -> Head:
    """A head as training on the shortcut makes it."""
    table, labels, _, _ = planted(300, 0.97, seed=1)
    plain = LogisticRegression(max_iter=2000).fit(table, labels)
    return Head(np.vstack([-plain.coef_ / 2, plain.coef_ / 2]), np.array([-0.5, 0.5]) * plain.intercept_[0])


def gap(head: Head, table: np.ndarray, labels: np.ndarray, cue: np.ndarray) -> float:
    """Accuracy where the shortcut agrees with the class less where it does not."""
    right = head.logits(table).argmax(axis=1) == labels
    return float(right[cue == labels].mean() - right[cue != labels].mean())


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_a_retrained_head_leaves_the_shortcut_and_keeps_the_class(penalty):
    head = shortcut_head()
    table, labels, cue, names = planted(300, 0.85, seed=2)
    repaired = retrain_last_layer(table, labels, shortcut_groups(labels, cue), names, head, penalty=penalty)
    new = planted(400, 0.5, seed=3)
    before, after = gap(head, *new[:3]), gap(repaired, *new[:3])
    assert before > 0.5
    assert abs(after) < 0.1
    worst_before = min(group_accuracies(head.logits(new[0]), new[1], shortcut_groups(new[1], new[2])).values())
    worst_after = min(group_accuracies(repaired.logits(new[0]), new[1], shortcut_groups(new[1], new[2])).values())
    assert worst_before < 0.4
    assert worst_after > 0.75
    assert repaired.weight.shape == (2, 34)
    assert repaired.weight.dtype == np.float32


def test_the_table_tells_each_group_before_and_after():
    head = shortcut_head()
    table, labels, cue, names = planted(300, 0.85, seed=2)
    groups = shortcut_groups(labels, cue)
    told = retrain_last_layer(table, labels, groups, names, head).groups
    assert tuple(told.columns) == GROUP_COLUMNS
    assert told["group"].tolist() == ["class 0, value 0", "class 0, value 1", "class 1, value 0", "class 1, value 1"]
    assert told["accuracy_before"].min() < 0.5 < told["accuracy_after"].min()
    assert retrain_last_layer(table, labels, groups, names).groups["accuracy_before"].isna().all()


def test_without_a_shortcut_a_retrained_head_is_as_good_as_a_plain_one():
    table, labels, cue, names = planted(300, 0.5, seed=4)
    new = planted(300, 0.5, seed=5)
    repaired = retrain_last_layer(table, labels, shortcut_groups(labels, cue), names)
    plain = LogisticRegression(max_iter=2000).fit(table, labels).score(new[0], new[1])
    assert (repaired.logits(new[0]).argmax(axis=1) == new[1]).mean() >= plain - 0.03


def test_a_strong_l1_penalty_drops_features():
    table, labels, cue, names = planted(300, 0.85, seed=2)
    repaired = retrain_last_layer(table, labels, shortcut_groups(labels, cue), names, strengths=(0.03,), subsets=1)
    assert (repaired.weight[1] == 0).sum() > 15
    assert (repaired.weight[1][:3] > 0).all()


def test_groups_are_cut_by_quantiles_clusters_or_names():
    labels = np.arange(200) % 2
    generator = np.random.default_rng(0)
    sharpness = generator.normal(size=200) + 1.5 * labels
    by_number = shortcut_groups(labels, sharpness)
    assert len(set(by_number)) == 4
    colours = np.where(generator.random(200) < 0.5, 200, 20)[:, None] + generator.normal(size=(200, 3))
    by_cluster = shortcut_groups(labels, colours)
    for group in set(by_cluster):
        assert np.ptp(colours[by_cluster == group, 0]) < 20
    assert set(shortcut_groups(labels, np.where(generator.random(200) < 0.5, "Male", "Female"))) == {
        "class 0, Female", "class 0, Male", "class 1, Female", "class 1, Male"
    }  # fmt: skip


def test_a_channel_that_tells_the_classes_completely_cannot_be_balanced():
    labels = np.arange(40) % 2
    with pytest.raises(BadInputError, match="no image with the value 1"):
        shortcut_groups(labels, labels * 100.0)


def test_half_of_each_class_gets_a_background_of_the_other_class():
    side, count = 40, 60
    labels = (np.arange(count) % 3 == 0).astype(int)
    faces = np.zeros((count, side, side, 3), np.uint8)
    faces[:, :, :, 0] = np.arange(count)[:, None, None]  # red: whose picture
    faces[:, :, :, 1] = np.where(labels == 1, 200, 50)[:, None, None]  # green: the class
    points = np.repeat(((TEMPLATE + 0.5) * (side / 300) - 0.5)[None], count, axis=0)
    swapped = np.stack(list(swapped_backgrounds(faces, labels, points, seed=1)))
    ground, centre = swapped[:, 0, 0, 1] > 125, swapped[:, side // 2 - 2, side // 2, 1] > 125
    assert np.array_equal(centre, labels == 1)
    for one in (0, 1):
        assert (ground[labels == one] != one).sum() == (labels == one).sum() // 2
    donors = swapped[:, 0, 0, 0]
    taken = np.bincount(donors[ground != (labels == 1)])
    assert taken[taken > 0].max() <= 1  # each background goes to one other picture
    again = np.stack(list(swapped_backgrounds(faces, labels, points, seed=1)))
    other = np.stack(list(swapped_backgrounds(faces, labels, points, seed=2)))
    assert np.array_equal(swapped, again)
    assert not np.array_equal(swapped, other)


def test_backgrounds_are_exchanged_for_the_share_of_each_class_that_is_asked_for():
    labels = (np.arange(50) % 5 == 0).astype(int)
    for share in (0.0, 0.5, 1.0):
        donors = exchanged_donors(labels, seed=2, share=share)
        crossed = labels[donors] != labels
        assert [crossed[labels == one].sum() for one in (0, 1)] == [40 * share, 10 * share]
        assert np.array_equal(donors[~crossed], np.flatnonzero(~crossed))


def test_features_are_taken_batch_by_batch_in_order():
    faces = np.arange(10 * 4 * 4 * 3, dtype=np.uint8).reshape(10, 4, 4, 3)
    sizes = []

    def model(images):
        sizes.append(len(images))
        return images.reshape(len(images), -1)[:, :5]

    assert np.array_equal(features_of(model, faces, batch_size=4), faces.reshape(10, -1)[:, :5])
    assert sizes == [4, 4, 2]


def test_what_cannot_be_repaired_is_refused():
    table, labels, cue, names = planted(40, 0.7, seed=2)
    groups = shortcut_groups(labels, cue)
    with pytest.raises(BadInputError, match="images of both classes"):
        retrain_last_layer(table, labels, cue.astype(str), names)
    with pytest.raises(BadInputError, match=r"expected \(2, 34\)"):
        retrain_last_layer(table, labels, groups, names, Head(np.zeros((2, 5)), np.zeros(2)))
    with pytest.raises(BadParameterError, match="subsets is 0"):
        retrain_last_layer(table, labels, groups, names, subsets=0)
    lonely = np.where(np.arange(len(groups)) == 1, "class 0, value 9", groups)
    with pytest.raises(BadInputError, match="cannot be halved"):
        retrain_last_layer(table, labels, lonely, names)
