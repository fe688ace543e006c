from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.balancing import (
    Balancing,
    choose_test_identities,
    folds_by_group,
    groups_of,
    leak_table,
    split_parts,
)
from looks_kedro.balancing.copies import is_copy
from looks_kedro.errors import BadInputError
from looks_kedro.tables import check_no_leak

many_photos = st.lists(st.integers(1, 9), min_size=4, max_size=9)
whose = st.sampled_from(["celebrities", "both", "none"])


@st.composite
def settings_of_any_kind(draw):
    folds = draw(st.sampled_from([0, 0, 2, 3]))
    return Balancing(
        protocol=draw(st.sampled_from(["identity", "identity", "published"])),
        test_fraction=draw(st.floats(0.05, 0.7)),
        folds=folds,
        fold=draw(st.integers(0, max(folds - 1, 0))),
        mirror=draw(whose),
        rotate=draw(whose),
        brighten=draw(whose),
        sampling=draw(st.sampled_from(["random", "matched"])),
        train_per_class=draw(st.sampled_from([None, 3, 20])),
        test_per_class=draw(st.sampled_from([None, 2, 10])),
        seed=draw(st.integers(0, 5)),
    )


@st.composite
def pairs_of_files(draw, labels):
    """Some pairs of like pictures, few enough that each class has three groups of its own."""
    files = [*labels["file"], "celebrities/rejected.jpg"]
    pairs = draw(st.lists(st.tuples(st.sampled_from(files), st.sampled_from(files)), max_size=3))
    groups = groups_of(labels, pairs)
    by_class = [set(groups[labels["looks"] == looks]) for looks in (0, 1)]
    return pairs if all(len(by_class[i] - by_class[1 - i]) >= 3 for i in (0, 1)) else []


@given(many_photos, st.integers(4, 40), settings_of_any_kind(), st.data())
@settings(deadline=None, max_examples=60)
def test_classes_are_as_large_and_nothing_is_in_both_parts(labels_of, photos, ordinary, balancing, data):
    labels = labels_of(photos, ordinary, seed=balancing.seed)
    if balancing.sampling == "matched":
        labels.loc[labels.groupby("looks").head(1).index, ["age", "gender", "race"]] = ["20-29", "Male", "White"]
    pairs = data.draw(pairs_of_files(labels))
    table = split_parts(labels, balancing, pairs)
    assert table["file"].is_unique
    for part, size in (("train", balancing.train_per_class), ("test", balancing.test_per_class)):
        counts = table[table["part"] == part]["looks"].value_counts()
        assert counts[0] == counts[1] > 0
        assert size is None or counts[0] <= size
    # A copy is its parent but for its name and how it is made.
    parents = labels.set_index("file").loc[table["parent"]]
    for column in ("looks", "identity", "age", "gender", "race"):
        assert table[column].tolist() == parents[column].tolist()
    if balancing.protocol == "identity":
        check_no_leak(table)
        assert (table.loc[is_copy(table), "part"] == "train").all()
        part_of = dict(zip(table["parent"], table["part"], strict=True))
        assert all(part_of[a] == part_of[b] for a, b in pairs if a in part_of and b in part_of)


