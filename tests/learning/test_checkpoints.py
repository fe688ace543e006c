"""Checkpoints to and from files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import load_checkpoint, make_checkpoint, model_from_checkpoint


def test_a_checkpoint_survives_the_strict_loader_and_gives_the_same_logits(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = build_backbone("resnet18").to(memory_format=torch.channels_last)
    torch.save(make_checkpoint(model, "resnet18", image_size=32, seed=3, versions={"faces": "1"}), tmp_path / "m.pt")
    loaded = torch.load(tmp_path / "m.pt", weights_only=True)
    assert loaded["metadata"] == {"seed": 3, "versions": {"faces": "1"}}
    assert loaded["classes"] == ["ordinary", "celebrity"]
    before = torch.random.get_rng_state()
    rebuilt = model_from_checkpoint(loaded)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not rebuilt.training
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(rebuilt(images), model.eval()(images))


def test_a_checkpoint_is_a_copy_of_the_model() -> None:
    model = build_backbone("resnet18")
    checkpoint = make_checkpoint(model, "resnet18", image_size=32)
    with torch.no_grad():
        model.get_parameter("fc.weight").zero_()
    assert checkpoint["state_dict"]["fc.weight"].abs().sum() > 0


def test_a_checkpoint_that_does_not_fit_is_refused() -> None:
    checkpoint = make_checkpoint(build_backbone("resnet18"), "resnet18", image_size=32)
    with pytest.raises(BadInputError, match="expected weights of resnet50, found another network"):
        model_from_checkpoint(checkpoint | {"backbone": "resnet50", "state_dict": _but_the_head(checkpoint)})
    with pytest.raises(BadInputError, match="found none for mean"):
        model_from_checkpoint({key: value for key, value in checkpoint.items() if key != "mean"})
    with pytest.raises(BadInputError, match="format"):
        model_from_checkpoint(checkpoint | {"format": "looks_kedro 0"})
    with pytest.raises(BadInputError, match="backbone 'resnet36' is unknown"):
        model_from_checkpoint(checkpoint | {"backbone": "resnet36"})


def _but_the_head(checkpoint: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in checkpoint["state_dict"].items() if not key.startswith("fc.")}


@pytest.fixture(scope="module")
def checkpoint() -> dict[str, Any]:
    torch.manual_seed(0)
    return make_checkpoint(
        build_backbone("resnet18"), "resnet18", image_size=32, git_commit="0a1b2c3", data_version="v5", seed=3
    )


def test_where_a_network_comes_from_stands_in_its_checkpoint(tmp_path: Path, checkpoint: dict[str, Any]) -> None:
    torch.save(checkpoint, tmp_path / "model.pt")
    loaded = load_checkpoint(tmp_path / "model.pt")
    assert (loaded["git_commit"], loaded["data_version"], loaded["metadata"]) == ("0a1b2c3", "v5", {"seed": 3})
    assert make_checkpoint({}, "resnet18", image_size=32)["git_commit"] is None


def test_a_checkpoint_of_the_first_format_is_read_as_one_of_today(tmp_path: Path, checkpoint: dict[str, Any]) -> None:
    first = {key: value for key, value in checkpoint.items() if key not in ("git_commit", "data_version")}
    first |= {"format": "looks_kedro 1", "metadata": {"alpha_colour": [0, 0, 0], "data_version": "v4"}}
    torch.save(first, tmp_path / "old.pt")
    loaded = load_checkpoint(tmp_path / "old.pt")
    assert loaded.keys() == checkpoint.keys()
    assert (loaded["git_commit"], loaded["data_version"]) == (None, "v4")
    assert loaded["metadata"] == {"alpha_colour": [0, 0, 0]}
    assert model_from_checkpoint(first).state_dict().keys() == checkpoint["state_dict"].keys()


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module."])
def test_prefixes_of_parallel_training_and_of_compiling_are_taken_off(
    prefix: str, checkpoint: dict[str, Any], tmp_path: Path
) -> None:
    named = {f"{prefix}{key}": value for key, value in checkpoint["state_dict"].items()}
    torch.save(checkpoint | {"state_dict": named}, tmp_path / "model.pt")
    loaded = load_checkpoint(tmp_path / "model.pt")
    assert loaded["state_dict"].keys() == checkpoint["state_dict"].keys()
    assert torch.equal(model_from_checkpoint(loaded).get_parameter("fc.bias"), checkpoint["state_dict"]["fc.bias"])


@pytest.mark.parametrize(
    ("width", "told"),
    [(18, "FairFace's format: load_fairface"), (1000, "ImageNet's classes"), (5, "name the classes in the order")],
)
def test_a_head_that_does_not_fit_the_classes_is_told(
    width: int, told: str, checkpoint: dict[str, Any], tmp_path: Path
) -> None:
    wrong = checkpoint["state_dict"] | {"fc.weight": torch.zeros(width, 512), "fc.bias": torch.zeros(width)}
    torch.save(checkpoint | {"state_dict": wrong}, tmp_path / "model.pt")
    with pytest.raises(
        BadInputError, match=rf"expected a head of 2 logits.*ordinary, celebrity.*found {width}.*{told}"
    ):
        load_checkpoint(tmp_path / "model.pt")
    with pytest.raises(BadInputError, match="expected a head of 2 logits"):
        model_from_checkpoint(checkpoint | {"state_dict": wrong})


def _cut_off(path: Path) -> None:
    torch.save({"weight": torch.zeros(10_000)}, path)
    path.write_bytes(path.read_bytes()[:20_000])


def _cut_off_in_the_old_format(path: Path) -> None:
    torch.save({"weight": torch.zeros(10_000)}, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:20_000])


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/model.pt", "...")


def _safetensors(path: Path) -> None:
    save_file({"weight": torch.zeros(10)}, path)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "a folder"),
        (lambda path: path.write_bytes(b""), "an empty file"),
        (lambda path: path.write_text("\n<!DOCTYPE html><title>Quota exceeded</title>"), "a saved web page.*browser"),
        (
            lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
            "a Git LFS pointer.*git lfs pull",
        ),
        (lambda path: path.write_text('{"error": "quota"}'), "JSON, which torch refuses"),
        (_cut_off, r"20,000 bytes that torch refuses.*cut off"),
        (_cut_off_in_the_old_format, r"20,000 bytes that torch refuses.*cut off"),
        (_archive, r"a zip archive with weights/model\.pt in it; unpack it"),
        (_safetensors, "a safetensors file.*checkpoint_from_safetensors"),
        (lambda path: path.write_bytes(b"\x08\x0a\x12\x07pytorch\x1a\x062.15.0"), "an ONNX file"),
        (lambda path: torch.save(nn.Linear(2, 2), path), r"torch\.nn\.modules\.linear\.Linear; a whole pickled model"),
        (lambda path: torch.save([1, 2], path), "a dictionary, found list"),
        (lambda path: torch.save({"epoch": 3}, path), "found none for format, backbone"),
        (
            lambda path: torch.save(nn.Linear(2, 2).state_dict(), path),
            "a bare state dict of 2 tensors.*make_checkpoint",
        ),
    ],
)
def test_a_file_that_is_no_checkpoint_says_what_it_is_and_what_to_do(make, told: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    make(path)
    with pytest.raises(BadInputError, match=rf"(?s)model\.pt: expected a checkpoint of looks_kedro.*{told}"):
        load_checkpoint(path)


def test_every_damage_to_a_file_ends_in_one_message(tmp_path: Path) -> None:
    """Bytes changed and cut at random; torch raises a dozen kinds of errors for them."""
    rng = np.random.default_rng(0)
    path = tmp_path / "model.pt"
    for zipped in (True, False):
        torch.save({"weight": torch.zeros(20)}, path, _use_new_zipfile_serialization=zipped)
        whole = path.read_bytes()
        for _ in range(150):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 3):
                damaged[place] = rng.integers(256)
            path.write_bytes(damaged[: rng.integers(1, len(whole))] if rng.random() < 0.3 else damaged)
            with pytest.raises(BadInputError, match=r"model\.pt: expected"):
                load_checkpoint(path)


def test_mnasnet_survives_the_way_through_a_file(tmp_path: Path) -> None:
    """Its layers refuse a state dict without their version, which a plain dictionary has not."""
    torch.manual_seed(0)
    model = build_backbone("mnasnet0_5").eval()
    torch.save(make_checkpoint(model, "mnasnet0_5", image_size=32), tmp_path / "model.pt")
    again = model_from_checkpoint(load_checkpoint(tmp_path / "model.pt"))
    images = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(again(images), model(images))
