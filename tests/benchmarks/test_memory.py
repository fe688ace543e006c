"""Memory does not grow with the number of images: `make bench`."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

log = logging.getLogger("bench")

SIDE = 64
COUNTS = (1_000, 20_000)
MOST = 1.2
GROWTH = 0.1
"""Of the bytes of the images that are more; what a process needs to start must not hide them."""

EPOCH = """
import sys
from pathlib import Path
import numpy as np
import torch
from looks_kedro.learning.backbones import build_backbone
from looks_kedro.learning.data import portrait_batches
from looks_kedro.learning.portrait_arrays import StoredPortraits
from looks_kedro.manifest import peak_memory_mb, reset_peak_memory

torch.set_num_threads(1)
images = StoredPortraits(Path(sys.argv[1]))
model = build_backbone("resnet18").to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters())
targets = np.arange(len(images)) % 2
seen = 0
for step, (batch, wanted) in enumerate(portrait_batches(images, 32, targets=targets, seed=0, workers=2)):
    if step < 5:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), wanted).backward()
        optimizer.step()
    if step == 5:
        whole = peak_memory_mb()
        reset_peak_memory()
    seen += len(batch)
print(seen, max(whole, peak_memory_mb()), peak_memory_mb())
"""

BUILD = f"""
import sys
from pathlib import Path
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.manifest import peak_memory_mb

folder, count = Path(sys.argv[1]), int(sys.argv[2])
files = sorted(folder.glob("*.jpg"))
paths = [files[number % len(files)] for number in range(count)]
portraits = ArrayStore(folder / "arrays").portraits(
    paths, {SIDE}, digests=[str(number) for number in range(count)], workers=2
)
print(len(portraits), peak_memory_mb(), peak_memory_mb())
"""


def peaks(script: str, count: int, *words: object) -> tuple[float, float]:
    """What a fresh process tells: its largest resident memory in MB, on the whole and after its start."""
    command = [sys.executable, "-c", script, *map(str, words)]
    seen, whole, later = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(seen) == count
    return float(whole), float(later)


def compare(work: str, few: tuple[float, float], many: tuple[float, float]) -> None:
    log.info(
        "peak memory of %s: %.0f MB with %d images, %.0f MB with %d (ratio %.3f, goal %.1f)",
        work, few[0], COUNTS[0], many[0], COUNTS[1], many[0] / few[0], MOST,
    )  # fmt: skip
    assert many[0] < MOST * few[0]
    more = (COUNTS[1] - COUNTS[0]) * SIDE * SIDE * 3 / 2**20
    assert many[1] - few[1] < GROWTH * more


def write_noise(path: Path, count: int) -> None:
    random = np.random.default_rng(0)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE, 3))
    for start in range(0, count, 1000):
        images[start : start + 1000] = random.integers(0, 256, (1000, SIDE, SIDE, 3), dtype=np.uint8)
    images.flush()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from Linux")
def test_an_epoch_of_20000_images_takes_the_memory_of_1000(tmp_path: Path) -> None:
    found = []
    for count in COUNTS:
        write_noise(tmp_path / f"{count}.npy", count)
        found.append(peaks(EPOCH, count, tmp_path / f"{count}.npy"))
    compare("an epoch of ResNet18", *found)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from Linux")
def test_decoding_20000_images_takes_the_memory_of_1000(tmp_path: Path) -> None:
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.jpg")
    compare("decoding", *(peaks(BUILD, count, tmp_path, count) for count in COUNTS))
