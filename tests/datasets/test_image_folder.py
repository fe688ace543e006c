from __future__ import annotations

import base64
import hashlib
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, Version
from kedro.io.core import DatasetError
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from PIL import Image

from looks_kedro.datasets import ImageFolder, ImageFolderDataset, Images
from looks_kedro.datasets.errors import MissingVersionError, UnusableDataError
from looks_kedro.errors import LooksError


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


def test_arrays_come_back_exactly_from_png_and_nearly_from_jpeg(tmp_path):
    items = [("ada/1.png", picture(1)), ("bob/2.png", picture(2, 31))]
    exact = saved(tmp_path / "png", "v1", items, format="png")
    near = saved(tmp_path / "jpeg", "v1", items)
    for name, array in items:
        assert (exact.array(name) == array).all()
        assert np.abs(near.array(name).astype(int) - array).max() <= 12


def test_jpeg_keeps_colours_at_full_resolution(tmp_path):
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 255
    decoded = saved(tmp_path, "v1", [("stripes.jpg", stripes)]).array("stripes.jpg")
    assert np.abs(decoded.astype(int) - stripes).max() < 30


@pytest.mark.parametrize("kind", ["bytes", "path", "callable", "pil"])
def test_every_kind_of_content_is_stored(tmp_path, kind):
    buffer = io.BytesIO()
    Image.fromarray(picture(3)).save(buffer, "PNG")
    file = tmp_path / "given.bin"
    file.write_bytes(buffer.getvalue())
    content = {
        "bytes": buffer.getvalue(),
        "path": file,
        "callable": lambda: file,
        "pil": Image.fromarray(picture(3)),
    }[kind]
    folder = saved(tmp_path, "v1", [("x.png", content)], format="png")
    assert (folder.array("x.png") == picture(3)).all()
    if kind != "pil":
        assert folder.path("x.png").read_bytes() == file.read_bytes()
    assert os.access(file, os.W_OK)


def test_grey_and_transparent_pictures_keep_their_shape(tmp_path):
    alpha = np.dstack([picture(1), np.full((24, 24), 7, np.uint8)])
    folder = saved(tmp_path, "v1", [("g.png", picture(1)[..., 0]), ("a.png", alpha)], format="png")
    assert folder.array("g.png").shape == (24, 24)
    assert (folder.array("a.png") == alpha).all()


def test_alpha_in_a_jpeg_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(DatasetError, match=r"'a.jpg'.*format: png"):
        saved(tmp_path, "v1", [("a.jpg", np.zeros((4, 4, 4), np.uint8))])


def test_the_manifest_tells_names_hashes_sizes_and_sources_in_order_of_saving(tmp_path):
    items = [(f"{k}.jpg", picture(k), f"origin, {k}") for k in (3, 1, 2)]
    folder = saved(tmp_path, "v1", items)
    manifest = folder.manifest
    assert list(manifest.columns) == ["name", "sha256", "bytes", "source"]
    assert tuple(manifest["name"]) == folder.names == ("3.jpg", "1.jpg", "2.jpg")
    assert list(manifest["source"]) == ["origin, 3", "origin, 1", "origin, 2"]
    for row in manifest.itertuples():
        content = folder.path(row.name).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (row.sha256, row.bytes)


def test_names_with_spaces_commas_and_other_scripts_come_back(tmp_path):
    names = ("Zoë Saldaña/photo 1, of 2.jpg", "大阪/なおみ.jpg", '"quoted".jpg', "NA")
    folder = saved(tmp_path / "a folder [1]", "v1", [(name, picture(1)) for name in names])
    assert folder.names == names
    assert all(path.is_file() for path in folder.paths)


def test_names_and_sources_with_line_ends_come_back(tmp_path):
    names = ("a\rb.jpg", "a\nb.jpg", "plain.jpg")
    folder = saved(tmp_path, "v1", [(name, picture(1), f"from\r{name}") for name in names])
    assert folder.names == names
    assert folder.manifest["source"].tolist() == [f"from\r{name}" for name in names]


def test_two_saves_of_the_same_images_give_the_same_bytes(tmp_path):
    items = [(f"{k}.jpg", picture(k)) for k in range(20)]
    one, two = (saved(tmp_path / name, "v1", items) for name in "ab")
    for path in (*one.names, "manifest.csv"):
        assert one.path(path).read_bytes() == two.path(path).read_bytes()


@pytest.mark.parametrize(
    "name",
    ["", "/a.jpg", "../a.jpg", "a/../../b.jpg", "a//b.jpg", "./a.jpg", "a\\b.jpg", "C:/a.jpg", "a/", "manifest.csv",
     "table.csv", "\udcff.jpg", 7],
)  # fmt: skip
def test_a_name_that_is_unfit_is_refused(tmp_path, name):
    with pytest.raises(UnusableDataError):
        dataset(tmp_path, save="v1").save(Images([(name, picture(1))]))
    assert versions(tmp_path) == []


def test_a_name_that_comes_twice_is_refused(tmp_path):
    with pytest.raises(UnusableDataError, match=r"two images are named 'a\.jpg'"):
        saved(tmp_path, "v1", [("a.jpg", picture(1)), ("b.jpg", picture(1)), ("a.jpg", picture(2))])


def test_an_empty_set_is_refused(tmp_path):
    with pytest.raises(UnusableDataError, match="no image to save"):
        dataset(tmp_path, save="v1").save(Images([]))
    assert versions(tmp_path) == []


def test_a_generator_is_refused_since_kedro_saves_those_in_pieces(tmp_path):
    with pytest.raises(UnusableDataError, match=r"Images\(items\)"):
        dataset(tmp_path, save="v1").save(item for item in [("a.jpg", picture(1))])


