"""How long a user waits for the command line, side by side with an empty Kedro project: `make bench`."""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

log = logging.getLogger("bench")

ROUNDS = 5
GOAL = 1.5
COMMANDS = {
    "registry list": ["registry", "list"],
    "an unknown parameter": ["run", "--params", "nonsense=1"],
    "a slip within a group": ["run", "--params", "training.epoch=3"],
}


def taken(folder: Path, words: list[str]) -> tuple[float, float]:
    """Processor time (user and system) and wall-clock time of one command, in seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "kedro", *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
        timeout=300,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - began


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly made Kedro project without tools."""
    folder = tmp_path_factory.mktemp("fresh")
    words = ["new", "--name=empty", "--tools=none", "--example=n", "--telemetry=no"]
    subprocess.run([sys.executable, "-m", "kedro", *words], cwd=folder, capture_output=True, check=True, timeout=300)
    return folder / "empty"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_answers_nearly_as_soon_as_in_an_empty_project(
    name: str, empty: Path, tmp_path: Path, new_project: Callable[[Path], Path]
):
    ours = new_project(tmp_path / "ours")
    measured: dict[Path, list[tuple[float, float]]] = {empty: [], ours: []}
    for folder in measured:
        taken(folder, COMMANDS[name])  # the files come into memory
    for _ in range(ROUNDS):
        for folder, times in measured.items():
            times.append(taken(folder, COMMANDS[name]))
    processor, clock = ({folder: median(one[i] for one in times) for folder, times in measured.items()} for i in (0, 1))
    log.info(
        "%s: processor time %.2f s, empty project %.2f s, ratio %.2f; by the clock %.2f s and %.2f s, ratio %.2f",
        *(name, processor[ours], processor[empty], processor[ours] / processor[empty]),
        *(clock[ours], clock[empty], clock[ours] / clock[empty]),
    )
    assert processor[ours] <= GOAL * processor[empty]