@given(many_photos, st.integers(4, 40), settings_of_any_kind(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=20)
def test_the_order_of_the_labels_changes_nothing(labels_of, photos, ordinary, balancing, random):
    labels = labels_of(photos, ordinary, seed=3)
    labels[["age", "gender", "race"]] = labels[["age", "gender", "race"]].replace("", "White")
    labels["age"] = labels["age"].replace("White", "30-39")
    order = list(range(len(labels)))
    random.shuffle(order)
    pairs = [("ordinary/0.jpg", "ordinary/1.jpg"), ("ordinary/1.jpg", "celebrities/gone.jpg")][: balancing.seed]
    first = split_parts(labels, balancing, pairs)
    again = split_parts(labels.iloc[order], balancing, pairs[::-1])
    pd.testing.assert_frame_equal(first, again)


def test_the_seed_decides(labels_of):
    labels = labels_of([5] * 8, 100)
    first, again, other = (split_parts(labels, Balancing(seed=seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    tested = [set(table.loc[table["part"] == "test", "identity"]) for table in (first, other)]
    assert tested[0] != tested[1]


def test_the_test_part_comes_near_its_share_of_the_photos(labels_of):
    photos = np.random.default_rng(3).integers(5, 40, size=30).tolist()
    faces = labels_of(photos, 2)
    faces = faces[faces["looks"] == 1]
    chosen = choose_test_identities(faces, 1, 0.2, np.random.default_rng(0))
    share = faces["identity"].isin(chosen).mean()
    assert abs(share - 0.2) < 0.03


def test_sizes_are_at_most_those_asked_for(labels_of):
    table = split_parts(labels_of([10] * 10, 300), Balancing(train_per_class=30, test_per_class=5))
    assert table.groupby(["part", "looks"]).size().to_dict() == {
        ("test", 0): 5, ("test", 1): 5, ("train", 0): 30, ("train", 1): 30,
    }  # fmt: skip


@given(many_photos, st.integers(4, 60), st.integers(2, 4), st.integers(0, 3))
@settings(deadline=None, max_examples=20)
def test_everybody_is_tested_in_exactly_one_fold(labels_of, photos, ordinary, folds, seed):
    labels = labels_of(photos, ordinary)
    tables = [split_parts(labels, Balancing(folds=folds, fold=fold, seed=seed, mirror="none")) for fold in range(folds)]
    tested = [set(table.loc[table["part"] == "test", "identity"]) for table in tables]
    assert sum(map(len, tested)) == len(set().union(*tested))
    fold = folds_by_group(labels.assign(group=labels["identity"]), folds, seed)
    assert labels.groupby("identity")["file"].agg(lambda files: len(set(fold[files.index]))).eq(1).all()
    assert set(fold) == set(range(folds))
    for number, identities in enumerate(tested):
        assert (fold[labels["identity"].isin(identities)] == number).all()


def test_folds_are_as_large_as_each_other_also_of_thousands_of_people(labels_of):
    labels = labels_of([10] * 30, 9_000)
    fold = folds_by_group(labels.assign(group=labels["identity"]), 5, 0)
    counts = pd.crosstab(labels["looks"], fold)
    assert counts.loc[1].tolist() == [60] * 5
    assert (counts.loc[0] - 1800).abs().max() <= 5
    assert (fold != folds_by_group(labels.assign(group=labels["identity"]), 5, 1)).mean() > 0.5


def fairface(train: int, val: int) -> pd.DataFrame:
    files = [f"train/{i}.jpg" for i in range(train)] + [f"val/{i}.jpg" for i in range(val)]
    rows = {"file": [f"ordinary/{file}" for file in files], "looks": 0, "identity": files}
    return pd.DataFrame(rows).assign(age="", gender="", race="")


def test_the_own_parts_of_fairface_stay_apart_unless_ignored(labels_of):
    labels = pd.concat([labels_of([6] * 8, 0), fairface(60, 30)])
    for seed in range(5):
        table = split_parts(labels, Balancing(seed=seed))
        ordinary = table[table["looks"] == 0]
        assert (ordinary["file"].str.contains("/val/") == (ordinary["part"] == "test")).all()
    mixed = split_parts(labels, Balancing(own_parts="ignore"))
    assert mixed[mixed["file"].str.contains("/val/")]["part"].nunique() == 2


def test_one_of_fairfaces_parts_alone_is_split_like_others(labels_of):
    labels = pd.concat([labels_of([6] * 8, 0), fairface(60, 0)])
    table = split_parts(labels, Balancing())
    assert set(table.loc[table["looks"] == 0, "part"]) == {"train", "test"}


def test_a_person_called_val_is_no_part_of_fairface(labels_of):
    people = [("train", i) for i in range(6)] + [("val", i) for i in range(6)] + [("eve", i) for i in range(6)]
    rows = [{"file": f"ordinary/{name}/{i}.jpg", "looks": 0, "identity": name} for name, i in people]
    labels = pd.concat([labels_of([6] * 3, 0), pd.DataFrame(rows).assign(age="", gender="", race="")])
    tested = set()
    for seed in range(12):
        table = split_parts(labels, Balancing(seed=seed, test_fraction=0.34))
        tested |= set(table[(table["looks"] == 0) & (table["part"] == "test")]["identity"])
    assert tested == {"train", "val", "eve"}


def test_a_copy_of_a_training_photo_in_fairfaces_validation_part_goes_to_training(labels_of):
    labels = pd.concat([labels_of([6] * 8, 0), fairface(20, 10)])
    pair = ("ordinary/val/3.jpg", "ordinary/train/5.jpg")
    table = split_parts(labels, Balancing(mirror="both"), [pair]).set_index("file")
    assert table.at[pair[0], "part"] == table.at[pair[1], "part"] == "train"
    assert (table["part"] == "test").any()


def test_pictures_that_are_alike_share_a_group_also_over_a_third(labels_of):
    faces = labels_of([2, 1, 1], 4)
    groups = groups_of(faces, [("ordinary/2.jpg", "raw/gone.jpg"), ("ordinary/3.jpg", "raw/gone.jpg"),
                               ("celebrities/p2/0.jpg", "celebrities/p0/1.jpg")])  # fmt: skip
    by_file = dict(zip(faces["file"], groups, strict=True))
    assert by_file["ordinary/2.jpg"] == by_file["ordinary/3.jpg"] == "2.jpg"
    assert by_file["celebrities/p0/0.jpg"] == by_file["celebrities/p0/1.jpg"] == by_file["celebrities/p2/0.jpg"] == "p0"
    assert by_file["ordinary/0.jpg"] == "0.jpg"
    assert len(set(groups)) == 5


def test_one_name_in_both_classes_stays_in_one_part_and_is_told(labels_of, caplog):
    labels = labels_of([4] * 6, 40)
    labels.loc[labels["file"] == "ordinary/7.jpg", "identity"] = "p2"
    with caplog.at_level(logging.WARNING):
        tables = [split_parts(labels, Balancing(seed=seed, mirror="none")) for seed in range(8)]
    assert all(len(set(table.loc[table["identity"] == "p2", "part"])) <= 1 for table in tables)
    assert any(set(table[table["identity"] == "p2"]["looks"]) == {0, 1} for table in tables)
    assert "1 identities are in both classes, among them p2" in caplog.text


def test_flat_folders_of_the_same_file_names_can_be_split():
    classes = (("celebrities", 1, 6), ("ordinary", 0, 40))
    rows = [(f"{name}/{i}.jpg", looks, f"{i}.jpg") for name, looks, count in classes for i in range(count)]
    labels = pd.DataFrame(rows, columns=["file", "looks", "identity"]).assign(age="", gender="", race="")
    for seed in range(10):
        check_no_leak(split_parts(labels, Balancing(seed=seed)))


def test_the_published_order_leaks_and_the_leak_is_counted(labels_of):
    labels = labels_of([5] * 10, 200)
    table = split_parts(labels, Balancing(protocol="published", seed=1))
    with pytest.raises(BadInputError, match="The split leaks"):
        check_no_leak(table)
    leak = leak_table(table).set_index(["looks", "unit"])
    train, test = (table[table["part"] == part] for part in ("train", "test"))
    celebrities = test[test["looks"] == 1]
    by_hand = sum(parent in list(train["parent"]) for parent in celebrities["parent"])
    assert leak.at[(1, "parent"), "leaking"] == by_hand > 0
    assert leak.at[(1, "parent"), "share"] == pytest.approx(by_hand / len(celebrities), abs=1e-6)
    assert leak.at[(1, "identity"), "share"] == 1.0
    assert leak.at[(0, "parent"), "leaking"] == 0  # ordinary people are not mirrored
    assert leak.at[(1, "identity"), "in_both"] == leak.at[(1, "identity"), "in_test"]
    assert celebrities["mirrored"].any()
    # Of a mirrored pair in the pool, each image has its twin in training with about the share of training, 0.8.
    assert 0.5 < leak.at[(1, "parent"), "share"] < 1.0


def test_the_split_by_identity_has_no_leak_to_count(labels_of):
    leak = leak_table(split_parts(labels_of([5] * 10, 200), Balancing()))
    assert (leak["leaking"] == 0).all()
    assert (leak["test_images"] > 0).all()


@pytest.mark.parametrize(("photos", "ordinary", "told"), [
    ([], 20, r"no photo of celebrities .* rejections.csv"),
    ([3, 3], 0, r"no photo of ordinary people .* rejections.csv"),
    ([7], 20, r"celebrities have 7 faces of 1 persons; at least 2 .* rejections.csv"),
    ([3, 3], 1, r"ordinary people have 1 faces of 1 persons"),
])  # fmt: skip
def test_a_class_without_photos_or_with_one_person_is_refused_with_a_remedy(labels_of, photos, ordinary, told):
    with pytest.raises(BadInputError, match=told):
        split_parts(labels_of(photos, ordinary), Balancing())


def test_two_people_who_share_a_picture_are_too_few(labels_of):
    pair = ("celebrities/p0/0.jpg", "celebrities/p1/2.jpg")
    with pytest.raises(BadInputError, match="celebrities have 6 faces of 1 persons"):
        split_parts(labels_of([3, 3], 20), Balancing(), [pair])


def test_a_class_whose_photos_are_all_bound_to_training_is_refused(labels_of):
    labels = pd.concat([labels_of([6] * 8, 0), fairface(5, 1)])
    pair = ("ordinary/val/0.jpg", "ordinary/train/0.jpg")
    with pytest.raises(
        BadInputError, match=r"no photo of ordinary people can go to the test part.*own_parts to ignore"
    ):
        split_parts(labels, Balancing(), [pair])
    assert len(split_parts(labels, Balancing(own_parts="ignore"), [pair]))


def test_fewer_people_than_folds_are_refused(labels_of):
    with pytest.raises(BadInputError, match=r"celebrities have 12 faces of 3 persons; balancing.folds is 5.*at most 3"):
        split_parts(labels_of([4] * 3, 20), Balancing(folds=5))


@pytest.mark.parametrize(("values", "told"), [
    ({"folds": 1}, "one fold leaves nothing"),
    ({"folds": 4, "fold": 4}, "from 0 to 3, because balancing.folds is 4"),
    ({"fold": 1}, "from 0 to 0"),
    ({"match_on": "age+size"}, "match_on"),
    ({"match_on": []}, "at least 1"),
    ({"reject_mattes": True}, "reject_mattes"),
])  # fmt: skip
def test_parameters_that_mean_nothing_are_refused(values, told):
    with pytest.raises(ValueError, match=told):
        Balancing(**values)


def test_lists_are_read_from_the_command_line():
    assert Balancing(match_on="gender+race").match_on == ("gender", "race")
