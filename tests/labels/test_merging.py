from __future__ import annotations

import logging
import unicodedata
from datetime import date

import pandas as pd
import pytest
from pydantic import ValidationError

from looks_kedro.datasets.csv_files import check_table
from looks_kedro.labels import Labeling, Labelled, add_predictions, incomplete, label_faces
from looks_kedro.sources.listing import table
from looks_kedro.tables import empty_table

TODAY = date(2024, 10, 1)


def face(file: str, identity: str = "ada", looks: int = 1, **more) -> dict:
    folder = "celebrities" if looks else "ordinary"
    return {"file": f"{folder}/{file}", "raw_file": file, "looks": looks, "identity": identity, "kept": True} | more


def said(file: str, looks: int = 1, **more) -> dict:
    return {"file": file, "looks": looks} | more


def person(identity: str, **more) -> dict:
    return {"identity": identity, "name": identity} | more


def labelled(faces, source=(), people=(), corrections=(), **settings) -> Labelled:
    result = label_faces(
        table("face_table", faces),
        table("source_labels", source),
        table("people", people),
        table("label_corrections", corrections),
        Labeling(**settings),
        today=TODAY,
    )
    check_table(result.labels, "labels", "labels")
    check_table(result.problems, "label_rejections", "problems")
    return result


def attributes(result: Labelled, row: int = 0) -> list[str]:
    return result.labels.loc[row, ["age", "gender", "race", "label_source"]].to_list()


def cells(result: Labelled) -> list[list]:
    return result.problems[["table", "row", "column", "file", "value", "detail"]].to_numpy().tolist()


ADA = person("ada", birth_date="1990-05-17", gender="Female", race="White")


def test_the_first_columns_are_file_age_gender_race_and_looks():
    result = labelled([face("ada/1.jpg")])
    assert list(result.labels)[:5] == ["file", "age", "gender", "race", "looks"]
    assert result.labels.iloc[0, :8].to_list() == ["celebrities/ada/1.jpg", "", "", "", 1, "ada", "", ""]


def test_kept_faces_alone_get_labels_in_the_order_of_the_face_table():
    faces = [face("ada/2.jpg"), face("ada/1.jpg", kept=False), face("1.jpg", "1.jpg", 0)]
    result = labelled(faces, [said("1.jpg", 0, gender="Male", label_source="l.csv"), said("1.jpg", 1, gender="Female")])
    assert list(result.labels["file"]) == ["celebrities/ada/2.jpg", "ordinary/1.jpg"]
    assert list(result.labels["gender"]) == ["", "Male"]


def test_people_give_gender_and_race_and_their_birth_date_the_age_on_the_photo():
    faces = [face("ada/1.jpg", photo_date="2008-01-01"), face("ada/2.jpg", photo_date="2011"), face("ada/3.jpg")]
    result = labelled(faces, [said("ada/2.jpg", photo_date="2001-06")], [ADA])
    assert attributes(result, 0) == ["10-19", "Female", "White", "people+exif"]
    assert attributes(result, 1) == ["10-19", "Female", "White", "people+source date"]
    assert attributes(result, 2) == ["30-39", "Female", "White", "people+reference date"]
    assert cells(result) == []


def test_without_a_reference_date_the_age_of_undated_photos_stays_unknown():
    result = labelled([face("ada/1.jpg")], people=[ADA], reference_date=None)
    assert attributes(result) == ["", "Female", "White", "people"]


def test_corrections_win_over_people_people_over_sources_each_attribute_by_itself():
    source = [said("ada/1.jpg", age="60-69", gender="Male", race="Black", label_source="mine.csv")]
    half = person("ada", gender="Female")
    correction = [{"file": "celebrities/ada/1.jpg", "race": "Indian"}]
    faces = [face("ada/1.jpg")]
    assert attributes(labelled(faces, source)) == ["60-69", "Male", "Black", "mine.csv"]
    assert attributes(labelled(faces, source, [half])) == ["60-69", "Female", "Black", "people+mine.csv"]
    result = labelled(faces, source, [half], correction)
    assert attributes(result) == ["60-69", "Female", "Indian", "corrections+people+mine.csv"]


