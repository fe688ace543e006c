"""A photo becomes what the study's networks are shown, pixel for pixel, or is refused with its reason."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from looks_kedro.datasets.encoding import encode
from looks_kedro.errors import BadInputError
from looks_kedro.faces.alignment import TEMPLATE
from looks_kedro.learning.data import read_portrait
from looks_kedro.mattes import MatteLimits, Mattes
from looks_kedro.mattes.compositing import Variant
from looks_kedro.prediction.photos import Photo, find_photos
from looks_kedro.prediction.preparing import Preparation, Preparer, encoded, prepare_photos, square


@pytest.fixture(scope="module")
def preparer() -> Preparer:
    return Preparer(Preparation(), 64)


@pytest.fixture(scope="module")
def front(album: Path) -> Image.Image:
    return Image.open(album / "front 0.jpg").convert("RGB")


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", [None, 64, 300, 400])
def test_pixels_are_those_that_the_study_stores_and_its_networks_read(
    tmp_path: Path, channels: int, size: int | None
) -> None:
    face = np.random.default_rng(0).integers(0, 256, (300, 300, channels), dtype=np.uint8)
    stored = encode(face, "jpeg" if channels == 3 else "png", 95)
    assert encoded(face) == stored
    (tmp_path / "face").write_bytes(stored)
    read = read_portrait(tmp_path / "face", size or 300, (10, 200, 30))
    np.testing.assert_array_equal(square(stored, (10, 200, 30), size), read)


def test_each_photo_is_prepared_or_refused_with_its_reason(album: Path, preparer: Preparer) -> None:
    photos = find_photos(album)
    prepared = {one.file: one for one in prepare_photos(preparer, [*photos, Photo(album, "odd", "not a file")])}
    reasons = {file: one.reason for file, one in prepared.items() if one.reason}
    assert reasons == {
        "empty.jpg": "no_face",
        "side.jpg": "side_view",
        "two.jpg": "several_faces",
        "words.jpg": "unreadable",
        "odd": "unreadable",
    }
    assert prepared["words.jpg"].detail == "not an image"
    assert prepared["side.jpg"].detail.startswith("yaw ")
    for one in prepared.values():
        assert (one.seen is None) == bool(one.reason)
        assert (one.shown == b"") == (one.reason == "unreadable")
        if one.seen is not None:
            assert one.seen.shape == (64, 64, 3)
            assert one.regions is not None
            assert set(np.unique(one.regions)) <= set(range(12))
    small = Image.open(io.BytesIO(prepared["two.jpg"].shown))
    assert max(small.size) == 300


def test_a_photo_in_any_form_shows_the_network_the_same_face(
    tmp_path: Path, front: Image.Image, preparer: Preparer
) -> None:
    grey = front.convert("L")
    wide = np.asarray(grey, dtype=np.uint16) * 257
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    files = {
        "plain.png": front,
        "alpha.png": Image.merge("RGBA", (*front.split(), Image.new("L", front.size, 255))),
        "UPPER.PNG": front,
        "grey.png": grey,
        "sixteen bits.png": Image.fromarray(wide),
        "palette.png": front.quantize(256),
    }
    for name, picture in files.items():
        picture.save(tmp_path / name)
    front.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    (tmp_path / "a link.png").symlink_to(tmp_path / "plain.png")
    (tmp_path / 'a "name" <script>\u202e\n.png').write_bytes((tmp_path / "plain.png").read_bytes())
    seen = {one.file: one.seen for one in prepare_photos(preparer, find_photos(tmp_path))}
    assert len(seen) == 9
    assert all(pixels is not None for pixels in seen.values())
    for name in ("alpha.png", "UPPER.PNG", "turned.png", "a link.png", 'a "name" <script>\u202e\n.png'):
        np.testing.assert_array_equal(seen[name], seen["plain.png"])
    np.testing.assert_array_equal(seen["sixteen bits.png"], seen["grey.png"])
    assert np.abs(seen["palette.png"].astype(int) - seen["plain.png"]).mean() < 12


def test_too_large_and_too_small_photos_are_refused(tmp_path: Path, front: Image.Image, preparer: Preparer) -> None:
    Image.new("L", (20_000, 10_000)).save(tmp_path / "huge.png")
    front.resize((front.width // 8, front.height // 8)).save(tmp_path / "tiny.png")
    prepared = {one.file: one for one in prepare_photos(preparer, find_photos(tmp_path))}
    assert prepared["huge.png"].reason == "unreadable"
    assert prepared["huge.png"].detail.startswith("too large")
    assert prepared["tiny.png"].reason == "too_small"


def test_a_variant_is_composed_and_a_bad_cutout_is_refused(album: Path) -> None:
    photos = [photo for photo in find_photos(album) if photo.file.startswith("front")]
    white, mattes = Variant(kind="colour"), Mattes(method="grabcut")
    kept = prepare_photos(Preparer(Preparation(white, mattes=mattes, limits=None), 64), photos)
    original = prepare_photos(Preparer(Preparation(), 64), photos)
    for one, other in zip(kept, original, strict=True):
        assert one.seen is not None
        assert other.seen is not None
        assert (one.seen >= 250).all(axis=2).mean() > 0.05 > (other.seen >= 250).all(axis=2).mean()
        assert np.abs(one.seen[30:40, 28:36].astype(int) - other.seen[30:40, 28:36]).mean() < 6
    strict = MatteLimits(min_quality=1.0)
    refused = prepare_photos(Preparer(Preparation(white, mattes=mattes, limits=strict), 64), photos)
    assert {(one.reason, one.detail) for one in refused} == {("bad_cutout", "low quality")}


def test_the_face_stands_where_the_template_says(album: Path, preparer: Preparer) -> None:
    from looks_kedro.audit.regions import REGIONS

    (one,) = prepare_photos(preparer, [Photo(album / "front 0.jpg", "front")])
    assert one.regions is not None
    x, y = (TEMPLATE[0] + 0.5) * (112 / 300) - 0.5
    assert REGIONS[one.regions[round(y), round(x)]] == "eyes"
    assert REGIONS[one.regions[2, 2]].startswith("background")


def test_weights_that_are_needed_and_missing_are_told_before_any_photo(tmp_path: Path) -> None:
    Preparation(weights_folder=tmp_path).check()
    with pytest.raises(BadInputError, match=r"weights\.names=u2net_human_seg"):
        Preparation(Variant(kind="transparent"), weights_folder=tmp_path).check()
