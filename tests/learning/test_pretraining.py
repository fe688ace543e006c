"""The attribute network: what its settings change, and what its node hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from looks_kedro.learning.pretraining import train_attributes
from looks_kedro.learning.settings import Training
from looks_kedro.pipelines.pretraining import nodes
from looks_kedro.pipelines.pretraining.parameters import Pretraining

QUICK = Training(epochs=1, batch_size=8, image_size=32, workers=0, threads=1, device="cpu", precision="32")


def test_label_smoothing_changes_what_the_network_learns_and_not_how_its_loss_is_told() -> None:
    rng = np.random.default_rng(0)
    images, targets = rng.integers(0, 255, (8, 32, 32, 3), dtype=np.uint8), rng.integers(0, 2, (8, 3))
    plain, smooth = (
        train_attributes(images, targets, images, targets, QUICK.model_copy(update={"label_smoothing": share}))
        for share in (0.0, 0.5)
    )
    assert not torch.equal(plain[0]["fc.weight"], smooth[0]["fc.weight"])
    assert plain[1]["train_loss"].tolist() == smooth[1]["train_loss"].tolist()


class Folder:
    """Where the faces would be."""

    version = "1"

    def __init__(self, files: list[str]) -> None:
        self.manifest = pd.DataFrame({"name": files, "sha256": files})

    def path(self, file: str) -> Path:
        return Path(file)


class Asked:
    """A store of images that notes what it is asked for."""

    def __init__(self) -> None:
        self.files: list[list[str]] = []
        self.colours: list[Any] = []

    def portraits(self, files: list[Path], size: int, *, alpha_colour: Any = None, **_: Any) -> np.ndarray:
        self.files.append([file.name for file in files])
        self.colours.append(alpha_colour)
        return np.zeros((len(files), size, size, 3), np.uint8)


def test_the_node_puts_the_colour_behind_the_images_and_leaves_out_duplicates_of_test_pictures(tmp_path: Path) -> None:
    files = [f"{letter}.jpg" for letter in "abcde"]
    labels = pd.DataFrame({"file": files, "identity": list("ABCDE"), "looks": 0})
    labels = labels.assign(age="20-29", gender="Male", race="White")
    decisions = pd.DataFrame({"file": files, "duplicate_of": ["", "a.jpg", "", "", ""]})
    split = pd.DataFrame({"file": ["a.jpg"], "parent": ["a.jpg"], "part": "test", "identity": "A", "group": "A"})
    training = QUICK.model_copy(update={"alpha_colour": (1, 2, 3)})
    asked, recovery = Asked(), None
    arguments: tuple[Any, ...] = (Folder(files), labels, decisions, split, Pretraining(training=training), asked)
    checkpoint, _, _ = nodes.pretrain(*arguments, recovery, tmp_path)  # type: ignore[arg-type]
    assert asked.colours == [(1, 2, 3), (1, 2, 3)]
    assert asked.files == [["c.jpg", "d.jpg", "e.jpg"], ["a.jpg"]]
    assert checkpoint["metadata"]["images"] == 3
