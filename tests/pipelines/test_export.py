from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from looks_kedro.cells import Cells
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import make_checkpoint
from looks_kedro.learning.export import checkpoint_from_safetensors
from looks_kedro.pipelines.export import create_pipeline
from looks_kedro.pipelines.export.parameters import Export


def test_each_cell_has_a_node_that_exports_its_model():
    pipeline = create_pipeline(Cells(variants=("white",), backbones=("custom", "resnet18")))
    assert {node.name for node in pipeline.nodes} == {"white.custom.export", "white.resnet18.export"}
    assert pipeline.inputs() == {"white.custom.model", "white.resnet18.model", "params:export"}
    assert pipeline.outputs() == {
        f"white.{name}.{kind}" for name in ("custom", "resnet18") for kind in ("onnx", "safetensors")
    }


def test_the_node_gives_the_bytes_of_both_files(tmp_path):
    torch.manual_seed(0)
    model = make_checkpoint(build_backbone("resnet18"), "resnet18", image_size=32, git_commit="0a1b2c3")
    (node,) = create_pipeline(Cells(variants=("white",), backbones=("resnet18",))).nodes
    outputs = node.run({"white.resnet18.model": model, "params:export": Export()})
    assert b"0a1b2c3" in outputs["white.resnet18.onnx"]
    (tmp_path / "m").write_bytes(outputs["white.resnet18.safetensors"])
    again = checkpoint_from_safetensors(tmp_path / "m")
    assert torch.equal(again["state_dict"]["fc.weight"], model["state_dict"]["fc.weight"])


def test_parameters_that_cannot_work_are_refused():
    for wrong in ({"opset": 9}, {"opset": 99}, {"tolerance": 0}, {"tolerance": float("inf")}, {"format": "onnx"}):
        with pytest.raises(ValidationError):
            Export(**wrong)
