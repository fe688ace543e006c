"""Scores: thresholds are chosen on one half of the grid, and what counts is the other half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from looks_kedro.audit.settings import Rules
from looks_kedro.known_answers.baselines import BASELINES
from looks_kedro.known_answers.cases import UNCOVERED_PLANTS, Case
from looks_kedro.known_answers.judging import Judgement, read_judgement
from looks_kedro.known_answers.truth import RIGHT_CHANNELS, Truth, truth_of

__all__ = [
    "GOALS",
    "Tried",
    "case_table",
    "confusion",
    "frozen_rules",
    "frozen_thresholds",
    "read_tried",
    "score_table",
    "wilson",
    "wrong_cases",
]

DELTAS = (0.05, 0.075, 0.10, 0.15, 0.20)

GOALS: dict[str, tuple[float, float]] = {
    "shortcut found": (0.96, 0.92),
    "right channel named": (0.90, float("nan")),
    "false alarm": (0.02, 0.05),
    "uncovered called FACE": (0.02, float("nan")),
    "CANNOT TELL": (0.10, float("nan")),
    "rank correlation with flips": (0.90, float("nan")),
}
"""What each score should come to, and the limit of its interval."""


@dataclass(frozen=True, eq=False)
class Tried:
    """A case with what came out of it.

    Attributes:
        case: the case.
        truth: what a judge should say, from the key.
        judgement: what it said; none without a judge.
        baselines: scores by name; NaN where one could not be had.
        accuracy: balanced, 0..1.
        seconds: by what took them.
    """

    case: Case
    truth: Truth
    judgement: Judgement | None
    baselines: dict[str, float]
    accuracy: float
    seconds: dict[str, float]


def read_tried(cases: Sequence[Case], records: Sequence[dict[str, Any]]) -> list[Tried]:
    """Records, in any order, as values."""
    by_name = {case.name: case for case in cases}
    tried = []
    for record in records:
        case = by_name[record["case"]]
        said = record["judgement"]
        baselines = {name: float("nan") if value is None else value for name, value in record["baselines"].items()}
        truth = truth_of(case, record["flips"])
        judgement = read_judgement(said) if said else None
        tried.append(Tried(case, truth, judgement, baselines, record["accuracy"], record["seconds"]))
    return tried


def wilson(hits: int, count: int, error_rate: float = 0.05) -> tuple[float, float]:
    """Wilson's interval of a share (1927); (0, 1) without cases."""
    if count == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(1 - error_rate / 2)
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count**2)))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def frozen_rules(tried: Sequence[Tried], first: Rules | None = None) -> Rules:
    """The rules with the delta that does best on the half for choosing: the mean of found and not alarmed.

    Ties keep the delta fixed beforehand, else the one next to it.
    """
    rules = first or Rules()
    half = [one for one in tried if one.case.half == "freeze" and one.judgement is not None]
    if not half:
        return rules
    ranked = []
    for delta in DELTAS:
        candidate = rules.model_copy(update={"delta": delta})
        said = [(one, one.judgement.by_rules(candidate)) for one in half if one.judgement is not None]
        shares = [share for share in (_share(said, True), _share(said, False)) if share is not None]
        ranked.append((-sum(shares), abs(delta - rules.delta), delta))
    return rules.model_copy(update={"delta": min(ranked)[2]})


def _share(said: Sequence[tuple[Tried, Judgement]], relied: bool) -> float | None:
    """Of the cases with (or without) a shortcut, how many are called so (or not)."""
    right = [(judgement.verdict == "SHORTCUT") == relied for one, judgement in said if one.truth.shortcut is relied]
    return float(np.mean(right)) if right else None


def frozen_thresholds(tried: Sequence[Tried]) -> dict[str, float]:
    """For each baseline, the threshold that gives the best balanced accuracy on the half for choosing.

    Returns:
        NaN where a baseline has no scores, or the half lacks cases with or without a shortcut.
    """
    half = [one for one in tried if one.case.half == "freeze" and one.truth.shortcut is not None]
    thresholds = {}
    for name in BASELINES:
        scores = np.array([one.baselines[name] for one in half])
        truth = np.array([one.truth.shortcut for one in half], dtype=bool)
        if not len(half) or truth.all() or not truth.any() or np.isnan(scores).any():
            thresholds[name] = float("nan")
            continue
        ordered = np.unique(scores)
        candidates = [ordered[0] - 1e-9, *(ordered[1:] + ordered[:-1]) / 2]
        gains = [(scores[truth] > t).mean() + (scores[~truth] <= t).mean() for t in candidates]
        thresholds[name] = float(candidates[int(np.argmax(gains))])
    return thresholds


def score_table(tried: Sequence[Tried], rules: Rules, thresholds: dict[str, float]) -> pd.DataFrame:
    """Scores on the half for scoring, of the audit and of the baselines.

    Returns:
        Columns ``method``, ``score``, ``hits`` and ``cases`` (0 for a correlation's hits), ``value`` with its 95 %
        limits ``low`` and ``high`` (Wilson's, NaN for a correlation), ``goal`` and ``goal_limit`` (NaN without one).
    """
    half = [one for one in tried if one.case.half == "score"]
    judged = [(one, one.judgement.by_rules(rules)) for one in half if one.judgement is not None]
    rows = _audit_scores(judged) if judged else []
    for name, threshold in thresholds.items():
        if np.isfinite(threshold):
            called = [(one, one.baselines[name] > threshold) for one in half]
            rows += [_row(name, *counted) for counted in _alarms(called)]
    columns = ["method", "score", "hits", "cases", "value", "low", "high", "goal", "goal_limit"]
    return pd.DataFrame(rows, columns=columns)


