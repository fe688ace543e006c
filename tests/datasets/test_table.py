from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kedro.io import Version
from kedro.io.core import DatasetError

from looks_kedro import tables
from looks_kedro.datasets import TableDataset
from looks_kedro.datasets.errors import MissingVersionError, UnusableDataError
from looks_kedro.errors import BadInputError, BadParameterError

REJECTIONS = {
    "file": ["0012", "NA"],
    "looks": [1, 0],
    "identity": ["", "nan"],
    "stage": ["decode", "1e5"],
    "reason": ["True", "null"],
    "detail": ['a "quoted", one', "two\nlines"],
    "duplicate_of": ["", "-0"],
}


def rejections(**changes: object) -> pd.DataFrame:
    return pd.DataFrame(REJECTIONS | changes)


def dataset(folder: Path, load: str | None = None, save: str | None = None, **options) -> TableDataset:
    return TableDataset(filepath=folder / "t.csv", version=Version(load, save), schema="rejections", **options)


def test_texts_that_look_like_numbers_or_blanks_stay_texts(tmp_path):
    dataset(tmp_path, save="v1").save(rejections())
    loaded = dataset(tmp_path).load()
    assert loaded.to_dict("list") == REJECTIONS
    assert (tmp_path / "t.csv" / "v1" / "t.csv").is_file()


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
filled = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(filled, st.sampled_from([0, 1]), texts, filled, filled, texts, texts), max_size=5))
def test_any_texts_make_the_round_trip(tmp_path, rows):
    table = pd.DataFrame(rows, columns=tables.columns("rejections"))
    plain = TableDataset(filepath=tmp_path / "plain.csv", schema="rejections")
    plain.save(table)
    assert plain.load().astype(object).to_numpy().tolist() == [list(row) for row in rows]


numbers = st.floats(0, 1, width=64)
losses = st.floats(0, 1e8)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*[losses, numbers] * 3, numbers, numbers, *[losses] * 4), max_size=5))
def test_any_numbers_make_the_round_trip_to_the_last_bit(tmp_path, rows):
    table = pd.DataFrame([(k, *row) for k, row in enumerate(rows)], columns=tables.columns("history"))
    plain = TableDataset(filepath=tmp_path / "history.csv", schema="history")
    plain.save(table)
    loaded = plain.load()
    assert loaded.drop(columns="epoch").to_numpy().tolist() == [list(row) for row in rows]
    assert loaded.dtypes.astype(str).to_list() == ["int64", *["float64"] * 12]


def test_a_table_without_rows_keeps_its_columns_and_types(tmp_path):
    for name in tables.NAMES:
        plain = TableDataset(filepath=tmp_path / f"{name}.csv", schema=name)
        plain.save(tables.empty_table(name))
        pd.testing.assert_frame_equal(plain.load(), tables.empty_table(name))


def test_a_missing_number_comes_back_missing_where_the_schema_allows_it(tmp_path):
    row = {
        "file": "a.jpg",
        "looks": 1,
        "identity": "ada",
        "predicted": 1,
        "share": np.nan,
        "area": 0.5,
        "ratio": np.nan,
    }
    plain = TableDataset(filepath=tmp_path / "a.csv", schema="attention")
    plain.save(pd.DataFrame([row]))
    assert plain.load()["share"].isna().all()
    with pytest.raises(UnusableDataError, match=r"a.csv, row 2: area is empty; expected a number"):
        plain.save(pd.DataFrame([row | {"area": np.nan}]))


def test_columns_come_out_in_the_order_of_the_schema(tmp_path):
    shuffled = rejections()[["detail", "duplicate_of", "reason", "stage", "identity", "looks", "file"]]
    dataset(tmp_path, save="v1").save(shuffled)
    assert list(dataset(tmp_path).load().columns) == tables.columns("rejections")


def _edited(folder: Path, text: str, encoding: str = "utf-8") -> TableDataset:
    (folder / "edited.csv").write_text(text, encoding=encoding)
    return TableDataset(filepath=folder / "edited.csv", schema="rejections")


HEAD = "file,looks,identity,stage,reason,detail,duplicate_of\n"


def test_what_a_spreadsheet_writes_is_read(tmp_path):
    edited = _edited(tmp_path, HEAD.replace("\n", "\r\n") + "Zoë.jpg,1.0,,a,b,c,\r\n\r\n", "utf-8-sig")
    assert edited.load().iloc[0].to_list() == ["Zoë.jpg", 1, "", "a", "b", "c", ""]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("file,looks\na,1\n", r"missing identity, stage, reason, detail, duplicate_of. Found file, looks; expected"),
        (HEAD.replace("detail", "details"), r"missing detail; unknown details"),
        (HEAD + "a,1,,s,r,d,\nb,2,,s,r,d,\n", r"row 3: looks is 2; expected 1 \(celebrity\) or 0"),
        (HEAD + "a,1,,s,r,d,\nb,yes,,s,r,d,\n", r"row 3: looks is 'yes'; expected a whole number"),
        (HEAD + "a,1.5,,s,r,d,\n", r"row 2: looks is '1.5'; expected a whole number"),
        (HEAD + "a,99999999999999999999,,s,r,d,\n", "row 2: looks is '9+'; expected a whole number"),
        (HEAD + "a,1,,s,,d,\nb,1,,s,,d,\n", r"row 2: reason is empty; expected a text.*\(1 more row"),
        (HEAD + "a,1,,s,r,d\n", "row 2: found 6 cells; expected 7"),
        (HEAD + "a,1,,s,r,d,,more\nb,1,,s,r,d,,more\n", "row 2: found 8 cells; expected 7"),
        (HEAD + 'a,1,,s,r,"d\n', "not a CSV table"),
    ],
)
def test_a_table_that_was_spoilt_is_told_by_file_row_column_and_value(tmp_path, text, told):
    with pytest.raises(UnusableDataError, match=rf"(?s)edited\.csv.*{told}"):
        _edited(tmp_path, text).load()


