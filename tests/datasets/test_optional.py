from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.io.core import DatasetError
from matplotlib.figure import Figure

from looks_kedro.datasets.errors import UnusableDataError
from looks_kedro.datasets.figure import FigureDataset
from looks_kedro.datasets.optional import OptionalDataset


def entry(folder):
    return {"type": "looks_kedro.datasets.TableDataset", "filepath": str(folder / "table.csv"), "versioned": True}


def test_what_was_never_made_loads_as_none_and_what_was_made_loads_as_it_is(tmp_path):
    optional = OptionalDataset(dataset=entry(tmp_path))
    assert optional.load() is None
    assert not optional.exists()
    config = {"table": entry(tmp_path)}
    DataCatalog.from_config(config, save_version="2026-01-01T00.00.00.000Z").save("table", pd.DataFrame({"a": [1]}))
    assert optional.load()["a"].tolist() == [1]
    DataCatalog.from_config(config, save_version="2026-01-02T00.00.00.000Z").save("table", pd.DataFrame({"a": [2]}))
    assert optional.load()["a"].tolist() == [2]


def test_what_is_there_but_damaged_is_an_error(tmp_path):
    (tmp_path / "table.csv" / "2026").mkdir(parents=True)
    (tmp_path / "table.csv" / "2026" / "table.csv").write_bytes(b"")
    with pytest.raises(UnusableDataError, match="empty"):
        OptionalDataset(dataset=entry(tmp_path)).load()


def test_an_optional_entry_saves_nothing(tmp_path):
    with pytest.raises(DatasetError, match="read only"):
        OptionalDataset(dataset=entry(tmp_path)).save(pd.DataFrame())


def test_the_place_is_filled_in_by_a_catalog_pattern(tmp_path):
    config = {"{name}_if_any": {"type": "looks_kedro.datasets.optional.OptionalDataset", "dataset": entry(tmp_path)}}
    config["{name}_if_any"]["dataset"]["filepath"] = str(tmp_path / "{name}.csv")
    catalog = DataCatalog.from_config(config)
    assert catalog.load("white_if_any") is None
    (tmp_path / "white.csv" / "2026").mkdir(parents=True)
    (tmp_path / "white.csv" / "2026" / "white.csv").write_text("a\n7\n")
    assert catalog.load("white_if_any")["a"].tolist() == [7]


def test_a_saved_figure_loads_as_a_picture_and_a_damaged_one_is_named(tmp_path):
    dataset = FigureDataset(filepath=str(tmp_path / "one.png"), save_args={"dpi": 50})
    dataset.save(Figure(figsize=(2, 1)))
    assert dataset.load().shape == (50, 100, 3)
    (tmp_path / "one.png").write_text("<html>")
    with pytest.raises(UnusableDataError, match=r"one\.png"):
        dataset.load()


def test_an_optional_figure_loads_as_none_until_it_is_drawn_and_another_is_missing(tmp_path):
    config = {"figure": {"type": "looks_kedro.datasets.figure.FigureDataset", "filepath": str(tmp_path / "one.png")}}
    config["figure"] |= {"versioned": True, "optional": True}
    catalog = DataCatalog.from_config(config)
    assert catalog.load("figure") is None
    catalog.save("figure", Figure(figsize=(2, 1)))
    assert catalog.load("figure").shape == (100, 200, 3)
    with pytest.raises(DatasetError, match="2026"):
        DataCatalog.from_config(config, load_versions={"figure": "2026"}).load("figure")
    with pytest.raises(DatasetError):
        FigureDataset(filepath=str(tmp_path / "two.png")).load()
