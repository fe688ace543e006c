"""Verdicts in other languages are built from the numbers; built in English they are the audit's own words."""

from __future__ import annotations

import html
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from looks_kedro.audit import CHANNELS, Rules
from looks_kedro.audit.leak import NOT_COMPARED, LeakGap
from looks_kedro.audit.reliance import RELIANCE_COLUMNS
from looks_kedro.audit.verdict import decide
from looks_kedro.intervals import Interval
from looks_kedro.reporting.answer import answer_of, short_reason
from looks_kedro.reporting.page import records
from looks_kedro.reporting.verdict_words import verdict_notes, verdict_sentence
from looks_kedro.reporting.words import words_of

GOOD, CHANCE = Interval(0.94, 0.87, 0.97), Interval(0.5, 0.45, 0.54)
LEAK = LeakGap(0.9, 0.8, 0.1, 0.05, 0.15, 200, 40)


def row(channel: str, low: float, high: float, **more: Any) -> dict[str, Any]:
    numbers = {"reliance": (low + high) / 2, "low": low, "high": high, "same": 0.9, "defined": True, "note": ""}
    kind = CHANNELS[channel].kind
    return dict.fromkeys(RELIANCE_COLUMNS, np.nan) | {"channel": channel, "kind": kind} | numbers | more


FACE, NO_FACE = row("face", 0.7, 0.9), row("face", -0.1, 0.05)
SMALL, WIDE = row("surround", -0.03, 0.05), row("surround", -0.4, 0.6)
NOTHING = {"defined": False, "reliance": np.nan, "low": np.nan, "high": np.nan}
UNDEFINED = row("face", 0, 0) | NOTHING | {
    "same": 0.56, "note": "undefined: the edit alone takes balanced accuracy to 0.56, below 0.6"
}  # fmt: skip
FEW = row("clothes", 0, 0) | NOTHING | {
    "same": 0.7, "note": "undefined: too few people to tell balanced accuracy under the edit, 0.70, from chance"
}  # fmt: skip
RULES = Rules().model_dump()
SHORTCUTS = [row("surround", 0.7, 1.1), row("background", 0.8, 1.08), row("background_left", 0.2, 0.6)]
LOCAL = [row("eyes", -0.3, 0.3, control=0.0), row("mouth", 0.2, 0.3, control=0.1)]

CASES = {
    "shortcut": ([FACE, *SHORTCUTS, *LOCAL], GOOD, {}),
    "shortcuts of two kinds": ([FACE, SMALL, row("colour", 0.2, 0.3), row("border", 0.3, 0.35)], GOOD, {}),
    "leakage": ([FACE, SMALL], GOOD, {"leak": LEAK}),
    "no signal": ([FACE, SMALL], CHANCE, {}),
    "face": ([FACE, SMALL, *LOCAL], GOOD, {"one_source": True, "apart": True}),
    "face, one source a class": ([FACE, SMALL], GOOD, {}),
    "not tested": ([FACE], GOOD, {}),
    "not measurable": ([UNDEFINED, SMALL, FEW], GOOD, {}),
    "not the face": ([NO_FACE, SMALL], GOOD, {}),
    "too wide": ([FACE, WIDE], GOOD, {"apart": True}),
    "below guessing": ([FACE, SMALL], Interval(0.1, 0.05, 0.2), {}),
}
KNOWN = [
    "12 of 40 test images are of people who are in the training part, too: the accuracy is not that of new people.",
    NOT_COMPARED,
]


