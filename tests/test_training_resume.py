"""Trainings that are killed in the middle end with the bytes of undisturbed ones, in the same pipelines as a user's."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

KILLS = 4
CELLS = "cells.variants=original,cells.backbones=custom+resnet18"
TRAINING = "training.epochs=3,training.image_size=48,pretraining.training.image_size=48,pretraining.training.epochs=2"
MEASURED = ["seconds", "images_per_second", "peak_memory_mb"]


def command(*pipelines: str) -> list[str]:
    words = ["run", "--env", "test", "--pipelines", ",".join(pipelines), "--params", f"{CELLS},{TRAINING}"]
    return [sys.executable, "-m", "kedro", *words]


def start(folder: Path, *pipelines: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.Popen(
        command(*pipelines), cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(folder: Path, *pipelines: str) -> str:
    run = start(folder, *pipelines)
    told, _ = run.communicate(timeout=400)
    assert run.returncode == 0, told
    return told


def states(folder: Path) -> dict[str, int]:
    """The states that are kept, and when each was written."""
    kept = (folder / "data" / "test" / "06_models" / "recovery").glob("*.state")
    return {file.name: file.stat().st_mtime_ns for file in kept}


def kill_in_training(folder: Path, moments: random.Random) -> bool:
    """Kill a run shortly after it has kept one more epoch; False where it ended first."""
    before = states(folder)
    run = start(folder, "pretraining", "training")
    until = time.monotonic() + 300
    while run.poll() is None and states(folder) == before and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(moments.uniform(0, 0.6))
    run.send_signal(signal.SIGKILL)
    run.communicate()
    return run.returncode == -signal.SIGKILL


def results(folder: Path) -> dict[str, bytes]:
    """Models, predictions and what was learnt in each epoch, of the newest version."""
    root = folder / "data" / "test"
    found = {}
    for kind in ("model.pt", "fairface_model.pt", "predictions.csv", "performance.csv", "fairface_accuracy.csv"):
        for versions in sorted(root.glob(f"0[67]_*/**/{kind}")):
            if versions.is_dir():
                file = max(versions.iterdir()) / kind
                found[versions.relative_to(root).as_posix()] = file.read_bytes()
    for kind in ("history.csv", "fairface_history.csv"):
        for versions in sorted(root.glob(f"06_models/**/{kind}")):
            if versions.is_dir():
                history = pd.read_csv(max(versions.iterdir()) / kind).drop(columns=MEASURED)
                found[versions.relative_to(root).as_posix()] = history.to_csv().encode()
    return found


def test_a_training_killed_in_the_middle_ends_with_the_same_bytes(
    tmp_path: Path, new_project: Callable[[Path], Path]
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    new_project(undisturbed)
    finish(undisturbed, "acquisition", "preprocessing", "labeling", "balancing", "background")
    shutil.copytree(undisturbed, killed, symlinks=True)
    finish(undisturbed, "pretraining", "training")
    moments = random.Random(5)
    assert [kill_in_training(killed, moments) for _ in range(KILLS)] == [True] * KILLS
    assert states(killed)
    told = finish(killed, "pretraining", "training")
    assert "of a run that was stopped" in told
    expected, found = results(undisturbed), results(killed)
    assert len(expected) == 11
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    # The run has ended well: nothing is left to go on from.
    assert not states(killed)
    assert not states(undisturbed)
