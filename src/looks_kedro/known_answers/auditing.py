"""The audit as a judge."""

from __future__ import annotations

from looks_kedro.audit.settings import Rules
from looks_kedro.intervals import balanced_accuracy_interval
from looks_kedro.known_answers.judging import Exhibit, Judgement

__all__ = ["audited"]

_TO_SEE_NOTHING = 60
"""Images edited where accuracy alone already says NO SIGNAL, by the first rule, whatever the edits come to."""


def audited(exhibit: Exhibit) -> Judgement:
    """Audit a network by the rules as they stand, as a user would.

    Args:
        exhibit: what a user would have.
    """
    from looks_kedro.audit import audit

    right = exhibit.model(exhibit.faces).argmax(axis=1) == exhibit.labels
    accuracy = balanced_accuracy_interval(right, exhibit.labels, exhibit.identities)
    report = audit(
        exhibit.model,
        exhibit.faces,
        exhibit.labels,
        exhibit.identities,
        landmarks=exhibit.landmarks,
        known=exhibit.known,
        one_source=True,
        draws=1,
        images=_TO_SEE_NOTHING if accuracy.high < Rules().no_signal else None,
        seed=exhibit.seed,
    )
    said = report.verdict
    return Judgement(str(said.verdict), said.channels, report.reliance, report.balanced_accuracy, report.leak)
