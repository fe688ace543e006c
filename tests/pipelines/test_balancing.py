from __future__ import annotations

import logging

import pandas as pd
import pytest

from looks_kedro.balancing import Balancing
from looks_kedro.datasets import TableDataset
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.background.parameters import Background
from looks_kedro.pipelines.balancing.nodes import check_split, split_faces


@pytest.fixture
def labels() -> pd.DataFrame:
    rows = [(f"celebrities/p{i // 5}/{i}.jpg", 1, f"p{i // 5}") for i in range(30)]
    rows += [(f"ordinary/{i}.jpg", 0, f"{i}.jpg") for i in range(40)]
    table = pd.DataFrame(rows, columns=["file", "looks", "identity"])
    return table.assign(age="", gender="Female", race="")


@pytest.fixture
def mattes(labels) -> pd.DataFrame:
    failed = ["celebrities/p1/7.jpg", "ordinary/3.jpg", "ordinary/4.jpg"]
    return labels[["file"]].assign(passed=~labels["file"].isin(failed))


@pytest.fixture
def decisions(labels) -> pd.DataFrame:
    """Two photos that a correction kept are the same picture as another; a rejected one is too, and is not there."""
    table = labels.assign(raw_file=labels["file"], reason="", detail="", duplicate_of="", correction="")
    table = table.set_index("file", drop=False)
    table.loc["ordinary/9.jpg", ["duplicate_of", "correction"]] = ["ordinary/8.jpg", "keep"]
    table.loc["celebrities/p2/10.jpg", ["duplicate_of", "correction"]] = ["celebrities/p0/0.jpg", "keep"]
    gone = table.loc["ordinary/9.jpg"].to_dict() | {"file": "ordinary/gone.jpg", "duplicate_of": "ordinary/7.jpg"}
    return pd.concat([table, pd.DataFrame([gone])], ignore_index=True)


def saved(table: pd.DataFrame, folder, name: str) -> pd.DataFrame:
    dataset = TableDataset(filepath=str(folder / f"{name}.csv"), schema=name)
    dataset.save(table)
    return dataset.load()


@pytest.mark.parametrize("seed", range(6))
def test_duplicates_that_a_correction_kept_stay_with_their_picture(labels, mattes, decisions, tmp_path, seed):
    table, balances = split_faces(labels, decisions, mattes, Balancing(seed=seed, test_fraction=0.4), Background())
    table = saved(table, tmp_path, "split_table")
    groups = dict(zip(table["parent"], table["group"], strict=True))
    for one, other in (("ordinary/8.jpg", "ordinary/9.jpg"), ("celebrities/p0/0.jpg", "celebrities/p2/10.jpg")):
        if one in groups and other in groups:
            assert groups[one] == groups[other]
    assert table.groupby("group")["part"].nunique().max() == 1
    joined = table[table["identity"].isin(["p0", "p2"])]
    assert set(joined["group"]) == {"p0"}
    saved(balances, tmp_path, "balance_table")
    leak = saved(check_split(table, Balancing()), tmp_path, "leak_table")
    assert leak["leaking"].sum() == 0


def test_failed_mattes_leave_before_balancing_or_never(labels, mattes, decisions):
    failed = set(mattes.loc[~mattes["passed"], "file"])
    sizes = Balancing(mirror="both", train_per_class=None, test_per_class=None)
    without, _ = split_faces(labels, decisions, mattes, sizes, Background())
    counts = without.groupby(["part", "looks"]).size().unstack()
    assert not failed & set(without["parent"])
    assert (counts[0] == counts[1]).all()
    with_all, _ = split_faces(labels, decisions, mattes, sizes, Background(reject="never"))
    assert "celebrities/p1/7.jpg" in set(with_all["parent"])


def test_faces_without_a_matte_are_told_and_not_dropped(labels, mattes, decisions):
    with pytest.raises(BadInputError, match=r"2 of 70 faces have no row, among them celebrities/p0/0.jpg.*background"):
        split_faces(labels, decisions, mattes.iloc[2:], Balancing(), Background())
    split_faces(labels, decisions, mattes.iloc[2:], Balancing(), Background(reject="never"))


def test_a_saved_table_that_leaks_is_refused_but_for_the_published_order(labels, mattes, decisions, tmp_path, caplog):
    published = Balancing(protocol="published")
    table, _ = split_faces(labels, decisions, mattes, published, Background())
    table = saved(table, tmp_path, "split_table")
    with pytest.raises(BadInputError, match="The split leaks"):
        check_split(table, Balancing())
    with caplog.at_level(logging.WARNING):
        leak = saved(check_split(table, published), tmp_path, "leak_table")
    share = leak.set_index(["looks", "unit"])["share"]
    assert share[(1, "identity")] > 0.5
    assert "test images of celebrities the training part knows" in caplog.text


def test_a_class_whose_mattes_all_failed_is_refused(labels, mattes, decisions):
    mattes["passed"] &= mattes["file"].str.startswith("celebrities")
    with pytest.raises(BadInputError, match=r"no photo of ordinary people.*matte_quality"):
        split_faces(labels, decisions, mattes, Balancing(), Background())
