import math
from collections import Counter
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from looks_kedro.errors import BadInputError
from looks_kedro.portraits import AGES, GENDERS, RACES, PhotoSet, Plant, photo_set, redraw
from looks_kedro.portraits.raw_set import SPOILT, RawPhoto

SETTINGS = PhotoSet(
    seed=7, celebrities=3, photos_per_celebrity=2, ordinary=5, plants=(Plant(channel="eyes", strength=0.8),)
)


@pytest.fixture(scope="module")
def photos() -> list[RawPhoto]:
    return photo_set(SETTINGS, processes=1)


def test_the_same_settings_give_the_same_files(photos: list[RawPhoto]) -> None:
    again = photo_set(SETTINGS, processes=1)
    assert [(p.file, p.content) for p in again] == [(p.file, p.content) for p in photos]


def test_a_class_alone_is_the_same_as_in_the_whole_set(photos: list[RawPhoto]) -> None:
    for looks in (0, 1):
        alone = photo_set(SETTINGS, looks, processes=1)
        assert [(p.file, p.content) for p in alone] == [(p.file, p.content) for p in photos if p.looks == looks]


def test_celebrities_lie_in_a_folder_a_person_and_ordinary_photos_flat(photos: list[RawPhoto]) -> None:
    good = [p for p in photos if not p.spoilt]
    folders = Counter(p.file.split("/")[0] for p in good if p.looks)
    assert sorted(folders.values()) == [2, 2, 2]
    assert all(p.file.split("/")[0] == p.identity for p in good if p.looks)
    assert len({p.identity for p in good if not p.looks}) == 5
    assert not any("/" in p.file for p in photos if not p.looks)
    assert len({(p.looks, p.file) for p in photos}) == len(photos)


def test_labels_are_fairface_values(photos: list[RawPhoto]) -> None:
    for p in photos:
        if p.spoilt not in ("no face", "two faces"):
            assert p.age in AGES
            assert p.gender in GENDERS
            assert p.race in RACES


def test_each_class_has_one_of_each_kind_of_spoilt_file(photos: list[RawPhoto]) -> None:
    for looks in (0, 1):
        assert sorted(p.spoilt for p in photos if p.looks == looks and p.spoilt) == sorted(SPOILT)
    assert not any(p.spoilt for p in photo_set(SETTINGS.model_copy(update={"spoilt": False}), processes=1))


def test_a_truncated_file_cannot_be_decoded_and_all_others_can(photos: list[RawPhoto]) -> None:
    for p in photos:
        with Image.open(BytesIO(p.content)) as image:
            if p.spoilt == "truncated":
                with pytest.raises(OSError, match="truncated"):
                    image.load()
            else:
                image.load()


def test_a_duplicate_repeats_a_file_of_its_class_byte_by_byte(photos: list[RawPhoto]) -> None:
    for p in photos:
        same = [q.file for q in photos if q.content == p.content and q is not p]
        assert bool(same) == (
            p.spoilt == "duplicate" or any(q.spoilt == "duplicate" and q.content == p.content for q in photos)
        )


def test_faces_are_counted_as_the_spoilt_files_say(photos: list[RawPhoto]) -> None:
    from facenet_pytorch import MTCNN

    network = MTCNN(keep_all=True)
    for p in photos:
        if p.spoilt in ("no face", "two faces"):
            with Image.open(BytesIO(p.content)) as image:
                boxes, _ = network.detect(image.convert("RGB"))
            assert (0 if boxes is None else len(boxes)) == SPOILT.index(p.spoilt) * 2
            assert math.isnan(p.yaw)


def test_a_photo_can_be_drawn_again_from_its_origin(photos: list[RawPhoto]) -> None:
    for p in photos:
        if not p.spoilt:
            again = redraw(p.origin)
            assert again.jpeg() == p.content
            toggled = redraw(p.origin, cues={"eyes": 1 - again.cues["eyes"]})
            assert toggled.jpeg() != p.content
            assert (toggled.landmarks == again.landmarks).all()


@pytest.mark.parametrize("origin", ["", "https://example.org/1.jpg", "synthetic:seed=x"])
def test_a_foreign_origin_is_refused(origin: str) -> None:
    with pytest.raises(BadInputError, match="origin"):
        redraw(origin)


def test_planted_identities_stay_in_their_class_as_often_as_the_strength_says() -> None:
    from looks_kedro.portraits.raw_set import _plan

    for strength in (0.5, 0.8, 1.0):
        plants = (Plant(channel="identity", strength=strength),)
        tasks = _plan(PhotoSet(celebrities=20, photos_per_celebrity=30, ordinary=600, plants=plants, spoilt=False))
        at_home = [(task.identity_seed < 20) == bool(task.looks) for task in tasks]
        assert abs(np.mean(at_home) - strength) < 0.05
