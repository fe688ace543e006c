"""What the audit of a model says, as it stands beside each of the model's answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["NOT_AUDITED", "AuditNote", "audit_note"]

NOT_AUDITED = "NOT AUDITED"
"""Stands in the place of a verdict where there is none."""

_SIDES = {
    "background_left": "the background left of the head",
    "background_right": "the background right of the head",
    "background_top": "the background above the head",
}
_WARNINGS = {
    "NO SIGNAL": "This model does not tell the classes apart: its answers mean nothing.",
    "LEAKAGE": "This model knows people of its training again; of new people its answers are less true.",
    "CANNOT TELL": "What this model decides by is not known: its audit could not tell.",
    "FACE": "",
    NOT_AUDITED: "What this model decides by is not known: it has not been audited.",
}


@dataclass(frozen=True)
class AuditNote:
    """The verdict on a model in few words.

    Attributes:
        verdict: such as ``SHORTCUT`` or ``FACE``, or ``NOT_AUDITED``.
        warning: one sentence; "" where the audit found nothing against the model.
        sentence: the audit's own sentence with its numbers; "" where there is none.
        accuracy: balanced accuracy on the test part with its interval, in words; "" where it is not known.
    """

    verdict: str
    warning: str
    sentence: str = ""
    accuracy: str = ""

    @property
    def told(self) -> str:
        """The warning, or what was shown instead."""
        return self.warning or "The audit found that this model's decisions rest on the face region."


def audit_note(verdict: Mapping[str, Any] | None) -> AuditNote:
    """The note of a verdict.

    Args:
        verdict: what the audit saved (``Report.as_dict``); none or empty where there was no audit.
    """
    if not verdict:
        return AuditNote(NOT_AUDITED, _WARNINGS[NOT_AUDITED])
    name, sentence = str(verdict["verdict"]), str(verdict.get("sentence", ""))
    named = list(verdict.get("channels", ()))
    # What holds of the whole background is not said of its sides again.
    channels = [_words(channel) for channel in named if "background" not in named or channel not in _SIDES]
    if name == "SHORTCUT" and channels:
        warning = f"This model relies on {_listed(channels)}."
    else:
        # A verdict of another version is told in its own words.
        warning = _WARNINGS.get(name, sentence)
    return AuditNote(name, warning, sentence, _accuracy(verdict))


def _words(channel: str) -> str:
    return _SIDES.get(channel) or f"the {channel.replace('_', ' ')}"


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _accuracy(verdict: Mapping[str, Any]) -> str:
    value, low, high = (verdict.get(name) for name in ("balanced_accuracy", "low", "high"))
    if value is None:
        return ""
    within = "" if low is None or high is None else f" ({round(100 * low)}-{round(100 * high)} %)"
    people = verdict.get("identities")
    return f"balanced accuracy {round(100 * value)} %{within}" + (f" on {people} people" if people else "")
