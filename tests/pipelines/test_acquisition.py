"""The node of acquisition on small folders."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from kedro.io.core import Version

from looks_kedro.datasets import ImageFolderDataset, Images
from looks_kedro.errors import BadInputError
from looks_kedro.pipelines.acquisition import nodes
from looks_kedro.pipelines.acquisition.nodes import acquire
from looks_kedro.pipelines.acquisition.parameters import Acquisition
from looks_kedro.sources import Downloads
from looks_kedro.sources.listing import Listing, table

JPEG = b"\xff\xd8\xff\xe0 the rest of a photo "


def settings(**sources: dict) -> Acquisition:
    return Acquisition.model_validate({"synthetic": {}, **sources})


def acquired(root: Path) -> Images:
    """The raw celebrities of two small folders."""
    for name in ("celebrities/ada/1.jpg", "ordinary/1.jpg"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG + name.encode())
    paths = {name: {"source": "folder", "path": str(root / name)} for name in ("celebrities", "ordinary")}
    return acquire(settings(**paths), table("people", []), Downloads(root / "downloads"))[0]


def dataset(root: Path, version: str) -> ImageFolderDataset:
    return ImageFolderDataset(filepath=root / "raw", version=Version(version, version))


def test_a_file_that_changes_while_it_is_read_is_named_and_never_stored_under_the_old_digest(tmp_path):
    images = acquired(tmp_path)
    photo = tmp_path / "celebrities/ada/1.jpg"
    before = photo.read_bytes()
    photo.write_bytes(JPEG + b"half of it")
    with pytest.raises(BadInputError, match=r"ada/1\.jpg: the file changed while it was read.*Run again"):
        dataset(tmp_path, "1").save(images)
    photo.write_bytes(before)
    dataset(tmp_path, "2").save(acquired(tmp_path))
    assert dataset(tmp_path, "2").load().path("ada/1.jpg").read_bytes() == before


def test_people_are_searched_for_under_one_spelling_of_their_name(tmp_path, monkeypatch):
    found = []

    def search(people, looks, *_):
        found.extend(people["identity"])
        return Listing([], table("acquisition_log", []), table("source_labels", []))

    monkeypatch.setattr("looks_kedro.sources.bing.search_bing", search)
    spelt = unicodedata.normalize("NFD", "José")
    people = table("people", [{"identity": f"{spelt} ", "name": "José", "rank_list": "a list"}])
    wanted = settings(celebrities={"source": "bing"}, ordinary={"source": "folder"})
    nodes._search(wanted, wanted.celebrities, 1, people, Downloads(tmp_path))
    assert found == [unicodedata.normalize("NFC", spelt)]
