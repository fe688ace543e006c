"""FairFace-format checkpoints and targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.fairface import (
    ATTRIBUTES,
    LOGIT_NAMES,
    attribute_accuracy,
    attribute_loss,
    attribute_targets,
    custom_from_fairface,
    load_fairface,
)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return build_backbone("resnet34", 18).state_dict()


def test_a_saved_network_loads_without_the_prefix_of_parallel_training(
    tmp_path: Path, weights: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "fair.pt"
    torch.save({f"module.{key}": value for key, value in weights.items()}, path)
    loaded = load_fairface(path)
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[key], weights[key]) for key in weights)


@pytest.mark.parametrize("legacy", [True, False])
def test_both_formats_of_torch_files_load(tmp_path: Path, weights: dict[str, torch.Tensor], legacy: bool) -> None:
    path = tmp_path / "fair.pt"
    torch.save({"state_dict": weights}, path, _use_new_zipfile_serialization=not legacy)
    assert torch.equal(load_fairface(path)["fc.weight"], weights["fc.weight"])


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\n<!DOCTYPE html><html><title>Google Drive - Virus scan warning", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:37f2\nsize 85283042\n", "Git LFS pointer"),
        (b"", "0 bytes"),
        (b"PK\x03\x04 cut off", "torch refuses"),
        (b"\x08\x08\x12\x07pytorch\x1a\x031.9", "an ONNX file"),
    ],
)
def test_a_file_that_is_no_network_is_named_for_what_it_is(tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "fair.pt"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=named) as error:
        load_fairface(path)
    assert "fair.pt" in str(error.value)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="pretraining"):
        load_fairface(tmp_path / "none.pt")


def test_a_head_of_another_width_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"expected 18 logits.*found 2"):
        load_fairface(build_backbone("resnet34", 2).state_dict())


def test_another_network_is_refused(weights: dict[str, torch.Tensor]) -> None:
    with pytest.raises(BadInputError, match="ResNet34"):
        load_fairface(build_backbone("efficientnet_b0", 18).state_dict())
    with pytest.raises(BadInputError, match="ResNet34"):
        load_fairface(build_backbone("resnet18", 18).state_dict() | {"fc.weight": weights["fc.weight"]})


def test_custom_keeps_every_weight_of_the_trunk_under_a_new_head(weights: dict[str, torch.Tensor]) -> None:
    torch.manual_seed(5)
    custom = custom_from_fairface(weights).state_dict()
    trunk = [key for key in weights if not key.startswith("fc.")]
    assert all(torch.equal(custom[key], weights[key]) for key in trunk)
    assert custom["fc.weight"].shape == (2, 512)
    assert not torch.equal(custom["fc.weight"], weights["fc.weight"][:2])


def test_custom_starts_from_a_file_and_has_the_classes_that_are_asked_for(
    tmp_path: Path, weights: dict[str, torch.Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(weights, tmp_path / "fair.pt")
    custom = custom_from_fairface(tmp_path / "fair.pt", classes=5).state_dict()
    assert torch.equal(custom["layer4.2.conv2.weight"], weights["layer4.2.conv2.weight"])
    assert custom["fc.weight"].shape == (5, 512)
    assert "fair.pt is not FairFace's published network" in caplog.text


def test_numbers_that_are_not_finite_make_no_start(weights: dict[str, torch.Tensor]) -> None:
    broken = weights | {"bn1.weight": torch.full((64,), torch.inf)}
    with pytest.raises(BadInputError, match=r"FairFace weights: .*numbers in bn1\.weight that are not finite"):
        custom_from_fairface(broken)


def test_each_logit_has_a_name_in_the_order_of_the_attributes() -> None:
    assert len(LOGIT_NAMES) == 18
    assert (LOGIT_NAMES[0], LOGIT_NAMES[7], LOGIT_NAMES[9]) == ("race=White", "gender=Male", "age=0-2")


def test_targets_follow_the_order_of_the_logits() -> None:
    labels = pd.DataFrame(
        {
            "age": ["0-2", "more than 70", None, "10-19"],
            "gender": ["Male", "Female", "", "Female"],
            "race": ["White", "Middle Eastern", "East Asian", np.nan],
        }
    )
    assert attribute_targets(labels).tolist() == [[0, 0, 0], [6, 1, 8], [3, -1, -1], [-1, 1, 2]]


def test_an_unknown_name_tells_its_row_and_what_was_expected() -> None:
    labels = pd.DataFrame({"age": ["0-2", "Oct-19"], "gender": ["Male", "Male"], "race": ["White", "White"]})
    with pytest.raises(BadInputError, match=r"row 2: age is 'Oct-19'; expected one of 0-2, 3-9, 10-19"):
        attribute_targets(labels)
    with pytest.raises(BadInputError, match="race"):
        attribute_targets(labels.drop(columns="race"))


def test_logits_that_name_the_target_have_no_loss_and_full_accuracy() -> None:
    targets = torch.tensor([[6, 1, 8], [0, 0, 0]])
    logits = torch.zeros(2, 18)
    logits[0, [6, 7 + 1, 9 + 8]] = 50
    logits[1, [0, 7, 9]] = 50
    assert attribute_loss(logits, targets).item() == pytest.approx(0, abs=1e-6)
    assert attribute_accuracy(logits, targets) == {"race": 1.0, "gender": 1.0, "age": 1.0}


def test_the_loss_of_no_knowledge_is_the_sum_of_the_logarithms_of_the_widths() -> None:
    uniform = attribute_loss(torch.zeros(4, 18), torch.zeros(4, 3, dtype=torch.int64))
    assert uniform.item() == pytest.approx(np.log([7, 2, 9]).sum(), rel=1e-6)
    assert [len(names) for names in ATTRIBUTES.values()] == [7, 2, 9]


def test_unknown_attributes_give_neither_loss_nor_gradient() -> None:
    logits = torch.randn(3, 18, requires_grad=True)
    some = torch.tensor([[1, -1, 2], [-1, -1, 3], [2, -1, -1]])
    attribute_loss(logits, some).backward()
    assert logits.grad is not None
    assert logits.grad[:, 7:9].abs().max() == 0
    assert logits.grad[1, :7].abs().max() == 0
    assert logits.grad[0].abs().max() > 0
    assert attribute_loss(logits, torch.full((3, 3), -1)).item() == 0
    assert np.isnan(attribute_accuracy(logits.detach(), some)["gender"])
