"""Checkpoints to and from files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from looks_kedro.errors import BadInputError
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.checkpoints import make_checkpoint, model_from_checkpoint


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
    with pytest.raises(BadInputError, match="no resnet50"):
        model_from_checkpoint(checkpoint | {"backbone": "resnet50"})
    with pytest.raises(BadInputError, match="found none for mean"):
        model_from_checkpoint({key: value for key, value in checkpoint.items() if key != "mean"})
    with pytest.raises(BadInputError, match="format"):
        model_from_checkpoint(checkpoint | {"format": "looks_kedro 0"})
