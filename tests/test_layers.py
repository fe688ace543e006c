"""Kedro-Viz shows the layers of the data, which it leaves out where they form a circle, and what each node does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

LAYERS = ["raw", "intermediate", "primary", "model_input", "models", "model_output", "reporting"]
ASKS = """
import json, pathlib
from kedro.framework.startup import bootstrap_project
from kedro_viz.api.rest.responses.nodes import get_node_metadata_response
from kedro_viz.api.rest.responses.pipelines import get_pipeline_response
from kedro_viz.data_access import data_access_manager
from kedro_viz.server import load_and_populate_data
bootstrap_project(pathlib.Path.cwd())
load_and_populate_data(pathlib.Path.cwd(), include_hooks=False, package_name="looks_kedro")
layers = {name: get_pipeline_response(name).layers for name in ("__default__", "full", "audit")}
tasks = [node for node in data_access_manager.nodes.as_list() if node.type == "task"]
told = {node.kedro_obj.name: get_node_metadata_response(node.id).preview for node in tasks}
print(json.dumps({"layers": layers, "told": told}))
"""


@pytest.fixture(scope="module")
def shown(new_project, tmp_path_factory):
    project = new_project(tmp_path_factory.mktemp("layers") / "a study")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASKS], cwd=project, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_layer_is_shown_in_the_order_of_the_study(shown):
    layers = shown["layers"]
    for name in ("__default__", "full"):
        assert layers[name] == LAYERS, name
    # Where a pipeline has not all of them, the order of the others is free.
    assert sorted(layers["audit"]) == sorted(LAYERS)


@pytest.mark.slow
def test_every_node_says_what_it_does(shown):
    told = shown["told"]
    assert len(told) > 100
    assert told["white.custom.train"]["kind"] == "text"
    assert told["white.custom.train"]["content"].splitlines()[0] == "Train one backbone on one variant."
    assert "Args:" not in told["white.custom.train"]["content"]
    assert [name for name, preview in told.items() if " " not in preview["content"]] == []
