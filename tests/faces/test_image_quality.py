import io
import math
import struct
import time

import numpy as np
import pytest
from PIL import Image

from looks_kedro.faces.image_quality import image_quality, jpeg_quality
from looks_kedro.portraits import aligned_face, draw_identity


def saved(picture: np.ndarray, form: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return aligned_face(draw_identity(2), seed=2, looks=1).image


@pytest.mark.parametrize("quality", [1, 3, 10, 25, 49, 50, 51, 75, 85, 92, 95, 99, 100])
@pytest.mark.parametrize("options", [{}, {"progressive": True, "subsampling": 0}], ids=["baseline", "progressive"])
def test_the_quality_that_a_file_was_saved_with_is_found(face, quality, options):
    assert jpeg_quality(saved(face, quality=quality, **options)) == quality


def test_the_quality_of_a_grey_picture_is_found(face):
    assert jpeg_quality(saved(face[..., 0], quality=63)) == 63


def test_tables_of_other_programs_are_put_on_the_same_scale(face):
    flat = jpeg_quality(saved(face, qtables=[[20] * 64, [20] * 64]))
    coarser = jpeg_quality(saved(face, qtables=[[40] * 64, [40] * 64]))
    assert flat is not None
    assert coarser is not None
    assert 50 < coarser < flat < 95
    assert flat == round(flat, 1)


def test_only_the_first_component_s_table_counts(face):
    luminance = [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56]
    luminance += [14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92]
    luminance += [49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99]
    data = saved(face, qtables=[luminance, [3] * 64])
    assert jpeg_quality(data) == 50
    frame = data.index(b"\xff\xc0")
    swapped = data[: frame + 12] + b"\x01" + data[frame + 13 :]
    assert jpeg_quality(swapped) == pytest.approx(97.5, abs=1)


def test_tables_of_two_bytes_a_step_are_read(face):
    data = saved(face, quality=80)
    start = data.index(b"\xff\xdb")
    (length,) = struct.unpack_from(">H", data, start + 2)
    steps = data[start + 5 : start + 69]
    wide = b"\x10" + b"".join(struct.pack(">H", step) for step in steps)
    wide_segment = b"\xff\xdb" + struct.pack(">H", 2 + len(wide)) + wide
    assert jpeg_quality(data[:start] + wide_segment + data[start + 2 + length :]) == 80


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xdb",
        b"\xff\xd8\xff\xdb\x00\x00\xff\xdb\x00\x00",
        b"\xff\xd8\xff\xdb\x00\x43" + bytes(70),
        b"<html>\xff\xd8",
    ],
)
def test_spoilt_files_have_no_quality(data):
    assert jpeg_quality(data) is None


def test_other_formats_have_no_quality(face):
    assert jpeg_quality(saved(face, "PNG")) is None
    assert jpeg_quality(saved(face, "WEBP")) is None


def test_the_numbers_follow_their_definitions(face):
    from scipy.ndimage import laplace

    values = image_quality(face)
    rgb = face.astype(float)
    grey = np.rint(rgb @ [0.299, 0.587, 0.114])
    assert values["brightness"] == pytest.approx(grey.mean(), abs=0.1)
    assert values["contrast"] == pytest.approx(grey.std(), abs=0.1)
    assert values["sharpness"] == pytest.approx(laplace(grey, mode="mirror").var(), rel=0.02)
    assert values["saturation"] == pytest.approx((rgb.max(2) - rgb.min(2)).mean(), abs=0.01)
    assert [values[name] for name in ("red", "green", "blue")] == pytest.approx(rgb.mean((0, 1)), abs=0.01)


def test_each_change_of_a_picture_moves_its_own_number(face):
    from PIL import ImageFilter

    plain = image_quality(face)
    picture = Image.fromarray(face)
    blurred = image_quality(np.asarray(picture.filter(ImageFilter.GaussianBlur(2))))
    grey = image_quality(np.asarray(picture.convert("L").convert("RGB")))
    assert blurred["sharpness"] < 0.3 * plain["sharpness"]
    assert blurred["brightness"] == pytest.approx(plain["brightness"], abs=1)
    assert grey["saturation"] == 0
    assert grey["sharpness"] == pytest.approx(plain["sharpness"], rel=0.05)
    assert image_quality((face // 2).astype(np.uint8))["brightness"] < 0.6 * plain["brightness"]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (7, 2, 3), (300, 300, 3)])
@pytest.mark.parametrize("value", [0, 255])
def test_even_pictures_of_any_size_give_finite_numbers(shape, value):
    values = image_quality(np.full(shape, value, np.uint8))
    assert all(math.isfinite(number) for number in values.values())
    assert values["sharpness"] == values["contrast"] == values["saturation"] == 0
    assert values["brightness"] == values["red"] == value


def test_a_face_takes_about_a_millisecond(face):
    image_quality(face)
    spent = []
    for _ in range(20):
        start = time.process_time()
        image_quality(face)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.005
