"""Images decoded once, and their batches."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning.data import batch_rows, load_portraits, portrait_batches, rank_rows
from looks_kedro.learning.portrait_arrays import DecodedOnTheFly, content_key
from looks_kedro.learning.reading_ahead import read_ahead
from looks_kedro.learning.resident import ResidentPortraits
from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def numbered(count: int, size: int = 32) -> np.ndarray:
    """Noise whose first byte is the number of the image."""
    images = np.random.default_rng(1).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(count) % 256
    return images


def test_shrinking_by_a_whole_factor_is_the_mean_of_each_block(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    loaded = load_portraits([save(tmp_path / "a.png", pixels)], 32)
    blocks = pixels.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3))
    assert loaded.shape == (1, 32, 32, 3)
    assert loaded.dtype == np.uint8
    assert np.abs(loaded[0] - blocks).max() <= 0.51


def test_the_order_is_that_of_the_paths_whatever_the_threads(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.png", np.full((32, 32, 3), n, dtype=np.uint8)) for n in range(40)]
    loaded = load_portraits(reversed(paths), 32, workers=8)
    assert loaded[:, 0, 0, 0].tolist() == list(range(39, -1, -1))


def test_grey_and_palette_images_become_rgb(tmp_path: Path) -> None:
    grey = save(tmp_path / "grey.png", np.full((32, 32), 77, dtype=np.uint8))
    palette = tmp_path / "palette.png"
    Image.new("RGB", (32, 32), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE).save(palette)
    loaded = load_portraits([grey, palette], 32)
    assert loaded[0, 5, 5].tolist() == [77, 77, 77]
    assert loaded[1, 5, 5].tolist() == [10, 200, 30]


def test_transparent_pixels_show_the_alpha_colour(tmp_path: Path) -> None:
    pixels = np.full((32, 32, 4), 100, dtype=np.uint8)
    pixels[:16, :, 3], pixels[16:, :, 3] = 0, 255
    path = save(tmp_path / "cut.png", pixels)
    assert load_portraits([path], 32)[0, 0, 0].tolist() == [0, 0, 0]
    coloured = load_portraits([path], 32, alpha_colour=(1, 2, 3))[0]
    assert coloured[0, 0].tolist() == [1, 2, 3]
    assert coloured[31, 0].tolist() == [100, 100, 100]


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(BadInputError, match=r"broken\.jpg"):
        load_portraits([broken], 32)
    with pytest.raises(BadInputError, match=r"missing\.jpg"):
        load_portraits([tmp_path / "missing.jpg"], 32)
    with pytest.raises(BadInputError, match="empty"):
        load_portraits([], 32)


@given(
    count=st.integers(1, 200),
    batch_size=st.integers(8, 50),
    seed=st.none() | st.integers(0, 9),
    devices=st.integers(1, 4),
)
def test_batches_hold_each_row_once_and_no_device_gets_one_image_alone(
    count: int, batch_size: int, seed: int | None, devices: int
) -> None:
    count = max(count, devices)
    batches = batch_rows(count, batch_size, seed, devices)
    assert sorted(np.concatenate(batches).tolist()) == list(range(count))
    assert all(len(rows) >= 2 * devices for rows in batches) or count < 2 * devices
    assert max(map(len, batches)) < batch_size + 2 * devices
    parts = [[rank_rows(rows, rank, devices) for rows in batches] for rank in range(devices)]
    for rows, *shares in zip(batches, *parts, strict=True):
        assert np.array_equal(np.concatenate(shares), rows)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_devices_that_would_get_too_few_images_are_refused() -> None:
    with pytest.raises(BadParameterError, match="batch_size is 6; expected at least 8"):
        batch_rows(100, 6, None, world_size=4)
    with pytest.raises(BadInputError, match="3 images for 4 devices"):
        batch_rows(3, 32, None, world_size=4)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("workers", [0, 3])
def test_batches_are_normalised_and_stay_with_their_targets(workers: int, memory_format: torch.memory_format) -> None:
    images = numbered(11)
    targets = np.arange(11, dtype=np.int64)
    seen = []
    for batch, wanted in portrait_batches(
        images, 4, targets=targets, seed=3, workers=workers, memory_format=memory_format
    ):
        assert batch.dtype == torch.float32
        assert batch.is_contiguous(memory_format=memory_format)
        pixels = batch.permute(0, 2, 3, 1).numpy() * np.array(IMAGENET_STD) + np.array(IMAGENET_MEAN)
        assert np.allclose(pixels * 255, images[wanted.numpy()], atol=1e-3)
        seen += wanted.tolist()
    assert sorted(seen) == list(range(11))
    assert seen != list(range(11))


def test_the_devices_of_a_run_share_out_every_image_in_as_many_steps() -> None:
    images = numbered(37)
    targets = np.arange(37, dtype=np.int64)
    alone = [wanted.tolist() for _, wanted in portrait_batches(images, 12, targets=targets, seed=5)]
    shared = [
        [
            wanted.tolist()
            for _, wanted in portrait_batches(images, 12, targets=targets, seed=5, rank=rank, world_size=3)
        ]
        for rank in range(3)
    ]
    assert [[*first, *second, *third] for first, second, third in zip(*shared, strict=True)] == alone


def test_images_that_live_on_a_device_give_the_same_batches() -> None:
    images = numbered(300)
    there = ResidentPortraits(images, "cpu")
    assert np.array_equal(np.asarray(there), images)
    assert there.key == content_key(images)
    plain, gathered = (list(portrait_batches(source, 32, seed=1)) for source in (images, there))
    assert all(torch.equal(one, other) for one, other in zip(plain, gathered, strict=True))


def test_what_changes_the_images_of_a_batch_is_told_its_number() -> None:
    def shift(batch: torch.Tensor, step: int) -> torch.Tensor:
        return batch + step

    images = numbered(12)
    plain = list(portrait_batches(images, 4))
    changed = list(portrait_batches(images, 4, augment=shift))
    for step, (before, after) in enumerate(zip(plain, changed, strict=True)):
        assert torch.equal(after, before + step)


def test_an_image_that_cannot_be_read_stops_the_batches_at_once_with_its_path(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.png", np.full((32, 32, 3), n, dtype=np.uint8)) for n in range(40)]
    (tmp_path / "9.png").write_bytes(b"no image")
    before = threading.active_count()
    images = DecodedOnTheFly(paths, 32, (0, 0, 0), "key", workers=1)
    given = 0
    with pytest.raises(BadInputError, match=r"9\.png"):  # noqa: PT012 - how far it comes is part of the claim
        for _ in portrait_batches(images, 4, workers=3):
            given += 1
            time.sleep(0.2)  # a network is slower than the reader
    assert given < 2, "batches before the bad one were still given when its failure was known"
    del images
    gc.collect()
    assert threading.active_count() <= before + 1


def test_reading_ahead_is_bounded_and_ends_when_nobody_wants_more() -> None:
    asked: list[int] = []

    def read(number: int) -> int:
        asked.append(number)
        return number

    numbers = read_ahead(read, range(1000), workers=2)
    assert [next(numbers) for _ in range(3)] == [0, 1, 2]
    time.sleep(0.1)
    assert len(asked) <= 6
    numbers.close()
    assert len(asked) <= 6
    assert list(read_ahead(read, range(50), workers=4)) == list(range(50))
