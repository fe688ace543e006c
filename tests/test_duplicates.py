import hashlib
import io
import tracemalloc

import imagehash
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from looks_kedro.duplicates import Duplicates, find_copies, perceptual_hash, thumbnail
from looks_kedro.errors import BadInputError
from looks_kedro.portraits import aligned_face, draw_identity, take_photo


def again(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def with_text(image: Image.Image) -> Image.Image:
    copy = image.copy()
    ImageDraw.Draw(copy).text((10, 0.9 * image.height), "PHOTO AGENCY", fill="white", font_size=image.height // 24)
    return copy


EDITS = {
    "saved at quality 30": lambda image: again(image, 30),
    "halved": lambda image: image.resize((image.width // 2, image.height // 2)),
    "cropped by 2 %": lambda image: image.crop(
        (image.width // 100, image.height // 100, image.width * 99 // 100, image.height * 99 // 100)
    ),
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "darker with more contrast": lambda image: ImageEnhance.Contrast(
        ImageEnhance.Brightness(image).enhance(0.7)
    ).enhance(1.2),
    "in black and white": lambda image: image.convert("L").convert("RGB"),
    "with small text": with_text,
}


def row(file: str, image: Image.Image, identity: str = "ada", looks: int = 1, **values: object) -> dict[str, object]:
    array = np.asarray(image.convert("RGB"))
    plain = {
        "file": file,
        "identity": identity,
        "looks": looks,
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        "perceptual_hash": perceptual_hash(array),
        "thumbnail": thumbnail(array),
        "raw_width": image.width,
        "raw_height": image.height,
        "bytes": 1000,
    }
    return plain | values


def copies(*rows: dict[str, object], **settings: object) -> dict[str, str]:
    found = find_copies(pd.DataFrame(list(rows)), Duplicates(**settings))
    return dict(zip(found["file"], found["duplicate_of"], strict=True))


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    return [Image.fromarray(take_photo(draw_identity(n), seed=n, looks=n % 2).image) for n in range(12)]


@pytest.fixture(scope="module")
def photo(photos) -> Image.Image:
    return photos[0]


def test_the_hash_is_that_of_imagehash(photos):
    generator = np.random.default_rng(0)
    noise = [Image.fromarray(generator.integers(0, 256, (h, w, 3), np.uint8)) for h, w in [(1, 1), (5, 40), (300, 200)]]
    for image in [*photos, *noise, Image.new("RGB", (30, 30), "grey")]:
        assert perceptual_hash(np.asarray(image)) == str(imagehash.phash(image))


@pytest.mark.parametrize("edit", EDITS)
def test_a_picture_that_was_saved_again_is_found(photos, edit):
    rows = []
    for number, image in enumerate(photos):
        rows += [row(f"a/{number:02}.jpg", image), row(f"b/{number:02}.jpg", EDITS[edit](image), raw_width=1)]
    assert copies(*rows) == {f"b/{number:02}.jpg": f"a/{number:02}.jpg" for number in range(len(photos))}


def test_other_photos_of_the_same_person_and_other_people_are_no_copies(photos):
    # Each with a seed, so a scene, of its own.
    more = [take_photo(draw_identity(n % 4), seed=100 + n, looks=n % 2).image for n in range(20)]
    images = [*photos, *map(Image.fromarray, more)]
    assert copies(*(row(f"{number:03}.jpg", image) for number, image in enumerate(images))) == {}


def test_the_same_light_on_different_scenes_makes_no_copies():
    # Half in the dark, as profiles before a window are: in small the pictures agree, but for what is on them.
    light = np.linspace(0, 150, 300)[None, :, None]
    generator = np.random.default_rng(2)
    scenes = [generator.normal(25, 9, (12, 12, 3)).clip(0, 60).astype(np.uint8) for _ in range(20)]
    images = [np.asarray(Image.fromarray(scene).resize((300, 300), 3)) + light for scene in scenes]
    rows = [row(f"{n}.jpg", Image.fromarray(image.astype(np.uint8))) for n, image in enumerate(images)]
    small = np.array([np.frombuffer(bytes.fromhex(str(one["thumbnail"])), np.uint8) for one in rows], float)
    assert np.corrcoef(small).min() > 0.97
    alike = [one | {"perceptual_hash": rows[0]["perceptual_hash"]} for one in rows]
    assert copies(*alike) == {}
    assert len(copies(*alike, min_correlation=1e-6)) > 5


def test_the_same_bytes_are_found_without_a_hash_and_where_near_copies_are_not_wanted(photo):
    blank = {"perceptual_hash": "", "thumbnail": "", "raw_width": float("nan"), "raw_height": float("nan")}
    rows = [row("b.txt", photo, **blank), row("a.txt", photo, **blank)]
    assert copies(*rows) == {"b.txt": "a.txt"}
    changed = row("c.jpg", again(photo, 30))
    assert copies(row("a.jpg", photo), row("b.jpg", photo), changed, near=False) == {"b.jpg": "a.jpg"}


def test_unreadable_files_without_a_digest_are_not_copies_of_one_another(photo):
    blank = {"perceptual_hash": "", "thumbnail": "", "sha256": ""}
    assert copies(row("a.txt", photo, **blank), row("b.txt", photo, **blank)) == {}


def test_the_largest_is_kept_then_the_one_with_most_bytes_then_the_first_name(photo):
    half = EDITS["halved"](photo)
    assert copies(row("a.jpg", half), row("b.jpg", photo)) == {"a.jpg": "b.jpg"}
    assert copies(row("a.jpg", photo, bytes=5), row("b.jpg", photo, bytes=6)) == {"a.jpg": "b.jpg"}
    assert copies(row("b.jpg", photo), row("a.jpg", photo)) == {"b.jpg": "a.jpg"}


def test_the_order_of_the_rows_changes_nothing(photos):
    rows = [row(f"{e}/{n}.jpg", edit(image)) for n, image in enumerate(photos[:6]) for e, edit in EDITS.items()]
    table = pd.DataFrame(rows)
    first = find_copies(table, Duplicates())
    assert len(first) == 6 * (len(EDITS) - 1)
    for seed in range(3):
        shuffled = table.sample(frac=1, random_state=seed)
        pd.testing.assert_frame_equal(find_copies(shuffled, Duplicates()), first)


def test_a_chain_of_small_changes_does_not_join_what_differs():
    # Each looks like the next; the ends have nothing in common.
    first, last = (aligned_face(draw_identity(n), seed=n, looks=1).image.astype(float) for n in (3, 11))
    steps = [Image.fromarray((first + (last - first) * part).astype(np.uint8)) for part in np.linspace(0, 1, 25)]
    rows = [row(f"{n:02}.jpg", image, bytes=1000 - n) for n, image in enumerate(steps)]
    found = find_copies(pd.DataFrame(rows), Duplicates())
    assert 3 < len(found) < 24
    kept = set(found["duplicate_of"])
    assert not kept & set(found["file"])
    assert len(kept) > 1
    for file, leader, distance in zip(found["file"], found["duplicate_of"], found["distance"], strict=True):
        pair = [r for r in rows if r["file"] in {file, leader}]
        assert copies(*pair) == {file: leader}
        apart = int(str(pair[0]["perceptual_hash"]), 16) ^ int(str(pair[1]["perceptual_hash"]), 16)
        assert apart.bit_count() == distance


def test_same_bytes_follow_their_picture_to_the_one_that_is_kept(photo):
    half = EDITS["halved"](photo)
    table = pd.DataFrame([row("a.jpg", half), row("b.jpg", half), row("c.jpg", photo), row("d.jpg", photo)])
    found = find_copies(table, Duplicates()).set_index("file")
    assert found["duplicate_of"].to_dict() == {"a.jpg": "c.jpg", "b.jpg": "c.jpg", "d.jpg": "c.jpg"}
    assert found["kind"].to_dict() == {"a.jpg": "same_picture", "b.jpg": "same_picture", "d.jpg": "same_bytes"}
    assert found.at["d.jpg", "distance"] == 0


def test_a_picture_under_two_people_or_two_classes_is_flagged(photo):
    def flag(**second: object) -> bool:
        rows = [row("a.jpg", photo), row("b.jpg", photo, **second)]
        return bool(find_copies(pd.DataFrame(rows), Duplicates())["other_identity"].item())

    assert not flag()
    assert flag(identity="grace")
    assert flag(looks=0)
    assert not flag(identity="")


def test_nothing_in_gives_a_table_without_rows(photo):
    found = find_copies(pd.DataFrame([row("a.jpg", photo)]).iloc[:0], Duplicates())
    assert list(found.columns) == ["file", "duplicate_of", "kind", "other_identity", "distance"]
    assert len(found) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"perceptual_hash": "12"}, "b.jpg: perceptual_hash is '12'; expected 16"),
        ({"thumbnail": "zz" * 256}, "b.jpg: thumbnail"),
        ({"file": "a.jpg"}, "names a.jpg twice"),
    ],
)
def test_malformed_tables_are_refused(photo, change, words):
    with pytest.raises(BadInputError, match=words):
        copies(row("a.jpg", photo), row("b.jpg", photo, sha256="other") | change)


def test_a_missing_column_is_named(photo):
    with pytest.raises(BadInputError, match="lacks the columns sha256"):
        find_copies(pd.DataFrame([row("a.jpg", photo)]).drop(columns="sha256"), Duplicates())


def test_all_pairs_of_planted_copies_are_found_among_thousands_in_bounded_memory():
    generator = np.random.default_rng(5)
    count, planted = 8000, 500
    hashes = generator.integers(0, 2**63, count, dtype=np.uint64)
    small = generator.integers(0, 256, (count, 256), dtype=np.uint8)
    twins = generator.permutation(count)
    one, other = twins[:planted], twins[planted : 2 * planted]
    flips = np.array([sum(1 << int(b) for b in generator.choice(63, 10, replace=False)) for _ in range(planted)], "u8")
    hashes[other], small[other] = hashes[one] ^ flips, small[one]
    files = [f"{number:05}.jpg" for number in range(count)]
    table = pd.DataFrame(
        {
            "file": files,
            "identity": files,
            "looks": 0,
            "sha256": files,
            "perceptual_hash": [f"{int(value):016x}" for value in hashes],
            "thumbnail": [picture.tobytes().hex() for picture in small],
            "raw_width": 1,
            "raw_height": 1,
            "bytes": 1,
        }
    )
    tracemalloc.start()
    found = find_copies(table, Duplicates(max_distance=10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    pairs = {frozenset((files[a], files[b])) for a, b in zip(one, other, strict=True)}
    assert {frozenset(pair) for pair in zip(found["file"], found["duplicate_of"], strict=True)} == pairs
    assert (found["distance"] == 10).all()
    assert peak < 120e6
