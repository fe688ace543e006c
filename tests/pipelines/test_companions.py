"""The companions' node on drawn portraits: what it looks at, and that it finds a planted background."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from planted_study import QUICK, drawn_study
from pydantic import ValidationError

from looks_kedro.cells import Cells
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.pipelines.companions import create_pipeline
from looks_kedro.pipelines.companions.nodes import photos, screen_images
from looks_kedro.pipelines.companions.parameters import Companions
from looks_kedro.portraits import Plant

FEW = Companions(permutations=399)


def test_a_planted_background_is_flagged_and_a_face_alone_is_not(tmp_path: Path) -> None:
    study = drawn_study(tmp_path, Plant(channel="background_colour"), train=8, test=8, photos=2)
    table, figure = screen_images(FEW, QUICK, study.model_input, study.mattes, study.quality)
    table = check_table(table, "companions", "companions.csv").set_index("input")
    # Both parts are looked at.
    assert table.loc["intact", "images"] == 64
    assert table.loc["intact", "identities"] == 32
    assert table.loc["background only", "flagged"]
    assert table.loc["background only", "auc"] > 0.9
    assert not table.loc["face only", "flagged"]
    assert figure.axes


def test_so_many_images_are_looked_at_and_the_background_is_theirs_without_the_person(tmp_path: Path) -> None:
    study = drawn_study(tmp_path, Plant(channel="clothes"), train=8, test=8, photos=2)
    by_matte, by_head = (
        screen_images(FEW, QUICK, study.model_input, study.mattes, quality)[0].set_index("input")
        for quality in (study.quality, study.quality.assign(passed=study.quality.index > 0))
    )
    # Clothes are the person's: with mattes they are taken out, with the head's ellipse they stay.
    assert by_head.loc["background only", "auc"] > by_matte.loc["background only", "auc"] + 0.1
    some, _ = screen_images(FEW.model_copy(update={"images": 30}), QUICK, study.model_input, study.mattes,
                            study.quality)  # fmt: skip
    assert some["images"].max() == 30


def test_copies_of_a_photo_are_one_photo() -> None:
    rows = pd.DataFrame({"file": ["a.m", "a", "b.m", "c", "b.r"], "parent": ["a", "a", "b", "c", "b"]})
    assert photos(rows)["file"].tolist() == ["a", "b.m", "c"]


def test_each_variant_has_a_node_that_needs_no_model() -> None:
    pipeline = create_pipeline(Cells(variants=("white", "original")))
    assert {node.name for node in pipeline.nodes} == {"original.screen", "white.screen"}
    assert not [name for name in pipeline.inputs() if name.endswith(".model")]
    assert pipeline.outputs() == {
        f"{variant}.{name}" for variant in ("original", "white") for name in ("companions", "companions_figure")
    }


def test_parameters_that_cannot_work_are_refused() -> None:
    for wrong in ({"images": 1}, {"permutations": 10}, {"picture": True}):
        with pytest.raises(ValidationError):
            Companions(**wrong)
