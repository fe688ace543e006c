import numpy as np
import numpy.typing as npt
import pytest

from looks_kedro.known_answers.album import make_album
from looks_kedro.known_answers.cases import Case
from looks_kedro.known_answers.key import flip_rates, graded
from looks_kedro.known_answers.settings import CaseSizes
from looks_kedro.known_answers.truth import truth_of
from looks_kedro.portraits import Plant

SMALL = CaseSizes(image_size=32, train_people=4, test_people=4, photos=3)
PLANTS = (Plant(channel="border", strength=0.9), Plant(channel="eyes", strength=0.9))


def case_of(*plants: Plant, structure: str = "classes") -> Case:
    return Case("null", plants, structure, 0, "compact")  # type: ignore[arg-type]


def by_the_frame(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Goes by the brightness of the uppermost row, so by the border and nothing else."""
    return (images[:, 0].mean(axis=(1, 2)) > 140).astype(np.int64)


def test_decisions_by_the_frame_flip_with_the_border_and_with_nothing_else() -> None:
    case = case_of(*PLANTS)
    assert flip_rates(case, make_album(case, SMALL), by_the_frame) == {"border": 1.0, "eyes": 0.0}


def test_decisions_by_who_is_shown_flip_with_the_person() -> None:
    plant = Plant(channel="identity", strength=1.0)
    case = case_of(plant, structure="people")
    album = make_album(case, SMALL)
    shots = [shot for shot in album.test.shots if shot.person in {known.person for known in album.train.shots}]
    people = {shot.person for shot in album.train.shots}
    home = {
        album.faces([shot.__class__(person, shot.moment, 0)], case.plants).images[0].tobytes(): person % 2
        for shot in shots
        for person in people
    }

    def by_person(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        return np.array([home[image.tobytes()] for image in images], dtype=np.int64)

    assert flip_rates(case, album, by_person) == {"identity": 1.0}


@pytest.mark.parametrize(
    ("rate", "grade"), [(0.5, "relies"), (0.49, "between"), (0.021, "between"), (0.02, "does not")]
)
def test_the_keys_limits_are_half_and_a_fiftieth(rate: float, grade: str) -> None:
    assert graded(rate) == grade


@pytest.mark.parametrize(
    ("plants", "flips", "verdict", "shortcut"),
    [
        ({"eyes": 1.0}, {"eyes": 0.9}, "FACE", False),
        ({"border": 1.0}, {"border": 0.9}, "SHORTCUT", True),
        ({"border": 1.0}, {"border": 0.3}, "", None),
        ({"border": 1.0}, {"border": 0.0}, "NO SIGNAL", False),
        ({"border": 0.5}, {"border": 0.9}, "NO SIGNAL", False),
        ({"eyes": 0.9, "border": 0.7}, {"eyes": 0.9, "border": 0.1}, "", None),
        ({"eyes": 0.9, "border": 0.7}, {"eyes": 0.9, "border": 0.01}, "FACE", False),
        ({"eyes": 1.0, "border": 0.5}, {"eyes": 0.9, "border": 0.3}, "FACE", False),
        ({"eyes": 0.9, "border": 0.9}, {"eyes": 0.1, "border": 0.8}, "SHORTCUT", True),
        ({"identity": 1.0}, {"identity": 0.7}, "LEAKAGE", False),
        ({"hairband": 1.0}, {"hairband": 0.9}, "CANNOT TELL", None),
        ({}, {}, "NO SIGNAL", False),
    ],
)
def test_the_key_says_what_a_judge_should_say(
    plants: dict[str, float], flips: dict[str, float], verdict: str, shortcut: bool | None
) -> None:
    planted = (Plant.model_validate({"channel": name, "strength": strength}) for name, strength in plants.items())
    truth = truth_of(case_of(*planted), flips)
    assert (truth.verdict, truth.shortcut) == (verdict, shortcut)


def test_a_shortcut_is_right_only_with_the_right_channel_first() -> None:
    truth = truth_of(case_of(Plant(channel="side_patch", side="left")), {"left_patch": 1.0})
    assert truth.accepts("SHORTCUT", ("background_left", "border"))
    assert not truth.accepts("SHORTCUT", ("background_right", "background_left"))
    assert not truth.accepts("FACE", ("face",))
