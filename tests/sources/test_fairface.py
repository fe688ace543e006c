from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.sources import mend_age, read_fairface_labels
from looks_kedro.sources.fairface import read_labels
from looks_kedro.tables import AGES, GENDERS, RACES

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
HEAD = "file,age,gender,race,service_test\n"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "fairface_label_train.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("age", AGES)
def test_a_good_age_stays(age):
    assert mend_age(age) == age


@pytest.mark.parametrize(
    ("spoilt", "meant"),
    [
        *[(value, "3-9") for value in ("03-Sep", "3-Sep", "9-Mar", "09-Mar", "Sep-03", "Mar-09", "3/9", "2009-03-01",
                                       "2024-09-03", "03/09/2024", "9/3/2024", "Mar 9", "2024-03-09 00:00:00", "3–9",
                                       "03-09", "3 - 9", "September 3", "3 to 9")],
        *[(value, "10-19") for value in ("Oct-19", "19-Oct", "oct-19", "2019-10-01", "2024-10-19", "10/19/2024",
                                         "01/10/2019", "1-Oct-19", "Oct-2019", "10—19", "October 19",
                                         "2019-10-01T00:00:00")],
        *[(value, "0-2") for value in ("00-02", "0 - 2")],
        *[(value, "more than 70") for value in ("70+", "More than 70", ">70", "over 70", "more than 70 ")],
        ("20 – 29", "20-29"),
    ],
)  # fmt: skip
def test_an_age_that_a_spreadsheet_spoilt_is_mended(spoilt, meant):
    assert mend_age(spoilt) == meant


@pytest.mark.parametrize("value", ["", "7", "3-8", "10-20", "Jan-19", "02-Jan", "Feb-02", "2019", "19-Nov", "old",
                                   "25-Dec", "43739", "20-19", "2019-2010", "²-9"])  # fmt: skip
def test_what_stands_for_no_age_group_is_not_guessed(value):
    assert mend_age(value) is None


@given(st.integers(1, 28), st.integers(1, 12), st.sampled_from(["{d:02}-{m}", "{m}-{d:02}", "{d}-{m}", "{m} {d}"]))
def test_of_all_dates_only_those_of_an_age_group_are_taken_for_one(day, month, form):
    meant = {(3, 9): "3-9", (9, 3): "3-9", (10, 19): "10-19"}.get((month, day))
    assert mend_age(form.format(d=day, m=MONTHS[month - 1])) == meant


def test_mended_ages_are_counted_and_told(tmp_path, caplog):
    path = written(tmp_path, HEAD + "train/1.jpg,03-Sep,Male,White,TRUE\ntrain/2.jpg,Oct-19,Female,Black,FALSE\n"
                   "train/3.jpg,03-Sep,Male,Indian,TRUE\ntrain/4.jpg,0-2,male,Latino Hispanic,TRUE\n")  # fmt: skip
    with caplog.at_level(logging.WARNING):
        labels = read_fairface_labels(path)
    assert labels.table["age"].to_list() == ["3-9", "10-19", "3-9", "0-2"]
    assert labels.table["gender"].to_list() == ["Male", "Female", "Male", "Male"]
    assert labels.table["race"].to_list()[-1] == "Latino_Hispanic"
    assert labels.mended == {"03-Sep": ("3-9", 2), "Oct-19": ("10-19", 1)}
    assert "'03-Sep' -> 3-9 (2 rows)" in caplog.text


def test_good_labels_are_read_without_a_word(tmp_path, caplog):
    labels = read_fairface_labels(written(tmp_path, HEAD + "train/1.jpg,3-9,Male,White,TRUE\n"))
    assert (labels.mended, caplog.text) == ({}, "")
    assert list(labels.table.columns) == ["file", "age", "gender", "race"]


@pytest.mark.parametrize(
    ("cells", "column", "value", "told"),
    [
        ("33,Male,White", "age", "33", "expected one of 0-2, 3-9, 10-19"),
        ("3-9,M,White", "gender", "M", "expected one of Male, Female"),
        ("3-9,Male, Martian ", "race", "Martian", "expected one of White, Black"),
        ("3-9,Male,3", "race", "3", "expected one of White, Black"),
    ],
)
def test_a_cell_that_means_nothing_is_unknown_and_listed_and_its_image_stays(
    tmp_path, caplog, cells, column, value, told
):
    path = written(tmp_path, HEAD + f"a.jpg,3-9,Male,White,T\nb.jpg,{cells},T\n")
    labels = read_labels(path)
    assert list(labels.table["file"]) == ["a.jpg", "b.jpg"]
    assert labels.table.loc[0].to_list() == ["a.jpg", "3-9", "Male", "White"]
    expected = {"age": "3-9", "gender": "Male", "race": "White"} | {column: ""}
    assert labels.table.loc[1, ["age", "gender", "race"]].to_dict() == expected
    rejected = check_table(labels.rejected, "label_rejections", "cells").to_dict("records")
    assert [(cell["table"], cell["row"], cell["column"], cell["file"], cell["value"]) for cell in rejected] == [
        ("fairface_label_train.csv", 3, column, "b.jpg", value)
    ]
    assert rejected[0]["detail"].startswith(told)
    assert f"1 cells mean nothing and count as unknown (row 3, {column} {value!r})" in caplog.text


