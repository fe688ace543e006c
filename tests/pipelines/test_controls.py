"""The controls' node on drawn portraits and small networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted_study import BACKBONE, Study, drawn_study, untrained
from pydantic import ValidationError

from looks_kedro.audit.controls import model_controls
from looks_kedro.cells import Cells
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.pipelines.audit.judging import classifiers
from looks_kedro.pipelines.controls import create_pipeline
from looks_kedro.pipelines.controls.nodes import control_models
from looks_kedro.pipelines.controls.parameters import Controls
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.portraits import Plant

CONTROLS = Controls(device="cpu", batch_size=16)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    plant = Plant(channel="background_colour", strength=0.8)
    return drawn_study(tmp_path_factory.mktemp("study"), plant, train=1, test=12, photos=2)


def controlled(study: Study, quality: pd.DataFrame, controls: Controls = CONTROLS) -> pd.DataFrame:
    models = {f"{name}.model": untrained(backbone=name) for name in ("resnet18", BACKBONE)}
    table = control_models(controls, study.model_input, study.mattes, quality, **models)
    return check_table(table, "controls", "controls.csv")


def test_all_models_of_a_variant_are_tried_as_each_would_be_alone(study: Study) -> None:
    table = controlled(study, study.quality)
    assert table["backbone"].unique().tolist() == ["resnet18", BACKBONE]
    rows = part_rows(study.model_input, "test")
    faces = np.stack([study.model_input.array(file) for file in rows["file"]])
    mattes = np.stack([study.mattes.array(f"{file}.png") for file in rows["file"]])
    points = rows.filter(like="crop_").to_numpy().reshape(-1, 5, 2)
    (network,) = classifiers({"a": untrained(backbone=BACKBONE)}, "cpu", 16).values()
    alone = model_controls(network, faces, rows["looks"], rows["identity"], points, mattes)
    ours = table[(table["backbone"] == BACKBONE) & ~table["control"].str.startswith("worst")]
    assert ours["control"].tolist() == alone["control"].tolist()
    np.testing.assert_allclose(ours["balanced_accuracy"], alone["balanced_accuracy"])


def test_the_worst_group_is_sought_by_what_people_are_like_and_by_what_is_around_them(study: Study) -> None:
    table = controlled(study, study.quality).query("backbone == 'resnet18'").set_index("control")
    assert {f"worst group: {name}" for name in ("gender", "race", "age", "surround")} <= set(table.index)
    assert "ale" in table.loc["worst group: gender", "note"]
    assert table.loc["worst group: surround", "note"].count("surround near #") == 1
    assert table.loc["worst group: race", "images"] == 0


def test_backgrounds_are_those_of_images_that_were_cut_out_well(study: Study) -> None:
    rows = part_rows(study.model_input, "test")
    good = study.quality["file"].isin(rows["file"].iloc[:30])
    table = controlled(study, study.quality.assign(passed=good)).drop_duplicates("control").set_index("control")
    assert table.loc[["as they are", "face only"], "images"].tolist() == [48, 48]
    assert table.loc[["background only", "mixed same", "mixed random", "background gap"], "images"].tolist() == [30] * 4
    assert "the matte" in table.loc["background only", "note"]
    nobody = controlled(study, study.quality.assign(passed=False)).drop_duplicates("control").set_index("control")
    assert nobody.loc["mixed same", "images"] == 48
    assert "the head's ellipse" in nobody.loc["background only", "note"]


def test_so_many_images_are_tried(study: Study) -> None:
    assert controlled(study, study.quality, CONTROLS.model_copy(update={"images": 20}))["images"].max() == 20


def test_each_variant_has_one_node_for_all_its_models() -> None:
    pipeline = create_pipeline(Cells(variants=("white",), backbones=("custom", "resnet18")))
    (node,) = pipeline.nodes
    assert node.name == "white.control"
    assert {"white.custom.model", "white.resnet18.model", "white.model_input"} <= pipeline.inputs()
    assert pipeline.outputs() == {"white.controls"}


def test_parameters_that_cannot_work_are_refused() -> None:
    for wrong in ({"images": 1}, {"batch_size": 0}, {"mattes": False}):
        with pytest.raises(ValidationError):
            Controls(**wrong)
