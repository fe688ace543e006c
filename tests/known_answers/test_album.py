import numpy as np
import pytest

from looks_kedro.known_answers.album import Album, make_album
from looks_kedro.known_answers.cases import Case, grid
from looks_kedro.known_answers.settings import CaseSizes
from looks_kedro.portraits import Plant, aligned_face, draw_identity

SMALL = CaseSizes(image_size=48, train_people=6, test_people=8, photos=4)


def case_of(*plants: Plant, structure: str = "classes", seed: int = 0) -> Case:
    return Case("null", plants, structure, seed, "compact")  # type: ignore[arg-type]


def people(album: Album) -> tuple[set[str], set[str]]:
    return set(album.train.identities.tolist()), set(album.test.identities.tolist())


@pytest.mark.parametrize("structure", ["classes", "pseudo_split"])
def test_nobody_is_in_both_parts_and_the_classes_are_equally_many(structure: str) -> None:
    album = make_album(case_of(structure=structure), SMALL)
    train, test = people(album)
    assert not train & test
    assert np.bincount(album.train.looks).tolist() == [24, 24]
    assert np.bincount(album.test.looks).tolist() == [32, 32]


def test_celebrities_have_several_photos_and_ordinary_people_one() -> None:
    album = make_album(case_of(), SMALL)
    names, counts = np.unique(album.train.identities, return_counts=True)
    stars = set(album.train.identities[album.train.looks == 1].tolist())
    assert {int(count) for name, count in zip(names, counts, strict=True) if name in stars} == {4}
    assert {int(count) for name, count in zip(names, counts, strict=True) if name not in stars} == {1}


def test_people_met_again_come_in_other_photos_and_half_of_the_test_is_new() -> None:
    album = make_album(case_of(Plant(channel="identity"), structure="people"), SMALL)
    train, test = people(album)
    known = np.isin(album.test.identities, list(train))
    assert train & test == train
    assert 0.4 < known.mean() < 0.6
    moments = {shot.moment for shot in album.train.shots}
    assert not moments & {shot.moment for shot in album.test.shots}
    for name in train:
        mine = album.train.looks[album.train.identities == name]
        assert len(set(mine.tolist())) == 1


def test_the_strength_of_an_identity_is_how_often_a_photo_stays_in_its_persons_class() -> None:
    sizes = CaseSizes(train_people=60, test_people=60, photos=10)
    album = make_album(case_of(Plant(channel="identity", strength=0.7), structure="people"), sizes)
    first = min(shot.person for shot in album.train.shots)
    home = np.array([(shot.person - first) % 2 for shot in album.train.shots])
    assert abs((home == album.train.looks).mean() - 0.7) < 0.06


def test_seeds_share_no_photo() -> None:
    moments = [
        {shot.moment for part in (album.train, album.test) for shot in part.shots}
        for album in (make_album(case_of(seed=seed), CaseSizes()) for seed in range(3))
    ]
    assert not moments[0] & moments[1]
    assert not moments[1] & moments[2]


def test_an_album_draws_what_the_studio_draws_with_the_plants_bit_and_toggles_only_it() -> None:
    plants = (Plant(channel="side_patch", strength=0.9, side="left"), Plant(channel="blur", strength=0.5))
    album = make_album(case_of(*plants), SMALL)
    shots = album.test.shots[:3]
    as_it_is, toggled = (album.faces(shots, plants, toggled=name) for name in ("", "side_patch"))
    for row, shot in enumerate(shots):
        person = draw_identity(shot.person)
        drawn = aligned_face(person, seed=shot.moment, looks=shot.looks, plants=plants, size=48, zoom=0.75)
        assert (as_it_is.images[row] == drawn.image).all()
        assert as_it_is.landmarks[row] == pytest.approx(drawn.landmarks)
        cues = {**drawn.cues, "side_patch": 1 - drawn.cues["side_patch"]}
        other = aligned_face(person, seed=shot.moment, looks=shot.looks, plants=plants, size=48, zoom=0.75, cues=cues)
        assert (toggled.images[row] == other.image).all()
        changed = np.abs(as_it_is.images[row].astype(int) - toggled.images[row]).max(-1) > 40
        assert changed.any()
        assert not changed[:, 30:].any()


def test_a_photo_with_a_strength_of_one_carries_its_class_whatever_the_grid_says() -> None:
    case = next(case for case in grid() if case.name == "outside-border_100-1-compact")
    album = make_album(case, SMALL)
    edges = album.faces(album.train.shots, case.plants).images[:, 0].mean(axis=(1, 2))
    assert ((edges > 140) == (album.train.looks == 1)).all()


@pytest.mark.parametrize("structure", ["classes", "pseudo_split"])
def test_more_people_are_tested_where_nothing_tells_the_classes_apart(structure) -> None:
    sizes = CaseSizes(train_people=4, test_people=4, null_people=6, photos=2)
    mark = Plant(channel="eyes", strength=0.5)
    null, telling = (Case("null", (plant,), structure, 0, "compact") for plant in (mark, strong(mark)))
    album = make_album(null, sizes)
    assert album.tested(telling) == album.test
    tested = album.tested(null)
    assert np.bincount(tested.looks).tolist() == [20, 20]
    assert tested.shots[: len(album.test.shots)] == album.test.shots
    assert not set(tested.identities) & set(album.train.identities)
    assert len(set(tested.identities)) == len(set(album.test.identities)) + len(set(album.more.identities))


def strong(plant: Plant) -> Plant:
    return plant.model_copy(update={"strength": 1.0})