def test_an_empty_cell_is_unknown_in_ones_own_table_and_listed_in_fairfaces(tmp_path, caplog):
    path = written(tmp_path, HEAD + "a.jpg,,Male,White,T\nb.jpg,3-9,,n/a,T\n")
    own = read_labels(path)
    assert (len(own.rejected), caplog.text) == (0, "")
    assert own.table["age"].to_list() == ["", "3-9"]
    theirs = read_fairface_labels(path)
    assert theirs.table.equals(own.table)
    assert theirs.rejected[["row", "column", "value"]].to_numpy().tolist() == [
        [2, "age", ""], [3, "gender", ""], [3, "race", "n/a"]]  # fmt: skip
    assert "the cell is empty" in theirs.rejected.loc[0, "detail"]


def test_cells_that_mean_nothing_are_listed_in_the_order_of_their_rows(tmp_path, caplog):
    rows = ["3-9,Male,Martian", "old,Male,White", "3-9,X,Y", "young,Male,White"]
    labels = read_labels(written(tmp_path, HEAD + "".join(f"{k}.jpg,{row},T\n" for k, row in enumerate(rows))))
    assert labels.rejected[["row", "column"]].to_numpy().tolist() == [
        [2, "race"], [3, "age"], [4, "gender"], [4, "race"], [5, "age"]]  # fmt: skip
    assert "5 cells mean nothing" in caplog.text
    assert "row 4, gender 'X' and 2 more" in caplog.text


def test_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path):
    path = written(tmp_path, HEAD + "a.jpg,3-9,Male,White,T\n\n,,,,\nb.jpg,??,Male,White\nc.jpg,3-9,Male,White,T,,\n")
    labels = read_labels(path)
    assert list(labels.table["file"]) == ["a.jpg", "b.jpg", "c.jpg"]
    assert list(labels.rejected["row"]) == [5]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "file,gender,race\na.jpg,Male,White\n",
            r"column 'age' is missing; found file, gender, race; expected file, age",
        ),
        (HEAD + "a.jpg,3-9,Male,White,T\na.jpg,3-9,Male,White,T\n", r"row 3: file 'a.jpg' is there a second time"),
        (HEAD + "a.jpg,3-9,Male,White,T\n\n ,3-9,Male,White,T\n", r"row 4: file '' is empty"),
        (HEAD + "a.jpg,3-9,Male,Black, White,T\n", r"row 2: found 6 cells; expected 5"),
        ("file,age,age,gender,race\n", r"column 'age' is there twice"),
        (HEAD + 'a.jpg,"3-9,Male\n', "not a CSV table"),
        ("", "not a CSV table"),
        ("\n\n", "not a CSV table"),
    ],
)
def test_a_label_file_that_is_unusable_is_told_by_row_and_remedy(tmp_path, text, told):
    with pytest.raises(BadInputError, match=rf"(?s)fairface_label_train\.csv.*{told}"):
        read_fairface_labels(written(tmp_path, text))


# --- Parquet ---------------------------------------------------------------------------------------------------------

HUB_RACES = ["East Asian", "Indian", "Black", "White", "Middle Eastern", "Latino_Hispanic", "Southeast Asian"]


def parquet(folder: Path, columns: dict, metadata: dict | None = None) -> Path:
    table = pa.table(columns)
    if metadata:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    path = folder / "train-00000-of-00001.parquet"
    pq.write_table(table, path)
    return path


