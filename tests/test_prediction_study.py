"""Prediction on a small study that was trained: the answers are those of its test, the refusals those of its faces."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from PIL import Image

from looks_kedro.prediction import usable_temperature

pytestmark = pytest.mark.slow


def run(project: Path, *pipelines: str, **params: Any) -> None:
    bootstrap_project(project)
    with KedroSession.create(project, env="test", runtime_params=params) as session:
        session.run(pipeline_names=list(pipelines))


def catalog(project: Path) -> DataCatalog:
    bootstrap_project(project)
    with KedroSession.create(project, env="test") as session:
        return session.load_context().catalog


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, new_project: Callable[[Path], Path]) -> Path:
    """A study of one backbone on a variant without and on one with mattes, trained and not audited."""
    project = new_project(tmp_path_factory.mktemp("a study"))
    way = ("acquisition", "preprocessing", "labeling", "balancing", "background", "training")
    run(project, *way, cells={"variants": "original+white", "backbones": "resnet18"})
    return project


@pytest.mark.parametrize("variant", ["original", "white"])
def test_photos_of_the_study_get_the_probabilities_of_its_test(study: Path, tmp_path: Path, variant: str) -> None:
    tables = catalog(study)
    known = tables.load(f"{variant}.resnet18.predictions").set_index("file")
    faces = tables.load("face_table").set_index("file")
    raw = {looks: tables.load(f"raw_{name}") for looks, name in ((1, "celebrities"), (0, "ordinary"))}
    for place, (file, looks) in enumerate(known["looks"].items()):
        (tmp_path / f"{place}.jpg").symlink_to(raw[looks].path(faces.at[file, "raw_file"]))
    run(study, "prediction", prediction={"images": str(tmp_path), "variant": variant, "backbone": "resnet18"})
    ours = catalog(study).load("photo_predictions")
    assert ours["file"].tolist() == [f"{place}.jpg" for place in range(len(known))]
    assert (ours["status"] == "kept").all()
    np.testing.assert_allclose(ours["probability"], known["probability"], atol=1e-5)
    np.testing.assert_allclose(ours["logit_celebrity"], known["logit_celebrity"], atol=1e-4)
    temperature = usable_temperature(tables.load(f"{variant}.resnet18.calibration_summary")) or np.nan
    difference = (known["logit_celebrity"] - known["logit_ordinary"]).to_numpy()
    np.testing.assert_allclose(ours["calibrated_probability"], 1 / (1 + np.exp(-difference / temperature)), atol=1e-4)


def test_what_preprocessing_rejects_for_the_face_prediction_refuses_for_the_same_reason(study: Path) -> None:
    tables = catalog(study)
    folder, rejections = tables.load("raw_ordinary"), tables.load("rejections")
    run(study, "prediction", prediction={"images": str(folder.root), "backbone": "resnet18"})
    ours = catalog(study).load("photo_predictions")
    theirs = rejections[
        (rejections["looks"] == 0) & rejections["reason"].isin(["no_face", "several_faces", "side_view"])
    ]
    expected = {(row.file.removeprefix("ordinary/"), row.reason, row.detail) for row in theirs.itertuples()}
    refused = ours[(ours["status"] == "refused") & (ours["reason"] != "unreadable")]
    assert {(row.file, row.reason, row.detail) for row in refused.itertuples()} == expected
    assert len(ours) == len(folder) == (ours["status"] == "kept").sum() + (ours["status"] == "refused").sum()


def test_a_run_says_what_is_missing_and_ends_with_the_caution(study: Path, tmp_path: Path, kedro) -> None:
    raw = catalog(study).load("raw_ordinary")
    faces = catalog(study).load("face_table")
    known = faces.loc[faces["kept"] & (faces["looks"] == 0), "raw_file"].iloc[0]
    photos = tmp_path / "a folder"
    photos.mkdir()
    (photos / "1.JPG").write_bytes(raw.path(known).read_bytes())
    words = ["run", "--env", "test", "--pipelines", "prediction", "--params"]
    missing = kedro(study, *words, f"prediction.images={photos}")
    assert missing.returncode != 0
    assert "Traceback" not in missing.stderr
    told = " ".join(missing.stderr.split())
    assert "There is no trained model of custom on original images" in told
    assert "`kedro run --env test --pipelines training --params cells.variants=original,cells.backbones=custom`" in told
    assert "choose one that there is: original.resnet18, white.resnet18." in told

    verdict = study / "data/test/07_model_output/original/resnet18/verdict.json/2026-01-01T00.00.00.000Z/verdict.json"
    verdict.parent.mkdir(parents=True)
    verdict.write_text(json.dumps({"verdict": "SHORTCUT", "channels": ["background"], "sentence": "It was measured."}))
    done = kedro(study, *words, f"prediction.images={photos / '1.JPG'},prediction.backbone=resnet18")
    assert done.returncode == 0, done.stderr
    lines = [line.partition(" ")[2].strip() for line in (done.stdout + done.stderr).splitlines()]
    assert sum("1.JPG: " in line for line in lines) == 1
    assert lines[-1] == "WARNING This model relies on the background."
    assert not any("photos =" in line for line in lines)
    table = catalog(study).load("photo_predictions")
    assert table["warning"].tolist() == ["This model relies on the background."]
    folder = catalog(study).load("prediction_pictures")
    assert folder.names == tuple(table["picture"]) == ("00001_1_JPG.png",)
    with Image.open(io.BytesIO(folder.path(folder.names[0]).read_bytes())) as picture:
        assert picture.format == "PNG"
