"""The audit's node on small networks: what it says of people who are in both parts, and of those who are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted_study import BACKBONE, QUICK, Study, drawn_study, trained, untrained

from looks_kedro.audit.leak import feature_leak_gap
from looks_kedro.audit.settings import Rules
from looks_kedro.learning.backbones import last_linear
from looks_kedro.learning.checkpoints import model_from_checkpoint
from looks_kedro.mattes.compositing import Variant
from looks_kedro.pipelines.audit.judging import classifiers, penultimate
from looks_kedro.pipelines.audit.nodes import audit_models
from looks_kedro.pipelines.audit.parameters import Audit
from looks_kedro.pipelines.audit.shown import ShownImages
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.portraits import Plant

AUDIT = Audit(channels=("surround",), draws=1, images=12, processes=1, device="cpu", rules=Rules(draws=200))
TOLD = "of people who are in the training part, too"


def audited(study: Study, model: dict[str, Any]) -> dict[str, Any]:
    return audit_models(
        AUDIT, Variant(kind="original"), study.model_input, study.mattes, study.quality, **{"a.model": model}
    )


def rights(study: Study, model: dict[str, Any]) -> pd.DataFrame:
    """Rows of the test with whether the network's decision is right, asked one image at a time."""
    rows = part_rows(study.model_input, "test")
    (network,) = classifiers({"a": model}, "cpu", 1).values()
    logits = np.concatenate([network(study.model_input.array(file)[None]) for file in rows["file"]])
    return rows.assign(right=logits.argmax(axis=1) == rows["looks"])


def test_a_network_that_knows_people_again_is_called_a_leak(tmp_path: Path) -> None:
    labels = np.random.default_rng(2).permutation(np.repeat([0, 1], 40))
    study = drawn_study(tmp_path, train=20, known=20, test=20, photos=1, labels=labels)
    model = trained(study, QUICK.model_copy(update={"epochs": 12}))
    verdict = audited(study, model)["a.verdict"]
    assert verdict["verdict"] == "LEAKAGE"
    table = rights(study, model)
    known = table["identity"].isin(part_rows(study.model_input, "train")["identity"])
    expected = [part.groupby("looks")["right"].mean().mean() for part in (table[known], table[~known])]
    assert (verdict["leak"]["random"], verdict["leak"]["disjoint"]) == pytest.approx(expected)
    assert f"40 of 80 test images are {TOLD}" in " ".join(verdict["notes"])
    assert verdict["feature_leak"] is None


def test_a_gap_that_cannot_be_measured_is_told(tmp_path: Path) -> None:
    study = drawn_study(tmp_path, train=3, known=3, test=0, photos=2)
    verdict = audited(study, untrained())["a.verdict"]
    assert verdict["leak"] is None
    told = " ".join(verdict["notes"])
    assert f"12 of 12 test images are {TOLD}" in told
    assert "The leak gap could not be measured" in told


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return drawn_study(tmp_path_factory.mktemp("apart"), Plant(channel="background_colour"), train=3, test=6, photos=3)


def test_where_nobody_is_in_both_parts_the_features_tell_what_a_leak_would_bring(apart: Study) -> None:
    model = untrained(backbone=BACKBONE)
    verdict = audited(apart, model)["a.verdict"]
    assert json.loads(json.dumps(verdict)) == verdict
    assert verdict["leak"] is None
    assert "Nobody of these images was in the training: the accuracy is that of new people." in verdict["notes"]
    rows = part_rows(apart.model_input, "test")
    faces = np.stack([apart.model_input.array(file) for file in rows["file"]])
    shown = audited_rows(rows)
    expected = feature_leak_gap(penultimate(model, "cpu", 8)(faces[shown]), rows["looks"].to_numpy()[shown],
                                rows["identity"].to_numpy()[shown])  # fmt: skip
    assert verdict["feature_leak"]["gap"] == pytest.approx(expected.gap)
    assert any(note.startswith("If people were in both parts") for note in verdict["notes"])


def audited_rows(rows: pd.DataFrame) -> np.ndarray:
    from looks_kedro.audit import chosen_rows

    return chosen_rows(rows["looks"], rows["identity"], AUDIT.images, AUDIT.seed)


def test_features_times_the_last_layer_are_the_logits(apart: Study) -> None:
    rows = part_rows(apart.model_input, "test")
    faces = np.stack([apart.model_input.array(file) for file in rows["file"]])
    for backbone in ("resnet18", BACKBONE):
        model = untrained(backbone=backbone)
        last = last_linear(model_from_checkpoint(model))
        features = penultimate(model, "cpu", 5)(faces)
        logits = features @ last.weight.detach().numpy().T + last.bias.detach().numpy()
        np.testing.assert_allclose(logits, classifiers({"a": model}, "cpu", 7)["a"](faces), atol=1e-4)


def test_images_are_shown_with_their_good_mattes_alone(apart: Study) -> None:
    rows = part_rows(apart.model_input, "test")
    quality = apart.quality.assign(passed=apart.quality["file"] == rows["file"].iloc[4])
    shown = ShownImages(apart.model_input, rows, (0, 0, 0), apart.mattes, quality)
    assert np.flatnonzero(shown.good).tolist() == [4]
    part = shown.chosen(np.array([4, 0]))
    assert part.good.tolist() == [True, False]
    assert np.array_equal(part[0], apart.model_input.array(rows["file"].iloc[4]))
    assert np.array_equal(part[np.array([1])][0], shown[0])
    assert part.portraits.portrait(0).matte is not None
    assert part.portraits.portrait(1).matte is None
    points = rows.iloc[4]
    assert part.landmarks[0, 1].tolist() == [points["crop_right_eye_x"], points["crop_right_eye_y"]]
