"""Each rule of the verdict, its borders, and their order."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from looks_kedro.audit import Rules
from looks_kedro.audit.leak import LeakGap
from looks_kedro.audit.reliance import RELIANCE_COLUMNS
from looks_kedro.audit.verdict import Finding, Verdict, decide
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval

GOOD = Interval(0.9, 0.87, 0.93)


def channel(name: str, kind: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    row = dict.fromkeys(RELIANCE_COLUMNS, np.nan) | {"channel": name, "kind": kind, "low": low, "high": high}
    return row | {"reliance": (low + high) / 2, "defined": True, "note": ""} | more


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(RELIANCE_COLUMNS)).astype({"defined": bool})


FACE = channel("face", "face", 0.7, 0.9)
SURROUND = channel("surround", "surround", 0.55, 0.69)
SMALL_SURROUND = channel("surround", "surround", -0.02, 0.05)
SMALL_SCALE = channel("crop_scale", "image", -0.01, 0.02)


def leak(low: float) -> LeakGap:
    return LeakGap(0.9, 0.8, low + 0.03, low, low + 0.06, 200, 40)


def test_an_accuracy_that_may_be_chance_is_no_signal() -> None:
    found = decide(table(SURROUND), Interval(0.5, 0.45, 0.549), leak(0.1))
    assert found.verdict is Finding.NO_SIGNAL
    assert found.sentence == (
        "This model does not tell the classes apart: its balanced accuracy is 50 % (45-55 %), and guessing gives 50 %."
    )
    assert decide(table(SURROUND), Interval(0.5, 0.45, 0.55)).verdict is not Finding.NO_SIGNAL


def test_classes_the_other_way_round_are_not_said_to_be_indistinguishable() -> None:
    found = decide(table(SURROUND), Interval(0.03, 0.01, 0.13))
    assert found.verdict is Finding.NO_SIGNAL
    assert found.sentence == (
        "This model is right less often than guessing would be: its balanced accuracy is 3 % (1-13 %), "
        "as where the classes 0 and 1 are the other way round."
    )


def test_a_leak_comes_before_a_shortcut() -> None:
    assert decide(table(SURROUND), GOOD, leak(0.021)).verdict is Finding.LEAKAGE
    assert decide(table(SURROUND), GOOD, leak(0.02)).verdict is Finding.SHORTCUT
    assert decide(table(SURROUND), GOOD, leak(float("nan"))).verdict is Finding.SHORTCUT


def test_shortcuts_are_named_the_strongest_first() -> None:
    scale = channel("crop_scale", "image", 0.11, 0.2)
    found = decide(table(FACE, scale, SURROUND), GOOD, leak(0))
    assert (found.verdict, found.channels) == (Finding.SHORTCUT, ("surround", "crop_scale"))
    assert found.sentence == (
        "This model's decisions depend on the surround and the crop scale: exchanging the surround changes 62 % "
        "(55-69 %); exchanging the crop scale changes 16 % (11-20 %) of what its accuracy is above chance."
    )


def test_a_channel_inside_another_one_is_told_with_it_and_keeps_its_place_in_the_list() -> None:
    scale = channel("crop_scale", "image", 0.3, 0.5)
    background, right = channel("background", "surround", 0.6, 0.8), channel("background_right", "surround", 0.2, 0.4)
    found = decide(table(FACE, right, scale, SURROUND, background), GOOD, leak(0))
    assert found.channels == ("background", "surround", "crop_scale", "background_right")
    assert found.sentence == (
        "This model's decisions depend on the surround (in it the background and the background right of the head) and "
        "the crop scale: exchanging the surround changes 62 % (55-69 %), the background 70 % (60-80 %), the background "
        "right of the head 30 % (20-40 %); exchanging the crop scale changes 40 % (30-50 %) of what its accuracy is "
        "above chance."
    )
    alone = decide(table(FACE, right, scale), GOOD, leak(0)).sentence
    assert "depend on the crop scale and the background right of the head: exchanging" in alone


def test_a_channel_at_delta_is_no_shortcut() -> None:
    at = channel("surround", "surround", 0.10, 0.3)
    assert decide(table(FACE, at), GOOD).verdict is Finding.CANNOT_TELL
    assert decide(table(FACE, at | {"low": 0.1001}), GOOD).verdict is Finding.SHORTCUT


def test_the_face_and_nothing_else_is_face() -> None:
    found = decide(table(FACE, SMALL_SURROUND, SMALL_SCALE), GOOD, leak(0), one_source=True)
    assert (found.verdict, found.channels) == (Finding.FACE, ("face",))
    assert found.sentence == (
        "This model's decisions rest on the face region: exchanging it changes 80 % (70-90 %) of what its accuracy is "
        "above chance, and each other channel that was tested less than 10 %."
    )


def test_looks_are_not_identified_where_class_and_source_coincide() -> None:
    rows = table(FACE, SMALL_SURROUND)
    assert "face region" in decide(rows, GOOD).sentence
    assert "looks not identified" in decide(rows, GOOD).sentence
    assert "looks not identified" in decide(rows, GOOD, cross_source_passed=False).sentence
    assert "looks not identified" not in decide(rows, GOOD, cross_source_passed=True).sentence


@pytest.mark.parametrize(
    ("rows", "widest"),
    [
        ((FACE | {"low": 0.5}, SMALL_SURROUND), "face"),
        ((FACE, SMALL_SURROUND | {"high": 0.10}), "surround"),
        ((FACE, SMALL_SURROUND, SMALL_SCALE | {"high": 0.4}), "crop_scale"),
        ((FACE, SMALL_SURROUND, SMALL_SCALE | {"defined": False, "low": np.nan, "high": np.nan}), "crop_scale"),
        ((FACE | {"low": 0.1}, SMALL_SURROUND | {"high": 0.3}), "face"),
    ],
)
def test_what_is_in_the_way_of_face_is_named(rows: tuple[dict[str, Any], ...], widest: str) -> None:
    found = decide(table(*rows), GOOD)
    assert (found.verdict, found.channels) == (Finding.CANNOT_TELL, (widest,))


def test_a_face_that_is_not_enough_with_nothing_else_found_is_said_to_leave_a_rest() -> None:
    found = decide(table(channel("face", "face", 0.1, 0.3), SMALL_SURROUND), GOOD)
    assert found.verdict is Finding.CANNOT_TELL
    assert "changes only 20 % (10-30 %)" in found.sentence
    assert "the rest" in found.sentence


def test_without_the_surroundings_tested_it_is_never_face() -> None:
    for rows in (table(FACE), table(FACE, SMALL_SCALE), table()):
        found = decide(rows, GOOD)
        assert (found.verdict, found.channels) == (Finding.CANNOT_TELL, ())


def test_parts_of_the_face_and_identity_are_no_shortcuts() -> None:
    eyes, identity = channel("eyes", "local", 0.3, 0.5), channel("identity", "identity", 0.3, 0.5)
    assert decide(table(FACE, SMALL_SURROUND, eyes, identity), GOOD).verdict is Finding.FACE


def test_a_part_of_the_face_is_claimed_only_above_random_patches() -> None:
    above = channel("eyes", "local", 0.21, 0.4, control=0.2)
    within = channel("mouth", "local", 0.19, 0.4, control=0.2)
    alone = channel("skin", "local", 0.19, 0.4)
    notes = decide(table(FACE, SMALL_SURROUND, above, within, alone), GOOD, leak(0)).notes
    assert len(notes) == 2
    assert re.match(r"Exchanging the eyes changes 30 % \(21-40 %\) .* more than random patches .* \(20 %\)\.", notes[0])
    assert "mouth" in notes[1]
    assert "not shown to be more" in notes[1]


def test_negative_limits_are_written_so_that_they_can_be_read() -> None:
    found = decide(table(FACE, SMALL_SURROUND | {"high": 0.3}), GOOD)
    assert "14 % (-2 to 30 %)" in decide(table(FACE, channel("surround", "surround", -0.02, 0.3)), GOOD).sentence
    assert found.verdict is Finding.CANNOT_TELL


def test_a_split_that_keeps_people_apart_is_no_unmeasured_leak() -> None:
    notes = decide(table(FACE), GOOD, apart=True).notes
    assert notes == ("Nobody of these images was in the training: the accuracy is that of new people.",)


def test_what_was_not_measured_is_told() -> None:
    broken = channel("border", "surround", np.nan, np.nan, defined=False, note="undefined: too few people")
    notes = decide(table(FACE, broken), GOOD).notes
    assert "The border: undefined: too few people." in notes
    assert any("No leak gap was measured" in note for note in notes)


limits = st.tuples(st.floats(-1, 1.5), st.floats(-1, 1.5)).map(sorted)
rows = st.lists(
    st.builds(
        lambda kind, ends, defined: channel(kind, kind, *(ends if defined else (np.nan, np.nan)), defined=defined),
        st.sampled_from(["face", "surround", "local", "image", "identity"]),
        limits,
        st.booleans(),
    ),
    max_size=6,
)


def expected(reliance: pd.DataFrame, accuracy: Interval, gap: LeakGap | None, rules: Rules) -> Finding:
    """The rules once more, as the design words them."""
    others = [row for _, row in reliance.iterrows() if row["kind"] in ("surround", "image")]
    faces = [row for _, row in reliance.iterrows() if row["kind"] == "face"]
    if accuracy.high < rules.no_signal:
        return Finding.NO_SIGNAL
    if gap and gap.low > rules.leak:
        return Finding.LEAKAGE
    if any(row["low"] > rules.delta for row in others):
        return Finding.SHORTCUT
    shown = all(row["high"] < rules.delta for row in others) and any(row["kind"] == "surround" for row in others)
    return Finding.FACE if shown and any(row["low"] > rules.face for row in faces) else Finding.CANNOT_TELL


@given(rows, st.floats(0.3, 1), st.none() | st.floats(-0.2, 0.5).map(leak))
def test_the_rules_give_one_verdict_to_every_table_in_their_order(
    made: list[dict[str, Any]], upper: float, gap: LeakGap | None
) -> None:
    accuracy = Interval(upper - 0.05, upper - 0.1, upper)
    found = decide(table(*made), accuracy, gap)
    assert isinstance(found, Verdict)
    assert found.verdict is expected(table(*made), accuracy, gap, Rules())
    assert found.sentence.endswith(".")
    assert "nan" not in found.sentence
    assert (found.verdict in (Finding.SHORTCUT, Finding.FACE)) <= bool(found.channels)


def test_an_unknown_accuracy_and_unknown_rules_are_refused() -> None:
    with pytest.raises(BadInputError, match="both classes"):
        decide(table(FACE), Interval(np.nan, np.nan, np.nan))
    with pytest.raises(ValidationError):
        Rules(detla=0.2)  # type: ignore[call-arg]
