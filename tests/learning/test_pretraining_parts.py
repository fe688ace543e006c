from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from looks_kedro.errors import BadInputError
from looks_kedro.learning.pretraining_parts import pretraining_parts


def tables(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sixty faces of twenty people; a split that took some of them, with mirrored copies."""
    rng = np.random.default_rng(seed)
    labels = pd.DataFrame({"file": [f"{i:03}.jpg" for i in range(60)]})
    labels["identity"] = [f"person{i}" for i in rng.integers(0, 20, 60)]
    labels["age"] = ""
    labels["gender"] = rng.choice(["Male", "Female", ""], 60)
    labels["race"] = rng.choice(["White", "Indian", ""], 60)
    tested = {f"person{i}" for i in rng.choice(20, 6, replace=False)}
    taken = labels[rng.random(60) < 0.7]
    split = pd.DataFrame({"file": taken["file"], "parent": taken["file"], "identity": taken["identity"]})
    split["group"] = split["identity"]
    split["part"] = np.where(split["identity"].isin(tested), "test", "train")
    copies = split[split["part"] == "train"].assign(file=lambda rows: "m_" + rows["file"])
    return labels, pd.concat([split, copies], ignore_index=True)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("learn_from", ["labelled", "left_out", "training_part"])
def test_no_person_of_the_test_part_is_learnt_from(seed, learn_from):
    labels, split = tables(seed)
    train, test = pretraining_parts(labels, split, learn_from)
    assert len(train)
    assert len(test)
    assert not set(train["identity"]) & set(split.loc[split["part"] == "test", "identity"])
    assert set(test["file"]) <= set(split.loc[split["part"] == "test", "file"])
    for part in (train, test):
        assert (part[["race", "gender", "age"]] != "").any(axis=1).all()


@pytest.mark.parametrize("seed", range(5))
def test_what_is_labelled_is_what_the_split_took_and_what_it_left_out(seed):
    labels, split = tables(seed)
    labelled, left_out, taken = (
        set(pretraining_parts(labels, split, learn_from)[0]["file"])
        for learn_from in ("labelled", "left_out", "training_part")
    )
    assert labelled == left_out | taken
    assert not left_out & set(split["file"])
    assert taken <= set(split.loc[split["part"] == "train", "parent"])


def faces(*rows: tuple[str, str]) -> pd.DataFrame:
    labels = pd.DataFrame(rows, columns=["file", "identity"])
    return labels.assign(age="20-29", gender="Male", race="White")


def split_of(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["file", "parent", "part", "identity", "group"])


@pytest.mark.parametrize("learn_from", ["labelled", "left_out", "training_part"])
def test_a_person_of_whom_a_copy_alone_is_in_the_test_part_is_not_learnt_from(learn_from):
    labels = faces(("a.jpg", "X"), ("a2.jpg", "X"), ("b.jpg", "Y"), ("c.jpg", "Z"), ("d.jpg", "W"))
    split = split_of(
        ("a.jpg", "a.jpg", "train", "X", "X"),
        ("m_a.jpg", "a.jpg", "test", "X", "X"),
        ("b.jpg", "b.jpg", "test", "Y", "Y"),
        ("c.jpg", "c.jpg", "train", "Z", "Z"),
    )
    train, test = pretraining_parts(labels, split, learn_from)
    assert train["identity"].tolist() == {"labelled": ["Z", "W"], "left_out": ["W"], "training_part": ["Z"]}[learn_from]
    assert test["file"].tolist() == ["b.jpg"]


def test_somebody_who_is_bound_to_a_tested_person_by_a_picture_is_not_learnt_from():
    labels = faces(("a.jpg", "X"), ("b.jpg", "Y"), ("c.jpg", "Z"))
    split = split_of(("a.jpg", "a.jpg", "test", "X", "X"), ("b.jpg", "b.jpg", "train", "Y", "X"))
    assert pretraining_parts(labels, split, "labelled")[0]["identity"].tolist() == ["Z"]


def test_a_picture_of_the_test_part_that_sampling_left_out_under_another_name_is_not_learnt_from():
    labels = faces(("a.jpg", "X"), ("b.jpg", "Y"), ("c.jpg", "Z"))
    split = split_of(("a.jpg", "a.jpg", "test", "X", "X"))
    groups = pd.Series(["X", "X", "Z"], index=labels.index)
    assert pretraining_parts(labels, split, "labelled", groups)[0]["identity"].tolist() == ["Z"]


def test_a_face_without_labels_is_named():
    labels, split = tables(0)
    lost = str(split["file"].iloc[0])
    with pytest.raises(BadInputError, match=rf"1 faces.*{lost}"):
        pretraining_parts(labels[labels["file"] != lost], split, "labelled")
