"""Decoded images on the disk: found by content, built whole, bounded."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from looks_kedro.errors import BadInputError, BadParameterError
from looks_kedro.learning import load_portraits
from looks_kedro.learning.array_store import ArrayStore
from looks_kedro.learning.portrait_arrays import ChosenPortraits, DecodedOnTheFly, StoredPortraits, content_key

SIDE = 32
IMAGE_BYTES = SIDE * SIDE * 3
BUILD = """
import sys, time
from pathlib import Path
from looks_kedro.learning import array_building
from looks_kedro.learning.array_store import ArrayStore

array_building.SAFE_SECONDS = 0.05
folder, images = Path(sys.argv[1]), sorted(Path(sys.argv[2]).iterdir())
print("building", flush=True)
portraits = ArrayStore(folder).portraits(images, 32, workers=1)
print(type(portraits).__name__, portraits.key)
"""


def save_images(folder: Path, count: int, side: int = 40, first: int = 0) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(first, first + count):
        path = folder / f"{number:05d}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, compress_level=1)
        paths.append(path)
    return paths


def gigabytes(images: float) -> float:
    return images * IMAGE_BYTES / 1e9


def arrays(store: ArrayStore) -> list[str]:
    return sorted(path.name for path in store.folder.glob("*.npy"))


@pytest.fixture
def store(tmp_path: Path) -> ArrayStore:
    return ArrayStore(tmp_path / "a store" / "arrays")


def test_rows_are_those_of_the_images_in_the_order_asked_for(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "images", 700)
    expected = load_portraits(paths, SIDE)
    portraits = store.portraits(paths, SIDE)
    assert isinstance(portraits, StoredPortraits)
    assert (portraits.shape, portraits.dtype, portraits.ndim, len(portraits)) == (expected.shape, np.uint8, 4, 700)
    random = np.random.default_rng(0)
    for rows in (
        random.permutation(700),
        random.integers(0, 700, 50),
        np.arange(700),
        np.array([3, 3, 2]),
        np.array([], int),
    ):
        assert np.array_equal(portraits[rows], expected[rows])
    for rows in (5, -1, slice(3, 90, 7), [1, -2], expected[:, 0, 0, 0] > 99, np.array([[1, 2], [3, 4]])):
        assert np.array_equal(portraits[rows], expected[rows])
    assert np.array_equal(np.asarray(portraits), expected)
    assert np.array_equal(np.load(portraits.path, mmap_mode="r"), expected), "notebooks open the file by numpy alone"
    with pytest.raises(IndexError):
        portraits[np.array([700])]


def test_the_same_content_opens_the_same_array_wherever_it_lies(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "version 1", 5)
    (tmp_path / "version 2").mkdir()
    copies = [path.rename(tmp_path / "version 2" / f"other {path.name}") for path in paths]
    for path, copy in zip(paths, copies, strict=True):
        path.write_bytes(copy.read_bytes())
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    first = store.portraits(paths, SIDE)
    written = first.path.stat().st_ino
    assert store.portraits(copies, SIDE).path.stat().st_ino == written
    assert store.portraits(["not looked at"] * 5, SIDE, digests=digests).path.stat().st_ino == written
    assert len(arrays(store)) == 1


def test_a_changed_image_order_size_or_colour_makes_another_array(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "images", 4)
    before = store.portraits(paths, SIDE)
    assert np.array_equal(store.portraits(paths[::-1], SIDE)[:], before[::-1])
    assert store.portraits(paths, 48).shape == (4, 48, 48, 3)
    assert store.portraits(paths, SIDE, alpha_colour=(1, 2, 3)).key != before.key
    Image.new("RGB", (SIDE, SIDE), (9, 9, 9)).save(paths[2])
    assert (store.portraits(paths, SIDE)[2] == 9).all()
    assert len(arrays(store)) == 5


def test_the_least_recently_used_arrays_make_room_but_never_one_in_use(store: ArrayStore, tmp_path: Path) -> None:
    old, used, held, new = (save_images(tmp_path / "images", 10, first=10 * n) for n in range(4))
    bound = gigabytes(31)
    unused = [store.portraits(paths, SIDE, gigabytes=bound).path for paths in (old, used)]
    in_use = store.portraits(held, SIDE, gigabytes=bound)
    for age, path in enumerate([in_use.path, *unused]):
        os.utime(path, (age, age))
    store.portraits(old, SIDE)  # opening it is a use
    added = store.portraits(new, SIDE, gigabytes=bound)
    assert arrays(store) == sorted(path.name for path in (in_use.path, unused[0], added.path))
    total = sum(path.stat().st_size for path in store.folder.glob("*.npy"))
    assert total <= bound * 1e9
    assert np.array_equal(in_use[:], load_portraits(held, SIDE))


def test_what_does_not_fit_beside_arrays_in_use_is_decoded_on_the_fly(
    store: ArrayStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (save_images(tmp_path / "images", 10, first=10 * n) for n in range(2))
    held = store.portraits(first, SIDE, gigabytes=gigabytes(15))
    with caplog.at_level(logging.WARNING):
        other = store.portraits(second, SIDE, gigabytes=gigabytes(15))
    assert isinstance(other, DecodedOnTheFly)
    assert "array_gigabytes" in caplog.text
    assert arrays(store) == [f"{held.key}.npy"]


def test_images_above_the_bound_are_decoded_on_the_fly_to_the_same_pixels_and_key(
    store: ArrayStore, tmp_path: Path
) -> None:
    paths = save_images(tmp_path / "images", 12)
    decoded = store.portraits(paths, SIDE, gigabytes=gigabytes(11))
    assert isinstance(decoded, DecodedOnTheFly)
    assert not store.folder.exists()
    stored = store.portraits(paths, SIDE, gigabytes=gigabytes(13))
    rows = np.array([7, 0, 7, 11])
    assert isinstance(stored, StoredPortraits)
    assert np.array_equal(decoded[rows], stored[rows])
    assert decoded.key == stored.key
    with pytest.raises(BadParameterError, match="array_gigabytes"):
        store.portraits(paths, SIDE, gigabytes=-1)


def test_some_rows_of_portraits_are_portraits(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "images", 12)
    portraits = store.portraits(paths, SIDE)
    chosen = ChosenPortraits(portraits, np.array([11, 2, 5]))
    assert np.array_equal(chosen[np.array([2, 0])], portraits[np.array([5, 11])])
    assert len(chosen) == 3
    assert content_key(chosen) == content_key(ChosenPortraits(portraits, np.array([11, 2, 5])))
    assert content_key(chosen) != content_key(ChosenPortraits(portraits, np.array([2, 11, 5])))
    with pytest.raises(IndexError):
        ChosenPortraits(portraits, np.array([12]))


def test_an_unreadable_image_is_told_by_its_path_and_leaves_no_array(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "images", 6)
    paths[4].write_bytes(b"no image")
    with pytest.raises(BadInputError, match=r"00004\.png"):
        store.portraits(paths, SIDE)
    with pytest.raises(BadInputError, match=r"00004\.png"):
        store.portraits(paths, SIDE, gigabytes=0)[:]
    assert arrays(store) == []
    paths[4].unlink()
    with pytest.raises(BadInputError, match=r"00004\.png"):
        store.portraits(paths, SIDE)
    with pytest.raises(BadInputError, match="6 images but 1 digests"):
        store.portraits(paths, SIDE, digests=["0"])
    with pytest.raises(BadInputError, match="empty"):
        store.portraits([], SIDE)


def test_an_array_that_was_cut_off_is_built_anew(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "images", 6)
    path = store.portraits(paths, SIDE).path
    os.truncate(path, path.stat().st_size - 1)
    assert np.array_equal(store.portraits(paths, SIDE)[:], load_portraits(paths, SIDE))


def test_a_killed_build_goes_on_where_it_was(store: ArrayStore, tmp_path: Path) -> None:
    few = save_images(tmp_path / "few", 30, side=200)
    (tmp_path / "images").mkdir()
    paths = [tmp_path / "images" / f"{number:05d}.png" for number in range(1000)]
    for number, path in enumerate(paths):
        path.write_bytes(few[number % 30].read_bytes())
    expected = load_portraits(paths, SIDE)
    command = [sys.executable, "-c", BUILD, str(store.folder), str(tmp_path / "images")]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not list(store.folder.glob("*.done")) and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (done,) = store.folder.glob("*.done")
    count = int(done.read_text())
    assert 0 < count < 1000
    assert arrays(store) == []
    # The digests are of the images as they were; the first ones cannot be decoded any more.
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    for path in paths[:count]:
        path.write_bytes(b"no image")
    portraits = store.portraits(paths, SIDE, digests=digests)
    assert isinstance(portraits, StoredPortraits)
    assert np.array_equal(portraits[:], expected)
    assert not list(store.folder.glob("*.done")) + list(store.folder.glob("*.part"))


def test_what_a_power_failure_left_unsafe_is_decoded_again(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "images", 40)
    key = store.portraits(paths, SIDE).key
    array = store.folder / f"{key}.npy"
    part = array.with_suffix(".part")
    content = array.read_bytes()
    for promised, garbage_from in ((None, 0), ("7", 7), ("many", 0), ("99", 0)):
        array.unlink()
        start = len(content) - (40 - garbage_from) * IMAGE_BYTES
        part.write_bytes(content[:start] + bytes(len(content) - start))
        if promised is not None:
            part.with_suffix(".done").write_text(promised)
        assert np.array_equal(store.portraits(paths, SIDE)[:], load_portraits(paths, SIDE))
        assert array.read_bytes() == content


def test_two_processes_that_want_the_same_array_build_it_once(store: ArrayStore, tmp_path: Path) -> None:
    save_images(tmp_path / "images", 300, side=80)
    command = [sys.executable, "-c", BUILD, str(store.folder), str(tmp_path / "images")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=60)[0].split()[1:] for process in both]
    assert told[0] == told[1]
    assert told[0][0] == "StoredPortraits"
    assert arrays(store) == [f"{told[0][1]}.npy"]


def test_arrays_can_be_sent_to_other_processes(store: ArrayStore, tmp_path: Path) -> None:
    paths = save_images(tmp_path / "images", 8)
    stored, decoded = store.portraits(paths, SIDE), store.portraits(paths, 48, gigabytes=0)
    chosen = ChosenPortraits(stored, np.array([3, 1]))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sent = list(pool.map(np.asarray, [stored, decoded, chosen]))
    assert all(np.array_equal(there, here[:]) for there, here in zip(sent, (stored, decoded, chosen), strict=True))
    assert pickle.loads(pickle.dumps(store)).folder == store.folder


def test_a_full_disk_is_told_and_the_images_are_decoded_on_the_fly(store: ArrayStore, tmp_path: Path) -> None:
    save_images(tmp_path / "images", 100)
    command = [sys.executable, "-c", "import logging; logging.basicConfig()\n" + BUILD]

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50 * IMAGE_BYTES, 50 * IMAGE_BYTES))

    done = subprocess.run(
        [*command, str(store.folder), str(tmp_path / "images")],
        preexec_fn=small_disk, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "DecodedOnTheFly" in done.stdout
    assert "100 images cannot be stored (File too large)" in done.stderr
    assert not list(store.folder.glob("*.part")) + list(store.folder.glob("*.npy"))
