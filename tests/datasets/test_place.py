from __future__ import annotations

from pathlib import Path

import pytest
from kedro.io import DataCatalog, DatasetError

from looks_kedro.cache import ResultCache
from looks_kedro.datasets import PlaceDataset


def test_a_place_is_opened_where_the_catalog_says_and_made_when_something_is_written(tmp_path):
    place = tmp_path / "a study" / "results.sqlite"
    entry = {
        "type": "looks_kedro.datasets.PlaceDataset",
        "filepath": str(place),
        "opens": "looks_kedro.cache.ResultCache",
    }
    catalog = DataCatalog.from_config({"result_cache": entry})
    assert catalog.exists("result_cache")
    results = catalog.load("result_cache")
    assert isinstance(results, ResultCache)
    assert not place.exists()
    with results:
        results.keep("a", "b")
    assert place.is_file()


def test_a_folder_is_given_as_its_path(tmp_path):
    assert PlaceDataset(filepath=tmp_path / "weights", opens="pathlib.Path").load() == Path(tmp_path / "weights")


def test_a_place_is_no_output(tmp_path):
    with pytest.raises(DatasetError, match="cannot be an output"):
        PlaceDataset(filepath=tmp_path, opens="pathlib.Path").save("x")
