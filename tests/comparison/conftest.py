"""Runs as they lie on disk: a manifest and the tables of one model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

FIRST, SECOND = "2026-01-01T10.00.00.000Z", "2026-01-02T10.00.00.000Z"


def drawn_predictions(correct: np.ndarray, photos: int = 2) -> pd.DataFrame:
    """Predictions of people with so many photos each, the first half of them celebrities."""
    rows = np.arange(len(correct))
    looks = (rows < len(correct) / 2).astype(int)
    return pd.DataFrame(
        {
            "file": [f"{row}.jpg" for row in rows],
            "looks": looks,
            "identity": [f"p{row // photos}" for row in rows],
            "probability": np.where(correct == (looks == 1), 0.8, 0.3),
            "correct": correct.astype(bool),
        }
    )


@pytest.fixture
def write_run() -> Callable[..., Path]:
    def write(
        folder: Path,
        version: str,
        *,
        correct: np.ndarray | None = None,
        reliance: tuple[float, float, float] = (0.5, 0.4, 0.6),
        verdict: str = "SHORTCUT",
        parameters: dict[str, Any] | None = None,
        **manifest: Any,
    ) -> Path:
        written = {}
        if correct is not None:
            balanced = 0.5 * (correct[: len(correct) // 2].mean() + correct[len(correct) // 2 :].mean())
            interval = {"balanced_accuracy": balanced, "balanced_accuracy_low": balanced - 0.1,
                        "balanced_accuracy_high": min(balanced + 0.1, 1.0)}  # fmt: skip
            whole = {"attribute": "all", "value": "all", "accuracy": correct.mean()} | interval
            limits = dict(zip(("reliance", "low", "high"), reliance, strict=True))
            tables = {
                "predictions": drawn_predictions(correct),
                "performance": pd.DataFrame([whole]),
                "reliance": pd.DataFrame([{"channel": "eyes", "defined": True} | limits]),
            }
            for kind, table in tables.items():
                path = folder / f"07_model_output/white/resnet18/{kind}.csv/{version}/{kind}.csv"
                path.parent.mkdir(parents=True)
                table.to_csv(path, index=False)
            path = folder / f"07_model_output/white/resnet18/verdict.json/{version}/verdict.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"verdict": verdict, "channels": ["eyes"]}))
            written = {f"white.resnet18.{kind}": version for kind in (*tables, "verdict")}
        whole = {
            "run": {"run_id": version, "env": "test", "pipeline_names": [], "tags": [], "namespaces": []},
            "outcome": "finished",
            "code": {"commit": "abc", "clean": True},
            "parameters": parameters or {},
            "packages": {"numpy": "2"},
            "machine": {"device": "cpu"},
            "datasets_read": {},
            "datasets_written": written,
            "contents": {},
            "nodes": {"train": {"seconds": 60.0}},
        } | manifest
        place = folder / "08_reporting/run_manifest.json" / version / "run_manifest.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(whole))
        return folder

    return write
