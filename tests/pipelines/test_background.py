"""The variants as the nodes build them: what is in each image, under which name, and what a second run costs."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io.core import Version
from PIL import Image

from looks_kedro.balancing import copied_image, copied_landmarks
from looks_kedro.cache import ResultCache
from looks_kedro.datasets import ImageFolder, ImageFolderDataset, Images
from looks_kedro.datasets.csv_files import check_table
from looks_kedro.errors import BadInputError
from looks_kedro.faces import landmarks_of
from looks_kedro.learning import load_portraits
from looks_kedro.mattes.compositing import Variant, on_colour
from looks_kedro.pipelines.background.nodes import compose_variant, cut_out, matte_file, show_rejected
from looks_kedro.pipelines.background.parameters import Background
from looks_kedro.portraits import aligned_face, draw_identity
from looks_kedro.reporting.mattes_page import files_shown
from looks_kedro.tables import CROP_LANDMARKS

SIDE = 96
FILES = {"celebrities/ada/1.jpg": 1, "celebrities/ada/2.jpg": 1, "ordinary/7.jpg": 0, "ordinary/8.jpg": 0}


def folder(
    path: Path, version: str, images: Images | list, form: str = "jpeg", schema: str | None = None
) -> ImageFolder:
    dataset = ImageFolderDataset(
        filepath=path, format=form, schema=schema, version=Version(None, f"2026-01-01T00.00.{version}.000Z")
    )
    dataset.save(images)
    return dataset.load()


@pytest.fixture(scope="module")
def faces_and_mattes(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImageFolder, ImageFolder, pd.DataFrame]:
    """Four drawn faces, their true mattes, and the table of their landmarks."""
    root = tmp_path_factory.mktemp("drawn")
    photos = {
        file: aligned_face(draw_identity(seed), seed=seed, looks=looks, size=SIDE, masks=True)
        for seed, (file, looks) in enumerate(FILES.items())
    }
    faces = folder(root / "faces", "01", [(file, photo.image) for file, photo in photos.items()])
    masks = [(matte_file(file), photo.masks["person"].astype(np.uint8) * 255) for file, photo in photos.items()]
    mattes = folder(root / "mattes", "01", masks, "png")
    rows = [
        {"file": file, "kept": True, "looks": FILES[file]}
        | dict(zip(CROP_LANDMARKS, photo.landmarks.ravel(), strict=True))
        for file, photo in photos.items()
    ]
    return faces, mattes, pd.DataFrame(rows)


@pytest.fixture(scope="module")
def split_table() -> pd.DataFrame:
    """Each face, and a mirrored, a turned and a darker copy."""
    rows = [(file, file, False, 0.0, 1.0) for file in FILES]
    rows += [("celebrities/ada/1.mirrored.jpg", "celebrities/ada/1.jpg", True, 0.0, 1.0)]
    rows += [("celebrities/ada/2.rotated.jpg", "celebrities/ada/2.jpg", False, 12.0, 1.0)]
    rows += [("ordinary/7.brightened.jpg", "ordinary/7.jpg", False, 0.0, 0.6)]
    table = pd.DataFrame(rows, columns=["file", "parent", "mirrored", "rotation", "brightness"])
    people = {"part": "train", "group": "g", "identity": "i", "age": "", "gender": "", "race": ""}
    table = table.assign(**people, looks=table["parent"].map(FILES))
    order = ["file", "parent", "part", "mirrored", "rotation", "brightness", "group", "looks", "identity"]
    return table[[*order, "age", "gender", "race"]]


def built(
    tmp_path: Path, variant: Variant, source: tuple[ImageFolder, ImageFolder, pd.DataFrame], split_table: pd.DataFrame,
    version: str = "01",
) -> ImageFolder:  # fmt: skip
    faces, mattes, face_table = source
    images = compose_variant(faces, mattes, split_table, face_table, variant)
    form = "png" if variant.kind == "transparent" else "jpeg"
    return folder(tmp_path / "variant", version, images, form, "model_input")


def test_faces_that_differ_by_their_suffix_alone_have_mattes_of_their_own():
    files = ["celebrities/ada/1.jpg", "celebrities/ada/1.jpeg", "celebrities/ada/1.png.jpg"]
    assert len({matte_file(file) for file in files}) == 3
    assert all(matte_file(file).endswith(".png") for file in files)


@pytest.mark.parametrize(
    "kind",
    ["original", "colour", "transparent", "grayscale", "face_only", "background_only", "blurred_background"],
)
def test_every_variant_has_the_same_names_and_landmarks(tmp_path, faces_and_mattes, split_table, kind):
    images = built(tmp_path, Variant(kind=kind), faces_and_mattes, split_table)
    assert images.names == tuple(split_table["file"])
    assert images.table["file"].tolist() == split_table["file"].tolist()
    landmarks = {row["file"]: landmarks_of(row) for row in faces_and_mattes[2].to_dict("records")}
    for row in images.table.to_dict("records"):
        expected = copied_landmarks(row, landmarks[row["parent"]], SIDE)
        np.testing.assert_allclose(landmarks_of(row), expected, atol=1e-6)
    assert images.array(images.names[0]).shape == (SIDE, SIDE, 4 if kind == "transparent" else 3)


@pytest.mark.parametrize("kind", ["original", "transparent"])
def test_both_classes_come_from_one_encoder(tmp_path, faces_and_mattes, split_table, kind):
    images = built(tmp_path, Variant(kind=kind), faces_and_mattes, split_table)
    found = set()
    for name in images.names:
        with Image.open(images.path(name)) as picture:
            found.add((picture.format, picture.mode, str(getattr(picture, "quantization", ""))))
    assert len(found) == 1


def test_a_copy_stands_on_the_same_ground_as_every_other_image(tmp_path, faces_and_mattes, split_table):
    green = built(tmp_path, Variant(kind="colour", colour=(0, 200, 0)), faces_and_mattes, split_table)
    for row in split_table.to_dict("records"):
        matte = copied_image(row, faces_and_mattes[1].array(matte_file(row["parent"])))
        ground = green.array(row["file"])[matte == 0].astype(int)
        assert len(ground) > 100
        assert np.abs(np.median(ground, axis=0) - (0, 200, 0)).max() <= 2, row["file"]


def test_a_network_sees_the_transparent_variant_on_its_colour(tmp_path, faces_and_mattes, split_table):
    images = built(tmp_path, Variant(kind="transparent"), faces_and_mattes, split_table)
    seen = load_portraits(images.paths, SIDE, alpha_colour=(10, 20, 30))
    faces, mattes, _ = faces_and_mattes
    for row, pixels in zip(split_table.to_dict("records"), seen, strict=True):
        face, matte = faces.array(row["parent"]), mattes.array(matte_file(row["parent"]))
        expected = on_colour(copied_image(row, face), copied_image(row, matte), (10, 20, 30))
        assert np.array_equal(pixels, expected), row["file"]


def test_the_face_alone_needs_no_matte_at_all(tmp_path, faces_and_mattes, split_table):
    faces, mattes, face_table = faces_and_mattes
    gone = folder(tmp_path / "empty mattes", "01", [(name, np.zeros((SIDE, SIDE), np.uint8)) for name in mattes.names])
    variant = Variant(kind="face_only")
    with_them = built(tmp_path / "a", variant, faces_and_mattes, split_table)
    without = built(tmp_path / "b", variant, (faces, gone, face_table), split_table)
    assert with_them.manifest["sha256"].tolist() == without.manifest["sha256"].tolist()


def test_what_was_built_before_is_not_built_again(tmp_path, faces_and_mattes, split_table, monkeypatch):
    variant = Variant(kind="colour")
    first = built(tmp_path, variant, faces_and_mattes, split_table)
    monkeypatch.setattr("looks_kedro.pipelines.background.nodes.composed", _must_not_be_called)
    # Labels that somebody corrected, and a smaller table, change no picture.
    corrected = split_table.assign(age="20-29").iloc[1:]
    second = built(tmp_path, variant, faces_and_mattes, corrected, "02")
    assert second.manifest["sha256"].tolist() == first.manifest["sha256"].tolist()[1:]
    with pytest.raises(Exception, match="composed again"):
        built(tmp_path, Variant(kind="colour", colour=(0, 0, 0)), faces_and_mattes, split_table, "03")


def _must_not_be_called(*_: object) -> None:
    raise AssertionError("composed again")


def test_faces_and_mattes_of_other_runs_are_named(tmp_path, faces_and_mattes, split_table):
    faces, mattes, face_table = faces_and_mattes
    some = folder(tmp_path / "some", "01", [(name, mattes.array(name)) for name in mattes.names[1:]], "png")
    with pytest.raises(BadInputError, match=r"celebrities/ada/1.jpg has no matte .* --pipelines background,balancing"):
        compose_variant(faces, some, split_table, face_table, Variant(kind="colour"))
    with pytest.raises(BadInputError, match=r"ordinary/7.jpg is no face"):
        compose_variant(faces, mattes, split_table, face_table[face_table["file"] != "ordinary/7.jpg"],
                        Variant(kind="original"))  # fmt: skip


GRABCUT = {"method": "grabcut", "processes": 1}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImageFolder, pd.DataFrame]:
    """Twenty-four drawn faces of 300 px and their landmarks."""
    root = tmp_path_factory.mktemp("many")
    photos = {
        f"{'celebrities' if seed % 2 else 'ordinary'}/{seed:02}.jpg": aligned_face(
            draw_identity(seed), seed=seed, looks=seed % 2, size=300
        )
        for seed in range(24)
    }
    faces = folder(root / "faces", "01", [(file, photo.image) for file, photo in photos.items()])
    rows = [
        {"file": file, "kept": True, "looks": photo.looks}
        | dict(zip(CROP_LANDMARKS, photo.landmarks.ravel(), strict=True))
        for file, photo in photos.items()
    ]
    return faces, pd.DataFrame(rows)


def cut(
    root: Path, version: str, many: tuple[ImageFolder, pd.DataFrame], **settings: object
) -> tuple[ImageFolder, pd.DataFrame, float]:
    """Mattes, their quality, and the seconds that it took to make and save them."""
    began = time.perf_counter()
    background = Background.model_validate(GRABCUT | settings)
    images, quality = cut_out(*many, background, ResultCache(root / "cache.sqlite"), root / "weights")
    mattes = folder(root / "mattes", version, images, "png")
    return mattes, quality, time.perf_counter() - began


def test_a_second_run_costs_a_twentieth_and_gives_the_same(tmp_path, many):
    first, quality, seconds = cut(tmp_path, "01", many)
    again = [cut(tmp_path, version, many) for version in ("02", "03", "04")]
    assert all(mattes.manifest.equals(first.manifest) for mattes, _, _ in again)
    assert all(table.equals(quality) for _, table, _ in again)
    assert min(taken for _, _, taken in again) <= 0.05 * seconds
    check_table(quality, "matte_quality", "matte_quality.csv")


def test_a_run_that_broke_off_goes_on_where_it_was(tmp_path, many):
    faces, table = many
    half = ImageFolder(faces.root, faces.names[:12])
    cut(tmp_path, "01", (half, table))
    assert len(ResultCache(tmp_path / "cache.sqlite")) == 12
    mattes, _, _ = cut(tmp_path, "02", many)
    assert len(ResultCache(tmp_path / "cache.sqlite")) == 24
    whole, _, _ = cut(tmp_path / "fresh", "01", many)
    assert whole.manifest.equals(mattes.manifest)


def test_two_processes_give_the_same_mattes_as_one(tmp_path, many):
    one, quality, _ = cut(tmp_path / "one", "01", many)
    two, measured, _ = cut(tmp_path / "two", "01", many, processes=2)
    assert one.manifest.equals(two.manifest)
    assert quality.equals(measured)


def test_other_limits_judge_anew_and_cut_nothing_out(tmp_path, many):
    _, lenient, _ = cut(tmp_path, "01", many, limits={"min_quality": 0})
    known = len(ResultCache(tmp_path / "cache.sqlite"))
    _, strict, _ = cut(tmp_path, "02", many, limits={"min_quality": 1})
    assert len(ResultCache(tmp_path / "cache.sqlite")) == known == 24
    assert strict["passed"].sum() < lenient["passed"].sum()
    measures = [name for name in strict if name not in ("passed", "reason")]
    assert strict[measures].equals(lenient[measures])


def test_the_rejected_are_shown_with_their_numbers(tmp_path, many):
    limits = {"min_quality": 0.9}
    mattes, quality, _ = cut(tmp_path, "01", many, limits=limits)
    background = Background.model_validate(GRABCUT | {"limits": limits, "rejected_page": {"per_group": 3}})
    page = show_rejected(many[0], mattes, quality, background, ResultCache(tmp_path / "cache.sqlite"))
    shown = files_shown(quality, 3)
    assert 0 < len(shown) < len(quality)
    assert page.count("data:image/jpeg") == len(shown)
    assert all(file in page for file in shown)
    assert "min quality 0.90" in page


def test_a_face_without_landmarks_is_named(tmp_path, many):
    with pytest.raises(BadInputError, match=r"ordinary/00.jpg .* has no row"):
        cut(tmp_path, "01", (many[0], many[1].iloc[1:]))