def test_class_numbers_of_the_hub_and_words_of_fairface_give_the_same_labels(tmp_path):
    files = [f"train/{k}.jpg" for k in range(126)]
    words = [(age, gender, race) for age in AGES for gender in GENDERS for race in RACES]
    csv_path = written(
        tmp_path, HEAD + "".join(f"{file},{','.join(row)},T\n" for file, row in zip(files, words, strict=True))
    )
    numbers = {
        "file": files,
        "age": pa.array([AGES.index(age) for age, _, _ in words], pa.int64()),
        "gender": pa.array([GENDERS.index(gender) for _, gender, _ in words], pa.int8()),
        "race": pa.array([HUB_RACES.index(race) for _, _, race in words], pa.int64()),
    }
    hub = read_fairface_labels(parquet(tmp_path, numbers))
    assert hub.table.equals(read_fairface_labels(csv_path).table)
    assert (len(hub.rejected), hub.mended) == (0, {})
    # The network's order is another one: a hub table read in it would be wrong for most races.
    assert [RACES.index(race) for race in HUB_RACES] == [3, 5, 1, 0, 6, 2, 4]


def test_words_in_parquet_are_read_and_mended_like_those_in_csv(tmp_path):
    columns = {
        "file": ["1.jpg", "2.jpg"],
        "age": pa.array(["03-Sep", "20-29"]).dictionary_encode(),
        "gender": pa.array(["Male", None]),
        "race": ["Latino Hispanic", "Martian"],
    }
    labels = read_labels(parquet(tmp_path, columns))
    assert labels.table.to_numpy().tolist() == [
        ["1.jpg", "3-9", "Male", "Latino_Hispanic"],
        ["2.jpg", "20-29", "", ""],
    ]
    assert labels.mended == {"03-Sep": ("3-9", 1)}
    assert labels.rejected[["row", "column", "file", "value"]].to_numpy().tolist() == [[3, "race", "2.jpg", "Martian"]]


def test_class_numbers_that_no_class_has_are_listed_and_missing_ones_are_unknown(tmp_path):
    columns = {
        "file": ["1.jpg", "2.jpg", "3.jpg"],
        "age": pa.array([9, None, -1], pa.int64()),
        "gender": pa.array([0.0, 1.0, None]),
        "race": [0, -2, 6],
    }
    labels = read_labels(parquet(tmp_path, columns))
    assert labels.table[["age", "gender", "race"]].to_numpy().tolist() == [
        ["", "Male", "East Asian"], ["", "Female", ""], ["", "", "Southeast Asian"]]  # fmt: skip
    assert labels.rejected[["row", "column", "value"]].to_numpy().tolist() == [[2, "age", "9"], [3, "race", "-2"]]


def test_a_copy_that_names_its_classes_in_another_order_is_read_by_its_own_names(tmp_path):
    features = {
        "gender": {"names": ["Female", "Male"], "_type": "ClassLabel"},
        "race": {"names": sorted(RACES), "_type": "ClassLabel"},
        "age": {"dtype": "int64", "_type": "Value"},
    }
    columns = {"file": ["1.jpg"], "age": [1], "gender": [0], "race": [0]}
    labels = read_labels(parquet(tmp_path, columns, {"info": {"features": features}}))
    assert labels.table.loc[0].to_list() == ["1.jpg", "3-9", "Female", "Black"]


def test_images_inside_the_file_give_the_names(tmp_path):
    images = pa.array([{"bytes": b"x" * 100, "path": "1.jpg"}, {"bytes": b"y", "path": "2.jpg"}])
    numbers = {"age": [0, 1], "gender": [0, 1], "race": [3, 0]}
    labels = read_labels(parquet(tmp_path, {"image": images} | numbers))
    assert labels.table["file"].to_list() == ["1.jpg", "2.jpg"]
    nameless = pa.array([{"bytes": b"x", "path": None}] * 2, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    with pytest.raises(BadInputError, match="column 'file' is missing"):
        read_labels(parquet(tmp_path, {"image": nameless} | numbers))


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"file,age\n", "not a Parquet table"), (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer")],
)
def test_a_file_that_is_no_parquet_is_named_for_what_it_is(tmp_path, content, told):
    path = tmp_path / "train.parquet"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=rf"train\.parquet: .*{told}"):
        read_labels(path)


# --- other files -----------------------------------------------------------------------------------------------------


def test_a_label_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BadInputError, match="no such label file"):
        read_labels(tmp_path / "labels.csv")


def test_own_labels_may_be_unknown_and_have_semicolons_a_mark_and_other_scripts(tmp_path):
    text = "identity;race;gender;age;file\nなおみ;;Female;;ねこ\\1.jpg\n"
    labels = read_labels(written(tmp_path, text, "utf-8-sig"))
    row = labels.table.iloc[0].to_dict()
    assert row == {"file": "ねこ/1.jpg", "age": "", "gender": "Female", "race": "", "identity": "なおみ"}
    with pytest.raises(BadInputError, match="CSV UTF-8"):
        read_labels(written(tmp_path, HEAD + "Zoë.jpg,3-9,Male,White,T\n", "latin-1"))
