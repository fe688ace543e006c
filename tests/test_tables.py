from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from looks_kedro import tables
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError

SPLIT = pd.DataFrame(
    {
        "file": ["celebrities/ada/1.jpg", "celebrities/ada/1.mirrored.jpg", "ordinary/3.jpg"],
        "parent": ["celebrities/ada/1.jpg", "celebrities/ada/1.jpg", "ordinary/3.jpg"],
        "part": ["train", "train", "test"],
        "mirrored": [False, True, False],
        "rotation": [0.0, 0.0, 0.0],
        "brightness": [1.0, 1.0, 1.0],
        "group": ["celebrities/ada", "celebrities/ada", "ordinary/3"],
        "looks": [1, 1, 0],
        "identity": ["ada", "ada", "3"],
        "age": ["", "", "3-9"],
        "gender": ["Female", "Female", ""],
        "race": ["Latino_Hispanic", "Latino_Hispanic", "White"],
    }
)
LOG = pd.DataFrame(
    {
        "file": ["a.jpg", ""],
        "looks": [1, 1],
        "source": ["commons", "commons"],
        "origin": ["https://example.org/a.jpg", "https://example.org/b.jpg"],
        "page": ["https://example.org/Ada", ""],
        "title": ["Ada", ""],
        "query": ["Ada", "Ada"],
        "rank": [1.0, 2.0],
        "status": [200.0, 404.0],
        "type": ["image/jpeg", ""],
        "identity": ["ada", "ada"],
        "licence": ["CC BY 4.0", ""],
        "sha256": ["0" * 64, ""],
        "perceptual_hash": ["0123456789abcdef", ""],
        "bytes": [10, 0],
        "time": ["2024-05-01T12:00:00Z", ""],
        "kept": [True, False],
        "reason": ["", "not found (404)"],
    }
)


def changed(table: pd.DataFrame, row: int, **values: object) -> pd.DataFrame:
    table = table.astype(object)
    for name, value in values.items():
        table.loc[row, name] = value
    return table


@pytest.mark.parametrize(("name", "table"), [("split_table", SPLIT), ("acquisition_log", LOG)])
def test_a_good_table_passes_and_keeps_its_values(name, table):
    checked = check_table(table, name, "t.csv")
    assert checked.astype(object).equals(table.astype(object))


def test_every_name_has_a_schema_and_no_other_has():
    assert all(tables.columns(name) for name in tables.NAMES)
    with pytest.raises(BadInputError, match=r"'persons'.*people.*split_table"):
        tables.schema("persons")


def test_labels_begin_as_fairface_users_expect():
    assert tables.columns("labels")[:5] == ["file", "age", "gender", "race", "looks"]


def test_model_input_is_the_split_with_landmarks():
    assert tables.columns("model_input") == [*tables.columns("split_table"), *tables.CROP_LANDMARKS]
    assert tables.CROP_LANDMARKS[:2] == ("crop_left_eye_x", "crop_left_eye_y")
    assert (len(tables.AGES), len(tables.GENDERS), len(tables.RACES), len(tables.LANDMARKS)) == (9, 2, 7, 10)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"age": "Oct-19"}, r"row 4: age is 'Oct-19'; expected one of 0-2, 3-9, 10-19.*or empty where unknown"),
        ({"gender": "male"}, r"row 4: gender is 'male'"),
        ({"race": "Latino Hispanic"}, r"row 4: race is 'Latino Hispanic'"),
        ({"looks": 2}, r"row 4: looks is 2"),
        ({"part": "val"}, r"row 4: part is 'val'; expected one of train, test"),
        ({"group": ""}, r"row 4: group is empty"),
        ({"mirrored": True}, r"row 4: expected a file other than its parent exactly where mirrored"),
        ({"rotation": 5.0}, r"row 4: expected a file other than its parent .* rotation is not 0"),
        ({"brightness": 0.9}, r"row 4: expected a file other than its parent .* brightness is not 1"),
        ({"mirrored": "perhaps"}, r"row 4: mirrored is 'perhaps'; expected True or False"),
        ({"file": "/abs.jpg", "parent": "/abs.jpg"}, r"row 4: .* is '/abs.jpg'; expected a relative file name"),
        ({"file": "a/../b.jpg", "parent": "a/../b.jpg"}, r"row 4: .* is 'a/../b.jpg'; expected a relative file name"),
        (
            {"file": "celebrities/ada/1.jpg", "parent": "celebrities/ada/1.jpg"},
            r"file is 'celebrities/ada/1.jpg', which",
        ),
    ],
)
def test_a_bad_split_is_told_by_row_and_value(change, told):
    with pytest.raises(BadInputError, match=told):
        check_table(changed(SPLIT, 2, **change), "split_table", "split_table.csv")


@pytest.mark.parametrize(
    ("row", "change"),
    [
        (0, {"reason": "too small"}),
        (1, {"reason": ""}),
        (0, {"file": ""}),
        (0, {"sha256": "ABC"}),
        (0, {"bytes": -1}),
        (0, {"time": "yesterday"}),
        (1, {"file": "a.jpg", "kept": True, "reason": ""}),
    ],
)
def test_a_bad_acquisition_log_is_refused(row, change):
    with pytest.raises(BadInputError, match=r"log.csv, row"):
        check_table(changed(LOG, row, **change), "acquisition_log", "log.csv")


def test_both_classes_may_have_a_file_of_one_name_but_one_class_may_not():
    rows = {"file": ["1.jpg", "1.jpg"], "age": "", "gender": "", "race": "", "label_source": "", "photo_date": ""}
    check_table(pd.DataFrame(rows | {"looks": [0, 1]}), "source_labels", "t")
    with pytest.raises(BadInputError, match=r"row 2|row 3"):
        check_table(pd.DataFrame(rows | {"looks": [1, 1]}), "source_labels", "t")


def test_numbers_that_are_not_finite_are_refused():
    history = pd.DataFrame({name: [0.5] for name in tables.columns("history")}).assign(epoch=0, test_loss=np.inf)
    with pytest.raises(BadInputError, match="test_loss is inf"):
        check_table(history, "history", "history.csv")
    with pytest.raises(BadInputError, match="test_loss is empty"):
        check_table(history.assign(test_loss=np.nan), "history", "history.csv")


def test_a_split_by_identity_does_not_leak():
    tables.check_no_leak(SPLIT)


def test_a_person_in_both_parts_is_a_leak():
    leaking = changed(SPLIT, 2, group="celebrities/ada")
    with pytest.raises(BadInputError, match=r"1 value\(s\) of 'group'.*celebrities/ada"):
        tables.check_no_leak(leaking)


def test_a_person_of_two_groups_in_both_parts_is_a_leak():
    with pytest.raises(BadInputError, match=r"'identity'.*ada"):
        tables.check_no_leak(changed(SPLIT, 2, identity="ada"))


def test_a_face_whose_mirror_image_is_in_the_other_part_is_a_leak():
    leaking = changed(SPLIT, 1, part="test", group="another")
    with pytest.raises(BadInputError, match="'parent'"):
        tables.check_no_leak(leaking)


def test_the_heavy_checker_is_loaded_only_when_a_table_is_checked():
    code = "import sys, looks_kedro.tables, looks_kedro.sources; assert 'pandera' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
