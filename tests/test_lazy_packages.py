"""Packages whose public names load their modules when they are first used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ["audit", "audit.companions", "cam", "known_answers", "learning", "portraits", "prediction"]
HEAVY = {"cv2", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch"}


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_of_a_package_is_there_and_is_not_a_module(name):
    package = import_module(f"looks_kedro.{name}")
    assert sorted(package.__all__) == dir(package)
    modules = [one for one in package.__all__ if type(getattr(package, one)) is type(package)]
    assert not modules


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_alone_loads_nothing_heavy(name):
    asks = f"import sys, looks_kedro.{name}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True, timeout=60)
    assert HEAVY.isdisjoint(done.stdout.split())
