"""Results of runs are read in the versions that belong to them, and put side by side."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from looks_kedro.comparison import find_runs, result_table
from looks_kedro.comparison.outcomes import read_models
from looks_kedro.datasets.csv_files import check_table

FIRST, SECOND = "2026-01-01T10.00.00.000Z", "2026-01-02T10.00.00.000Z"
GOOD, POOR = np.ones(40, dtype=bool), np.arange(40) % 2 == 0


@pytest.fixture
def runs(tmp_path, write_run):
    write_run(tmp_path, FIRST, correct=GOOD)
    write_run(tmp_path, SECOND, correct=POOR, reliance=(0.1, 0.05, 0.15), verdict="FACE")
    return find_runs([FIRST, SECOND], tmp_path)


def row(table, measure):
    return table[(table["measure"] == measure) & (table["run"] == SECOND)].iloc[0]


def test_a_fall_of_the_accuracy_is_told_with_a_paired_interval(runs):
    found = row(result_table(runs), "balanced_accuracy")
    assert found["difference"] == pytest.approx(-0.5)
    assert found["basis"] == "paired"
    assert found["changed"]
    assert -0.9 < found["difference_low"] < -0.5 < found["difference_high"] < -0.1


def test_a_change_of_the_reliance_is_told_from_the_two_intervals(runs):
    found = row(result_table(runs), "reliance")
    assert found["detail"] == "eyes"
    assert found["difference"] == pytest.approx(-0.4)
    assert found["difference_high"] == pytest.approx(-0.4 + np.hypot(0.1, 0.05))


def test_a_verdict_that_reads_otherwise_is_marked(runs):
    found = row(result_table(runs), "verdict")
    assert (found["text"], bool(found["changed"])) == ("FACE (eyes)", True)


def test_the_table_is_as_its_schema_says(runs):
    table = result_table(runs)
    check_table(table, "comparison_results", "comparison_results.csv")
    assert not table.loc[table["run"] == FIRST, "changed"].any()
    assert table.loc[table["run"] == FIRST, "difference"].isna().all()


def test_results_that_were_deleted_are_left_out_and_told(runs, caplog):
    (runs[1].folder / f"07_model_output/white/resnet18/reliance.csv/{SECOND}/reliance.csv").unlink()
    table = result_table(runs)
    assert np.isnan(row(table, "reliance")["value"])
    assert "was deleted since the run" in caplog.text


def test_people_and_models_with_names_that_look_like_nothing_keep_them(tmp_path, write_run):
    names = ["NA", "None", "null", "nan", "007", "7"]
    folder = write_run(tmp_path, FIRST, correct=np.ones(6, dtype=bool))
    file = folder / f"07_model_output/white/resnet18/predictions.csv/{FIRST}/predictions.csv"
    pd.read_csv(file).assign(identity=names).to_csv(file, index=False)
    summary = folder / f"08_reporting/summary.csv/{FIRST}/summary.csv"
    summary.parent.mkdir(parents=True)
    summary.write_text("variant,backbone,face_ratio\nwhite,NA,1.5\nwhite,null,\n")
    manifest = folder / f"08_reporting/run_manifest.json/{FIRST}/run_manifest.json"
    told = json.loads(manifest.read_text())
    told["datasets_written"]["summary"] = FIRST
    manifest.write_text(json.dumps(told))
    write_run(tmp_path, SECOND)
    models = read_models(find_runs([FIRST, SECOND], tmp_path)[0])
    assert models["white", "resnet18"].predictions["identity"].tolist() == names
    assert models["white", "NA"].numbers["face_ratio", ""].value == 1.5
    assert np.isnan(models["white", "null"].numbers["face_ratio", ""].value)
