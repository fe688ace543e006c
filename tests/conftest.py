"""What several test files share: a copy of the project that runs in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# What is tested is never how fast one example is, and a busy machine may pause for a second in any of them.
settings.register_profile("looks_kedro", deadline=None)
settings.load_profile("looks_kedro")

PROJECT = Path(__file__).resolve().parents[1]

# The tests are no package: this is how they find the servers of the sources (from web_server import WebServer).
sys.path.insert(0, str(PROJECT / "tests" / "sources"))


def copy_project(folder: Path) -> Path:
    """Lay the project's configuration into a folder: its data land in that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PROJECT / "pyproject.toml", folder)
    shutil.copy(PROJECT / ".telemetry", folder)
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf" / "local").mkdir()
    (folder / "src").mkdir()  # Kedro looks for it; the code is the installed package
    return folder


@pytest.fixture(scope="session")
def new_project() -> Callable[[Path], Path]:
    """Lay a project without any data into a folder."""
    return copy_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without any data, in a path with spaces."""
    return copy_project(tmp_path / "a study")


@pytest.fixture(scope="session")
def kedro() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a ``kedro`` command in a project, as a user does."""

    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kedro", *words],
            cwd=folder,
            env={**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    return run
