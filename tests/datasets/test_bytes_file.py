from __future__ import annotations

import pytest
from kedro.io import Version

from looks_kedro.datasets.bytes_file import BytesFileDataset
from looks_kedro.datasets.errors import MissingVersionError, UnusableDataError


def dataset(folder, load=None, save=None):
    return BytesFileDataset(filepath=folder / "model.onnx", version=Version(load, save))


def test_bytes_come_back_as_they_were_in_every_version(tmp_path):
    for version, content in (("v1", bytes(range(256))), ("v2", b"\r\n\x00")):
        dataset(tmp_path, save=version).save(content)
    assert dataset(tmp_path).load() == b"\r\n\x00"
    assert dataset(tmp_path, load="v1").load() == bytes(range(256))
    assert (tmp_path / "model.onnx" / "v1" / "model.onnx").read_bytes() == bytes(range(256))
    with pytest.raises(MissingVersionError, match=r"'v3'.*v2, v1"):
        dataset(tmp_path, load="v3").load()


@pytest.mark.parametrize(("content", "told"), [(b"", "found none"), ("text", "found str"), ({}, "found dict")])
def test_what_is_no_content_of_a_file_is_not_saved(tmp_path, content, told):
    dataset(tmp_path, save="v1").save(b"good")
    with pytest.raises(UnusableDataError, match=rf"model\.onnx.*expected the bytes.*{told}"):
        dataset(tmp_path, save="v2").save(content)
    assert dataset(tmp_path).load() == b"good"
    assert [path.name for path in (tmp_path / "model.onnx").iterdir()] == ["v1"]
