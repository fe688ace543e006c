"""How fast training is against the study's loop, and against steps without any input: `make bench`.

All three do the same steps on the same images, in turns within one run. The study's loop has a step to warm up that is
not timed; ours is timed from the first.
"""

from __future__ import annotations

import logging
import time
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from looks_kedro.learning import BACKBONES, ArrayStore, Training, build_backbone, train_classifier
from looks_kedro.learning.data import choose_device, portrait_batches
from looks_kedro.learning.epochs import FiniteLoss, one_epoch
from looks_kedro.learning.optimization import build_optimizer
from looks_kedro.learning.portrait_arrays import ChosenPortraits, Portraits
from looks_kedro.learning.precision import choose_precision, has_bf16, make_fabric, memory_format
from looks_kedro.learning.reproducibility import reproducible
from looks_kedro.learning.study_loop import study_loader, study_optimizer, study_step

log = logging.getLogger("bench")

DEVICE = choose_device("auto")
STEPS, ROUNDS = (6, 3) if DEVICE.type == "cpu" else (100, 5)
SIZE, BATCH = 224, 32


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Faces' size and format, random content: what is decoded in them takes as long as a picture with much detail."""
    folder = tmp_path_factory.mktemp("files")
    generator = np.random.default_rng(0)
    for number in range(BATCH * min(STEPS, 20)):
        coarse = generator.integers(0, 256, (75, 75, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((300, 300), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=95)
    written = sorted(folder.iterdir())
    return [written[number % len(written)] for number in range(BATCH * STEPS)]


@pytest.fixture(scope="module")
def images(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Portraits:
    digests = [str(number) for number in range(len(files))]
    return ArrayStore(tmp_path_factory.mktemp("arrays")).portraits(files, SIZE, digests=digests)


def study_rate(backbone: str, files: list[Path], targets: np.ndarray) -> float:
    """Images a second of the study's loop."""
    network = build_backbone(backbone).to(DEVICE).train()
    optimizer = study_optimizer(network)
    loader = iter(study_loader(files, targets, size=SIZE, batch_size=BATCH, workers=2))
    study_step(network, *(part.to(DEVICE) for part in next(loader)), optimizer)
    began = time.perf_counter()
    for batch in loader:
        study_step(network, *(part.to(DEVICE) for part in batch), optimizer)
    return BATCH * (STEPS - 1) / (time.perf_counter() - began)


def our_rate(backbone: str, images: Portraits, targets: np.ndarray, settings: Training) -> float:
    """Images a second of an epoch's training."""
    few = ChosenPortraits(images, np.arange(2))
    _, history = train_classifier(images, targets, few, targets[:2], backbone, settings)
    return float(history["images_per_second"].iloc[-1])


def rate_without_input(backbone: str, images: Portraits, settings: Training) -> float:
    """Images a second of the same steps on one batch that lies in memory already."""
    fabric = make_fabric(settings)
    with reproducible(settings, fabric.device):
        network = build_backbone(backbone).to(fabric.device, memory_format=memory_format(settings)).train()
        optimizer = build_optimizer(network, settings)
        model, _ = fabric.setup(network, optimizer, move_to_device=False)
        one = next(iter(portrait_batches(images, BATCH, fabric.device, targets=np.arange(len(images)) % 2)))
        began = time.perf_counter()
        one_epoch(
            model,
            repeat(one, STEPS),
            torch.nn.functional.cross_entropy,
            optimizer,
            prepare=lambda step: None,
            backward=fabric.backward,
            watch=FiniteLoss("bench", ""),
        )
        return BATCH * STEPS / (time.perf_counter() - began)


@pytest.mark.parametrize("backbone", [name for name in BACKBONES if name != "resnet34"])  # custom is a ResNet34
def test_training_is_faster_than_the_studys_loop_and_its_input_costs_next_to_nothing(backbone, files, images):
    settings = Training(epochs=1 if DEVICE.type == "cpu" else 2, image_size=SIZE, batch_size=BATCH)
    targets = np.arange(len(files)) % 2
    rates: dict[str, list[float]] = {"study": [], "ours": [], "no input": []}
    for _ in range(ROUNDS):
        rates["study"].append(study_rate(backbone, files, targets))
        rates["ours"].append(our_rate(backbone, images, targets, settings))
        rates["no input"].append(rate_without_input(backbone, images, settings))
    median = {name: float(np.median(values)) for name, values in rates.items()}
    log.info(
        "%s at %d px, %s: study %.1f, ours %.1f, no input %.1f images/s; ours by study %.2f, by no input %.2f (%s)",
        backbone, SIZE, choose_precision(settings, DEVICE), *median.values(), median["ours"] / median["study"],
        median["ours"] / median["no input"],
        "; ".join(f"{name} {min(values):.1f}-{max(values):.1f}" for name, values in rates.items()),
    )  # fmt: skip
    goal = 1.7 if backbone == "efficientnet_b0" or not has_bf16(DEVICE) else 2.5
    log.info("%s: goal %.1f by the study's loop, 0.95 by steps without input", backbone, goal)
    assert median["ours"] > median["study"]
    assert median["ours"] > 0.9 * median["no input"]
