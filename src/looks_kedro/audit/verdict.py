"""The verdict: fixed rules over measured intervals, and a sentence that says no more than they show."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from looks_kedro.audit.interventions.channels import CHANNELS
from looks_kedro.audit.leak import LeakGap
from looks_kedro.audit.settings import Rules
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval

__all__ = ["Finding", "Verdict", "decide"]

_IN_WORDS = {
    "background_left": "background left of the head",
    "background_right": "background right of the head",
    "background_top": "background above the head",
}

OTHER_KINDS = ("surround", "image")
"""Kinds of channels that are not the face."""


class Finding(StrEnum):
    """What the audit may find, in the order of the rules."""

    NO_SIGNAL = "NO SIGNAL"
    LEAKAGE = "LEAKAGE"
    SHORTCUT = "SHORTCUT"
    FACE = "FACE"
    CANNOT_TELL = "CANNOT TELL"


@dataclass(frozen=True)
class Verdict:
    """What was found and what may be said of it.

    Attributes:
        verdict: the finding.
        channels: of SHORTCUT the channels relied on, the strongest first; of CANNOT TELL the one whose interval is
            widest; of FACE the face; otherwise empty.
        sentence: the finding in words.
        notes: what else was shown (parts of the face), and what was not tested; a sentence each.
    """

    verdict: Finding
    channels: tuple[str, ...]
    sentence: str
    notes: tuple[str, ...] = ()


def decide(
    reliance: pd.DataFrame,
    balanced_accuracy: Interval,
    leak: LeakGap | None = None,
    rules: Rules | None = None,
    *,
    apart: bool = False,
    one_source: bool = False,
    cross_source_passed: bool | None = None,
) -> Verdict:
    """Apply the rules in their order; the first that holds gives the verdict.

    1. NO SIGNAL: the upper limit of balanced accuracy is below ``rules.no_signal``.
    2. LEAKAGE: the lower limit of the leak gap is above ``rules.leak``.
    3. SHORTCUT: a channel that is not the face has its lower limit of reliance above ``rules.delta``.
    4. FACE: the face's lower limit is above ``rules.face``, and every other channel's upper limit is below
       ``rules.delta``. At least one channel of the surroundings must have been tested.
    5. CANNOT TELL otherwise, naming the widest interval among those that stand in the way.

    Args:
        reliance: table ``reliance``; rows of kind ``identity`` take no part, their place is ``leak``.
        balanced_accuracy: of the test's images as they are.
        leak: of the split that the accuracy was measured on; none where people were kept apart or it was not measured.
        rules: the thresholds.
        apart: whether it is certain that nobody of these images was in the training.
        one_source: whether both classes come from the same sources, so that looks and source can be told apart.
        cross_source_passed: whether the model was shown to work across sources; none = not tested.

    Returns:
        The verdict.

    Raises:
        BadInputError: the balanced accuracy is not known.
    """
    rules = rules or Rules()
    if not np.isfinite(balanced_accuracy.value):
        raise BadInputError("The balanced accuracy is unknown; the test needs images of both classes.")
    notes = (*_local_notes(reliance), *_untested(reliance, leak, apart))
    if balanced_accuracy.high < rules.no_signal:
        return Verdict(Finding.NO_SIGNAL, (), _no_signal(balanced_accuracy), notes)
    if leak is not None and leak.low > rules.leak:
        return Verdict(Finding.LEAKAGE, (), _leakage(leak), notes)
    others = reliance[reliance["kind"].isin(OTHER_KINDS)]
    relied = others[others["defined"] & (others["low"] > rules.delta)].sort_values("reliance", ascending=False)
    if len(relied):
        return Verdict(Finding.SHORTCUT, tuple(relied["channel"]), _shortcut(relied), notes)
    faces = reliance[reliance["kind"] == "face"]
    face_shown = faces["defined"] & (faces["low"] > rules.face)
    others_small = others["defined"] & (others["high"] < rules.delta)
    tested = bool((others["kind"] == "surround").any())
    if bool(face_shown.any()) and bool(others_small.all()) and tested:
        row = faces[face_shown].sort_values("low").iloc[-1]
        identified = one_source or bool(cross_source_passed)
        return Verdict(Finding.FACE, (str(row["channel"]),), _face(row, rules, identified), notes)
    open_rows = pd.concat([faces if not face_shown.any() else faces[:0], others[~others_small]])
    return _cannot_tell(open_rows, notes, rules)


def _cannot_tell(open_rows: pd.DataFrame, notes: tuple[str, ...], rules: Rules) -> Verdict:
    """Name the widest interval among the channels that stand in the way; an undefined one is wider than any."""
    if open_rows.empty:
        sentence = "The audit cannot tell what this model decides by: the face or its surroundings were not tested."
        return Verdict(Finding.CANNOT_TELL, (), sentence, notes)
    width = (open_rows["high"] - open_rows["low"]).where(open_rows["defined"], np.inf).fillna(np.inf)
    row = open_rows.iloc[int(np.argmax(width.to_numpy(np.float64)))]
    channel = _words(row)
    if not row["defined"]:
        told = f"reliance on the {channel} could not be measured"
    elif row["kind"] == "face" and row["high"] <= rules.face:
        told = (
            f"exchanging the {channel} changes only {_percent(row)} of its accuracy above chance, and no other channel "
            "that was tested is shown to account for the rest"
        )
    else:
        told = f"the widest interval is that of the {channel}: {_percent(row)} of the accuracy above chance"
    sentence = f"The audit cannot tell what this model decides by: {told}."
    return Verdict(Finding.CANNOT_TELL, (str(row["channel"]),), sentence, notes)


def _no_signal(accuracy: Interval) -> str:
    if accuracy.high < 0.5:
        return (
            "This model is right less often than guessing would be: its balanced accuracy is "
            f"{_points(accuracy.value)} ({round(100 * accuracy.low)}-{_points(accuracy.high)}), as where the classes "
            "0 and 1 are the other way round."
        )
    return (
        f"This model does not tell the classes apart: its balanced accuracy is {_points(accuracy.value)} "
        f"({round(100 * accuracy.low)}-{_points(accuracy.high)}), and guessing gives 50 %."
    )


def _leakage(leak: LeakGap) -> str:
    return (
        "Part of this model's accuracy is knowing people again: tested on people from its training it is higher by "
        f"{100 * leak.gap:.0f} percentage points ({100 * leak.low:.0f}-{100 * leak.high:.0f}) than on new people."
    )


def _shortcut(relied: pd.DataFrame) -> str:
    """Channels inside another one that is named are told with it: they are no further finding beside it."""
    rows = {str(row["channel"]): row for _, row in relied.iterrows()}
    homes = {name: _home(name, rows) for name in rows}
    names, parts = [], []
    for outer in (name for name, home in homes.items() if home is None):
        inner = [name for name, home in homes.items() if home == outer]
        names.append(f"the {_words(rows[outer])}")
        if inner:
            names[-1] += f" (in it {_listed([f'the {_words(rows[name])}' for name in inner])})"
        also = [f"the {_words(rows[name])} {_percent(rows[name])}" for name in inner]
        parts.append(", ".join([f"the {_words(rows[outer])} changes {_percent(rows[outer])}", *also]))
    changed = "; exchanging ".join(parts)
    depends = f"This model's decisions depend on {_listed(names)}"
    return f"{depends}: exchanging {changed} of what its accuracy is above chance."


def _home(name: str, named: Container[str]) -> str | None:
    """The outermost of the channels named that holds this one."""
    around = CHANNELS[name].inside if name in CHANNELS else ()
    return next((outer for outer in around if outer in named and _home(outer, named) is None), None)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _face(row: pd.Series, rules: Rules, identified: bool) -> str:
    sentence = (
        f"This model's decisions rest on the face region: exchanging it changes {_percent(row)} of what its accuracy "
        f"is above chance, and each other channel that was tested less than {_points(rules.delta)}"
    )
    if identified:
        return f"{sentence}."
    return f"{sentence}; looks not identified, since the classes may also differ in the source of their photos."


def _local_notes(reliance: pd.DataFrame) -> list[str]:
    """One sentence a part of the face that was compared with random patches.

    The part's simultaneous lower limit must exceed the patches' own estimate, which leaves room for the error of both.
    """
    notes = []
    for _, row in reliance[(reliance["kind"] == "local") & reliance["defined"]].iterrows():
        if not np.isfinite(row["control"]):
            continue
        more = "more than" if row["low"] > row["control"] else "which is not shown to be more than"
        notes.append(
            f"Exchanging the {_words(row)} changes {_percent(row)} of what the accuracy is above chance, {more} random "
            f"patches of the face of the same area do ({_points(row['control'])})."
        )
    return notes


def _untested(reliance: pd.DataFrame, leak: LeakGap | None, apart: bool) -> list[str]:
    undefined = reliance[~reliance["defined"].astype(bool)]
    notes = [f"The {_words(row)}: {row['note']}." for _, row in undefined.iterrows()]
    if leak is None and apart:
        notes.append("Nobody of these images was in the training: the accuracy is that of new people.")
    elif leak is None:
        notes.append("No leak gap was measured: the accuracy holds for new people only if nobody is in both parts.")
    return notes


def _words(row: pd.Series) -> str:
    name = str(row["channel"])
    return _IN_WORDS.get(name, name.replace("_", " "))


def _percent(row: pd.Series) -> str:
    low, high = round(100 * row["low"]), round(100 * row["high"])
    between = f"{low}-{high}" if low >= 0 else f"{low} to {high}"
    return f"{_points(row['reliance'])} ({between} %)"


def _points(value: float) -> str:
    return f"{round(100 * value)} %"