def test_a_table_in_another_encoding_is_told(tmp_path):
    with pytest.raises(UnusableDataError, match="CSV UTF-8"):
        _edited(tmp_path, HEAD + "Zoë,1,,s,r,d\n", "latin-1").load()


def test_a_table_that_breaks_its_schema_is_not_saved(tmp_path):
    dataset(tmp_path, save="v1").save(rejections())
    with pytest.raises(UnusableDataError, match=r"t.csv, row 3: looks is 7"):
        dataset(tmp_path, save="v2").save(rejections(looks=[1, 7]))
    assert [path.name for path in (tmp_path / "t.csv").iterdir()] == ["v1"]
    names = pd.Series(["a", "\udcff"], dtype=object)
    with pytest.raises(DatasetError, match="UTF-8"):
        dataset(tmp_path, save="v3").save(rejections().astype(object).assign(file=names))
    assert dataset(tmp_path).load()["looks"].to_list() == [1, 0]


def test_a_failed_save_without_versions_keeps_the_old_file(tmp_path):
    plain = TableDataset(filepath=tmp_path / "t.csv", schema="rejections")
    plain.save(rejections())
    with pytest.raises(UnusableDataError):
        plain.save(rejections(stage=["", ""]))
    assert plain.load()["stage"].to_list() == REJECTIONS["stage"]
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


_KILLED = """
import os, signal, sys
import numpy as np
import pandas as pd
from kedro.io import Version
from looks_kedro import tables
from looks_kedro.datasets import TableDataset

class Deadly(pd.DataFrame):
    def to_csv(self, path, **options):
        super().to_csv(path, **options)
        os.kill(os.getpid(), signal.SIGKILL)

TableDataset(filepath=sys.argv[1], version=Version(None, "v2")).save(Deadly({"a": [1, 2]}))
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_save_killed_before_its_end_leaves_the_older_version_newest(tmp_path):
    dataset(tmp_path, save="v1").save(rejections())
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "t.csv")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert any((tmp_path / "t.csv" / "v2").iterdir())
    assert dataset(tmp_path).load().to_dict("list") == REJECTIONS
    dataset(tmp_path, save="v2").save(rejections().head(1))
    assert len(dataset(tmp_path).load()) == 1


def test_an_optional_table_that_is_not_there_is_empty(tmp_path):
    absent = TableDataset(filepath=tmp_path / "people.csv", schema="labels", optional=True)
    assert not absent.exists()
    pd.testing.assert_frame_equal(absent.load(), tables.empty_table("labels"))
    pd.testing.assert_frame_equal(dataset(tmp_path, optional=True).load(), tables.empty_table("rejections"))
    with pytest.raises(BadParameterError, match="needs a schema"):
        TableDataset(filepath=tmp_path / "people.csv", optional=True)


def test_a_version_that_is_asked_for_must_be_there_even_when_the_table_is_optional(tmp_path):
    dataset(tmp_path, save="v1").save(rejections())
    with pytest.raises(MissingVersionError, match=r"'v0'.*v1"):
        dataset(tmp_path, load="v0", optional=True).load()


def test_an_older_version_can_be_loaded(tmp_path):
    dataset(tmp_path, save="v1").save(rejections())
    dataset(tmp_path, save="v2").save(rejections().head(1))
    assert (len(dataset(tmp_path).load()), len(dataset(tmp_path, load="v1").load())) == (1, 2)


def test_an_unknown_schema_is_told_with_the_known_ones(tmp_path):
    with pytest.raises(BadInputError, match=r"'face_tabel'.*face_table"):
        TableDataset(filepath=tmp_path / "t.csv", schema="face_tabel")


def test_a_table_without_schema_is_read_as_pandas_guesses_but_keeps_NA(tmp_path):  # noqa: N802
    plain = TableDataset(filepath=tmp_path / "t.csv")
    plain.save(pd.DataFrame({"name": ["NA", ""], "value": [0.1, 1e-300], "flag": [True, False]}))
    assert plain.load().to_dict("list") == {"name": ["NA", ""], "value": [0.1, 1e-300], "flag": [True, False]}


def test_the_preview_is_a_table_that_kedro_viz_recognises(tmp_path):
    import json

    dataset(tmp_path, save="v1").save(rejections())
    shown = dataset(tmp_path)
    annotation = inspect.signature(shown.preview).return_annotation
    assert getattr(annotation, "__name__", str(annotation)) == "TablePreview"
    preview = json.loads(json.dumps(shown.preview(nrows=1), allow_nan=False))
    assert preview["columns"] == tables.columns("rejections")
    assert preview["data"] == [["0012", 1, "", "decode", "True", 'a "quoted", one', ""]]
