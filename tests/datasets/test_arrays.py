from __future__ import annotations

import numpy as np
import pytest
from kedro.io import DatasetError
from kedro.io.core import Version

from looks_kedro.datasets import ArraysDataset

ARRAYS = {
    "file": np.array(["ada/1.jpg", "ödön/2.jpg"]),
    "by_class": np.arange(36, dtype=np.float16).reshape(2, 2, 3, 3),
    "empty": np.zeros((0, 2), np.float32),
}


def test_arrays_come_back_as_they_were(tmp_path):
    dataset = ArraysDataset(filepath=tmp_path / "maps.npz", version=Version(None, "2026-01-01T00.00.00.000Z"))
    dataset.save(ARRAYS)
    loaded = dataset.load()
    assert list(loaded) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_the_same_arrays_give_the_same_bytes(tmp_path):
    for name in ("one.npz", "two.npz"):
        ArraysDataset(filepath=tmp_path / name).save(ARRAYS)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_objects_are_refused_and_leave_nothing_behind(tmp_path):
    with pytest.raises(DatasetError, match="'names' holds Python objects"):
        ArraysDataset(filepath=tmp_path / "maps.npz").save({"names": np.array([{}, None], dtype=object)})
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_cut_off_is_named(tmp_path):
    dataset = ArraysDataset(filepath=tmp_path / "maps.npz")
    dataset.save(ARRAYS)
    (tmp_path / "maps.npz").write_bytes((tmp_path / "maps.npz").read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"maps\.npz: no readable \.npz file"):
        dataset.load()
