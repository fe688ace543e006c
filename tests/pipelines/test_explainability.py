"""The nodes of the explainability pipeline on a few drawn portraits and networks that learnt nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from looks_kedro.datasets import ImageFolder, ImageFolderDataset, Images
from looks_kedro.learning import Training, build_backbone, make_checkpoint
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.pipelines.explainability import drawing, nodes
from looks_kedro.pipelines.explainability.groups import faces_from_arrays
from looks_kedro.pipelines.explainability.parameters import Explainability
from looks_kedro.portraits import aligned_face, draw_identity
from looks_kedro.tables import CROP_LANDMARKS

SIDE, COUNT = 96, 8
TEMPLATE = [94.4, 91.3, 204.6, 91.3, 149.5, 154.6, 100.5, 204.4, 198.5, 204.4]


@pytest.fixture(scope="module")
def model_input(tmp_path_factory: pytest.TempPathFactory) -> ImageFolder:
    rows = pd.DataFrame({"file": [f"{i}.png" for i in range(COUNT)]})
    rows["parent"], rows["part"] = rows["file"], "test"
    rows["mirrored"], rows["rotation"], rows["brightness"] = False, 0.0, 1.0
    rows["looks"] = [i % 2 for i in range(COUNT)]
    rows["group"] = rows["identity"] = [f"person {i // 2 * 2 + i % 2}" for i in range(COUNT)]
    rows["age"], rows["race"] = "20-29", ""
    rows["gender"] = ["Male", "Male", "Female", "Female"] * 2
    for name, value in zip(CROP_LANDMARKS, TEMPLATE, strict=True):
        rows[name] = value * SIDE / 300
    faces = [aligned_face(draw_identity(i // 2), seed=i, looks=i % 2, size=SIDE).image for i in range(COUNT)]
    items = list(zip(rows["file"], faces, strict=True))
    dataset = ImageFolderDataset(filepath=tmp_path_factory.mktemp("input") / "original", format="png")
    dataset.save(Images(items, rows))
    return dataset.load()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArrayStore:
    return ArrayStore(tmp_path_factory.mktemp("arrays"))


def checkpoint(backbone: str) -> dict[str, Any]:
    torch.manual_seed(2)
    return make_checkpoint(build_backbone(backbone), backbone, image_size=64, alpha_colour=[0, 0, 0])


@pytest.fixture(scope="module")
def maps(model_input: ImageFolder, store: ArrayStore) -> dict[str, np.ndarray]:
    return nodes.map_test_part(checkpoint("resnet18"), model_input, Explainability(), store)


def test_a_named_last_layer_gives_the_maps_of_the_closed_form(
    model_input: ImageFolder, store: ArrayStore, maps: dict[str, np.ndarray]
) -> None:
    assert maps["by_class"].shape == (COUNT, 2, 2, 2)
    assert maps["by_class"].dtype == np.float16
    named = nodes.map_test_part(checkpoint("resnet18"), model_input, Explainability(layer="layer4"), store)
    np.testing.assert_allclose(named["by_class"], maps["by_class"], rtol=0.01, atol=1e-3)
    np.testing.assert_allclose(named["logits"], maps["logits"], atol=1e-5)


def test_networks_with_other_heads_and_other_methods_are_mapped(model_input: ImageFolder, store: ArrayStore) -> None:
    found = nodes.map_test_part(checkpoint("mobilenet_v3_small"), model_input, Explainability(), store)
    assert found["by_class"].shape == (COUNT, 2, 2, 2)
    layered = nodes.map_test_part(
        checkpoint("resnet18"), model_input, Explainability(method="layercam", layer="layer3"), store
    )
    assert layered["by_class"].shape == (COUNT, 2, 4, 4)
    assert layered["by_class"].min() >= 0


def test_a_method_that_knows_no_classes_has_no_difference_to_draw() -> None:
    assert Explainability().style == "difference"
    with pytest.raises(ValidationError, match="set style to published"):
        Explainability(method="eigencam")
    assert Explainability(method="eigencam", style="published").method == "eigencam"


def test_regions_are_measured_with_and_without_mattes(
    model_input: ImageFolder, maps: dict[str, np.ndarray], tmp_path: Path
) -> None:
    person = np.zeros((SIDE, SIDE), dtype=np.uint8)
    person[:, :48] = 255  # everything on the right is ground
    dataset = ImageFolderDataset(filepath=tmp_path / "mattes", format="png")
    dataset.save(Images([(f"{i}.png.png", person) for i in range(COUNT)]))
    quality = pd.DataFrame({"file": [f"{i}.png" for i in range(COUNT)], "passed": True})
    areas = {}
    for name, passed in (("good", True), ("bad", False)):
        table = nodes.measure_regions(maps, model_input, dataset.load(), quality.assign(passed=passed))
        whole = table[table["class"] == "all"].set_index("region")
        assert whole["share"].sum() == pytest.approx(1)
        areas[name] = whole["area"]
    assert areas["good"]["background_left"] < 0.01 < areas["bad"]["background_left"]
    assert areas["good"]["eyes"] == areas["bad"]["eyes"]


@pytest.mark.parametrize("style", ["difference", "published"])
def test_averages_are_drawn_for_each_way_to_divide_the_classes(
    model_input: ImageFolder, maps: dict[str, np.ndarray], style: str
) -> None:
    faces = drawing.average_faces(model_input, Training())
    groups = faces_from_arrays(faces)
    assert groups.groups[:2] == ("celebrities", "ordinary")
    assert groups.images[groups.groups.index("ordinary, Female")] == 2
    figures = drawing.average_maps(maps, model_input, faces, Explainability(style=style))
    # Nobody has a race, so there is no figure of races.
    assert list(figures) == ["celebrities.png", "ordinary.png", "correct.png", "gender.png", "age.png"]
    words = [text.get_text() for text in figures["gender.png"].axes[0].texts]
    assert words.count("n = 2") == 8


def test_sheets_and_single_maps_are_drawn(model_input: ImageFolder, maps: dict[str, np.ndarray]) -> None:
    settings = Explainability(sheet_images=2, individual=3)
    sheets = drawing.draw_sheets(maps, model_input, settings)
    assert list(sheets) == ["celebrities.png", "ordinary.png"]
    words = [text.get_text() for text in sheets["celebrities.png"].axes[0].texts]
    assert {"near the average", "far from it"} <= set(words)
    singles = list(drawing.draw_maps(maps, model_input, settings))
    assert len(singles) == 6
    assert singles[0][1]().shape == (SIDE, SIDE, 3)


def test_the_controls_tell_how_maps_turn_and_what_random_weights_do(
    model_input: ImageFolder, store: ArrayStore, maps: dict[str, np.ndarray]
) -> None:
    settings = Explainability(control_images=6, random_networks=1)
    faces = drawing.average_faces(model_input, Training())
    figure, padding = nodes.control_padding(checkpoint("resnet18"), maps, model_input, faces, settings, store)
    assert padding["class"].tolist() == ["celebrities", "ordinary", "all"]
    assert padding["images"].tolist() == [3, 3, 6]
    assert any("correlation" in text.get_text() for text in figure.axes[0].texts)
    sanity = nodes.check_sanity(checkpoint("resnet18"), model_input, settings, store)
    assert sanity["layer"].tolist() == ["fc", "layer4", "layer3", "layer2", "layer1", "conv1"]
    assert sanity["correlation"].between(-1, 1).all()


def test_a_method_that_knows_no_classes_says_what_stays_empty(
    model_input: ImageFolder, store: ArrayStore, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Explainability(method="randomcam", style="published", control_images=4, random_networks=1)
    blind = nodes.map_test_part(checkpoint("resnet18"), model_input, settings, store)
    (told,) = (record.getMessage() for record in caplog.records if "same for both classes" in record.getMessage())
    assert told.startswith("Maps by randomcam")
    assert all(word in told for word in ("attention", "regions", "mirror control", "random weights", "gradcam"))
    assert np.abs(nodes.signed(blind)).max() == 0
    faces = drawing.average_faces(model_input, Training())
    _, padding = nodes.control_padding(checkpoint("resnet18"), blind, model_input, faces, settings, store)
    assert padding["correlation"].isna().all()


def test_columns_of_averages_are_in_the_order_of_the_groups(
    model_input: ImageFolder, maps: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = drawing.rows_of(maps, model_input)
    rows["age"] = ["0-2" if looks == 0 and row == 0 else "10-19" for row, looks in enumerate(rows["looks"])]
    monkeypatch.setattr(drawing, "rows_of", lambda *_: rows)
    monkeypatch.setattr(drawing, "part_rows", lambda *_: rows)
    figures = drawing.average_maps(maps, model_input, drawing.average_faces(model_input, Training()), Explainability())
    above = [text for text in figures["age.png"].axes[0].texts if text.get_va() == "bottom"]
    assert [text.get_text() for text in above] == ["0-2", "10-19"]
