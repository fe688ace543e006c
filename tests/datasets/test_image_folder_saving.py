from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from kedro.io import Version
from kedro.io.core import DatasetError
from PIL import Image

from looks_kedro.datasets import ImageFolder, ImageFolderDataset, Images
from looks_kedro.datasets.errors import UnusableDataError


def picture(seed: int, side: int = 24) -> np.ndarray:
    smooth = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(smooth).resize((side, side), Image.Resampling.BICUBIC))


def dataset(folder: Path, load: str | None = None, save: str | None = None, **options) -> ImageFolderDataset:
    return ImageFolderDataset(filepath=folder / "faces", version=Version(load, save), **options)


def saved(folder: Path, version: str, items, **options) -> ImageFolder:
    dataset(folder, save=version, **options).save(items if isinstance(items, Images) else Images(items))
    return dataset(folder, load=version, **options).load()


def versions(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "faces").iterdir() if not path.name.startswith("."))


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".staging-*")]


def test_unchanged_images_are_one_file_on_disk_and_cannot_be_changed_by_accident(tmp_path):
    one = saved(tmp_path, "v1", [("a.jpg", picture(1)), ("b.jpg", picture(2))])
    two = saved(tmp_path, "v2", [("a.jpg", picture(1)), ("b.jpg", picture(3))])
    assert one.path("a.jpg").samefile(two.path("a.jpg"))
    assert not one.path("b.jpg").samefile(two.path("b.jpg"))
    assert two.path("a.jpg").stat().st_nlink == 3
    assert two.path("a.jpg").stat().st_mode & 0o222 == 0


def test_datasets_that_share_a_store_share_files(tmp_path):
    options = {"store": tmp_path / "store"}
    one = saved(tmp_path / "a", "v1", [("a.jpg", picture(1))], **options)
    two = saved(tmp_path / "b", "v1", [("z.jpg", one.path("a.jpg"))], **options)
    assert one.path("a.jpg").samefile(two.path("z.jpg"))


def test_where_links_fail_the_images_are_copied(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    one = saved(tmp_path, "v1", [("a.jpg", picture(1)), ("b.jpg", picture(1))])
    assert one.path("a.jpg").read_bytes() == one.path("b.jpg").read_bytes()
    assert one.path("a.jpg").stat().st_nlink == 1


def test_a_stored_file_cut_off_by_a_power_failure_is_not_used_again(tmp_path):
    one = saved(tmp_path, "v1", [("a.jpg", picture(1))])
    (stored,) = (tmp_path / "faces" / ".store").glob("*/*")
    stored.unlink()
    stored.write_bytes(b"")
    two = saved(tmp_path, "v2", [("a.jpg", picture(1))])
    assert two.path("a.jpg").read_bytes() == one.path("a.jpg").read_bytes()


def test_pruning_frees_only_what_no_version_uses(tmp_path):
    import shutil

    saved(tmp_path, "v1", [("a.jpg", picture(1)), ("b.jpg", picture(2))])
    two = saved(tmp_path, "v2", [("a.jpg", picture(1))])
    assert dataset(tmp_path).prune_store() == 0
    shutil.rmtree(tmp_path / "faces" / "v1")
    assert dataset(tmp_path).prune_store() > 0
    assert (two.array("a.jpg").shape, dataset(tmp_path).prune_store()) == ((24, 24, 3), 0)


def test_a_failing_image_is_named_and_leaves_the_older_version_newest(tmp_path):
    saved(tmp_path, "2024-01-01", [("a.jpg", picture(1))])

    def spoilt() -> np.ndarray:
        raise ValueError("no face in here")

    items = [(f"{k}.jpg", picture(k)) for k in range(30)]
    items[17] = ("ada/17.jpg", spoilt)
    with pytest.raises(DatasetError, match=r"'ada/17.jpg'.*no face in here"):
        dataset(tmp_path, save="2024-01-02").save(Images(items))
    assert (versions(tmp_path), leftovers(tmp_path)) == (["2024-01-01"], [])
    assert dataset(tmp_path).load().version == "2024-01-01"


def test_items_that_break_off_are_told_by_the_image_before(tmp_path):
    def items():
        yield "first.jpg", picture(1)
        raise FileNotFoundError("gone.jpg")

    with pytest.raises(UnusableDataError, match=r"after 'first.jpg'.*gone.jpg"):
        dataset(tmp_path, save="v1").save(Images(items()))
    assert (versions(tmp_path), leftovers(tmp_path)) == ([], [])


def test_an_existing_version_is_never_written_over(tmp_path):
    one = saved(tmp_path, "v1", [("a.jpg", picture(1))])
    with pytest.raises(DatasetError, match="must not exist"):
        dataset(tmp_path, save="v1").save(Images([("a.jpg", picture(2))]))
    assert np.abs(one.array("a.jpg").astype(int) - picture(1)).max() <= 12


def test_of_two_runs_that_save_one_version_at_once_one_wins_whole(tmp_path):
    both_ready = threading.Barrier(2)

    def attempt(seed: int) -> bool:
        def items():
            yield "a.jpg", picture(seed)
            both_ready.wait()
            yield "b.jpg", picture(seed)

        try:
            dataset(tmp_path, save="v1").save(Images(items()))
        except DatasetError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(attempt, (1, 2)))
    folder = dataset(tmp_path).load()
    assert sorted(won) == [False, True]
    assert folder.path("a.jpg").samefile(folder.path("b.jpg"))
    assert leftovers(tmp_path) == []


