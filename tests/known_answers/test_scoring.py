import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit.settings import Rules
from looks_kedro.intervals import Interval
from looks_kedro.known_answers.cases import Case, grid
from looks_kedro.known_answers.judging import Judgement, read_judgement, written
from looks_kedro.known_answers.scoring import (
    Tried,
    case_table,
    confusion,
    frozen_rules,
    frozen_thresholds,
    score_table,
    wilson,
    wrong_cases,
)
from looks_kedro.known_answers.truth import truth_of

CHANNELS = {"face": "face", "surround": "surround", "border": "surround", "colour": "image"}


def judgement(accuracy: float = 0.95, margin: float = 0.03, **reliance: float) -> Judgement:
    rows = [
        (name, kind, value := reliance.get(name, 0.0), value - margin, value + margin, True)
        for name, kind in CHANNELS.items()
    ]
    table = pd.DataFrame(rows, columns=["channel", "kind", "reliance", "low", "high", "defined"])
    table["note"], table["control"] = "", np.nan
    made = Judgement("", (), table, Interval(accuracy, accuracy - 0.03, accuracy + 0.03))
    return made.by_rules(Rules())


def tried(case: Case, said: Judgement, flips: float = 1.0, score: float = 0.0) -> Tried:
    planted = {name.split("_1")[0].split("_0")[0]: flips for name in case.name.split("-")[1].split("+")}
    truth = truth_of(case, planted if case.plants else {})
    return Tried(case, truth, said, {"heatmap": score, "cleanlab": np.nan, "properties": score}, 0.95, {})


def cases(half: str, prefix: str) -> list[Case]:
    return [case for case in grid() if case.half == half and case.name.startswith(prefix)]


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"), [(45, 45, 0.9213, 1.0), (0, 75, 0.0, 0.0487), (8, 10, 0.4902, 0.9433)]
)
def test_wilsons_interval_has_its_published_values(hits: int, count: int, low: float, high: float) -> None:
    assert wilson(hits, count) == pytest.approx((low, high), abs=1e-4)


def test_a_perfect_judge_gets_full_scores_and_its_confusion_lies_on_the_diagonal() -> None:
    everything = [tried(case, judgement(border=0.9)) for case in cases("score", "outside-border")[:3]]
    everything += [tried(case, judgement(face=0.9)) for case in cases("score", "face-eyes_")[:3]]
    everything += [tried(case, judgement(accuracy=0.5)) for case in cases("score", "null-")[:3]]
    scores = score_table(everything, Rules(), {}).set_index("score")
    assert scores.loc["shortcut found", "value"] == scores.loc["right channel named", "value"] == 1
    assert scores.loc["false alarm", "value"] == scores.loc["CANNOT TELL", "value"] == 0
    assert scores.loc["verdict right", "value"] == 1
    table = case_table(everything, Rules())
    counts = confusion(table)
    assert (counts["truth"] == counts["verdict"]).all()
    assert counts["cases"].sum() == len(everything)
    assert wrong_cases(table).empty


def test_mistakes_are_counted_where_they_belong_and_listed() -> None:
    wrong_name = tried(cases("score", "outside-border")[0], judgement(colour=0.9, border=0.5))
    missed = tried(cases("score", "outside-border")[1], judgement(face=0.9))
    alarm = tried(cases("score", "face-eyes_100+right")[0], judgement(face=0.9, surround=0.3))
    everything = [wrong_name, missed, alarm]
    scores = score_table(everything, Rules(), {}).set_index("score")
    assert scores.loc[["shortcut found", "right channel named", "false alarm"], "value"].tolist() == [0.5, 0.0, 1.0]
    assert scores.loc["false alarm, visible mark", ["hits", "cases"]].tolist() == [1, 1]
    assert set(wrong_cases(case_table(everything, Rules()))["case"]) == {one.case.name for one in everything}


def test_the_half_for_choosing_is_not_scored_and_the_half_for_scoring_chooses_nothing() -> None:
    chosen = [tried(case, judgement(border=0.9), score=0.9) for case in cases("freeze", "outside-border")]
    chosen += [tried(case, judgement(face=0.9), score=0.1) for case in cases("freeze", "face-eyes_")]
    scored = [tried(case, judgement(border=0.9), score=0.2) for case in cases("score", "outside-border")]
    thresholds = frozen_thresholds([*chosen, *scored])
    assert thresholds["heatmap"] == pytest.approx(0.5)
    assert np.isnan(thresholds["cleanlab"])
    table = score_table([*chosen, *scored], Rules(), thresholds).set_index(["method", "score"])
    assert table.loc[("audit", "shortcut found"), "cases"] == len(scored)
    assert table.loc[("heatmap", "shortcut found"), "hits"] == 0


def test_delta_moves_only_where_another_one_does_better() -> None:
    strong = [tried(case, judgement(border=0.9)) for case in cases("freeze", "outside-border")[:2]]
    faces = cases("freeze", "face-eyes_")[:3]
    assert frozen_rules([*strong, *(tried(case, judgement(face=0.9)) for case in faces)]).delta == Rules().delta
    leaning = [tried(case, judgement(face=0.9, colour=0.16)) for case in faces]
    assert frozen_rules([*strong, *leaning]).delta == pytest.approx(0.15)


def test_reliance_is_ranked_against_the_flips() -> None:
    rising = [
        tried(case, judgement(border=flips), flips=flips)
        for case, flips in zip(cases("score", "outside-border"), np.linspace(0.1, 0.9, 6), strict=False)
    ]
    scores = score_table(rising, Rules(), {}).set_index("score")
    assert scores.loc["rank correlation with flips", "value"] == pytest.approx(1.0)
    assert scores.loc["rank correlation of changed decisions", "cases"] == 0
    # Nothing exchanges all of a weave, so that what it flips is not asked of any channel.
    weave = [tried(case, judgement(), flips=1.0) for case in cases("score", "uncovered-weave")]
    again = score_table([*rising, *weave], Rules(), {}).set_index("score")
    assert weave
    assert again.loc["rank correlation with flips", "cases"] == len(rising)


def test_changed_decisions_are_ranked_against_the_flips_where_a_judge_tells_them() -> None:
    falling = []
    for case, flips in zip(cases("score", "outside-border"), np.linspace(0.1, 0.9, 6), strict=False):
        said = judgement(border=0.5)
        said.reliance["flip_rate"] = [0.0, 0.0, 1 - flips, 0.0]
        falling.append(tried(case, read_judgement(written(said)), flips=flips))
    scores = score_table(falling, Rules(), {}).set_index("score")
    assert scores.loc["rank correlation of changed decisions", "value"] == pytest.approx(-1.0)


def test_a_judgement_is_read_as_it_was_written() -> None:
    before = judgement(border=0.4)
    before.reliance.loc[0, ["reliance", "low", "high", "defined"]] = [np.nan, np.nan, np.nan, False]
    after = read_judgement(written(before))
    assert (after.verdict, after.channels) == (before.verdict, before.channels)
    pd.testing.assert_frame_equal(after.reliance[["channel", "low"]], before.reliance[["channel", "low"]])
    assert after.by_rules(Rules()).channels == before.channels
