"""A variant of drawn portraits on the disk, as the pipelines after `background` read it, with planted cues."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from looks_kedro.datasets import ImageFolder, ImageFolderDataset, Images
from looks_kedro.learning import Training, build_backbone, load_portraits, make_checkpoint, train_classifier
from looks_kedro.pipelines.background.nodes import matte_file
from looks_kedro.portraits import Plant, aligned_face, draw_identity
from looks_kedro.tables import CROP_LANDMARKS

SIDE = 48
BACKBONE = "mobilenet_v3_small"
"""Learns from few small images in seconds."""
QUICK = Training(
    image_size=32, epochs=8, batch_size=16, learning_rate=4e-3, batch_norm_momentum=0.3, workers=0, device="cpu"
)


@dataclass(frozen=True)
class Study:
    """What the nodes read."""

    model_input: ImageFolder
    mattes: ImageFolder
    quality: pd.DataFrame


def drawn_study(
    folder: Path,
    *plants: Plant,
    train: int = 24,
    test: int = 24,
    photos: int = 2,
    known: int = 0,
    labels: np.ndarray | None = None,
    marked: float | None = None,
) -> Study:
    """So many people of each class in either part.

    Args:
        folder: where the images lie.
        plants: cues of the classes.
        train: people of each class in the training part.
        test: people of each class in the test part.
        photos: of each of them.
        known: people of each class of the training part whose same photos are in the test part, too.
        labels: of the people in turn, in place of 0, 1, 0, 1.
        marked: how often a large mark on the face says the class; None paints none.
    """
    rows: list[dict[str, Any]] = []
    images, cuts = [], []
    for part, first, people in (("train", 0, train), ("test", 0, known), ("test", 5_000, test)):
        for person in range(2 * people):
            looks = int(labels[first // 5_000 * 2 * train + person]) if labels is not None else person % 2
            for number in range(photos):
                seed = first + 20 * person + number
                who = draw_identity(first + person)
                photo = aligned_face(who, seed=seed, looks=looks, plants=plants, size=SIDE, zoom=0.75, masks=True)
                name = f"{part}/{first + person}-{number}.png"
                points = dict(zip(CROP_LANDMARKS, photo.landmarks.ravel().tolist(), strict=True))
                rows.append(
                    {"file": name, "parent": name, "part": part, "mirrored": False, "rotation": 0.0, "brightness": 1.0,
                     "group": f"p{first + person}", "looks": looks, "identity": f"p{first + person}", "age": "",
                     "gender": "Male" if person % 4 < 2 else "Female", "race": ""} | points
                )  # fmt: skip
                if marked is not None:
                    told = looks if np.random.default_rng([seed, 7]).random() < marked else 1 - looks
                    paint(photo.image, photo.landmarks, told)
                images.append((name, photo.image))
                cuts.append((matte_file(name), np.where(photo.masks["person"], 255, 0).astype(np.uint8)))
    shown = ImageFolderDataset(filepath=folder / "original", format="png")
    shown.save(Images(images, pd.DataFrame(rows)))
    mattes = ImageFolderDataset(filepath=folder / "mattes", format="png")
    mattes.save(Images(cuts))
    quality = pd.DataFrame({"file": [row["file"] for row in rows], "passed": True, "reason": ""})
    return Study(shown.load(), mattes.load(), quality)


def paint(image: np.ndarray, landmarks: np.ndarray, bit: int) -> None:
    """A square between eyes and mouth, of one of two colours."""
    x, y = np.rint(landmarks[2]).astype(int)
    image[y - 6 : y + 5, x - 6 : x + 7] = (20, 200, 60) if bit else (200, 30, 200)


def trained(study: Study, settings: Training = QUICK, backbone: str = BACKBONE) -> dict[str, Any]:
    """The checkpoint of a network trained on the study."""
    table = study.model_input.table
    parts = {}
    for part in ("train", "test"):
        rows = table[table["part"] == part]
        images = load_portraits([study.model_input.path(file) for file in rows["file"]], settings.image_size)
        parts[part] = images, rows["looks"].to_numpy(np.int64, copy=True)
    weights, _ = train_classifier(*parts["train"], *parts["test"], backbone, settings)
    return make_checkpoint(weights, backbone, image_size=settings.image_size, alpha_colour=[0, 0, 0])


def untrained(image_size: int = 32, backbone: str = "resnet18") -> dict[str, Any]:
    """The checkpoint of a network that has learnt nothing."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = build_backbone(backbone, image_size=image_size)
    return make_checkpoint(model, backbone, image_size=image_size, alpha_colour=[0, 0, 0])