def test_who_said_nothing_that_counts_is_not_named():
    source = [said("ada/1.jpg", age="60-69", gender="Male", race="Black", label_source="mine.csv")]
    correction = [{"file": "celebrities/ada/1.jpg", "age": "20-29"}]
    faces = [face("ada/1.jpg", photo_date="2008-01-01")]
    assert attributes(labelled(faces, source, [ADA])) == ["10-19", "Female", "White", "people+exif"]
    assert attributes(labelled(faces, source, [ADA], correction)) == ["20-29", "Female", "White", "corrections+people"]
    nothing = labelled(faces, [said("ada/1.jpg", label_source="mine.csv")])
    assert attributes(nothing) == ["", "", "", ""]


def test_people_speak_of_celebrities_alone():
    assert attributes(labelled([face("ada/1.jpg", looks=0)], people=[ADA])) == ["", "", "", ""]


def test_impossible_dates_are_set_aside_by_table_row_and_column(caplog):
    faces = [
        face("bob/1.jpg", "bob", kept=False, photo_date="1970-01-01"),
        face("ada/1.jpg", photo_date="1970-01-01"),
        face("ada/2.jpg", photo_date="0000-00-00"),
        face("ada/3.jpg", photo_date="2009-05-17"),
    ]
    source = [said("1.jpg", 0), said("ada/3.jpg", photo_date="1990-05-16"), said("ada/1.jpg", photo_date="2030")]
    result = labelled(faces, source, [ADA])
    assert cells(result) == [
        ["source_labels", 4, "photo_date", "celebrities/ada/1.jpg", "2030", "in the future"],
        ["face_table", 3, "photo_date", "celebrities/ada/1.jpg", "1970-01-01",
         "where a clock begins that was never set"],
        ["face_table", 4, "photo_date", "celebrities/ada/2.jpg", "0000-00-00", "no such date"],
        ["source_labels", 3, "photo_date", "celebrities/ada/3.jpg", "1990-05-16", "before the birth"],
    ]  # fmt: skip
    assert list(result.labels["age"]) == ["30-39", "30-39", "10-19"]
    assert list(result.labels["label_source"])[::2] == ["people+reference date", "people+exif"]
    assert "face_table: 1 cells of photo_date set aside, no such date: row 4 (0000-00-00)" in caplog.text


def test_a_birth_date_that_cannot_be_is_told_once_and_gives_no_age():
    people = [
        ADA | {"birth_date": "1990-02-31"},
        person("bob", birth_date="2031"),
        person("carl", birth_date="1809"),
        person("dora", birth_date="2030"),
    ]
    faces = [face(f"{name}/{k}.jpg", name) for name in ("ada", "bob", "carl") for k in range(3)]
    result = labelled(faces, people=people)
    assert set(result.labels["age"]) == {""}
    assert cells(result) == [
        ["people", 2, "birth_date", "", "1990-02-31", "no such date"],
        ["people", 3, "birth_date", "", "2031", "in the future"],
        ["people", 4, "birth_date", "", "1809",
         "the reference date 2024 is more than 122 years after the birth"],
    ]  # fmt: skip


def test_people_without_faces_and_celebrities_without_a_row_are_counted_and_told(caplog):
    faces = [face("ada/1.jpg"), face("bob/1.jpg", "bob"), face("eve/1.jpg", "eve"), face("1.jpg", "1.jpg", 0)]
    caplog.set_level(logging.INFO)
    labelled(faces, people=[ADA, person("carl"), person("Bob")])
    assert "1 of 3 rows match a celebrity" in caplog.text
    assert "2 of 3 rows match no face: carl, Bob." in caplog.text
    assert "2 of 3 celebrities have no row: bob, eve." in caplog.text
    caplog.clear()
    caplog.set_level(logging.WARNING)
    labelled(faces)
    assert caplog.text == ""


