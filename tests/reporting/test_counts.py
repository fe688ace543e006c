from __future__ import annotations

import logging

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looks_kedro.balancing import Balancing, balance
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.reporting import count_images
from looks_kedro.reporting.sections import balance_rows, funnel_rows
from looks_kedro.reporting.words import words_of
from looks_kedro.tables import columns

SPLIT = pd.DataFrame(
    {
        "file": ["a", "b", "a.mirrored", "d", "e", "f", "d.rotated"],
        "parent": ["a", "b", "a", "d", "e", "f", "d"],
        "looks": [1, 1, 1, 0, 0, 0, 0],
        "mirrored": [False, False, True, False, False, False, False],
        "rotation": [0.0] * 6 + [5.0],
        "brightness": 1.0,
        "part": ["train", "test", "train", "train", "train", "test", "train"],
    }
)


def study() -> dict[str, pd.DataFrame]:
    """Tables of a little study: one celebrity is cut out badly, one ordinary person is not drawn."""
    return {
        "acquisition_log": pd.DataFrame(
            {
                "looks": [1] * 5 + [0] * 6,
                "kept": [True] * 4 + [False] + [True] * 6,
                "reason": [""] * 4 + ["empty_file"] + [""] * 6,
            }
        ),
        "rejections": pd.DataFrame({"looks": [1, 0, 0], "reason": ["no_face", "no_face", "side_view"]}),
        "labels": pd.DataFrame({"file": list("abcdefg"), "looks": [1, 1, 1, 0, 0, 0, 0]}),
        "matte_quality": pd.DataFrame(
            {
                "file": list("abcdefg"),
                "passed": [True, True, False, True, True, True, True],
                "reason": ["", "", "face_cut", "", "", "", ""],
            }
        ),
        "split_table": SPLIT,
    }


def totals_that_do_not_follow(funnel: pd.DataFrame) -> list[str]:
    """Totals that are not the total before them plus the rows between."""
    wrong = []
    for name, rows in funnel.groupby("class"):
        left = 0
        for number, (step, reason, count) in enumerate(rows[["step", "reason", "count"]].itertuples(index=False)):
            if reason:
                left += count
            else:
                if number and count != left:
                    wrong.append(f"{name} {step}: {count} is not {left}")
                left = count
    return wrong


def test_every_image_is_counted_by_reason_from_the_first_to_the_last():
    funnel = count_images(**study())
    counts = funnel.pivot_table(index=["step", "reason"], columns="class", values="count")[["celebrities", "ordinary"]]
    assert not totals_that_do_not_follow(funnel)
    expected = {
        ("images found", ""): [5, 6],
        ("acquisition", "empty_file"): [-1, 0],
        ("raw images", ""): [4, 6],
        ("preprocessing", "no_face"): [-1, -1],
        ("preprocessing", "side_view"): [0, -1],
        ("frontal faces", ""): [3, 4],
        ("badly cut out", "face_cut"): [-1, 0],
        ("faces to balance", ""): [2, 4],
        ("balancing", "not drawn"): [0, -1],
        ("copies", "mirrored"): [1, 0],
        ("copies", "rotated"): [0, 1],
        ("images that the models see", ""): [3, 4],
    }
    assert {key: [int(n) for n in row] for key, row in zip(counts.index, counts.to_numpy(), strict=True)} == expected


def test_the_counts_are_a_table_of_the_study():
    check_table(count_images(**study())[columns("funnel")], "funnel", "funnel.csv")
    with pytest.raises(BadInputError, match="class"):
        check_table(count_images(**study()).assign(**{"class": "x"})[columns("funnel")], "funnel", "funnel.csv")


def test_cut_outs_that_are_never_rejected_are_not_counted_as_left_out():
    counts = count_images(**study(), reject_mattes=False).set_index(["class", "step", "reason"])["count"]
    assert "badly cut out" not in counts.index.get_level_values("step")
    assert counts["celebrities", "faces to balance", ""] == counts["celebrities", "frontal faces", ""] == 3
    assert counts["celebrities", "balancing", "not drawn"] == -1


