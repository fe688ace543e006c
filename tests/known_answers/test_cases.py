from collections import Counter

import pytest

from looks_kedro.known_answers.cases import FACE_PLANTS, OUTSIDE_PLANTS, PLACELESS_PLANTS, cases_of, grid, plant_name
from looks_kedro.known_answers.truth import RIGHT_CHANNELS


def test_the_grid_is_the_same_each_time_and_every_case_has_its_own_name() -> None:
    names = [case.name for case in grid()]
    assert names == [case.name for case in grid()]
    assert len(names) == len(set(names)) >= 200


def test_every_plant_is_tried_at_every_strength_with_three_seeds_in_both_networks() -> None:
    singles = [case for case in grid() if len(case.plants) == 1]
    for name in (*FACE_PLANTS, *OUTSIDE_PLANTS, *PLACELESS_PLANTS):
        mine = [case for case in singles if plant_name(case.plants[0]) == name]
        tried = Counter((case.plants[0].strength, case.seed, case.backbone) for case in mine)
        assert set(tried) == {
            (strength, seed, backbone)
            for strength in (0.5, 0.7, 0.9, 1.0)
            for seed in range(3)
            for backbone in ("resnet18", "compact")
        }


def test_a_case_lies_in_the_same_half_whatever_else_is_tried_and_both_halves_have_every_kind() -> None:
    whole = grid()
    half = {case.name: case.half for case in whole}
    assert all(half[case.name] == case.half for case in cases_of("tenth"))
    for wanted in ("freeze", "score"):
        assert {case.kind for case in whole if case.half == wanted} == {case.kind for case in whole}
    assert 0.45 < sum(case.half == "score" for case in whole) / len(whole) < 0.55


def test_the_tenth_is_part_of_the_grid_and_has_every_kind_and_both_networks() -> None:
    whole, tenth = grid(), cases_of("tenth")
    assert set(tenth) <= set(whole)
    assert 0.05 < len(tenth) / len(whole) < 0.11
    assert {case.kind for case in tenth} == {case.kind for case in whole}
    assert {case.backbone for case in tenth} == {case.backbone for case in whole}


def test_every_plant_knows_the_channels_that_are_right_for_it() -> None:
    audit = pytest.importorskip("looks_kedro.audit.interventions")
    planted = {plant_name(plant) for case in grid() for plant in case.plants} - {"identity"}
    assert planted == set(RIGHT_CHANNELS)
    assert {channel for names in RIGHT_CHANNELS.values() for channel in names} <= set(audit.CHANNELS)
