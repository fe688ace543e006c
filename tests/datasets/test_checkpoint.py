from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from kedro.io import Version
from torch import nn

from looks_kedro.datasets import CheckpointDataset
from looks_kedro.datasets.checkpoint import read_checkpoint
from looks_kedro.datasets.errors import MissingVersionError, UnusableDataError


def dataset(folder: Path, load: str | None = None, save: str | None = None) -> CheckpointDataset:
    return CheckpointDataset(filepath=folder / "model.pt", version=Version(load, save))


def test_weights_and_metadata_come_back(tmp_path):
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    metadata = {
        "backbone": "custom",
        "classes": ["ordinary", "celebrity"],
        "mean": (0.1, 0.2),
        "history": {"loss": [0.5]},
    }
    dataset(tmp_path, save="v1").save({"state_dict": network.state_dict(), "metadata": metadata})
    loaded = dataset(tmp_path).load()
    assert loaded["metadata"] == metadata
    fresh = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    fresh.load_state_dict(loaded["state_dict"])
    assert all(
        torch.equal(a, b) for a, b in zip(fresh.state_dict().values(), network.state_dict().values(), strict=True)
    )


def test_an_older_version_can_be_loaded_and_an_unknown_one_is_told(tmp_path):
    for version in ("v1", "v2"):
        dataset(tmp_path, save=version).save({"name": version})
    assert dataset(tmp_path).load() == {"name": "v2"}
    assert dataset(tmp_path, load="v1").load() == {"name": "v1"}
    with pytest.raises(MissingVersionError, match=r"'v3'.*v2, v1"):
        dataset(tmp_path, load="v3").load()


@pytest.mark.parametrize("content", [nn.Linear(2, 2), {"model": nn.Linear(2, 2)}, {"path": Path("x")}, [1, 2]])
def test_what_could_not_be_loaded_again_is_not_saved(tmp_path, content):
    dataset(tmp_path, save="v1").save({"name": "good"})
    with pytest.raises(UnusableDataError, match="state_dict"):
        dataset(tmp_path, save="v2").save(content)
    assert dataset(tmp_path).load() == {"name": "good"}
    assert [path.name for path in (tmp_path / "model.pt").iterdir()] == ["v1"]


def _whole_module(path: Path) -> None:
    torch.save(nn.Linear(2, 2), path)


def _cut_off(path: Path) -> None:
    torch.save({"weights": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])


def _other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("\n<!DOCTYPE html><title>Quota exceeded</title>"), "saved web page"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"), "git lfs pull"),
        (lambda path: path.write_bytes(b""), "an empty file"),
        (lambda path: path.write_bytes(b"no checkpoint at all"), "plain text, which torch refuses"),
        (_cut_off, "cut off"),
        (_other_zip, r"zip archive with readme\.txt"),
        (_whole_module, r"pickled model.*state_dict"),
        (lambda path: torch.save(torch.zeros(3), path), r"expected a dict.*found Tensor"),
        (lambda path: None, "no such file"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_told_with_the_remedy(tmp_path, make, told):
    path = tmp_path / "weights.pt"
    make(path)
    with pytest.raises(UnusableDataError, match=rf"weights\.pt.*({told})"):
        read_checkpoint(path)


def test_a_checkpoint_in_the_format_before_2020_is_read(tmp_path):
    torch.save({"weights": torch.ones(3)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert read_checkpoint(tmp_path / "old.pt")["weights"].sum() == 3


def test_saving_without_versions_replaces_the_file_whole(tmp_path):
    plain = CheckpointDataset(filepath=tmp_path / "model.pt")
    assert not plain.exists()
    plain.save({"name": "one"})
    with pytest.raises(UnusableDataError):
        plain.save({"bad": nn.Linear(1, 1)})
    assert plain.load() == {"name": "one"}
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_the_same_weights_give_the_same_bytes_in_every_place(tmp_path):
    places = [tmp_path / "one.pt", tmp_path / "another.pt"]
    for place in places:
        CheckpointDataset(filepath=place).save({"state_dict": {"weight": torch.arange(6.0)}})
    first, second = (place.read_bytes() for place in places)
    assert first == second