def test_tables_of_different_runs_are_told_and_still_add_up(caplog):
    tables = study()
    tables["labels"] = tables["labels"].iloc[1:]
    with caplog.at_level(logging.WARNING):
        funnel = count_images(**tables)
    assert "different runs" in caplog.text
    assert not totals_that_do_not_follow(funnel)
    unexplained = funnel[funnel["reason"] == "unexplained"]
    assert unexplained.loc[unexplained["class"] == "celebrities", "count"].tolist() == [-1, 1]


def test_the_readers_table_has_the_same_numbers_and_the_parts():
    tables = study()
    split = tables["split_table"].assign(identity="ada")
    shown = funnel_rows(count_images(**tables), split, words_of("en"))
    assert shown["people"] == 2
    rows = {str(row["words"]): (row["celebrities"], row["ordinary"]) for row in shown["rows"]}
    assert rows["face cut off"] == (-1, 0)
    assert rows["mirrored copies"] == (1, 0)
    parts = zip(rows["of them for training"], rows["of them for testing"], strict=True)
    assert tuple(map(sum, parts)) == rows["Seen by the models"]
    assert shown["seen"] == sum(rows["Seen by the models"])
    assert shown["tried"] == sum(rows["Images found"])


def test_the_balance_counts_photos_without_copies_and_shares_add_up():
    table = study()["split_table"].assign(gender="Female", race="", age="20-29")
    found = balance_rows(table)
    photos = table[table["file"] == table["parent"]]
    (women,) = found["gender"]
    assert (women["celebrities"], women["ordinary"]) == ((photos["looks"] == 1).sum(), (photos["looks"] == 0).sum())
    assert women["celebrities_share"] == women["ordinary_share"] == 1
    assert [row["value"] for row in found["race"]] == ["unknown"]


WHOSE = st.sampled_from(["celebrities", "both", "none"])


@settings(max_examples=25, deadline=None)
@given(
    photos=st.lists(st.integers(2, 14), min_size=2, max_size=6),
    ordinary=st.integers(4, 60),
    protocol=st.sampled_from(["identity", "published"]),
    copies=st.fixed_dictionaries(
        {name: st.sampled_from(["celebrities", "both", "none"]) for name in ("mirror", "rotate")}
    ),
    reject=st.booleans(),
    seed=st.integers(0, 5),
)
def test_whatever_balancing_does_the_tables_add_up(photos, ordinary, protocol, copies, reject, seed):
    people = [(f"celebrities/{i}/{k}.jpg", 1, str(i)) for i, count in enumerate(photos) for k in range(count)]
    people += [(f"ordinary/{i}.jpg", 0, f"o{i}") for i in range(ordinary)]
    labels = pd.DataFrame(people, columns=["file", "looks", "identity"]).assign(age="", gender="", race="", source="")
    # Every fifth matte has failed, though never that of anybody's first photo.
    passed = [not (number % 5 == 4 and not file.endswith("/0.jpg")) for number, file in enumerate(labels["file"])]
    mattes = pd.DataFrame({"file": labels["file"], "passed": passed})
    mattes["reason"] = ["" if good else "holes" for good in passed]
    log = pd.DataFrame({"looks": labels["looks"], "kept": True, "reason": ""})
    usable = labels[mattes["passed"]] if reject else labels
    try:
        split = balance(usable, Balancing(protocol=protocol, seed=seed, **copies)).split_table
    except BadInputError:
        return  # too few people for two parts
    funnel = count_images(log, log[:0], labels, mattes, split, reject_mattes=reject)
    assert not totals_that_do_not_follow(funnel)
    assert "unexplained" not in set(funnel["reason"])
    last = funnel[funnel["step"] == "images that the models see"].set_index("class")["count"]
    assert last["celebrities"] == (split["looks"] == 1).sum()
    assert last["ordinary"] == (split["looks"] == 0).sum()
