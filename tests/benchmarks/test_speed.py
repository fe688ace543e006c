"""How fast the hot paths are: `make bench`. Figures are logged; ratios are taken side by side in one run."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from looks_kedro.cam import maps_of
from looks_kedro.datasets import ImageFolderDataset, Images
from looks_kedro.datasets.encoding import encode
from looks_kedro.faces import (
    BOX_COLUMNS,
    LANDMARK_COLUMNS,
    Detection,
    FaceDetector,
    Inspector,
    Portrait,
    crop_face,
    decode,
    inspect_portraits,
    landmarks_of,
)
from looks_kedro.learning import build_backbone, split_head
from looks_kedro.parallel import map_batches, map_images
from looks_kedro.portraits import PhotoSet, aligned_face, draw_identity, photo_set

log = logging.getLogger("bench")


def draw_aligned(seed: int) -> np.ndarray:
    return aligned_face(draw_identity(seed % 50), seed=seed, looks=seed % 2, size=128).image


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """The least of several runs: the machine can only add to it."""
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def rate_in_processes(function: Callable[..., object], items: list, **options: object) -> float:
    """Items a second of two processes that have started already."""
    results = map_images(function, items, processes=2, chunk_size=8, **options)
    for _ in range(32):
        next(results)
    began = time.perf_counter()
    rest = sum(1 for _ in results)
    return rest / (time.perf_counter() - began)


def test_portraits_a_second():
    aligned = rate_in_processes(draw_aligned, list(range(1200)))
    settings = PhotoSet(celebrities=20, photos_per_celebrity=10, ordinary=0, spoilt=False)
    began = time.perf_counter()
    raw = len(photo_set(settings, 1, processes=2)) / (time.perf_counter() - began)
    log.info("aligned faces at 128 px: %.0f a second in two processes (goal 150)", aligned)
    log.info("raw photos: %.0f a second in two processes, their start included (goal 20)", raw)
    assert raw > 20


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Portrait]:
    folder = tmp_path_factory.mktemp("photos")
    settings = PhotoSet(celebrities=16, photos_per_celebrity=10, ordinary=0, spoilt=False)
    portraits = []
    for i, photo in enumerate(photo_set(settings, 1)):
        path = folder / f"{i}.jpg"
        path.write_bytes(photo.content)
        portraits.append(Portrait(path, f"celebrities/{i}.jpg", hashlib.sha256(photo.content).hexdigest()))
    return portraits


def cut(item: tuple[Path, dict[str, float]]) -> bytes:
    path, face = item
    crop = crop_face(path, landmarks_of(face, LANDMARK_COLUMNS), [face[side] for side in BOX_COLUMNS])
    return encode(crop, "jpeg", 95)


def test_faces_found_a_second(photos):
    setup = partial(Inspector, Detection(device="cpu"))
    rates = {}
    for processes in (1, 2):
        results = map_batches(inspect_portraits, photos, batch_size=8, setup=setup, processes=processes)
        for _ in range(32):
            next(results)
        began = time.perf_counter()
        rates[processes] = sum(1 for _ in results) / (time.perf_counter() - began)
    one, two = rates[1], rates[2]
    log.info(
        "portraits inspected: %.1f a second in one process (goal 30), %.1f in two (ratio %.2f)", one, two, two / one
    )


def test_searching_coarsely_first_saves_time(photos):
    images = [decode(portrait.path) for portrait in photos[:24]]
    quick, full = (FaceDetector(Detection(coarse_fraction=part, device="cpu")) for part in (0.25, 0.0))
    torch.set_num_threads(1)
    rates = [len(images) / seconds(lambda: detector.detect_many(images), runs=2) for detector in (quick, full)]  # noqa: B023
    log.info("faces found: %.1f photos a second coarsely first (goal 30), %.1f without", *rates)
    assert rates[0] > rates[1]


def test_faces_cut_out_a_second(photos):
    found = map_batches(inspect_portraits, photos, batch_size=8, setup=partial(Inspector, Detection(device="cpu")))
    faces = [(photo.path, result["face"]) for photo, result in zip(photos, found, strict=True) if result["face"]]
    rate = rate_in_processes(cut, faces * 4)
    log.info("faces decoded, cut out and encoded: %.0f a second in two processes (goal 150)", rate)


def test_saving_an_image_folder(tmp_path: Path):
    faces = [draw_aligned(i) for i in range(300)]

    def save(threads: int, name: str) -> float:
        dataset = ImageFolderDataset(filepath=tmp_path / name, threads=threads)
        return seconds(lambda: dataset.save(Images([(f"{i}.jpg", face) for i, face in enumerate(faces)])))

    one, four = save(1, "one"), save(4, "four")
    log.info("saving 300 images of 128 px: %.2f s with one thread, %.2f with four (ratio %.2f)", one, four, one / four)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34", "resnet50", "efficientnet_b0"])
def test_maps_cost_no_more_than_a_forward_pass(backbone):
    model = build_backbone(backbone).eval()
    trunk, head = split_head(model)
    images = torch.randn(16, 3, 224, 224)

    def forward() -> None:
        with torch.inference_mode():
            model(images)

    plain = seconds(forward)
    mapped = seconds(lambda: maps_of(trunk, head.weight, head.bias, [images]))
    log.info("%s: maps and logits in %.2f of a forward pass (goal 1.10)", backbone, mapped / plain)
