"""MLflow is told the results of a run where it is installed and a run of it is open, and nothing happens otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from looks_kedro.tracking import log_results, metrics, open_run, verdicts

SUMMARY = pd.DataFrame(
    [
        {"variant": "white", "backbone": "resnet18", "balanced_accuracy": 0.9, "auc": float("nan"), "verdict": "FACE"},
        {"variant": "white", "backbone": "custom", "balanced_accuracy": 0.5, "auc": 0.6, "verdict": "CANNOT TELL"},
    ]
)


def test_numbers_are_named_by_model_and_missing_ones_left_out():
    assert metrics(SUMMARY) == {
        "white.resnet18.balanced_accuracy": 0.9,
        "white.custom.balanced_accuracy": 0.5,
        "white.custom.auc": 0.6,
    }
    assert verdicts(SUMMARY)["white.custom.verdict"] == "CANNOT TELL"


def test_nothing_imports_mlflow_where_nobody_has():
    code = "import sys, looks_kedro.hooks, looks_kedro.tracking as t; assert t.open_run() is None"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'mlflow' not in sys.modules"], check=True)


def test_the_open_run_of_mlflow_gets_numbers_verdicts_and_the_report(tmp_path: Path):
    mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")
    page = tmp_path / "report.html"
    page.write_text("<p>Everything.</p>")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.create_experiment("test", artifact_location=(tmp_path / "files").as_uri())
    mlflow.set_experiment("test")
    assert open_run() is None
    with mlflow.start_run() as run:
        assert open_run() is mlflow
        mlflow.log_param("training.p0", None)  # as kedro-mlflow does, and MLflow lets no value change
        many = {f"p{i}": i for i in range(150)}
        log_results(mlflow, "2026-01-01T10.00.00.000Z", {"training": {"epochs": 3} | many}, SUMMARY, [page])
    kept = mlflow.get_run(run.info.run_id)
    assert kept.data.metrics == metrics(SUMMARY)
    assert kept.data.params["training.epochs"] == "3"
    assert kept.data.params["training.p0"] == "None"
    assert len(kept.data.params) == 151
    assert kept.data.tags["white.resnet18.verdict"] == "FACE"
    assert kept.data.tags["looks_kedro.version"].startswith("2026-01-01")
    assert [path.name for path in (tmp_path / "files").rglob("*.html")] == ["report.html"]