def test_corrections_that_name_no_face_are_told(caplog):
    faces = [face("ada/1.jpg"), face("ada/2.jpg", kept=False)]
    names = ["celebrities/ada/1.jpg", "celebrities/ada/2.jpg", "ada/1.jpg"]
    result = labelled(faces, corrections=[{"file": name, "age": "3-9"} for name in names])
    assert list(result.labels["age"]) == ["3-9"]
    assert cells(result) == [
        ["label_corrections", 3, "file", names[1], names[1], "this face was rejected"],
        ["label_corrections", 4, "file", names[2], names[2], "there is no such face"],
    ]
    assert "there is no such face: row 4 (ada/1.jpg)" in caplog.text


def test_names_match_whether_their_accents_are_apart_or_not():
    whole, apart = (unicodedata.normalize(form, "Zoë Kravitz") for form in ("NFC", "NFD"))
    assert whole != apart
    faces = [face(f"{apart}/1.jpg", apart)]
    correction = [{"file": f"celebrities/{whole}/1.jpg", "age": "20-29"}]
    result = labelled(faces, people=[person(whole, gender="Female")], corrections=correction)
    assert attributes(result) == ["20-29", "Female", "", "corrections+people"]


def test_labels_without_a_name_are_the_sources():
    result = labelled([face("1.jpg", "1.jpg", 0)], [said("1.jpg", 0, age="3-9")])
    assert attributes(result) == ["3-9", "", "", "source labels"]


def test_no_face_gives_an_empty_table():
    result = labelled([face("ada/1.jpg", kept=False)], people=[ADA])
    assert len(result.labels) == 0
    assert incomplete(result.labels) == []


# --- predictions -----------------------------------------------------------------------------------------------------


def predicted(files: list[str], **more) -> pd.DataFrame:
    words = {"age": "20-29", "gender": "Male", "race": "Black"}
    probabilities = {"age_probability": 0.512345, "gender_probability": 0.9, "race_probability": 0.25}
    return pd.DataFrame({"file": files} | words | probabilities | more)


def test_predictions_fill_what_is_missing_and_nothing_else():
    faces = [face("ada/1.jpg"), face("bob/1.jpg", "bob"), face("eve/1.jpg", "eve")]
    people = [ADA, person("bob", gender="Female"), person("eve")]
    labels = labelled(faces, people=people).labels
    assert incomplete(labels) == ["celebrities/bob/1.jpg", "celebrities/eve/1.jpg"]
    # The order of the predictions does not matter, and a prediction for a complete face changes nothing.
    filled = add_predictions(labels, predicted(list(labels["file"])[::-1]))
    check_table(filled, "labels", "labels")
    assert filled[["age", "gender", "race", "label_source"]].to_numpy().tolist() == [
        ["30-39", "Female", "White", "people+reference date"],
        ["20-29", "Female", "Black", "people+fairface network"],
        ["20-29", "Male", "Black", "fairface network"],
    ]
    probabilities = filled[["age_probability", "gender_probability", "race_probability"]]
    assert probabilities.iloc[0].isna().all()
    assert probabilities.iloc[1].to_list()[::2] == [0.5123, 0.25]
    assert pd.isna(probabilities.iloc[1, 1])
    assert probabilities.iloc[2].to_list() == [0.5123, 0.9, 0.25]
    assert incomplete(filled) == []


def test_a_face_without_a_prediction_stays_unknown():
    labels = labelled([face("ada/1.jpg"), face("ada/2.jpg")]).labels
    filled = add_predictions(labels, predicted(["celebrities/ada/2.jpg"]))
    assert list(filled["age"]) == ["", "20-29"]
    assert list(filled["label_source"]) == ["", "fairface network"]
    assert add_predictions(labels, predicted([]).astype({"age": "str", "gender": "str", "race": "str"})).equals(labels)
    assert len(add_predictions(empty_table("labels"), predicted(["a.jpg"]))) == 0


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "meant"), [(2024, "2024"), (date(2024, 7, 1), "2024-07-01"), ("2024-07", "2024-07"), (None, None)]
)
def test_the_reference_date_may_be_what_yaml_makes_of_it(given, meant):
    assert Labeling(reference_date=given).reference_date == meant


@pytest.mark.parametrize("given", ["yesterday", "2024-02-30", 24, True, ""])
def test_a_reference_date_that_is_none_is_refused(given):
    with pytest.raises(ValidationError, match=r"2024-07-01|valid string"):
        Labeling(reference_date=given)
