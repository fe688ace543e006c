"""Kedro-Viz shows the layers of the data: it leaves them all out where they form a circle."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LAYERS = ["raw", "intermediate", "primary", "model_input", "models", "model_output", "reporting"]
ASKS = """
import json, pathlib
from kedro.framework.startup import bootstrap_project
from kedro_viz.api.rest.responses.pipelines import get_pipeline_response
from kedro_viz.server import load_and_populate_data
bootstrap_project(pathlib.Path.cwd())
load_and_populate_data(pathlib.Path.cwd(), include_hooks=False, package_name="looks_kedro")
print(json.dumps({name: get_pipeline_response(name).layers for name in ("__default__", "full", "audit")}))
"""


@pytest.mark.slow
def test_every_layer_is_shown_in_the_order_of_the_study(project):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASKS], cwd=project, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    layers = json.loads(done.stdout.splitlines()[-1])
    for name in ("__default__", "full"):
        assert layers[name] == LAYERS, name
    # Where a pipeline has not all of them, the order of the others is free.
    assert sorted(layers["audit"]) == sorted(LAYERS)
