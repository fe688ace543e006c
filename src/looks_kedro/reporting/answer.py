"""The answer at the top of the report, in a sentence or two that claim no more than the verdicts do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from looks_kedro.reporting.words import Words

__all__ = ["Answer", "answer_of", "short_reason"]

Row = Mapping[str, Any]

_MOST = 2  # channels in a row of the table; the verdict names all


@dataclass(frozen=True)
class Answer:
    """The answer: the first sentence, and what follows in smaller letters."""

    lead: Markup
    more: tuple[Markup, ...]


def answer_of(words: Words, summary: Sequence[Row], reliance: Mapping[tuple[str, str], Sequence[Row]]) -> Answer:
    """Say first what the models of the first variant rest on, then the rest.

    Models of one variant with the same verdict share a sentence; of a shortcut the sentence names the channel that all
    of them were shown to rely on and, of several, the one with the largest mean reliance. What says something comes
    before what cannot be told.

    Args:
        words: of the language.
        summary: rows of table ``summary``.
        reliance: rows of table ``reliance`` by variant and backbone.
    """
    sentences = []
    variants = list(dict.fromkeys(row["variant"] for row in summary))
    for variant in variants:
        groups: dict[str, list[Row]] = {}
        for row in summary:
            if row["variant"] == variant:
                groups.setdefault(row["verdict"], []).append(row)
        ordered = sorted(groups.items(), key=lambda one: (one[0] in ("CANNOT TELL", "NO SIGNAL"), -len(one[1])))
        for finding, rows in ordered:
            said = _sentence(words, finding, rows, reliance)
            if len(variants) > 1:
                said = words("answer.on", variant=words.named("variant", variant)) + said
            sentences.append(_begun(said, [row["backbone"] for row in rows]))
    return Answer(sentences[0], tuple(sentences[1:]))


def short_reason(words: Words, row: Row, reliance: Sequence[Row], rules: Mapping[str, float]) -> Markup:
    """What a verdict rests on, in a few words with numbers.

    Args:
        words: of the language.
        row: of table ``summary``.
        reliance: rows of table ``reliance`` of the model.
        rules: the thresholds of the verdict.
    """
    by_channel = {one["channel"]: one for one in reliance}
    channels = [by_channel[name] for name in row["channels"].split("+") if name in by_channel]
    if row["verdict"] in ("SHORTCUT", "FACE") and channels:
        told = [
            words("answer.relies", channel=words.named("channel", one["channel"]), value=round(100 * one["reliance"]))
            for one in channels[:_MOST]
        ]
        return Markup(escape(words["list.comma"])).join(told)
    if row["verdict"] == "CANNOT TELL":
        if not reliance:
            return words("answer.few")
        if not channels:
            return words("answer.untested")
        if channels[0]["defined"] and channels[0]["kind"] == "face" and channels[0]["high"] <= rules["face"]:
            return words("answer.nothing_else")
        names = words.listed([words.named("channel", one["channel"]) for one in channels])
        return words("answer.open" if channels[0]["defined"] else "answer.unmeasured", channel=names)
    percents = {name: f"{100 * rules[name]:g}" for name in ("delta", "face")}
    return words.named("meaning", row["verdict"], **percents)


def _sentence(
    words: Words, finding: str, rows: Sequence[Row], reliance: Mapping[tuple[str, str], Sequence[Row]]
) -> Markup:
    names = words.listed([escape(row["backbone"]) for row in rows])
    number = "one" if len(rows) == 1 else "many"
    values: dict[str, Any] = {"models": names, "accuracy": _accuracies(words, rows)}
    kind = finding.lower().replace(" ", "_")
    if finding == "SHORTCUT":
        common = _common_channel(rows, reliance)
        if common is None:
            kind = "shortcuts"
            firsts = dict.fromkeys(row["channels"].split("+")[0] for row in rows)
            values["channel"] = words.listed([words.named("by", one) for one in firsts])
        else:
            values["channel"] = words.named("by", common)
    key = f"answer.{kind}_{number}"
    return words(key, **values) if key in words else words("answer.other", **values, finding=finding)


def _common_channel(rows: Sequence[Row], reliance: Mapping[tuple[str, str], Sequence[Row]]) -> str | None:
    shared = set.intersection(*(set(row["channels"].split("+")) for row in rows))
    totals = dict.fromkeys(shared, 0.0)
    for row in rows:
        for one in reliance.get((row["variant"], row["backbone"]), ()):
            if one["channel"] in totals:
                totals[one["channel"]] += one["reliance"] or 0.0
    return max(sorted(totals), key=lambda name: totals[name]) if totals else None


def _accuracies(words: Words, rows: Sequence[Row]) -> Markup:
    low, high = (round(100 * extreme(row["balanced_accuracy"] for row in rows)) for extreme in (min, max))
    if low == high:
        return words("number.percent", value=low)
    return words("number.percent_range", low=low, high=high)


def _begun(sentence: Markup, names: Sequence[str]) -> Markup:
    """The sentence with a capital letter; a model's name stays as it is."""
    return sentence if sentence.startswith(str(escape(names[0]))) else sentence[:1].upper() + sentence[1:]
