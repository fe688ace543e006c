"""What an audit found: the numbers, the verdict, and how they are shown."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.audit.evaluation import CONTROL
from looks_kedro.audit.interventions.channels import CHANNELS
from looks_kedro.audit.leak import LeakGap
from looks_kedro.audit.reliance import RELIANCE_COLUMNS, Decisions, reliance_table
from looks_kedro.audit.settings import Rules
from looks_kedro.audit.verdict import Finding, Verdict, decide
from looks_kedro.intervals import Interval, balanced_accuracy_interval, critical_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from looks_kedro.audit.companions import Companions

__all__ = ["Report", "report_of", "report_of_few"]

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Report:
    """What an audit found, and everything it rests on.

    Attributes:
        verdict: the finding, the channels named, a sentence, and notes.
        balanced_accuracy: on the images as they are, with its 95 % interval over people.
        reliance: one row a channel, columns ``reliance.RELIANCE_COLUMNS``.
        images: that were audited.
        identities: people that they show.
        rules: the thresholds.
        leak: the leak gap, where it was measured.
        feature_leak: how much the network's features alone would flatter it were people in both parts, where measured.
        companions: what the images tell before any network looks at them, where asked for.
        controls: table of the model's accuracy on parts of the picture, where asked for.
    """

    verdict: Verdict
    balanced_accuracy: Interval
    reliance: pd.DataFrame
    images: int
    identities: int
    rules: Rules
    leak: LeakGap | None = None
    feature_leak: LeakGap | None = None
    companions: Companions | None = None
    controls: pd.DataFrame | None = None

    def __str__(self) -> str:
        return self.verdict.sentence

    def table(self) -> pd.DataFrame:
        """The reliance as a reader wants it: in percent, one row a channel, with what is exchanged in words."""
        rows = []
        for row in self.reliance.to_dict("records"):
            channel = CHANNELS.get(row["channel"])
            rows.append(
                {
                    "channel": row["channel"],
                    "what is exchanged": channel.sentence if channel else "",
                    "reliance in %": round(100 * row["reliance"], 1),
                    "from": round(100 * row["low"], 1),
                    "to": round(100 * row["high"], 1),
                    "random patches": round(100 * row["control"], 1),
                    "decisions changed in % (at most 50)": round(100 * row["flip_rate"], 1),
                    "images": row["images"],
                    "note": row["note"],
                }
            )
        return pd.DataFrame(rows)

    def figure(self, title: str = "") -> Figure:
        """The picture of the reliance: a row a channel, with its interval and the line that decides."""
        from looks_kedro.reporting.reliance_figure import reliance_figure

        return reliance_figure({title or str(self.verdict.verdict): self.reliance}, self.rules)

    def as_dict(self) -> dict[str, Any]:
        """Verdict, accuracy and thresholds as JSON knows them; numbers that are not known are null."""
        value, low, high = (_plain(number) for number in asdict(self.balanced_accuracy).values())
        return {
            "verdict": str(self.verdict.verdict),
            "channels": list(self.verdict.channels),
            "sentence": self.verdict.sentence,
            "notes": list(self.verdict.notes),
            "balanced_accuracy": value,
            "low": low,
            "high": high,
            "images": self.images,
            "identities": self.identities,
            "leak": _plain_gap(self.leak),
            "feature_leak": _plain_gap(self.feature_leak),
            "thresholds": self.rules.model_dump(),
        }

    def _repr_html_(self) -> str:
        """For notebooks: the sentence, the picture, the notes and the table."""
        from base64 import b64encode
        from io import BytesIO

        stream = BytesIO()
        self.figure().savefig(stream, format="png", dpi=100)
        picture = b64encode(stream.getvalue()).decode("ascii")
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.verdict.notes)
        table = self.table().to_html(index=False, na_rep="", border=0)
        return (
            f"<p><b>{html.escape(str(self.verdict.verdict))}</b> {html.escape(self.verdict.sentence)}</p>"
            f"<p>Balanced accuracy {self.balanced_accuracy} on {self.images} images of {self.identities} people.</p>"
            f'<img alt="reliance on each channel" src="data:image/png;base64,{picture}">'
            f"<ul>{notes}</ul><details><summary>All numbers</summary>{table}</details>"
        )


def report_of(
    answers: Sequence[Sequence[Decisions]],
    right: Sequence[Flags],
    labels: npt.NDArray[Any],
    identities: npt.NDArray[Any],
    *,
    rules: Rules | None = None,
    leak: LeakGap | None = None,
    apart: bool = False,
    one_source: bool = False,
    cross_source_passed: bool | None = None,
    feature_leak: LeakGap | None = None,
    notes: Sequence[str] = (),
) -> Report:
    """Measure and judge what a model decided.

    Args:
        answers: for each training of the network one ``Decisions`` a channel, from ``evaluate_channels``.
        right: for each training the decisions on the images as they are, (N,), from ``evaluate_unedited``.
        labels: 0 or 1 (N,).
        identities: (N,).
        rules: the thresholds.
        leak: of the split that the images are the test of.
        apart: whether it is certain that nobody of these images was in the training.
        one_source: whether both classes come from the same sources.
        cross_source_passed: whether the model was shown to work across sources.
        feature_leak: of the network's features, from ``feature_leak_gap``; told in the notes, and never a verdict.
        notes: what else is to be said, after the verdict's own notes.
    """
    settings = rules or Rules()
    decisions = [_joined(parts) for parts in zip(*answers, strict=True)]
    control = next((one for one in decisions if one.channel == CONTROL), None)
    compared = {one.channel: control for one in decisions if control is not None and _is_compared(one.channel)}
    table = reliance_table(decisions, np.stack(right), labels, identities, settings, compared)
    accuracy = _accuracy(np.stack(right).astype(np.float64), labels, identities, settings.error_rate)
    found = decide(
        table, accuracy, leak, settings, apart=apart, one_source=one_source, cross_source_passed=cross_source_passed
    )
    told = [] if feature_leak is None else [_invited(feature_leak, settings)]
    verdict = Verdict(found.verdict, found.channels, found.sentence, (*found.notes, *told, *notes))
    return Report(verdict, accuracy, table, len(labels), len(np.unique(identities)), settings, leak, feature_leak)


def report_of_few(
    right: Flags,
    labels: npt.NDArray[Any],
    identities: npt.NDArray[Any],
    *,
    rules: Rules | None = None,
    notes: Sequence[str] = (),
) -> Report | None:
    """The report where nothing can be exchanged, because a class has a single person; none where there are enough.

    Args:
        right: the decisions on the images as they are, (N,).
        labels: 0 or 1 (N,).
        identities: (N,).
        rules: the thresholds.
        notes: what else is to be said.
    """
    settings = rules or Rules()
    people = {one: len(np.unique(identities[labels == one])) for one in (1, 0)}
    if min(people.values()) > 1:
        return None
    sentence = (
        f"The audit cannot tell what this model decides by: the test shows {people[1]} people of class 1 and "
        f"{people[0]} of class 0, and a part of a portrait can be exchanged only with somebody else's of either class."
    )
    nothing = pd.DataFrame({name: pd.Series(dtype=object) for name in RELIANCE_COLUMNS})
    accuracy = balanced_accuracy_interval(right, labels, identities, settings.error_rate)
    verdict = Verdict(Finding.CANNOT_TELL, (), sentence, tuple(notes))
    return Report(verdict, accuracy, nothing, len(labels), len(np.unique(identities)), settings)


def _accuracy(
    right: npt.NDArray[np.float64], labels: npt.NDArray[Any], identities: npt.NDArray[Any], error_rate: float
) -> Interval:
    """Balanced accuracy, the mean over trainings (K, N): over people, and over trainings where they differ.

    Trainings answer for the same images, so more of them make people no more numerous. The two variances are added,
    with degrees of freedom by Satterthwaite.
    """
    found = balanced_accuracy_interval(right.mean(axis=0), labels, identities, error_rate)
    each = [0.5 * sum(one[labels == part].mean() for part in (0, 1)) for one in right]
    between = float(np.var(each, ddof=1)) / len(each) if len(each) > 1 else 0.0
    if not between > 0 or not np.isfinite(found.low):
        return found
    normal = float(critical_value(np.inf, error_rate))

    def reach(side: float) -> float:
        variance = (side / normal) ** 2 + between
        freedom = variance**2 * (len(each) - 1) / between**2
        return float(critical_value(freedom, error_rate) * np.sqrt(variance))

    low, high = found.value - reach(found.value - found.low), found.value + reach(found.high - found.value)
    return Interval(found.value, max(low, 0.0), min(high, 1.0))


def _invited(gap: LeakGap, rules: Rules) -> str:
    """What a split at random would have made of the accuracy, as the features tell it."""
    gain = f"{100 * gap.gap:.0f} percentage points ({100 * gap.low:.0f} to {100 * gap.high:.0f})"
    meaning = "they know people" if gap.low > rules.leak else "not shown to be more than nothing"
    return f"If people were in both parts, a classifier on this network's features would gain {gain}: {meaning}."


def _is_compared(name: str) -> bool:
    """Whether a channel is a part of the face apart from the control's, and about as large."""
    channel = CHANNELS.get(name)
    return channel is not None and channel.kind == "local" and name != CONTROL and CONTROL not in channel.overlaps


def _joined(parts: Sequence[Decisions]) -> Decisions:
    """One channel's decisions of several trainings as one; they were shown the same edits."""
    if len(parts) == 1:
        return parts[0]
    same, balanced = (np.stack([getattr(part, name) for part in parts]) for name in ("same", "balanced"))
    return replace(parts[0], same=same, balanced=balanced)


def _plain_gap(gap: LeakGap | None) -> dict[str, Any] | None:
    return None if gap is None else {name: _plain(number) for name, number in asdict(gap).items()}


def _plain(number: Any) -> Any:
    """A number as JSON knows it; what is not known is null."""
    value = number.item() if isinstance(number, np.generic) else number
    return None if isinstance(value, float) and not np.isfinite(value) else value
