import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, features

from looks_kedro.errors import LooksError
from looks_kedro.faces import UnreadableImageError, decode
from looks_kedro.faces.decode import decode_photo

RED, WHITE = (220, 30, 40), (255, 255, 255)


def encoded(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def half_and_half(width=40, height=20):
    """Red on the left, dark blue on the right."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = RED
    picture[:, width // 2 :] = (10, 20, 90)
    return Image.fromarray(picture)


def is_close(pixel, colour, tolerance=12):
    return bool(np.all(np.abs(np.asarray(pixel, int) - colour) <= tolerance))


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "JPEG", "GIF"])
def test_ordinary_files_become_rgb_arrays(form):
    array = decode(encoded(half_and_half(), form))
    assert array.shape == (20, 40, 3)
    assert array.dtype == np.uint8
    assert array.flags["C_CONTIGUOUS"]
    assert is_close(array[10, 5], RED)
    assert is_close(array[10, 35], (10, 20, 90))


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    [(1, "left"), (2, "right"), (3, "right"), (4, "left"), (5, "top"), (6, "top"), (7, "bottom"), (8, "bottom")],
)
def test_exif_orientation_is_applied(orientation, red_at):
    exif = Image.Exif()
    exif[0x0112] = orientation
    array = decode(encoded(half_and_half(), "JPEG", exif=exif, quality=95))
    places = {"left": (0.5, 0.2), "right": (0.5, 0.8), "top": (0.2, 0.5), "bottom": (0.8, 0.5)}
    row, column = (int(part * side) for part, side in zip(places[red_at], array.shape[:2], strict=True))
    assert array.shape[:2] == ((20, 40) if orientation <= 4 else (40, 20))
    assert is_close(array[row, column], RED, 25)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_spoilt_exif_block_does_not_spoil_the_picture():
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01\x03\x00"
    assert decode(encoded(half_and_half(), "JPEG", exif=exif)).shape == (20, 40, 3)


def taken_on(text, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = text
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_day_that_a_photo_was_taken_is_read(form):
    data = encoded(half_and_half(), form, exif=taken_on("2019:05:17 10:11:12").tobytes())
    assert decode_photo(data).taken == "2019-05-17"


def test_the_day_is_read_from_photos_that_are_turned_upright():
    photo = decode_photo(encoded(half_and_half(), "JPEG", exif=taken_on("1998:12:01 00:00:00", orientation=6)))
    assert photo.taken == "1998-12-01"
    assert photo.pixels.shape[:2] == (40, 20)


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "2019:02:30 10:00:00", "yesterday", "", "0019:05:17 1:2:3"])
def test_what_is_no_day_is_none(text):
    assert decode_photo(encoded(half_and_half(), "JPEG", exif=taken_on(text))).taken == ""


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_without_a_sound_exif_block_there_is_no_day():
    spoilt = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01\x03\x00"
    assert decode_photo(encoded(half_and_half(), "JPEG", exif=spoilt)).taken == ""
    assert decode_photo(encoded(half_and_half(), "BMP")).taken == ""


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb_also_where_it_is_inverted(form):
    cmyk = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan, full magenta and yellow: red
    data = encoded(cmyk, form)
    assert (b"Adobe" in data) == (form == "JPEG")  # which says that ink is stored as 255 - ink
    assert is_close(decode(data)[8, 8], (254, 0, 0), 6)


def test_a_progressive_file_gives_the_pixels_of_an_ordinary_one():
    rng = np.random.default_rng(3)
    image = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).resize((320, 240))
    progressive, ordinary = (encoded(image, "JPEG", progressive=how) for how in (True, False))
    assert b"\xff\xc2" in progressive
    assert b"\xff\xc2" not in ordinary
    assert np.array_equal(decode(progressive), decode(ordinary))
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode(progressive[: len(progressive) // 2])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_are_scaled_and_not_clipped(dtype):
    values = np.linspace(0, 65535, 256).astype(dtype).reshape(16, 16)
    array = decode(encoded(Image.fromarray(values), "TIFF"))
    assert np.array_equal(array[:, :, 0].ravel(), np.rint(values.ravel() / 257))
    assert np.array_equal(array[..., 0], array[..., 2])


def test_sixteen_bit_png_is_scaled_and_not_clipped():
    values = np.array([[0, 32768, 65535]], np.uint16)
    assert decode(encoded(Image.fromarray(values)))[0, :, 1].tolist() == [0, 128, 255]


def test_floats_are_scaled():
    values = np.array([[0.0, 0.5, 1.0]], np.float32)
    assert decode(encoded(Image.fromarray(values), "TIFF"))[0, :, 1].tolist() == [0, 128, 255]


def test_a_palette_gives_its_colours():
    assert is_close(decode(encoded(half_and_half().convert("P", palette=Image.Palette.ADAPTIVE)))[10, 5], RED)


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_and_black_and_white_get_three_equal_channels(mode):
    array = decode(encoded(half_and_half().convert("L").convert(mode)))
    assert array.shape == (20, 40, 3)
    assert np.array_equal(array[..., 0], array[..., 1])


def test_transparency_is_laid_on_white():
    image = half_and_half().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.array([[255], [128], [0], [0]], np.uint8), 40, 1).repeat(5, 0)))
    array = decode(encoded(image))
    assert array[0, 5].tolist() == list(RED)
    assert is_close(array[7, 5], np.add(RED, WHITE) / 2, 2)
    assert array[18, 5].tolist() == list(WHITE)


def test_grey_with_transparency_is_laid_on_white():
    image = Image.new("LA", (8, 8), (0, 0))
    assert decode(encoded(image))[4, 4].tolist() == list(WHITE)


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_is_laid_on_white(mode):
    image = Image.new(mode, (8, 8), 0)
    transparent = (0, 0, 0) if mode == "RGB" else 0
    assert decode(encoded(image, transparency=transparent))[4, 4].tolist() == list(WHITE)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(form):
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, (0, 200, 0), (0, 0, 200))]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
    assert is_close(decode(data)[8, 8], RED, 10)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_truncated_file_is_refused(form):
    rng = np.random.default_rng(1)
    data = encoded(Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)), form)
    with pytest.raises(UnreadableImageError) as caught:
        decode(data[: len(data) // 2])
    assert "truncated" in caught.value.reason or "damaged" in caught.value.reason


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow writes no AVIF")
def test_a_damaged_avif_file_is_refused_like_any_other():
    data = encoded(half_and_half(), "AVIF")
    assert decode(data).shape == (20, 40, 3)
    for box in (b"pitm", b"ipma", b"mdat"):
        start = data.index(box) + 4
        damaged = data[:start] + bytes(255 - byte for byte in data[start : start + 8]) + data[start + 8 :]
        with pytest.raises(UnreadableImageError):
            decode(damaged)


@pytest.mark.parametrize("error", [RuntimeError("Missing or empty image item"), MemoryError(), OverflowError()])
def test_whatever_pillow_raises_while_decoding_is_told_as_damage(monkeypatch, error):
    def fail(self):
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(UnreadableImageError, match="damaged"):
        decode(encoded(half_and_half(), "BMP"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"hello, I am no picture", "not an image"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "LFS pointer"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "vector"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not an image"),
        (b"\xff\xd8\xff\xe0", "truncated"),
    ],
)
def test_a_file_that_is_no_image_is_named_for_what_it_is(data, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        decode(data)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(UnreadableImageError, match="no such file"):
        decode(tmp_path / "nobody.jpg")
    with pytest.raises(UnreadableImageError, match="cannot be opened"):
        decode(tmp_path)


def test_an_image_above_the_limit_is_refused_before_it_is_decoded():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(UnreadableImageError, match="too large"):
        decode(bomb)
    with pytest.raises(UnreadableImageError, match=r"too large: 40 x 20"):
        decode(encoded(half_and_half()), max_pixels=799)
    assert decode(encoded(half_and_half()), max_pixels=800).shape == (20, 40, 3)


def test_paths_and_bytes_give_the_same(tmp_path):
    data = encoded(half_and_half(), "JPEG")
    (tmp_path / "picture.png").write_bytes(data)  # a wrong ending does not matter
    assert np.array_equal(decode(tmp_path / "picture.png"), decode(data))
    assert np.array_equal(decode(str(tmp_path / "picture.png")), decode(data))


def test_the_error_is_one_that_the_user_can_read():
    assert issubclass(UnreadableImageError, LooksError)