def test_an_unknown_version_is_told_with_those_that_exist(tmp_path):
    for version in ("2024-01-01", "2024-01-02"):
        saved(tmp_path, version, [("a.jpg", picture(1))])
    unknown = dataset(tmp_path, load="2023-12-31")
    assert not unknown.exists()
    with pytest.raises(MissingVersionError, match=r"'2023-12-31'.*2024-01-02, 2024-01-01") as caught:
        unknown.load()
    assert isinstance(caught.value, LooksError)


def test_no_version_at_all_is_told(tmp_path):
    assert not dataset(tmp_path).exists()
    with pytest.raises(MissingVersionError, match=r"no version of .*faces yet"):
        dataset(tmp_path).load()


@pytest.mark.parametrize("damage", ["image gone", "image cut off", "no manifest", "no rows"])
def test_a_damaged_version_is_an_error_that_names_it(tmp_path, damage):
    folder = saved(tmp_path, "v1", [("a.jpg", picture(1)), ("b.jpg", picture(2))])
    manifest = folder.root / "manifest.csv"
    if damage == "image gone":
        folder.path("b.jpg").unlink()
    elif damage == "image cut off":
        folder.path("b.jpg").unlink()
        folder.path("b.jpg").write_bytes(b"cut")
    elif damage == "no manifest":
        manifest.unlink()
    else:
        manifest.write_text(manifest.read_text().splitlines()[0] + "\n")
    with pytest.raises(UnusableDataError, match=r"'v1' of .*faces"):
        dataset(tmp_path).load()


def test_a_handle_travels_to_other_processes_without_its_images(tmp_path):
    table = pd.DataFrame({"file": ["a.jpg"], "note": ["NA"]})
    folder = saved(tmp_path, "v1", Images([("a.jpg", picture(1))], table))
    assert folder.table is not None
    _ = folder.manifest
    packed = pickle.dumps(folder)
    assert len(packed) < 1000
    assert pickle.loads(packed) == folder
    assert (len(folder), list(folder), folder.table.loc[0, "note"]) == (1, ["a.jpg"], "NA")


def test_the_table_is_checked_against_its_schema(tmp_path):
    table = pd.DataFrame({"file": ["a.jpg"], "note": ["x"]})
    with pytest.raises(UnusableDataError, match=r"table.csv.*missing parent"):
        saved(tmp_path, "v1", Images([("a.jpg", picture(1))], table), schema="model_input")
    with pytest.raises(UnusableDataError, match="expected a table 'model_input'"):
        saved(tmp_path, "v1", [("a.jpg", picture(1))], schema="model_input")
    assert versions(tmp_path) == []


def test_the_preview_is_an_image_that_kedro_viz_recognises(tmp_path):
    import inspect

    folder = saved(tmp_path, "v1", [(f"{k}.png", picture(k)) for k in range(9)], format="png")
    folder.path("3.png").chmod(0o644)
    folder.path("3.png").write_bytes(b"x" * folder.path("3.png").stat().st_size)
    shown = dataset(tmp_path)
    annotation = inspect.signature(shown.preview).return_annotation
    assert getattr(annotation, "__name__", str(annotation)) == "ImagePreview"
    with Image.open(io.BytesIO(base64.b64decode(shown.preview()))) as sheet:
        sheet.load()
        assert sheet.size == (6 * 100 + 4, 2 * 100 + 4)


def _catalog(folder: Path, save: str, load: dict[str, str] | None = None) -> DataCatalog:
    entry = {"type": "looks_kedro.datasets.ImageFolderDataset", "versioned": True, "format": "png"}
    config = {name: entry | {"filepath": str(folder / name)} for name in ("raw", "faces")}
    config["brightness"] = {
        "type": "looks_kedro.datasets.TableDataset",
        "filepath": str(folder / "b.csv"),
        "versioned": True,
    }
    return DataCatalog.from_config(config, load_versions=load, save_version=save)


def _pipeline(level: int) -> Pipeline:
    def draw() -> Images:
        return Images((f"{k}.png", np.full((4, 4, 3), level, np.uint8)) for k in range(3))

    def double(raw: ImageFolder) -> Images:
        return Images([(name, lambda name=name: raw.array(name) * 2) for name in raw])

    def measure(faces: ImageFolder) -> pd.DataFrame:
        return pd.DataFrame({"file": list(faces), "level": [int(faces.array(name).mean()) for name in faces]})

    return Pipeline([Node(draw, None, "raw"), Node(double, "raw", "faces"), Node(measure, "faces", "brightness")])


def test_a_run_with_the_load_version_of_older_faces_gives_the_older_result(tmp_path):
    for save, level in (("2024-01-01T00.00.00.000Z", 10), ("2024-01-02T00.00.00.000Z", 50)):
        SequentialRunner().run(_pipeline(level), _catalog(tmp_path, save))
    assert set(_catalog(tmp_path, "x").load("brightness")["level"]) == {100}
    older = _catalog(tmp_path, "2024-01-03T00.00.00.000Z", {"faces": "2024-01-01T00.00.00.000Z"})
    SequentialRunner().run(_pipeline(0).from_inputs("faces"), older)
    assert set(_catalog(tmp_path, "x").load("brightness")["level"]) == {20}
    unknown = _catalog(tmp_path, "2024-01-04T00.00.00.000Z", {"faces": "2020-01-01T00.00.00.000Z"})
    with pytest.raises(DatasetError, match=r"2020-01-01.*2024-01-02T00.00.00.000Z, 2024-01-01"):
        SequentialRunner().run(_pipeline(0).from_inputs("faces"), unknown)
    assert len(_catalog(tmp_path, "x").get("brightness").list_versions()) == 3
