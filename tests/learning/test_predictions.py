"""Predictions of any portraits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.predictions import PREDICTION_COLUMNS, predict, prediction_table
from looks_kedro.learning.resident import ResidentPortraits
from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD, Training

QUICK = Training(batch_size=4, image_size=32, threads=1, device="cpu")


def test_logits_are_those_of_the_images_one_by_one_wherever_they_lie(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
    paths = [tmp_path / f"{number}.png" for number in range(9)]
    for path, image in zip(paths, pixels, strict=True):
        Image.fromarray(image).save(path)
    torch.manual_seed(0)
    model = build_backbone("resnet18").train()
    # Independently: one image at a time, contiguous, normalised as the papers write it.
    model.eval()
    mean, deviation = (np.array(values).reshape(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.no_grad():
        expected = [
            model(torch.tensor((image.transpose(2, 0, 1) / 255 - mean) / deviation, dtype=torch.float32)[None])[0]
            for image in pixels
        ]
    model.train()
    store = ArrayStore(tmp_path / "arrays")
    sources = {
        "in memory": pixels,
        "stored": store.portraits(paths, 32),
        "decoded": store.portraits(paths, 32, gigabytes=0, alpha_colour=(1, 1, 1)),
        "resident": ResidentPortraits(pixels, "cpu"),
    }
    assert len({type(source) for source in sources.values()}) == 4
    for name, source in sources.items():
        logits = predict(model, source, QUICK)
        assert logits.dtype == np.float32
        assert np.allclose(logits, torch.stack(expected).numpy(), atol=1e-4), name
    assert model.training


def test_probabilities_are_the_softmax_of_the_logits() -> None:
    logits = np.array([[2.0, -1.0], [0.5, 0.75], [-1000.0, 1000.0]], dtype=np.float32)
    rows = pd.DataFrame({"file": ["a", "b", "c"], "looks": [1, 1, 1], "identity": ["x", "y", "z"]})
    table = prediction_table(rows, logits)
    assert list(table.columns) == list(PREDICTION_COLUMNS)
    assert np.allclose(table["probability"], torch.from_numpy(logits).double().softmax(1)[:, 1])
    assert table["predicted"].tolist() == [0, 1, 1]
    assert table["correct"].tolist() == [False, True, True]
    with pytest.raises(BadInputError, match=r"\(2, 2\)"):
        prediction_table(rows.head(2), logits)
