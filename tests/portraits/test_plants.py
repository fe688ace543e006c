import numpy as np
import pytest
from pydantic import ValidationError

from looks_kedro.errors import BadParameterError
from looks_kedro.portraits import CHANNELS, Plant, draw_bit, draw_cues


@pytest.mark.parametrize("strength", [0.5, 0.75, 1.0])
def test_a_bit_follows_its_class_as_often_as_its_strength_says(strength: float) -> None:
    for looks in (0, 1):
        share = np.mean([draw_bit(seed, looks, strength, "eyes") == looks for seed in range(1500)])
        assert abs(share - strength) < 4 * np.sqrt(strength * (1 - strength) / 1500) + 1e-9


def test_the_bits_of_two_plants_in_one_photo_are_independent() -> None:
    plants = [Plant(channel="eyes", strength=0.5), Plant(channel="mouth", strength=0.5)]
    bits = np.array([list(draw_cues(plants, seed, 1).values()) for seed in range(1500)])
    assert abs(np.corrcoef(bits.T)[0, 1]) < 0.1


def test_the_same_photo_keeps_its_bit() -> None:
    assert [draw_bit(s, 1, 0.6, "blur") for s in range(50)] == [draw_bit(s, 1, 0.6, "blur") for s in range(50)]


def test_none_plants_nothing_and_cues_come_in_the_order_of_the_channels() -> None:
    plants = [Plant(channel="blur"), Plant(channel="none"), Plant(channel="eyes")]
    assert list(draw_cues(plants, 3, 1)) == [c for c in CHANNELS if c in ("eyes", "blur")]


def test_an_override_takes_the_place_of_the_drawn_bit() -> None:
    assert draw_cues([Plant(channel="eyes")], 3, 1, {"eyes": 0, "skin": 1}) == {"eyes": 0, "skin": 1}


@pytest.mark.parametrize("cues", [{"eye": 1}, {"eyes": 2}, {"none": 1}])
def test_a_wrong_override_is_refused(cues: dict[str, int]) -> None:
    with pytest.raises(BadParameterError):
        draw_cues([], 3, 1, cues)


def test_a_channel_planted_twice_is_refused() -> None:
    with pytest.raises(BadParameterError, match="eyes"):
        draw_cues([Plant(channel="eyes"), Plant(channel="eyes", strength=0.6)], 3, 1)


@pytest.mark.parametrize(
    "wrong", [{"channel": "nose"}, {"channel": "eyes", "strength": 0.4}, {"channel": "eyes", "x": 1}]
)
def test_a_wrong_plant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Plant.model_validate(wrong)
