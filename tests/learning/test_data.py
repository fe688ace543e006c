"""Images decoded once, and their batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.learning.data import batch_rows, load_portraits, portrait_batches
from looks_kedro.learning.settings import IMAGENET_MEAN, IMAGENET_STD


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


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


def test_the_cache_file_holds_the_same_images_and_notices_a_changed_file(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{n}.png", np.full((40, 40, 3), n, dtype=np.uint8)) for n in range(3)]
    cache = tmp_path / "cache" / "images.npy"
    first = load_portraits(paths, 32, cache)
    assert np.array_equal(first, load_portraits(paths, 32))
    written = cache.stat().st_mtime_ns
    assert np.array_equal(load_portraits(paths, 32, cache), first)
    assert cache.stat().st_mtime_ns == written
    save(paths[1], np.full((40, 41, 3), 200, dtype=np.uint8))
    assert load_portraits(paths, 32, cache)[1, 0, 0, 0] == 200
    assert load_portraits(paths, 48, cache).shape == (3, 48, 48, 3)


def test_what_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(BadInputError, match=r"broken\.jpg"):
        load_portraits([broken], 32)
    with pytest.raises(BadInputError, match=r"missing\.jpg"):
        load_portraits([tmp_path / "missing.jpg"], 32, tmp_path / "cache.npy")
    with pytest.raises(BadInputError, match="empty"):
        load_portraits([], 32)


@given(count=st.integers(1, 200), batch_size=st.integers(2, 50), seed=st.none() | st.integers(0, 9))
def test_batches_hold_each_row_once_and_never_one_image_alone(count: int, batch_size: int, seed: int | None) -> None:
    batches = batch_rows(count, batch_size, seed)
    assert sorted(np.concatenate(batches).tolist()) == list(range(count))
    assert all(len(rows) > 1 for rows in batches) or count == 1
    assert max(map(len, batches)) <= batch_size + 1


@pytest.mark.parametrize("workers", [0, 3])
def test_batches_are_normalised_and_stay_with_their_targets(workers: int) -> None:
    images = np.random.default_rng(1).integers(0, 256, (11, 32, 32, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(11)
    targets = np.arange(11, dtype=np.int64)
    seen = []
    for batch, wanted in portrait_batches(images, 4, targets=targets, seed=3, workers=workers):
        assert batch.dtype == torch.float32
        assert batch.is_contiguous(memory_format=torch.channels_last)
        pixels = batch.permute(0, 2, 3, 1).numpy() * np.array(IMAGENET_STD) + np.array(IMAGENET_MEAN)
        assert np.allclose(pixels * 255, images[wanted.numpy()], atol=1e-3)
        seen += wanted.tolist()
    assert sorted(seen) == list(range(11))
    assert seen != list(range(11))
