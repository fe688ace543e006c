"""Images that are saved under a key: made once, linked from then on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from kedro.io.core import Version

from looks_kedro.datasets import ImageFolderDataset, Images, Keyed


def dataset(folder: Path, version: str, **options: object) -> ImageFolderDataset:
    return ImageFolderDataset(filepath=folder / "faces", version=Version(version, version), **options)


class Maker:
    """Makes pictures, and counts how often it had to."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, number: int) -> np.ndarray:
        self.made.append(number)
        return np.full((16, 16, 3), number, dtype=np.uint8)

    def images(self, count: int = 6, prefix: str = "a") -> Images:
        names = [(f"{number}.jpg", number) for number in range(count)]
        return Images(
            [(name, Keyed(f"{prefix}{number}", lambda number=number: self(number))) for name, number in names]
        )


def test_known_images_are_linked_without_being_made(tmp_path):
    maker = Maker()
    dataset(tmp_path, "1").save(maker.images(4))
    dataset(tmp_path, "2").save(maker.images(6))
    assert sorted(maker.made) == [0, 1, 2, 3, 4, 5]
    first, second = (dataset(tmp_path, version).load() for version in "12")
    assert first.path("3.jpg").stat().st_ino == second.path("3.jpg").stat().st_ino
    assert second.manifest["sha256"].tolist()[:4] == first.manifest["sha256"].tolist()
    assert second.array("5.jpg").mean() == pytest.approx(5, abs=1)


def test_another_key_or_encoding_makes_them_anew(tmp_path):
    maker = Maker()
    dataset(tmp_path, "1").save(maker.images())
    dataset(tmp_path, "2").save(maker.images(prefix="b"))
    dataset(tmp_path, "3", quality=40).save(maker.images())
    assert len(maker.made) == 18


def test_a_stored_file_that_was_cut_off_is_made_again(tmp_path):
    maker = Maker()
    dataset(tmp_path, "1").save(maker.images(2))
    stored = dataset(tmp_path, "1").load().path("0.jpg")
    stored.chmod(0o644)
    os.truncate(stored, 10)
    dataset(tmp_path, "2").save(maker.images(2))
    assert sorted(maker.made) == [0, 0, 1]
    assert dataset(tmp_path, "2").load().array("0.jpg").shape == (16, 16, 3)


def test_without_versions_there_is_no_store_and_all_is_made(tmp_path):
    maker = Maker()
    for _ in range(2):
        ImageFolderDataset(filepath=tmp_path / "faces").save(maker.images(3))
    assert len(maker.made) == 6


def test_what_was_saved_before_a_kill_is_not_made_again(tmp_path):
    code = f"""
import time
from pathlib import Path
import numpy as np
from kedro.io.core import Version
from looks_kedro.datasets import ImageFolderDataset, Images, Keyed
def make(number):
    time.sleep(0.05)
    (Path({str(tmp_path)!r}) / f"made-{{number}}").touch()
    return np.full((16, 16, 3), number, dtype=np.uint8)
folder = ImageFolderDataset(filepath=Path({str(tmp_path)!r}) / "faces", version=Version("1", "1"), threads=1)
print("begun", flush=True)
folder.save(Images([(f"{{n}}.jpg", Keyed(f"a{{n}}", lambda n=n: make(n))) for n in range(60)]))
"""
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    run.stdout.readline()
    while len(list(tmp_path.glob("made-*"))) < 25:
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    maker = Maker()
    dataset(tmp_path, "2").save(maker.images(60))
    # Only what was being made at the time of the kill is not known.
    assert 20 <= len(maker.made) <= 37
    assert len(dataset(tmp_path, "2").load()) == 60
    assert not list((tmp_path / "faces").glob(".staging*"))
