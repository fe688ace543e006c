from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from looks_kedro.errors import BadInputError
from looks_kedro.sources import mend_age, read_fairface_labels
from looks_kedro.sources.fairface import read_labels
from looks_kedro.tables import AGES

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
    ("text", "told"),
    [
        (
            HEAD + "a.jpg,3-9,Male,White,T\nb.jpg,33,Male,White,T\n",
            r"row 3: age is '33'; expected one of 0-2, 3-9, 10-19",
        ),
        (HEAD + "a.jpg,,Male,White,T\n", r"row 2: age is ''; expected one of"),
        (HEAD + "a.jpg,3-9,M,White,T\n", r"row 2: gender is 'M'; expected one of Male, Female"),
        (HEAD + "a.jpg,3-9,Male,Martian,T\n", r"row 2: race is 'Martian'"),
        (
            "file,gender,race\na.jpg,Male,White\n",
            r"column 'age' is missing; found file, gender, race; expected file, age",
        ),
        (HEAD + "a.jpg,3-9,Male,White,T\na.jpg,3-9,Male,White,T\n", r"row 3: file 'a.jpg' is there a second time"),
        ("", "not a CSV table"),
    ],
)
def test_a_label_file_that_is_unusable_is_told_by_row_and_remedy(tmp_path, text, told):
    with pytest.raises(BadInputError, match=rf"(?s)fairface_label_train\.csv.*{told}"):
        read_fairface_labels(written(tmp_path, text))


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
