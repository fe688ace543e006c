from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from looks_kedro.cache import ResultCache
from looks_kedro.datasets import ImageFolder, ImageFolderDataset
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.labels import Labeling
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.pipelines.labeling import create_pipeline
from looks_kedro.pipelines.labeling.nodes import label_faces
from looks_kedro.sources.listing import table
from looks_kedro.sources.weight_registry import WEIGHT_FILES
from looks_kedro.tables import AGES, GENDERS, RACES

ROWS = [("ada/1.jpg", "ada", 1), ("bob/1.jpg", "bob", 1), ("1.jpg", "1.jpg", 0), ("2.jpg", "2.jpg", 0)]

FAIRFACE = WEIGHT_FILES["fairface"]


@pytest.fixture
def result_cache(tmp_path: Path) -> ResultCache:
    return ResultCache(tmp_path / "results.sqlite")


def kept_faces() -> pd.DataFrame:
    return table("face_table", [
        {"file": f"{'celebrities' if looks else 'ordinary'}/{raw}", "raw_file": raw, "identity": identity,
         "looks": looks, "source": "folder", "kept": True}
        for raw, identity, looks in ROWS
    ])  # fmt: skip


@pytest.fixture
def faces(tmp_path: Path) -> ImageFolder:
    dataset = ImageFolderDataset(filepath=tmp_path / "faces")
    generator = np.random.default_rng(0)
    dataset.save([(file, generator.integers(0, 256, (300, 300, 3), dtype=np.uint8), "") for file in
                  kept_faces()["file"]])  # fmt: skip
    return dataset.load()


@pytest.fixture(scope="module")
def weights_folder(tmp_path_factory) -> Path:
    """A folder of weights whose network sees the age 40-49, the gender Female and the race Indian everywhere."""
    folder = tmp_path_factory.mktemp("weights")
    state = build_backbone("resnet34", 18).state_dict()
    state["fc.weight"].zero_()
    state["fc.bias"].zero_()
    state["fc.bias"][[RACES.index("Indian"), 7 + GENDERS.index("Female"), 9 + AGES.index("40-49")]] = 4.0
    torch.save(state, folder / FAIRFACE.file)
    return folder


def inputs() -> dict[str, pd.DataFrame]:
    source = {"file": "1.jpg", "looks": 0, "age": "3-9", "gender": "Male", "race": "White", "label_source": "l.csv"}
    return {
        "face_table": kept_faces(),
        "source_labels": table("source_labels", [source]),
        "people": table("people", [{"identity": "ada", "name": "Ada", "birth_date": "1950", "gender": "Female"}]),
        "label_corrections": table("label_corrections", [{"file": "ordinary/1.jpg", "age": "0-2"}]),
    }


def test_the_pipeline_puts_together_what_everybody_says(faces, weights_folder, result_cache):
    data = inputs() | {
        "faces": faces,
        "weights_folder": weights_folder,
        "params:labeling": Labeling(predict_missing=True, device="cpu"),
        "result_cache": result_cache,
    }
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in data.items()})
    SequentialRunner().run(create_pipeline(), catalog)
    labels = check_table(catalog.load("labels"), "labels", "labels")
    assert labels[["file", "age", "gender", "race", "looks", "label_source"]].to_numpy().tolist() == [
        ["celebrities/ada/1.jpg", "more than 70", "Female", "Indian", 1,
         "people+reference date+fairface network"],
        ["celebrities/bob/1.jpg", "40-49", "Female", "Indian", 1, "fairface network"],
        ["ordinary/1.jpg", "0-2", "Male", "White", 0, "corrections+l.csv"],
        ["ordinary/2.jpg", "40-49", "Female", "Indian", 0, "fairface network"],
    ]  # fmt: skip
    share = np.e**4 / (np.e**4 + np.array([8, 1, 6]))
    probabilities = labels[["age_probability", "gender_probability", "race_probability"]]
    assert np.allclose(probabilities.iloc[[1, 3]], share.round(4), atol=1e-9)
    assert probabilities.isna().to_numpy().tolist() == [[True, True, False], [False] * 3, [True] * 3, [False] * 3]


def test_nothing_is_predicted_unless_asked_for(faces, tmp_path, result_cache):
    labels = label_faces(
        **inputs(), faces=faces, weights_folder=tmp_path, labeling=Labeling(), result_cache=result_cache
    )
    assert labels["label_source"].to_list() == ["people+reference date", "", "corrections+l.csv", ""]
    assert labels["race"].to_list() == ["", "", "White", ""]


def test_predictions_are_kept_by_the_faces_bytes(faces, weights_folder, result_cache):
    settings = Labeling(predict_missing=True, device="cpu")
    given = {"faces": faces, "weights_folder": weights_folder, "labeling": settings, "result_cache": result_cache}
    first = label_faces(**inputs(), **given)
    kept = len(result_cache)
    assert kept == 3
    # The faces are gone, and are not needed: all is known.
    for name in faces.names:
        faces.path(name).unlink()
    pd.testing.assert_frame_equal(label_faces(**inputs(), **given), first)
    assert len(result_cache) == kept


def test_a_file_of_ones_own_is_taken_instead_of_the_folders(faces, weights_folder, tmp_path, result_cache):
    settings = Labeling(predict_missing=True, weights=str(weights_folder / FAIRFACE.file), device="cpu")
    labels = label_faces(**inputs(), faces=faces, weights_folder=tmp_path, labeling=settings, result_cache=result_cache)
    assert (labels[["age", "gender", "race"]] != "").all(axis=None)


def test_predictions_without_weights_end_with_what_to_do(faces, tmp_path, result_cache):
    settings = Labeling(predict_missing=True)
    with pytest.raises(BadInputError, match=r"res34_fair_align_multi_7_20190809\.pt.*labeling\.weights"):
        label_faces(**inputs(), faces=faces, weights_folder=tmp_path, labeling=settings, result_cache=result_cache)


def test_a_complete_table_needs_no_weights(faces, tmp_path, result_cache):
    data = inputs()
    data["label_corrections"] = table("label_corrections", [
        {"file": file, "age": "20-29", "gender": "Male", "race": "Black"} for file in data["face_table"]["file"]
    ])  # fmt: skip
    settings = Labeling(predict_missing=True)
    labels = label_faces(**data, faces=faces, weights_folder=tmp_path, labeling=settings, result_cache=result_cache)
    assert set(labels["label_source"]) == {"corrections"}


def test_a_photo_of_the_day_after_tomorrow_is_of_the_future_and_one_of_today_is_not(faces, tmp_path, result_cache):
    now = datetime.now(UTC).date()
    ages = []
    for days in (0, 2):
        data = inputs()
        data["people"].loc[0, "birth_date"] = str(now.year - 10)
        data["face_table"].loc[0, "photo_date"] = (now + timedelta(days=days)).isoformat()
        settings = Labeling(reference_date=str(now.year - 9))
        labels = label_faces(**data, faces=faces, weights_folder=tmp_path, labeling=settings, result_cache=result_cache)
        ages.append((labels.loc[0, "age"], labels.loc[0, "label_source"]))
    assert [source for _, source in ages] == ["people+exif", "people+reference date"]
    assert ages[1][0] == "0-2"
