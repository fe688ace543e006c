"""The notebooks run from top to bottom in their smallest size, and are kept without results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def named(notebook: Path) -> str:
    return notebook.stem


def test_all_notebooks_are_found() -> None:
    assert [notebook.stem[:2] for notebook in NOTEBOOKS] == ["01", "02", "03"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=named)
def test_a_notebook_is_kept_without_results_or_traces_of_who_ran_it(notebook: Path) -> None:
    content = nbformat.read(notebook, as_version=4)
    nbformat.validate(content)
    for cell in content.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert not cell.metadata
    assert set(content.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=named)
def test_a_notebook_has_words_before_code_and_short_cells(notebook: Path) -> None:
    cells = nbformat.read(notebook, as_version=4).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert sum(cell.cell_type == "markdown" for cell in cells) >= len(cells) / 3
    assert max(len(cell.source.splitlines()) for cell in cells) <= 26


def test_the_audit_of_an_own_classifier_takes_ten_lines() -> None:
    cells = nbformat.read(PROJECT / "notebooks" / "02_audit_your_own_classifier.ipynb", as_version=4).cells
    calls = [cell.source for cell in cells if "report = audit(" in cell.source]
    assert len(calls) == 1
    assert "from looks_kedro.audit import audit" in calls[0]
    assert sum(bool(line.strip()) for line in calls[0].splitlines()) <= 10


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=named)
def test_a_notebook_runs_from_top_to_bottom(notebook: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "-p",
            "no:cacheprovider",
            "--nbmake",
            "--nbmake-timeout=900",
            str(notebook),
        ],
        cwd=PROJECT,
        env={**os.environ, "LOOKS_NOTEBOOK_SIZE": "test", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "1 passed" in done.stdout