def saved(
    rows: list[dict[str, Any]], accuracy: Interval, settings: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The verdict and the table as the page reads them, and the table."""
    table = pd.DataFrame(rows, columns=list(RELIANCE_COLUMNS)).astype({"defined": bool})
    found = decide(table, accuracy, **settings)
    verdict = {"verdict": str(found.verdict), "channels": list(found.channels), "sentence": found.sentence}
    verdict |= {"notes": list(found.notes), "balanced_accuracy": accuracy.value, "low": accuracy.low}
    verdict |= {"high": accuracy.high, "leak": settings.get("leak") and asdict(settings["leak"])}
    verdict |= {"thresholds": Rules().model_dump(), "images": 40, "identities": 12}
    return verdict, records(table)


@pytest.mark.parametrize("case", CASES)
def test_built_in_english_a_verdict_is_word_for_word_that_of_the_audit(case):
    verdict, rows = saved(*CASES[case])
    settings = CASES[case][2]
    words = words_of("en")
    assert (
        str(verdict_sentence(words, verdict, rows, settings.get("one_source", False))).replace("&#39;", "'")
        == (verdict["sentence"])
    )
    tried = [one["channel"] for one in rows]
    known = 0 if settings.get("apart") else 12
    told = KNOWN[: 0 if settings.get("apart") else 1 if settings.get("leak") else 2]
    assert list(map(str, verdict_notes(words, verdict, rows, tried, (known, 40)))) == [*verdict["notes"], *told]


def test_the_japanese_sentence_tells_the_same_numbers():
    verdict, rows = saved(*CASES["shortcut"])
    assert str(verdict_sentence(words_of("ja"), verdict, rows, identified=False)) == (
        "このモデルの判断は頭のまわり(その中の背景、頭の左の背景)に依存しています。"
        "偶然を超える正解率のうち、頭のまわりで90%(70–110%)、背景で94%(80–108%)、頭の左の背景で40%(20–60%)が"
        "入れ替えによって失われます。"
    ).replace("–", "〜")


def test_what_was_not_tried_and_how_features_would_flatter_are_told():
    verdict, rows = saved(*CASES["face"])
    gap = asdict(LEAK) | {"gap": 0.1}
    notes = verdict_notes(words_of("en"), verdict | {"feature_leak": gap}, rows, [*CHANNELS], (0, 40))
    assert any("10 percentage points (5 to 15): its features know people" in note for note in notes)
    assert any(note.startswith("Not tried on these images: skin, random patch") for note in notes)


def line(
    backbone: str, finding: str, channels: str, accuracy: float = 0.94, variant: str = "original"
) -> dict[str, Any]:
    return {"variant": variant, "backbone": backbone, "verdict": finding, "channels": channels,
            "balanced_accuracy": accuracy}  # fmt: skip


def told(summary: list[dict[str, Any]], language: str = "en", **reliance: list[dict[str, Any]]) -> list[str]:
    rows = {("original", name): [{**one, "control": None} for one in table] for name, table in reliance.items()}
    answer = answer_of(words_of(language), summary, rows)
    return [html.unescape(sentence) for sentence in (answer.lead, *answer.more)]


def test_one_shortcut_is_said_in_a_sentence_that_a_student_understands():
    assert told([line("resnet34", "SHORTCUT", "background")], resnet34=SHORTCUTS) == [
        "resnet34 is 94 % accurate, but its decisions depend on the background."
    ]
    assert told([line("resnet34", "SHORTCUT", "background")], "ja", resnet34=SHORTCUTS) == [
        "resnet34の正解率は94%ですが、その判断は背景に依存しています。"
    ]


def test_models_share_a_sentence_that_names_what_all_of_them_rely_on():
    summary = [line("a", "SHORTCUT", "surround+background"), line("b", "SHORTCUT", "background+clothes", 0.9)]
    assert told(summary, a=SHORTCUTS, b=SHORTCUTS) == [
        "a and b are 90–94 % accurate, but their decisions depend on the background."
    ]
    apart = [line("a", "SHORTCUT", "border"), line("b", "SHORTCUT", "colour")]
    assert told(apart)[0].endswith("other things than the face: the image's border and the picture's colour and light.")


def test_what_cannot_be_told_is_not_the_lead_and_claims_nothing():
    summary = [line("a", "CANNOT TELL", "face"), line("b", "FACE", "face"), line("c", "NO SIGNAL", "", 0.51)]
    lead, *more = told(summary)
    assert lead == "b is 94 % accurate, and its decisions rest on the face region."
    assert more == [
        "The audit cannot tell what a (94 % accurate) decides by.",
        "c is no better than guessing (51 %; guessing gives 50 %).",
    ]
    both = [line("a", "LEAKAGE", ""), line("a", "LEAKAGE", "", variant="white")]
    assert told(both)[1].startswith("On white backgrounds, a is 94 % accurate, but part of that is knowing people")


def test_the_reason_in_the_table_tells_no_more_than_was_measured():
    words = words_of("en")
    assert str(short_reason(words, line("a", "SHORTCUT", "surround+background"), SHORTCUTS, RULES)) == (
        "surround 90 %, background 94 %"
    )
    assert "could not be measured" in short_reason(words, line("a", "CANNOT TELL", "face"), [UNDEFINED], RULES)
    assert "leaves it open" in short_reason(words, line("a", "CANNOT TELL", "surround"), [WIDE], RULES)
    assert short_reason(words, line("a", "CANNOT TELL", ""), [], RULES) == "too few people"
    assert "nothing else that was tried" in short_reason(words, line("a", "CANNOT TELL", "face"), [NO_FACE], RULES)
    assert "were not tested" in short_reason(words, line("a", "CANNOT TELL", ""), [FACE], RULES)