def test_few_images_are_in_memory_at_a_time(tmp_path):
    alive, most, guard = 0, 0, threading.Lock()

    def items():
        nonlocal alive, most
        for k in range(200):
            with guard:
                alive += 1
                most = max(most, alive)

            def make(k: int = k) -> np.ndarray:
                nonlocal alive
                with guard:
                    alive -= 1
                return picture(k, 8)

            yield f"{k}.jpg", make

    folder = saved(tmp_path, "v1", Images(items()), threads=3)
    assert folder.names == tuple(f"{k}.jpg" for k in range(200))
    assert most <= 4 * 3 + 1


def test_without_versions_a_save_replaces_the_whole_folder(tmp_path):
    plain = ImageFolderDataset(filepath=tmp_path / "faces")
    assert not plain.exists()
    plain.save([("a.jpg", picture(1)), ("b.jpg", picture(2))])
    plain.save([("c.jpg", picture(3))])
    folder = plain.load()
    assert (folder.names, folder.version) == (("c.jpg",), None)
    assert sorted(path.name for path in folder.root.iterdir()) == ["c.jpg", "manifest.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def test_without_versions_a_failed_save_keeps_the_old_folder(tmp_path):
    plain = ImageFolderDataset(filepath=tmp_path / "faces")
    plain.save([("a.jpg", picture(1))])
    with pytest.raises(DatasetError):
        plain.save([("b.jpg", picture(1)), ("c.jpg", "no image")])
    assert plain.load().names == ("a.jpg",)


def test_without_versions_the_old_folder_comes_back_after_a_kill_between_the_renames(tmp_path):
    plain = ImageFolderDataset(filepath=tmp_path / "faces")
    plain.save([("a.jpg", picture(1))])
    staging = tmp_path / ".staging-1-dead"
    (staging / "replaced").mkdir(parents=True)
    (tmp_path / ".staging-1-dead.lock").touch()
    (tmp_path / "faces").rename(staging / "replaced" / "faces")
    assert plain.load().names == ("a.jpg",)
    assert leftovers(tmp_path) == []


_KILLED = """
import sys, time
from kedro.io import Version
from looks_kedro.datasets import ImageFolderDataset, Images

def items():
    for k in range(1000):
        yield f"{k}.jpg", b"bytes of an image"
        if k == 100:
            print("now", flush=True)
            time.sleep(60)

ImageFolderDataset(filepath=sys.argv[1], version=Version(None, "2024-02-02")).save(Images(items()))
"""


def test_a_killed_save_leaves_no_version_and_the_next_save_clears_up(tmp_path):
    saved(tmp_path, "2024-01-01", [("a.jpg", picture(1))])
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "faces")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        assert len(leftovers(tmp_path)) == 2
        saved(tmp_path, "2024-01-02", [("a.jpg", picture(2))])
        assert len(leftovers(tmp_path)) == 2, "a save that is alive must be left alone"
        process.send_signal(signal.SIGKILL)
    assert dataset(tmp_path).load().version == "2024-01-02"
    saved(tmp_path, "2024-02-02", [("b.jpg", picture(2))])
    assert (leftovers(tmp_path), versions(tmp_path)) == ([], ["2024-01-01", "2024-01-02", "2024-02-02"])


def test_saving_uses_its_threads(tmp_path):
    def slow() -> bytes:
        time.sleep(0.02)
        return b"an image"

    start = time.perf_counter()
    saved(tmp_path, "v1", [(f"{k}.jpg", slow) for k in range(40)], threads=8)
    assert time.perf_counter() - start < 0.02 * 40 * 0.75
