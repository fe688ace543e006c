"""Drawn photos and a network that learnt nothing, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from looks_kedro.learning import build_backbone, make_checkpoint
from looks_kedro.portraits import draw_identity, take_photo
from looks_kedro.portraits.photo import empty_scene, group_photo
from looks_kedro.prediction import Predictor

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def fresh_checkpoint() -> Callable[..., dict[str, Any]]:
    def make(backbone: str = "resnet18", image_size: int = 64, **metadata: Any) -> dict[str, Any]:
        torch.manual_seed(3)
        model = build_backbone(backbone, image_size=image_size)
        return make_checkpoint(model, backbone, image_size=image_size, **{"alpha_colour": [0, 0, 0]} | metadata)

    return make


@pytest.fixture(scope="session")
def checkpoint(fresh_checkpoint: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return fresh_checkpoint()


@pytest.fixture(scope="session")
def predictor(checkpoint: dict[str, Any]) -> Predictor:
    return Predictor(checkpoint, temperature=2.0, device="cpu")


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three faces from the front, one from the side, one empty scene, two faces, and a file that is no photo."""
    folder = tmp_path_factory.mktemp("album")
    drawn = [take_photo(draw_identity(seed), seed=seed, looks=seed % 2) for seed in range(400, 430)]
    for number, photo in enumerate([photo for photo in drawn if abs(photo.yaw) < 12][:3]):
        (folder / f"front {number}.jpg").write_bytes(photo.jpeg())
    side = max(drawn, key=lambda photo: min(abs(photo.yaw), 50))
    (folder / "side.jpg").write_bytes(side.jpeg())
    (folder / "empty.jpg").write_bytes(empty_scene(draw_identity(1), seed=1, looks=0).jpeg())
    pair = group_photo(draw_identity(1), draw_identity(2), seed=5, looks=0)
    (folder / "two.jpg").write_bytes(pair.jpeg())
    (folder / "words.jpg").write_text("this is no photo")
    return folder
