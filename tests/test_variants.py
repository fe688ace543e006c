"""All variants by the command that a user gives, in the smallest study with one backbone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog

from looks_kedro.cells import VARIANTS

pytestmark = pytest.mark.slow

BACKBONE = "cells.backbones=resnet18"


def catalog(project: Path) -> DataCatalog:
    bootstrap_project(project)
    with KedroSession.create(project, env="test") as session:
        return session.load_context().catalog


def versions(project: Path, name: str) -> int:
    return len([path for path in (project / "data/test" / name).iterdir() if path.name.startswith("20")])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, new_project: Callable[[Path], Path], kedro) -> Path:
    project = new_project(tmp_path_factory.mktemp("all variants"))
    done = kedro(project, "run", "--env", "test", "--pipelines", "full", "--params", BACKBONE)
    assert done.returncode == 0, done.stdout + done.stderr
    for variant in VARIANTS:
        assert f"{variant}.resnet18" in done.stdout + done.stderr
    return project


def test_five_variants_hold_the_same_images(study):
    tables = catalog(study)
    split = tables.load("split_table")
    for variant in VARIANTS:
        images = tables.load(f"{variant}.model_input")
        assert images.names == tuple(split["file"])
        assert images.table["file"].tolist() == split["file"].tolist()
        predictions = tables.load(f"{variant}.resnet18.predictions")
        assert predictions["file"].tolist() == split.loc[split["part"] == "test", "file"].tolist()


def test_each_variant_shows_what_its_name_says(study):
    tables = catalog(study)
    folders = {variant: tables.load(f"{variant}.model_input") for variant in VARIANTS}
    name = folders["original"].names[0]
    images = {variant: folder.array(name) for variant, folder in folders.items()}
    assert images["transparent"].shape == (300, 300, 4)
    assert {image.shape for variant, image in images.items() if variant != "transparent"} == {(300, 300, 3)}
    assert np.ptp(images["grayscale"].astype(int), axis=2).max() == 0
    assert np.ptp(images["original"].astype(int), axis=2).max() > 20
    assert images["face_only"][:20, :20].min() > 250
    assert 0 < images["transparent"][..., 3].mean() < 255


def test_the_report_has_a_part_for_each_variant(study):
    page = catalog(study).load("report")
    for variant in VARIANTS:
        assert f'id="{variant}-resnet18"' in page


def test_the_tables_add_up_from_raw_images_to_model_input(study):
    tables = catalog(study)
    funnel = tables.load("funnel")
    assert "unexplained" not in set(funnel["reason"])
    for name, looks in (("celebrities", 1), ("ordinary", 0)):
        rows = funnel[funnel["class"] == name]
        log, seen = tables.load("acquisition_log"), tables.load("face_only.model_input").table
        assert rows["count"].iloc[0] == (log["looks"] == looks).sum()
        assert rows["count"].iloc[-1] == (seen["looks"] == looks).sum()
        changes = rows[rows["reason"] != ""]["count"].sum()
        assert rows["count"].iloc[0] + changes == rows["count"].iloc[-1]


def test_the_page_of_rejected_mattes_names_each_of_them(study):
    tables = catalog(study)
    quality, page = tables.load("matte_quality"), tables.load("rejected_mattes")
    for row in quality.to_dict("records"):
        assert (row["file"] in page) == (not row["passed"])


def test_one_variant_is_built_and_trained_by_its_name_alone(study, kedro):
    before = {name: versions(study, f"05_model_input/{name}") for name in VARIANTS}
    done = kedro(study, "run", "--env", "test", "--namespaces", "transparent", "--params", BACKBONE)
    assert done.returncode == 0, done.stdout + done.stderr
    after = {name: versions(study, f"05_model_input/{name}") for name in VARIANTS}
    assert {name: after[name] - before[name] for name in VARIANTS} == dict.fromkeys(VARIANTS, 0) | {"transparent": 1}
    assert versions(study, "06_models/transparent/resnet18/model.pt") == 2
    assert versions(study, "06_models/white/resnet18/model.pt") == 1


def test_a_variant_of_ones_own_is_defined_in_a_line_and_built_by_its_name(study, kedro):
    params = f"{BACKBONE},cells.variants=green+background_only,variants.green.kind=colour,variants.green.colour=0+255+0"
    done = kedro(study, "run", "--env", "test", "--pipelines", "background", "--params", params)
    assert done.returncode == 0, done.stdout + done.stderr
    tables = catalog(study)
    green, white = (tables.load(f"{name}.model_input") for name in ("green", "white"))
    assert green.names == white.names == tables.load("background_only.model_input").names
    corners = np.median([green.array(name)[:10, :10].reshape(-1, 3) for name in green.names], axis=(0, 1))
    assert np.abs(corners - (0, 255, 0)).max() < 30


def test_a_second_run_makes_no_matte_again(study, kedro):
    first = json.loads(json.dumps(catalog(study).load("mattes").manifest["sha256"].tolist()))
    done = kedro(study, "run", "--env", "test", "--pipelines", "background", "--params", "cells.variants=original")
    assert done.returncode == 0, done.stdout + done.stderr
    tables = catalog(study)
    assert tables.load("mattes").manifest["sha256"].tolist() == first
    assert tables.load("run_manifest")["nodes"]["cut_out"]["seconds"] < 2


def test_the_published_order_keeps_faces_that_were_cut_out_badly(study, kedro):
    quality = catalog(study).load("matte_quality")
    limits = f"background.limits.min_quality={quality['quality'].quantile(0.3):.4f}"
    words = ["--pipelines", "background,balancing", "--params"]
    used = {}
    for reject in ("before_balancing", "never"):
        params = f"{limits},background.reject={reject},cells.variants=white"
        done = kedro(study, "run", "--env", "test", *words, params)
        assert done.returncode == 0, done.stdout + done.stderr
        tables = catalog(study)
        bad = set(tables.load("matte_quality").query("not passed")["file"])
        used[reject] = len(bad & set(tables.load("split_table")["parent"]))
        assert tables.load("white.model_input").names == tuple(tables.load("split_table")["file"])
    assert used["before_balancing"] == 0
    assert used["never"] > 0
