"""Results of runs are read in the versions that belong to them, and put side by side."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.comparison import find_runs, result_table
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
