"""The prediction pipeline: its wiring, which model it takes, and its answers on a small study that was trained."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from looks_kedro.audit.regions import REGIONS
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadParameterError
from looks_kedro.faces import Detection
from looks_kedro.learning import build_backbone, make_checkpoint
from looks_kedro.mattes import MatteLimits
from looks_kedro.mattes.compositing import Variant
from looks_kedro.pipelines.background.parameters import Background
from looks_kedro.pipelines.prediction import create_pipeline
from looks_kedro.pipelines.prediction.chosen import chosen_model
from looks_kedro.pipelines.prediction.nodes import picture_name, predict_photos, preparation_of
from looks_kedro.pipelines.prediction.parameters import Predicting
from looks_kedro.pipelines.preprocessing.parameters import Preprocessing
from looks_kedro.portraits import draw_identity, take_photo
from looks_kedro.prediction import summary_lines
from looks_kedro.tables import columns, empty_table

torch.set_num_threads(1)


def test_the_pipeline_reads_the_model_that_is_chosen() -> None:
    pipeline = create_pipeline("white", "resnet18")
    own = {f"white.resnet18.{name}" for name in ("model", "calibration_summary", "verdict")}
    settings = {f"params:{name}" for name in ("prediction", "preprocessing", "background", "variants.white")}
    assert pipeline.inputs() == own | settings | {"weights_folder"}
    assert pipeline.outputs() == {"photo_predictions", "prediction_pictures"}


def test_a_variant_that_is_not_defined_is_refused_with_the_nearest() -> None:
    given = {"prediction": {"variant": "wite"}, "variants": {"white": {}, "original": {}}}
    with pytest.raises(BadParameterError, match=r"prediction\.variant: there is no variant wite; did you mean white"):
        chosen_model(given)
    with pytest.raises(BadParameterError, match=r"prediction\.image is unknown; did you mean prediction\.images"):
        chosen_model({"prediction": {"image": "x"}, "variants": {"original": {}}})


def test_parameters_that_cannot_work_are_refused_and_a_folder_may_be_a_number() -> None:
    assert Predicting.model_validate({"images": 2024}).images == "2024"
    for wrong in ({"pictures": 0}, {"batch_size": 0}, {"processes": 0}, {"device": "tpu"}, {"images": True}):
        with pytest.raises(ValidationError):
            Predicting.model_validate(wrong)


def test_photos_are_prepared_by_the_parameters_of_the_study(tmp_path: Path) -> None:
    preprocessing = Preprocessing(detection=Detection(longest_side=300), max_pixels=77)
    background = Background(method="grabcut", limits=MatteLimits(min_quality=0.3))
    how = preparation_of(preprocessing, background, Variant(kind="colour"), tmp_path)
    assert (how.detection, how.alignment, how.pose) == (
        preprocessing.detection,
        preprocessing.alignment,
        preprocessing.pose,
    )
    assert (how.max_pixels, how.mattes.method, how.limits) == (77, "grabcut", background.limits)
    published = Background(method="grabcut", reject="never")
    assert preparation_of(preprocessing, published, Variant(kind="colour"), tmp_path).limits is None


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("ada/0001.jpg", "00001_ada_0001_jpg.png"),
        ("../../etc/passwd", "00001_etc_passwd.png"),
        ('"><script>\u202e\n.jpg', "00001_script_jpg.png"),
        ("猫.jpg", "00001_jpg.png"),
        ("猫", "00001_photo.png"),
    ],
)
def test_a_picture_has_a_plain_name(file: str, name: str) -> None:
    assert picture_name(0, file) == name


def test_the_table_of_columns_names_the_regions_of_the_audit() -> None:
    shares = [name.removesuffix("_share") for name in columns("photo_predictions") if name.endswith("_share")]
    areas = [name.removesuffix("_area") for name in columns("photo_predictions") if name.endswith("_area")]
    assert tuple(shares) == tuple(areas) == REGIONS


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two faces from the front, one of them with a hostile name, and two files that are refused."""
    folder = tmp_path_factory.mktemp("photos")
    drawn = (take_photo(draw_identity(seed), seed=seed, looks=1) for seed in range(400, 430))
    front = [photo for photo in drawn if abs(photo.yaw) < 10]
    (folder / "1.JPG").write_bytes(front[0].jpeg())
    (folder / '2 "><script>\u202e\n.jpg').write_bytes(front[1].jpeg())
    Image.new("RGB", (300, 300), "grey").save(folder / "3.jpg")
    (folder / "4.jpg").write_text("words")
    return folder


def predicted(images: Path | None, weights: Path, **settings: Any) -> tuple[pd.DataFrame, Any]:
    torch.manual_seed(0)
    model = make_checkpoint(build_backbone("resnet18"), "resnet18", image_size=64, alpha_colour=[0, 0, 0])
    given = Predicting(images=None if images is None else str(images), backbone="resnet18", processes=1, **settings)
    summary = empty_table("calibration_summary")
    variant = Variant(kind="original")
    return predict_photos(given, Preprocessing(), Background(), variant, model, summary, {}, weights)


def test_each_photo_has_one_row_and_the_pictures_are_as_many_as_wanted(photos: Path, tmp_path: Path) -> None:
    table, pictures = predicted(photos, tmp_path, pictures=2)
    table = check_table(table, "photo_predictions", "t.csv")
    assert table["status"].tolist() == ["kept", "kept", "refused", "refused"]
    assert table["reason"].tolist() == ["", "", "no_face", "unreadable"]
    assert table["calibrated_probability"].isna().all()
    assert table["verdict"].eq("NOT AUDITED").all()
    assert table["warning"].str.contains("has not been audited").all()
    drawn = {name: content for name, content, _ in pictures}
    assert list(drawn) == [name for name in table["picture"] if name] == ["00001_1_JPG.png", "00004_4_jpg.png"]
    shares = table.loc[table["status"] == "kept", [f"{name}_area" for name in REGIONS]]
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert drawn["00001_1_JPG.png"]().shape == drawn["00004_4_jpg.png"]().shape


def test_few_photos_are_told_one_by_one_on_one_line_each(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="looks_kedro"):
        predicted(photos, tmp_path)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 4
    assert told[3] == "4.jpg: refused, unreadable (not an image)"
    assert not any("\n" in one or "\u202e" in one for one in told)


def test_no_photo_named_is_told_with_the_parameter(tmp_path: Path) -> None:
    with pytest.raises(BadParameterError, match=r'prediction\.images is not set.*--params "prediction\.images=PATH"'):
        predicted(None, tmp_path)


def test_the_summary_counts_every_photo(photos: Path, tmp_path: Path) -> None:
    table, _ = predicted(photos, tmp_path)
    lines = summary_lines(table)
    assert lines[0] == "4 photos = 2 predicted + 2 refused (no face 1, unreadable 1)"
    assert re.fullmatch(r"Named: (celebrity|ordinary) \d(, (celebrity|ordinary) \d)?", lines[1])
    assert len(summary_lines(table[table["status"] == "refused"])) == 1
    assert summary_lines(table[:1]) == []
