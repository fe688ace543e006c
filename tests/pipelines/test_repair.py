"""The repairs on a small network that took a planted background for the class."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted_study import QUICK, Study, drawn_study, trained, untrained
from pydantic import ValidationError

from looks_kedro.audit.settings import Rules
from looks_kedro.cells import Cells
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.learning import ArrayStore
from looks_kedro.learning.recovery import Recovery
from looks_kedro.mattes.compositing import Variant
from looks_kedro.pipelines.audit.parameters import Audit
from looks_kedro.pipelines.audit.shown import ShownImages
from looks_kedro.pipelines.parts import part_rows
from looks_kedro.pipelines.repair import create_pipeline, nodes
from looks_kedro.pipelines.repair.drawing import repair_figure
from looks_kedro.pipelines.repair.exchanged import ExchangedBackgrounds
from looks_kedro.pipelines.repair.parameters import Repair
from looks_kedro.pipelines.repair.people import divided
from looks_kedro.pipelines.repair.targets import CannotRepairError, target
from looks_kedro.pipelines.training.parameters import Backbone
from looks_kedro.portraits import Plant

RULES = Rules(draws=200)
AUDIT = Audit(
    channels=("face", "surround"), draws=1, images=None, processes=1, device="cpu", feature_leak=False, rules=RULES
)
SHORTCUT: dict[str, Any] = {"verdict": "SHORTCUT", "channels": ["surround"]}
ORIGINAL = Variant(kind="original")
BACKBONE = "resnet18"
"""With all six seeds tried its features hold the mark as well as the background; MobileNetV3's mostly do not."""
TRAINING = QUICK.model_copy(update={"epochs": 6})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The background nearly always says the class, a mark on the face mostly."""
    plant = Plant(channel="background_colour", strength=0.95)
    return drawn_study(tmp_path_factory.mktemp("study"), plant, train=40, test=40, photos=1, marked=0.9)


@pytest.fixture(scope="module")
def model(study: Study) -> dict[str, Any]:
    return trained(study, TRAINING, BACKBONE)


def images(study: Study) -> tuple[Any, ...]:
    return study.model_input, study.mattes, study.quality


def retrained(study: Study, model: dict[str, Any], folder: Path, repair: Repair, verdict: dict[str, Any]) -> Any:
    last_layer = nodes.retrain_last_layer(repair, AUDIT, model, verdict, *images(study))
    backgrounds = nodes.train_on_backgrounds(
        repair,
        TRAINING,
        Backbone(name=BACKBONE),
        model,
        verdict,
        *images(study),
        ArrayStore(folder / "arrays"),
        Recovery(folder / "recovery"),
        folder,
    )
    return {"a.model": model, "a.repaired_last_layer": last_layer, "a.repaired_backgrounds": backgrounds,
            "a.verdict": verdict}  # fmt: skip


@pytest.fixture(scope="module")
def artefacts(study: Study, model: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = retrained(study, model, tmp_path_factory.mktemp("places"), Repair(), SHORTCUT)
    return found


@pytest.fixture(scope="module")
def judged(study: Study, artefacts: dict[str, Any]) -> tuple[pd.DataFrame, Any]:
    return nodes.judge_repairs(Repair(), AUDIT, ORIGINAL, *images(study), **artefacts)


def test_both_repairs_lower_the_reliance_on_a_planted_background(judged: tuple[pd.DataFrame, Any]) -> None:
    table = check_table(judged[0], "repair", "repair.csv").set_index("repair")
    assert list(table.index) == ["none", "last_layer", "backgrounds"]
    assert (table["channel"] == "surround").all()
    reliance = table["reliance"]
    # With six seeds: 0.61 to 0.95 before, 0.00 to 0.25 and -0.03 to 0.13 after. Other machines train other networks.
    assert table.loc["none", "reliance_low"] > 0.3
    assert table.loc["none", "verdict"] == "SHORTCUT"
    assert reliance["last_layer"] < reliance["none"] - 0.25
    assert reliance["backgrounds"] < reliance["none"] - 0.25
    assert table.loc["backgrounds", "reliance_high"] < table.loc["none", "reliance_low"]
    # The mark on the face is what remains, and it is right in 90 of 100.
    assert (table["balanced_accuracy"] > 0.7).all()


def test_the_picture_has_a_row_a_repair_under_the_name_of_model_and_channel(judged: tuple[pd.DataFrame, Any]) -> None:
    left, right = judged[1].axes[:2]
    words = ["as trained", "last layer fitted anew", "trained on exchanged backgrounds"]
    assert [label.get_text() for label in left.get_yticklabels()] == words
    assert [text.get_text() for text in left.texts] == ["a: reliance on the surround"]
    drawn = [float(line.get_xdata()[0]) for line in right.lines if line.get_marker() == "o"]
    assert drawn == pytest.approx(judged[0]["balanced_accuracy"].tolist())


def test_only_the_last_layer_differs_after_fitting_it_anew(model: dict[str, Any], artefacts: dict[str, Any]) -> None:
    before, after = model["state_dict"], artefacts["a.repaired_last_layer"]["state_dict"]
    differing = {name for name in before if not bool((before[name] == after[name]).all())}
    assert differing == {"fc.weight", "fc.bias"}
    told = artefacts["a.repaired_last_layer"]["metadata"]["repair"]
    # Each background says its class, so groups of class x background cannot be found.
    assert (told["done"], told["channel"], told["groups"]) == (True, "surround", "made")


def test_nobody_is_both_fitted_on_and_measured_on(study: Study) -> None:
    parts = divided(Repair(held_out=0.4), study.model_input)
    fitted, measured = set(parts.fitted["identity"]), set(parts.judged["identity"])
    assert not fitted & measured
    assert len(fitted | measured) == 80
    assert len(fitted) == pytest.approx(32, abs=2)
    assert set(parts.fitted["looks"]) == set(parts.judged["looks"]) == {0, 1}


def test_people_of_the_training_are_not_fitted_on(tmp_path: Path) -> None:
    mixed = drawn_study(tmp_path, train=6, test=6, known=6, photos=1)
    parts = divided(Repair(), mixed.model_input)
    trained_on = set(part_rows(mixed.model_input, "train")["identity"])
    assert not set(parts.fitted["identity"]) & trained_on
    assert set(parts.judged["identity"]) & trained_on


def test_a_test_of_one_person_a_class_is_measured_on_as_a_whole(tmp_path: Path) -> None:
    single = drawn_study(tmp_path, train=3, test=1, photos=3)
    parts = divided(Repair(), single.model_input)
    assert len(parts.judged) == 6
    with pytest.raises(BadInputError, match="1 people of a class; expected at least 2"):
        _ = parts.fitted
    model = untrained()
    found = nodes.retrain_last_layer(Repair(), AUDIT, model, SHORTCUT, *images(single))
    assert not found["metadata"]["repair"]["done"]
    assert "1 people of a class" in found["metadata"]["repair"]["reason"]


def test_a_model_without_a_shortcut_stays_as_it_is_and_the_table_says_why(study: Study, tmp_path: Path) -> None:
    model = untrained(backbone=BACKBONE)
    verdict = {"verdict": "FACE", "channels": ["face"]}
    found = retrained(study, model, tmp_path, Repair(), verdict)
    for method in ("last_layer", "backgrounds"):
        weights = found[f"a.repaired_{method}"]["state_dict"]
        assert all(bool((weights[name] == model["state_dict"][name]).all()) for name in weights)
    table, figure = nodes.judge_repairs(Repair(), AUDIT, ORIGINAL, *images(study), **found)
    check_table(table, "repair", "repair.csv")
    assert table["verdict"].tolist() == ["FACE", "not repaired", "not repaired"]
    assert table["note"].tolist()[1:] == ["the verdict is FACE: no shortcut to wean it off"] * 2
    assert "no shortcut" in figure.texts[0].get_text()


def test_a_method_that_was_not_chosen_has_no_row(study: Study, model: dict[str, Any]) -> None:
    one = Repair(methods="backgrounds")
    skipped = nodes.retrain_last_layer(one, AUDIT, model, SHORTCUT, *images(study))
    assert skipped["metadata"]["repair"] == {
        "method": "last_layer", "done": False, "reason": "not chosen in repair.methods"
    }  # fmt: skip
    rows = {"a.model": model, "a.verdict": SHORTCUT, "a.repaired_last_layer": skipped}
    other = skipped | {"metadata": {"repair": {"method": "backgrounds", "done": False, "reason": "x"}}}
    table, _ = nodes.judge_repairs(one, AUDIT, ORIGINAL, *images(study), **rows, **{"a.repaired_backgrounds": other})
    assert table["repair"].tolist() == ["none", "backgrounds"]


def test_each_method_takes_the_strongest_channel_that_it_can_change() -> None:
    verdict = {"verdict": "SHORTCUT", "channels": ["jpeg_quality", "background", "surround"]}
    assert target("last_layer", Repair(), verdict) == "jpeg_quality"
    assert target("backgrounds", Repair(), verdict) == "background"
    assert target("backgrounds", Repair(channel="surround"), {"verdict": "FACE"}) == "surround"
    with pytest.raises(CannotRepairError, match="other backgrounds do not change the jpeg quality"):
        target("backgrounds", Repair(), verdict | {"channels": ["jpeg_quality"]})
    with pytest.raises(CannotRepairError, match="do not change the clothes"):
        target("backgrounds", Repair(channel="clothes"), verdict)


def test_people_who_were_fitted_on_cannot_slip_into_the_measurement(study: Study, artefacts: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=r"a\.repaired_last_layer: .*'seed': 0.*'seed': 1.*Run the whole pipeline"):
        nodes.judge_repairs(Repair(seed=1), AUDIT, ORIGINAL, *images(study), **artefacts)


def test_half_of_each_class_is_trained_on_before_a_background_of_the_other(tmp_path: Path) -> None:
    always = Plant(channel="background_colour", strength=1.0)
    study = drawn_study(tmp_path, always, train=40, test=1, photos=1, marked=0.9)
    rows = part_rows(study.model_input, "train")
    shown = ShownImages(study.model_input, rows, (0, 0, 0), study.mattes, study.quality)
    plain = np.stack([shown[row] for row in range(len(shown))])
    exchanged = ExchangedBackgrounds(plain, shown, seed=3)
    made = exchanged[:]
    changed = (made != plain).any(axis=(1, 2, 3))
    for one in (0, 1):
        assert changed[shown.labels == one].sum() == 20
    # Blue against orange: the corner's colour tells which class the background is of.
    tint = made[:, :4, :4, 2].mean(axis=(1, 2)) - made[:, :4, :4, 0].mean(axis=(1, 2))
    own = plain[:, :4, :4, 2].mean(axis=(1, 2)) - plain[:, :4, :4, 0].mean(axis=(1, 2))
    between = (own[shown.labels == 1].mean() + own[shown.labels == 0].mean()) / 2
    assert ((tint > between) == (own > between))[~changed].all()
    assert ((tint > between) != (own > between))[changed].mean() > 0.9
    # The mark on the face stays.
    nose = shown.landmarks[:, 2].round().astype(int)
    kept = [np.abs(made[i, y, x].astype(int) - plain[i, y, x]).max() for i, (x, y) in enumerate(nose)]
    assert max(kept) <= 2
    again = pickle.loads(pickle.dumps(exchanged))
    assert np.array_equal(again[np.array([5, 0])], made[[5, 0]])
    assert again.key == exchanged.key != ExchangedBackgrounds(plain, shown, seed=4).key


def test_each_cell_has_two_repairs_and_each_variant_one_measurement() -> None:
    pipeline = create_pipeline(Cells(variants=("original",), backbones=("custom", "resnet18")))
    names = {node.name for node in pipeline.nodes}
    cells = {f"original.{one}.{node}" for one in ("custom", "resnet18")
             for node in ("retrain_last_layer", "train_on_backgrounds")}  # fmt: skip
    assert names == cells | {"original.judge_repairs"}
    assert pipeline.outputs() == {"original.repair", "original.repair_figure"}
    (node,) = (node for node in pipeline.nodes if node.name == "original.resnet18.train_on_backgrounds")
    assert "fairface_model" not in node.inputs


def test_parameters_that_cannot_work_are_refused() -> None:
    assert Repair(methods="last_layer+backgrounds") == Repair()
    for wrong in ({"methods": "prayer"}, {"channel": "hat"}, {"held_out": 0.6}, {"subsets": 0}):
        with pytest.raises(ValidationError):
            Repair(**wrong)


def test_what_cannot_be_measured_is_said_in_the_picture() -> None:
    row = {"backbone": "a", "repair": "none", "images": 20, "identities": 9, "balanced_accuracy": 0.5,
           "balanced_accuracy_low": 0.3, "balanced_accuracy_high": 0.7, "channel": "surround", "reliance": np.nan,
           "reliance_low": np.nan, "reliance_high": np.nan, "verdict": "CANNOT TELL", "note": "undefined"}  # fmt: skip
    figure = repair_figure(pd.DataFrame([row]), RULES)
    assert "not measurable" in [text.get_text() for text in figure.axes[0].texts]
