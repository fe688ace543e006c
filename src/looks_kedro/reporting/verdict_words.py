"""A verdict in the reader's language, built from its numbers; in English the very words of ``audit.verdict``."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from looks_kedro.audit.interventions.channels import CHANNELS
from looks_kedro.reporting.words import Words

__all__ = ["verdict_notes", "verdict_sentence"]

Row = Mapping[str, Any]


def verdict_sentence(words: Words, verdict: Row, reliance: Sequence[Row], identified: bool) -> Markup:
    """What may be said of a model, no more than its verdict says.

    Args:
        words: of the language.
        verdict: ``verdict, channels, balanced_accuracy, low, high, leak, thresholds``, as the audit saves it.
        reliance: rows of table ``reliance``; missing numbers are None.
        identified: whether looks and the source of the photos are apart.
    """
    finding, rows = verdict["verdict"], {row["channel"]: row for row in reliance}
    if finding == "NO SIGNAL":
        limits = {name: _points(verdict[name]) for name in ("low", "high")}
        key = "verdict.below_guessing" if verdict["high"] < 0.5 else "verdict.no_signal"
        return words(key, accuracy=_points(verdict["balanced_accuracy"]), **limits)
    if finding == "LEAKAGE":
        leak = verdict["leak"]
        return words("verdict.leakage", **{name: _points(leak[name]) for name in ("gap", "low", "high")})
    if finding == "SHORTCUT":
        return _shortcut(words, {name: rows[name] for name in verdict["channels"]})
    if finding == "FACE":
        row = rows[verdict["channels"][0]]
        key = "verdict.face" if identified else "verdict.face_source"
        return words(key, percent=_percent(words, row), delta=_points(verdict["thresholds"]["delta"]))
    return _cannot_tell(words, verdict, rows)


def verdict_notes(
    words: Words, verdict: Row, reliance: Sequence[Row], tried: Sequence[str], known: tuple[int, int]
) -> list[Markup]:
    """What else was shown of a model, and what was not tested; a sentence each.

    Args:
        words: of the language.
        verdict: as the audit saves it.
        reliance: rows of table ``reliance``; missing numbers are None.
        tried: every channel that there is; those without a row were not tried.
        known: images of the test whose people were in the training, too, and all images of the test.
    """
    notes = []
    for row in reliance:
        if row["kind"] == "local" and row["defined"] and row["control"] is not None:
            more = row["low"] > row["control"]
            values = {"channel": _channel(words, row), "percent": _percent(words, row)}
            notes.append(
                words("verdict.part_more" if more else "verdict.part", control=_points(row["control"]), **values)
            )
    for row in reliance:
        if not row["defined"]:
            few = row["same"] is not None and row["same"] >= verdict["thresholds"]["lowest_accuracy"]
            told: dict[str, Any] = {
                "channel": _channel(words, row),
                "same": "?" if row["same"] is None else f"{row['same']:.2f}",
            }
            least = f"{verdict['thresholds']['lowest_accuracy']:g}"
            notes.append(words("verdict.undefined_few" if few else "verdict.undefined", least=least, **told))
    if verdict["leak"] is None:
        notes.append(words("verdict.no_leak" if known[0] else "verdict.apart"))
    gap = verdict.get("feature_leak")
    if gap is not None:
        key = "verdict.feature_leak" if gap["low"] > verdict["thresholds"]["leak"] else "verdict.no_feature_leak"
        notes.append(words(key, **{name: _points(gap[name]) for name in ("gap", "low", "high")}))
    if known[0]:
        notes.append(words("verdict.known", known=known[0], tested=known[1]))
        if verdict["leak"] is None:
            notes.append(words("verdict.not_compared"))
    left = [name for name in tried if name not in {row["channel"] for row in reliance}]
    if left and reliance:
        notes.append(words("verdict.not_tried", channels=words.listed([words.named("channel", one) for one in left])))
    return notes


def _shortcut(words: Words, relied: Mapping[str, Row]) -> Markup:
    """A channel inside another one that is named is told with it."""
    homes = {name: _home(name, relied) for name in relied}
    names, changes = [], []
    for outer in (name for name, home in homes.items() if home is None):
        inner = [relied[name] for name, home in homes.items() if home == outer]
        name = words("verdict.the", channel=_channel(words, relied[outer]))
        if inner:
            listed = words.listed([words("verdict.the", channel=_channel(words, row)) for row in inner])
            name += words("verdict.inside", channels=listed)
        names.append(name)
        told = words("verdict.changes", channel=_channel(words, relied[outer]), percent=_percent(words, relied[outer]))
        also = [words("verdict.also", channel=_channel(words, row), percent=_percent(words, row)) for row in inner]
        changes.append(told + Markup("").join(also))
    between = Markup(escape(words["verdict.between"]))
    return words("verdict.shortcut", channels=words.listed(names), changes=between.join(changes))


def _home(name: str, named: Container[str]) -> str | None:
    """The outermost of the channels named that holds this one."""
    around = CHANNELS[name].inside if name in CHANNELS else ()
    return next((outer for outer in around if outer in named and _home(outer, named) is None), None)


def _cannot_tell(words: Words, verdict: Row, rows: Mapping[str, Row]) -> Markup:
    if not rows:
        return words("verdict.cannot_few", images=verdict["images"], identities=verdict["identities"])
    if not verdict["channels"]:
        return words("verdict.cannot_untested")
    row = rows[verdict["channels"][0]]
    channel = _channel(words, row)
    if not row["defined"]:
        return words("verdict.cannot_undefined", channel=channel)
    face = row["kind"] == "face" and row["high"] <= verdict["thresholds"]["face"]
    return words("verdict.cannot_face" if face else "verdict.cannot", channel=channel, percent=_percent(words, row))


def _channel(words: Words, row: Row) -> Markup:
    return words.named("channel", row["channel"])


def _percent(words: Words, row: Row) -> Markup:
    low, high = round(100 * row["low"]), round(100 * row["high"])
    between = words("verdict.range" if low >= 0 else "verdict.range_signed", low=low, high=high)
    return words("verdict.percent", value=round(100 * row["reliance"]), between=between)


def _points(value: float) -> int:
    return round(100 * value)
