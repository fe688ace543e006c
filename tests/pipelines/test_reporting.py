"""The nodes of the reporting pipeline on a few drawn portraits, without a network."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline

from looks_kedro.cam.selection import SELECTIONS
from looks_kedro.cells import Cells
from looks_kedro.datasets import ImageFolder, ImageFolderDataset, Images
from looks_kedro.learning.settings import Training
from looks_kedro.pipeline_registry import every_pipeline
from looks_kedro.pipelines.reporting import create_pipeline
from looks_kedro.pipelines.reporting.gathering import average_shots, averages_of, example_faces, rows_of, sheets_of
from looks_kedro.pipelines.reporting.nodes import _notes
from looks_kedro.pipelines.reporting.pipeline import OF_THE_STUDY, OF_VARIANTS
from looks_kedro.tables import CROP_LANDMARKS

COUNT, SIDE = 16, 32


@pytest.fixture(scope="module")
def model_input(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    rows = pd.DataFrame({"file": [f"{number}.png" for number in range(COUNT)]})
    rows["parent"], rows["part"] = rows["file"], ["train", "test", "test", "train"] * 4
    rows["mirrored"], rows["rotation"], rows["brightness"] = False, 0.0, 1.0
    rows["looks"] = [number // 2 % 2 for number in range(COUNT)]
    rows["group"] = rows["identity"] = [f"person {number}" for number in range(COUNT)]
    rows["age"] = rows["race"] = rows["gender"] = ""
    rows[list(CROP_LANDMARKS)] = 16.0
    random = np.random.default_rng(1)
    pictures = random.integers(0, 255, (COUNT, SIDE, SIDE, 3), dtype=np.uint8)
    dataset = ImageFolderDataset(filepath=tmp_path_factory.mktemp("input") / "original", format="png")
    dataset.save(Images(list(zip(rows["file"], pictures, strict=True)), table=rows))
    return dataset.load()


@pytest.fixture(scope="module")
def maps(model_input: ImageFolder) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    looks = model_input.table.query("part == 'test'")["looks"].to_numpy()
    logits = np.stack([-2.0 * looks + 1, 2.0 * looks - 1], axis=1) + random.normal(0, 0.5, (len(looks), 2))
    logits[0] = [-5, 5] if looks[0] == 0 else [5, -5]  # a wrong answer
    by_class = random.normal(size=(len(looks), 2, 3, 3)).astype(np.float16)
    return {"by_class": by_class, "logits": logits, "alpha_colour": np.array([0, 0, 0], dtype=np.uint8)}


@pytest.mark.parametrize("style", ["difference", "published"])
def test_a_sheet_shows_each_image_once_wrong_answers_first(model_input, maps, style):
    sheets = sheets_of(maps, model_input, style, most=2)
    rows = model_input.table.query("part == 'test'").set_index("file")
    for name, looks in (("celebrities", 1), ("ordinary", 0)):
        files = [one["file"] for shown in sheets[name].values() for one in shown]
        assert len(files) == len(set(files))
        assert set(files) <= set(rows.index[rows["looks"] == looks])
        assert list(sheets[name]) == [section for section in SELECTIONS if section in sheets[name]]
        assert all(len(shown) <= 2 for shown in sheets[name].values())
    wrong = [one for shown in sheets.values() for one in shown.get("wrong", [])]
    assert [one["file"] for one in wrong] == [rows.index[0]]
    assert not any(one["correct"] for one in wrong)
    sigmoid = 1 / (1 + np.exp(maps["logits"][0, 0] - maps["logits"][0, 1]))
    assert wrong[0]["probability"] == pytest.approx(sigmoid)
    assert json.loads(json.dumps(sheets)) == sheets


def test_an_averaged_map_is_the_mean_of_its_class_and_tells_its_scale(model_input, maps):
    averages = averages_of({"resnet18": maps}, model_input, "difference")
    looks = model_input.table.query("part == 'test'")["looks"].to_numpy()
    difference = maps["by_class"][:, 1].astype(float) - maps["by_class"][:, 0]
    for name, value in (("celebrities", 1), ("ordinary", 0)):
        expected = difference[looks == value].mean(axis=0)
        np.testing.assert_allclose(averages["resnet18"][name].heat, expected, atol=2e-3)
        shown = average_shots(averages, "difference")["resnet18"][name]
        assert float(shown["top"]) == pytest.approx(np.abs(expected).max(), rel=0.05)


def test_examples_are_training_images_with_whom_they_show(model_input, maps):
    shown = example_faces(model_input, maps, most=1)
    rows = model_input.table.set_index("file")
    for name, looks in (("celebrities", 1), ("ordinary", 0)):
        (one,) = shown[name]
        assert rows.at[one["file"], "part"] == "train"
        assert (rows.at[one["file"], "looks"], rows.at[one["file"], "identity"]) == (looks, one["identity"])
        assert one["source"].startswith("data:image/webp;base64,")


def test_a_table_that_was_never_made_or_is_empty_has_no_rows():
    assert rows_of(None) is rows_of(pd.DataFrame({"a": []})) is None
    assert rows_of(pd.DataFrame({"a": [1.5, np.nan]})) == [{"a": 1.5}, {"a": None}]


def test_the_page_reads_what_others_made_only_where_it_may_be_missing(project):
    pipeline: Pipeline = create_pipeline(Cells())
    made_elsewhere = {f"{one}.{name}" for one in ("original", "white") for name in OF_VARIANTS} | set(
        OF_THE_STUDY.values()
    )
    assert made_elsewhere <= pipeline.inputs()
    bootstrap_project(project)
    with KedroSession.create(project, env="base", runtime_params={"study": "never_run"}) as session:
        catalog = session.load_context().catalog
        loaded = {name: catalog.load(name) for name in made_elsewhere}
    assert {name for name, found in loaded.items() if found is not None and len(found)} == set()


@pytest.mark.parametrize("beside", ["companions", "controls", "repair", "known_answers", "hyperparameters"])
def test_what_is_made_in_the_same_run_is_made_before_the_page_gathers_it(beside):
    makers = every_pipeline()[beside]
    makes = makers.all_outputs() & ({f"original.{name}" for name in OF_VARIANTS} | set(OF_THE_STUDY.values()))
    assert makes
    both = makers + every_pipeline()["reporting"]
    readers = [node for node in both.nodes if node.tags & {"reporting"} and makes & set(node.inputs)]
    of_makers = {node for node in makers.nodes if makes & set(node.outputs)}
    assert readers
    for reader in readers:
        needed = {node for node in of_makers if set(node.outputs) & set(reader.inputs)}
        assert needed
        assert needed <= both.node_dependencies[reader]


@pytest.mark.parametrize(("patience", "expected"), [(None, "note.last_epoch"), (2, "note.best_epoch")])
def test_the_page_says_of_which_epoch_a_model_is(patience: int | None, expected: str) -> None:
    split = pd.DataFrame({"file": ["a", "b"], "parent": ["a", "b"], "looks": [1, 0], "identity": ["p", "q"]})
    split = split.assign(part=["train", "test"], group=["1", "2"])
    read = {"early_stop": patience, "validation_fraction": 0.1}
    for training in (read, Training(**read)):
        told = [key for key, _ in _notes(split, None, {"training": training})]
        assert [key for key in told if key.endswith("_epoch")] == [expected]