def _alarms(called: Sequence[tuple[Tried, bool]]) -> list[tuple[str, list[bool]]]:
    return [
        ("shortcut found", [alarm for one, alarm in called if one.truth.shortcut is True]),
        ("false alarm", [alarm for one, alarm in called if one.truth.shortcut is False]),
        ("false alarm, visible mark", [a for one, a in called if one.truth.shortcut is False and one.truth.mark]),
    ]


def _audit_scores(judged: Sequence[tuple[Tried, Judgement]]) -> list[tuple[Any, ...]]:
    rows = [_row("audit", *counted) for counted in _alarms([(one, said.verdict == "SHORTCUT") for one, said in judged])]
    named = [(one, said) for one, said in judged if one.truth.shortcut is True and said.verdict == "SHORTCUT"]
    rows.append(_row("audit", "right channel named", [said.channels[0] in one.truth.channels for one, said in named]))
    leaks = [said.verdict == "LEAKAGE" for one, said in judged if one.truth.leak is True]
    rows.append(_row("audit", "leak found", leaks))
    false = [said.verdict == "LEAKAGE" for one, said in judged if one.truth.leak is False]
    rows.append(_row("audit", "false leak", false))
    uncovered = [said.verdict == "FACE" for one, said in judged if one.case.kind == "uncovered"]
    rows.append(_row("audit", "uncovered called FACE", uncovered))
    gradable = [(one, said) for one, said in judged if one.truth.verdict not in ("", "CANNOT TELL")]
    rows.append(_row("audit", "CANNOT TELL", [said.verdict == "CANNOT TELL" for _, said in gradable]))
    right = [one.truth.accepts(said.verdict, said.channels) for one, said in gradable]
    rows.append(_row("audit", "verdict right", right))
    ranked = {"rank correlation with flips": "reliance", "rank correlation of changed decisions": "flip_rate"}
    for name, column in ranked.items():
        pairs = [pair for one, said in judged for pair in _ranked(one, said, column)]
        goal = GOALS.get(name, (float("nan"),) * 2)
        rows.append(("audit", name, 0, len(pairs), _rank_correlation(pairs), *[float("nan")] * 2, *goal))
    return rows


def _row(method: str, score: str, outcomes: Sequence[bool]) -> tuple[Any, ...]:
    hits, count = int(sum(outcomes)), len(outcomes)
    goal = GOALS.get(score, (float("nan"),) * 2)
    return method, score, hits, count, hits / count if count else float("nan"), *wilson(hits, count), *goal


def _ranked(one: Tried, said: Judgement, column: str) -> list[tuple[float, float]]:
    """Flip rate of each plant that channels cover, and the largest value of a channel that is right for it."""
    pairs = []
    table = said.reliance[said.reliance[column].notna()] if column in said.reliance else said.reliance[:0]
    for name, flips in one.truth.flips.items():
        right = table[table["channel"].isin(RIGHT_CHANNELS.get(name, ()))]
        if len(right) and name not in UNCOVERED_PLANTS:
            pairs.append((flips, float(right[column].max())))
    return pairs


def _rank_correlation(pairs: Sequence[tuple[float, float]]) -> float:
    from scipy.stats import spearmanr

    flips, reliance = ([pair[side] for pair in pairs] for side in (0, 1))
    if len(pairs) < 3 or len(set(flips)) == 1 or len(set(reliance)) == 1:
        return float("nan")
    return float(spearmanr(flips, reliance).statistic)


def case_table(tried: Sequence[Tried], rules: Rules) -> pd.DataFrame:
    """One row a case: what was planted, what the key says, what was said, and what it took."""
    rows = []
    for one in tried:
        said = one.judgement.by_rules(rules) if one.judgement is not None else None
        row: dict[str, Any] = {
            "case": one.case.name,
            "kind": one.case.kind,
            "half": one.case.half,
            "backbone": one.case.backbone,
            "balanced_accuracy": one.accuracy,
            "flips": " ".join(f"{name}:{rate:.3f}" for name, rate in one.truth.flips.items()),
            "truth": one.truth.verdict,
            "verdict": said.verdict if said is not None else "",
            "channels": " ".join(said.channels) if said is not None else "",
            "correct": said is not None and one.truth.accepts(said.verdict, said.channels),
        }
        row |= {f"{name}_score": value for name, value in one.baselines.items()}
        row |= {f"{name}_seconds": value for name, value in one.seconds.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def confusion(table: pd.DataFrame) -> pd.DataFrame:
    """How often each verdict was given for each truth, on the half for scoring; long form.

    Args:
        table: of :func:`case_table`.
    """
    half = table[(table["half"] == "score") & (table["truth"] != "") & (table["verdict"] != "")]
    counts = half.groupby(["truth", "verdict"]).size()
    return counts.rename("cases").reset_index()


def wrong_cases(table: pd.DataFrame) -> pd.DataFrame:
    """The gradable cases of either half that were judged wrongly, CANNOT TELL included."""
    judged = (table["truth"] != "") & (table["verdict"] != "")
    return table[judged & ~table["correct"]].reset_index(drop=True)
