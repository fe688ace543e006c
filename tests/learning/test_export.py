"""Checkpoints as ONNX and safetensors."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, save, save_file
from torch import nn

from looks_kedro.errors import BadInputError, LooksError
from looks_kedro.learning import export, onnx_exporters
from looks_kedro.learning.backbones import BACKBONES, build_backbone
from looks_kedro.learning.checkpoints import load_checkpoint, make_checkpoint, model_from_checkpoint
from looks_kedro.learning.export import (
    UnequalLogitsError,
    checkpoint_from_safetensors,
    export_onnx,
    export_safetensors,
)
from looks_kedro.learning.onnx_exporters import by_dynamo, by_tracing

SIDE = 64


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(content: bytes | Path, images: torch.Tensor) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    assert [one.name for one in session.get_inputs()] == ["images"]
    return session.run(["logits"], {"images": images.numpy()})[0]


def checkpoint(backbone: str) -> dict[str, Any]:
    """A network with running means of noise: with those of a fresh one all logits are next to nothing."""
    torch.manual_seed(0)
    model = build_backbone(backbone)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(8, 3, 2 * SIDE, 2 * SIDE))
    return make_checkpoint(
        model, backbone, image_size=SIDE, git_commit="0a1b2c3", data_version="2024-01-02T03.04.05.678Z", seed=7
    )


def logits(given: dict[str, Any], images: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return model_from_checkpoint(given)(images).numpy()


@pytest.fixture(scope="module")
def resnet18() -> dict[str, Any]:
    return checkpoint("resnet18")


@pytest.mark.parametrize("backbone", BACKBONES)
def test_both_exports_give_the_logits_of_the_checkpoint(
    backbone: str, resnet18: dict[str, Any], tmp_path: Path
) -> None:
    given = resnet18 if backbone == "resnet18" else checkpoint(backbone)
    images = torch.randn(5, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(9))
    expected = logits(given, images)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    path = export_onnx(given, tmp_path / "model.onnx")
    assert np.abs(run(path, images) - expected).max() <= 1e-4
    assert np.abs(run(path, images[:1]) - expected[:1]).max() <= 1e-4
    again = checkpoint_from_safetensors(export_safetensors(given, tmp_path / "model.safetensors"))
    assert np.array_equal(logits(again, images), expected)


@pytest.mark.parametrize("exporter", [by_tracing, by_dynamo])
def test_both_exporters_of_torch_leave_the_number_of_images_open(exporter) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older one tells that it is deprecated
        content = exporter(model.eval(), torch.randn(3, 3, 16, 16), 18)
    for number in (1, 2, 7):
        images = torch.randn(number, 3, 16, 16)
        assert np.abs(run(content, images) - model(images).detach().numpy()).max() <= 1e-5


def test_an_export_with_other_operators_than_were_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by torch 2.15, which writes version 18 for one that it does not know."""
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)).eval()
    monkeypatch.setattr(onnx_exporters, "by_tracing", lambda model, images, _: by_tracing(model, images, 18))
    assert onnx_exporters.to_onnx(model, torch.randn(2, 3, 16, 16), 18)
    with pytest.raises(LooksError, match=r"export\.opset is 19; .* writes 18 .*Set export\.opset to 18"):
        onnx_exporters.to_onnx(model, torch.randn(2, 3, 16, 16), 19)


def test_an_onnx_file_says_how_to_use_it_and_nothing_of_the_machine(resnet18: dict[str, Any], tmp_path: Path) -> None:
    model = onnx.load(export_onnx(resnet18, tmp_path / "deep" / "model.onnx"))
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert texts["backbone"] == "resnet18"
    assert texts["data_version"] == "2024-01-02T03.04.05.678Z"
    assert json.loads(texts["classes"]) == ["ordinary", "celebrity"]
    assert json.loads(texts["mean"]) == resnet18["mean"]
    assert json.loads(texts["std"]) == resnet18["std"]
    assert json.loads(texts["image_size"]) == SIDE
    assert json.loads(texts["git_commit"]) == "0a1b2c3"
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [side.dim_value or side.dim_param for side in shape] == ["batch", 3, SIDE, SIDE]
    content = (tmp_path / "deep" / "model.onnx").read_bytes()
    assert b"site-packages" not in content
    assert str(Path.cwd()).encode() not in content
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model.onnx"]


def test_logits_that_differ_too_much_stop_the_export(resnet18: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UnequalLogitsError, match=r"onnxruntime gives logits that differ by up to .*export\.tolerance"):
        export_onnx(resnet18, tmp_path / "model.onnx", tolerance=1e-12)
    assert not list(tmp_path.iterdir())


def test_a_safetensors_file_holds_the_whole_checkpoint(resnet18: dict[str, Any], tmp_path: Path) -> None:
    path = export_safetensors(resnet18, tmp_path / "model.safetensors")
    again = checkpoint_from_safetensors(path)
    assert {key: value for key, value in again.items() if key != "state_dict"} == {
        key: value for key, value in resnet18.items() if key != "state_dict"
    }
    assert again["state_dict"].keys() == resnet18["state_dict"].keys()
    assert all(torch.equal(value, resnet18["state_dict"][name]) for name, value in again["state_dict"].items())
    with safe_open(path, "pt") as file:
        assert file.metadata()["backbone"] == "resnet18"
        assert torch.equal(file.get_tensor("fc.weight"), resnet18["state_dict"]["fc.weight"])


def test_the_order_of_the_metadata_is_always_the_same() -> None:
    """The library draws it anew in each process."""
    texts = {name: name * 3 for name in ("zebra", "ant", "mule")}
    weights = {"b": torch.arange(6.0), "a": torch.ones(2, 3)}
    files = []
    for order in (["zebra", "ant", "mule"], ["mule", "zebra", "ant"]):
        header, data = export._header(save(weights, texts))
        text = json.dumps({**header, "__metadata__": {name: texts[name] for name in order}}).encode()
        files.append(export._in_order(len(text).to_bytes(8, "little") + text + data))
    assert files[0] == files[1]
    assert files[0].index(b"ant") < files[0].index(b"mule") < files[0].index(b"zebra")
    assert torch.equal(load(files[0])["b"], weights["b"])


def test_what_is_no_export_of_ours_is_named(resnet18: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no such file"):
        checkpoint_from_safetensors(tmp_path / "none.safetensors")
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(2)}, foreign)
    with pytest.raises(BadInputError, match=r"foreign\.safetensors.*found none for format.*make_checkpoint"):
        checkpoint_from_safetensors(foreign)
    path = export_safetensors(resnet18, tmp_path / "model.safetensors")
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(BadInputError, match=r"model\.safetensors.*100,000 bytes of something else, or cut off"):
        checkpoint_from_safetensors(path)
    torch.save(resnet18, tmp_path / "model.pt")
    with pytest.raises(BadInputError, match="load_checkpoint"):
        checkpoint_from_safetensors(tmp_path / "model.pt")


def test_exports_given_as_checkpoints_are_named_with_what_reads_them(resnet18: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a safetensors file; .*checkpoint_from_safetensors reads it"):
        load_checkpoint(export_safetensors(resnet18, tmp_path / "model.pt"))
    with pytest.raises(BadInputError, match=r"an ONNX file, .*give the file of torch"):
        load_checkpoint(export_onnx(resnet18, tmp_path / "model.pth"))
