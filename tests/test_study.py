"""The whole study in its smallest size, run once, and what must be true of what it leaves behind."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from PIL import Image

from looks_kedro.cells import BACKBONES, PUBLISHED
from looks_kedro.faces import LANDMARK_COLUMNS, align, landmarks_of
from looks_kedro.tables import check_no_leak

sys.path.insert(0, str(Path(__file__).parent))
from devtools import CHROMIUM, browser

pytestmark = pytest.mark.slow


def run(project: Path, *pipelines: str, params: dict | None = None, **options: object) -> None:
    bootstrap_project(project)
    with KedroSession.create(project, env="test", runtime_params=params or {}) as session:
        session.run(pipeline_names=list(pipelines) or None, **options)


def catalog(project: Path, load_versions: dict[str, str] | None = None) -> DataCatalog:
    bootstrap_project(project)
    with KedroSession.create(project, env="test") as session:
        return session.load_context()._get_catalog(load_versions=load_versions)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, new_project: Callable[[Path], Path]) -> Path:
    project = new_project(tmp_path_factory.mktemp("the study"))
    run(project)
    return project


def test_every_raw_image_is_a_face_or_has_a_reason(study):
    tables = catalog(study)
    log, rejections, faces = (tables.load(name) for name in ("acquisition_log", "rejections", "face_table"))
    kept = faces[faces["kept"]]
    assert log["kept"].sum() == len(kept) + len(rejections)
    assert not set(kept["file"]) & set(rejections["file"])
    assert kept["frontal"].all()
    assert {"unreadable", "no_face", "several_faces", "duplicate", "side_view"} <= set(rejections["reason"])
    assert tables.load("faces").names == tuple(kept["file"])
    assert len(tables.load("mattes")) == len(tables.load("matte_quality")) == len(kept) == len(tables.load("labels"))


def test_each_face_is_cut_out_where_its_landmarks_say(study):
    tables = catalog(study)
    table, folder, raw = (tables.load(name) for name in ("face_table", "faces", "raw_celebrities"))
    for row in table[table["kept"] & (table["looks"] == 1)].to_dict("records"):
        crop, landmarks, scale = align(raw.array(row["raw_file"]), landmarks_of(row, LANDMARK_COLUMNS))
        assert np.abs(crop.astype(int) - folder.array(row["file"]).astype(int)).mean() < 2
        np.testing.assert_allclose(landmarks, landmarks_of(row), atol=0.1)
        assert scale == pytest.approx(row["crop_scale"], abs=1e-3)
        assert 70 < landmarks[:2, 1].mean() < 120


def test_labels_begin_as_the_study_had_them(study):
    assert list(catalog(study).load("labels").columns[:5]) == ["file", "age", "gender", "race", "looks"]


def test_nobody_is_in_both_parts_and_classes_are_balanced(study):
    table = catalog(study).load("split_table")
    check_no_leak(table)
    counts = table.groupby(["part", "looks"]).size().unstack()
    assert (counts[0] == counts[1]).all()
    assert table.loc[table["mirrored"], "part"].eq("train").all()


def test_variants_hold_the_same_images_and_white_ones_mostly_have_white_corners(study):
    tables = catalog(study)
    original, white = (tables.load(f"{variant}.model_input") for variant in PUBLISHED)
    assert original.names == white.names == tuple(tables.load("split_table")["file"])
    corners = {
        folder: np.median([folder.array(name)[:20, :20].mean() for name in folder.names])
        for folder in (original, white)
    }
    assert corners[white] > 250 > corners[original]


def test_a_mirrored_copy_is_its_parent_mirrored_with_its_landmarks(study):
    folder = catalog(study).load("original.model_input")
    table = folder.table.set_index("file")
    name = next(
        file for file, mirrored in table["mirrored"].items() if mirrored and table.at[file, "parent"] in table.index
    )
    parent = table.at[name, "parent"]
    difference = np.abs(folder.array(name)[:, ::-1].astype(int) - folder.array(parent).astype(int))
    assert difference.mean() < 1.5
    assert table.at[name, "crop_left_eye_x"] == pytest.approx(300 - table.at[parent, "crop_right_eye_x"], abs=1.01)


def test_each_cell_has_its_model_history_predictions_and_maps(study):
    tables = catalog(study)
    for variant in PUBLISHED:
        test_rows = tables.load(f"{variant}.model_input").table.query("part == 'test'")
        for backbone in BACKBONES:
            cell = f"{variant}.{backbone}"
            predictions, maps = tables.load(f"{cell}.predictions"), tables.load(f"{cell}.maps")
            assert predictions["file"].tolist() == test_rows["file"].tolist() == maps["file"].tolist()
            logits = predictions[["logit_ordinary", "logit_celebrity"]].to_numpy()
            np.testing.assert_allclose(maps["logits"], logits, atol=1e-3)
            history = tables.load(f"{cell}.history")
            assert history["epoch"].tolist() == [1]
            assert history["test_accuracy"].iloc[-1] == pytest.approx(predictions["correct"].mean())
            assert tables.load(f"{cell}.attention")["area"].between(0.1, 0.9).all()


def test_custom_starts_from_the_fairface_network(study):
    tables = catalog(study)
    start = tables.load("fairface_model")
    assert start["state_dict"]["fc.weight"].shape == (18, 512)
    custom, fresh = (
        tables.load(f"original.{name}.model")["state_dict"]["conv1.weight"] for name in ("custom", "resnet34")
    )
    distance = [(weights - start["state_dict"]["conv1.weight"]).abs().mean() for weights in (custom, fresh)]
    assert distance[0] < 0.2 * distance[1]


def test_the_report_stands_alone_and_every_picture_opens_and_is_there_once(study):
    page = catalog(study).load("report")
    assert not re.findall(r'(?:src|href)="(?!data:image/|data:,|#)', page)
    # Addresses among the parameters of the run are text; nothing is fetched from them.
    assert not re.findall(r"""url\(\s*["']?(?!data:|#)|@import""", page)
    pictures = re.findall(r'src="data:image/(\w+);base64,([^"]+)"', page)
    assert len(pictures) == len(set(pictures))
    # Of each cell: averages and single maps of each class, maps by group, the padding control.
    assert len(pictures) > 10 * (2 + 2 + 4 + 1)
    for kind, content in pictures:
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            picture.load()
            assert picture.format == kind.upper()
    for backbone in BACKBONES:
        assert page.count(f">{backbone}<") >= len(PUBLISHED)
    # Seconds of the run that wrote the page, though its manifest is written later.
    assert all(f">white.{backbone}.train<" in page for backbone in BACKBONES)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")
def test_a_browser_shows_every_picture_and_nothing_sticks_out(study, tmp_path):
    (tmp_path / "report.html").write_text(catalog(study).load("report"), encoding="utf-8")
    unseen = """(async () => {
      for (const field of document.querySelectorAll(".choose select")) field.value = "";
      document.querySelector(".choose").dispatchEvent(new Event("change"));
      for (const one of document.querySelectorAll("details")) one.open = true;
      const all = [...document.images];
      for (const one of all) one.loading = "eager";
      await Promise.all(all.map(one => one.complete || new Promise(go => { one.onload = one.onerror = go; })));
      return all.filter(one => one.naturalWidth === 0).length;
    })()"""
    with browser() as page:
        for width in (390, 1440):
            page.screen(width, phone=width < 500)
            page.open(tmp_path / "report.html")
            assert page.run(unseen) == 0
            assert page.run("document.documentElement.scrollWidth") == width
            assert page.complaints() == []


def test_the_tables_of_the_report_are_those_of_the_models(study):
    tables = catalog(study)
    summary, table = tables.load("summary"), tables.load("study_table")
    for row in summary.itertuples():
        predictions = tables.load(f"{row.variant}.{row.backbone}.predictions")
        assert row.accuracy == pytest.approx(predictions["correct"].mean())
    first = table[(table["variant"] == "original") & (table["backbone"] == "custom") & (table["epoch"] == 1)].iloc[0]
    assert first["published_test_accuracy_percent"] == 100.0
    assert first["published_train_accuracy_percent"] == 99.48


def test_the_manifest_says_what_the_run_was(study):
    manifest = catalog(study).load("run_manifest")
    assert manifest["outcome"] == "finished"
    assert manifest["parameters"]["training"]["epochs"] == 1
    assert manifest["packages"]["kedro"].startswith("1.7")
    assert manifest["datasets_written"]["faces"] == manifest["datasets_read"]["faces"]
    assert manifest["nodes"]["white.resnet18.train"]["seconds"] > 0
    assert json.dumps(manifest)


def test_a_cell_can_be_trained_again_alone_and_gives_the_same_weights(study):
    before = catalog(study)
    run(study, "training", namespaces=["white.resnet18"])
    after = catalog(study)
    first, second = (tables.load("white.resnet18.model")["state_dict"] for tables in (before, after))
    assert all((first[name] == second[name]).all() for name in first)
    versions = sorted((study / "data/test/06_models/white/resnet18/model.pt").iterdir())
    assert len(versions) == 2
    assert len(list((study / "data/test/06_models/white/resnet34/model.pt").iterdir())) == 1


def test_an_older_version_of_the_faces_gives_the_older_images(study):
    def images() -> list[str]:
        return list(catalog(study).load("original.model_input").manifest["sha256"])

    version, first = catalog(study).load("faces").version, images()
    run(study, "preprocessing", params={"preprocessing": {"alignment": {"method": "box"}}})
    run(study, "background", namespaces=["original"])
    second = images()
    run(study, "background", namespaces=["original"], load_versions={"faces": version})
    assert images() == first != second


def test_a_version_that_does_not_exist_is_named_with_those_that_do(study, kedro):
    versions = {path.name for path in (study / "data/test/02_intermediate/faces").glob("20*")}
    done = kedro(
        study, "run", "--env", "test", "--pipelines", "background", "--load-versions", "faces:2001-01-01T00.00.00.000Z"
    )
    assert done.returncode != 0
    assert "There is no version '2001-01-01T00.00.00.000Z'" in done.stderr
    assert all(version in done.stderr for version in versions)


def test_smaller_faces_keep_their_landmarks_in_place_when_mirrored(study):
    run(study, "preprocessing", params={"preprocessing": {"alignment": {"size": 150}}})
    run(study, "labeling", "balancing", "background", params={"cells": {"variants": "original"}})
    folder = catalog(study).load("original.model_input")
    table = folder.table.set_index("file")
    copy = next(row for row in table.to_dict("index").values() if row["mirrored"])
    parent = catalog(study).load("face_table").set_index("file").loc[copy["parent"]]
    assert folder.array(folder.names[0]).shape == (150, 150, 3)
    assert copy["crop_left_eye_x"] == pytest.approx(150 - 1 - parent["crop_right_eye_x"], abs=0.02)


def test_a_run_of_chosen_cells_reports_those_alone(study):
    params = {"cells": {"variants": "white", "backbones": "resnet18+resnet50"}}
    run(study, "training", "explainability", "reporting", params=params)
    summary = catalog(study).load("summary")
    assert summary[["variant", "backbone"]].to_numpy().tolist() == [["white", "resnet18"], ["white", "resnet50"]]
    assert isinstance(summary, pd.DataFrame)


def test_the_cost_of_each_setting_is_timed_and_models_are_exported(study):
    run(study, "hyperparameters", "export", params={"cells": {"variants": "white", "backbones": "resnet18"}})
    tables = catalog(study)
    cost = tables.load("cost_table").set_index("setting")
    assert cost.index.tolist() == ["none", "epochs", "batch", "workers", "all"]
    # Also where the numbers are those of another setting, the time is its own.
    assert cost["minutes"].nunique() == 5
    assert cost.loc["workers", "train_loss"] == cost.loc["none", "train_loss"]
    assert cost.loc["none", "published_minutes"] == 32.34
    savings = tables.load("savings_table")
    assert savings["option"].tolist() == ["study", "decoded_once", "together"]
    assert (savings["images_per_second"] > 0).all()
    assert tables.load("white.resnet18.onnx")
    assert not list((study / "data/test/06_models/recovery").glob("*.state"))
