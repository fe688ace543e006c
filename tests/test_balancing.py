from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.balancing import Balancing, choose_test_identities, mirrored_name, split_parts
from looks_kedro.errors import BadInputError
from looks_kedro.tables import check_no_leak


def labels_of(celebrity_photos: list[int], ordinary: int) -> pd.DataFrame:
    rows = [
        {"file": f"celebrities/p{person}/{photo}.jpg", "looks": 1, "identity": f"p{person}"}
        for person, photos in enumerate(celebrity_photos)
        for photo in range(photos)
    ]
    rows += [{"file": f"ordinary/{i}.jpg", "looks": 0, "identity": f"o{i}"} for i in range(ordinary)]
    return pd.DataFrame(rows).assign(age="20-29", gender="Male", race="White", source="x", label_source="x")


many_photos = st.lists(st.integers(1, 9), min_size=2, max_size=8)


@given(
    many_photos,
    st.integers(2, 60),
    st.floats(0.1, 0.6),
    st.integers(0, 5),
    st.sampled_from(["celebrities", "both", "none"]),
)
@settings(deadline=None, max_examples=60)
def test_parts_are_balanced_and_no_person_is_in_both(photos, ordinary, fraction, seed, mirror):
    table = split_parts(labels_of(photos, ordinary), Balancing(test_fraction=fraction, seed=seed, mirror=mirror))
    check_no_leak(table)
    assert table["file"].is_unique
    for part in ("train", "test"):
        counts = table[table["part"] == part]["looks"].value_counts()
        assert counts[0] == counts[1] > 0
    assert not table[table["part"] == "test"]["mirrored"].any()


def test_mirrored_copies_stand_beside_their_parents_in_training():
    table = split_parts(labels_of([6, 6, 6], 60), Balancing(mirror="celebrities"))
    copies = table[table["mirrored"]]
    assert len(copies) == (table["part"].eq("train") & table["looks"].eq(1) & ~table["mirrored"]).sum() > 0
    assert (copies["file"] == copies["parent"].map(mirrored_name)).all()
    assert set(copies["looks"]) == {1}
    parents = table.set_index("file").loc[copies["parent"]]
    assert (parents["part"] == "train").all()


def test_the_test_part_comes_near_its_share_of_the_photos():
    rng = np.random.default_rng(3)
    photos = rng.integers(5, 40, size=30).tolist()
    faces = labels_of(photos, 2)
    faces = faces[faces["looks"] == 1]
    chosen = choose_test_identities(faces, 1, 0.2, np.random.default_rng(0))
    share = faces["identity"].isin(chosen).mean()
    assert abs(share - 0.2) < 0.03


def test_sizes_are_at_most_those_asked_for():
    table = split_parts(labels_of([10] * 10, 300), Balancing(train_per_class=30, test_per_class=5))
    assert table.groupby(["part", "looks"]).size().to_dict() == {
        ("test", 0): 5, ("test", 1): 5, ("train", 0): 30, ("train", 1): 30,
    }  # fmt: skip


def test_the_seed_decides():
    labels = labels_of([5] * 8, 100)
    first, again, other = (split_parts(labels, Balancing(seed=seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first["file"].equals(other["file"])


@pytest.mark.parametrize("photos", [[], [7]])
def test_a_class_of_fewer_than_two_persons_is_refused_with_a_remedy(photos):
    with pytest.raises(BadInputError, match=r"celebrities have \d faces of \d persons; at least 2 .* rejections.csv"):
        split_parts(labels_of(photos, 20), Balancing())
