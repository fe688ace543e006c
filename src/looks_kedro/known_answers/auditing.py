"""The audit as a judge."""

from __future__ import annotations

from looks_kedro.known_answers.judging import Exhibit, Judgement

__all__ = ["audited"]

_EDITED = 360
"""Images whose channels are exchanged; accuracy, of which NO SIGNAL needs a sharper interval, is that of all."""


def audited(exhibit: Exhibit) -> Judgement:
    """Audit a network by the rules as they stand, as a user would.

    Args:
        exhibit: what a user would have.
    """
    from looks_kedro.audit import audit

    report = audit(
        exhibit.model,
        exhibit.faces,
        exhibit.labels,
        exhibit.identities,
        landmarks=exhibit.landmarks,
        known=exhibit.known,
        one_source=True,
        draws=1,
        images=_EDITED,
        seed=exhibit.seed,
    )
    said = report.verdict
    return Judgement(str(said.verdict), said.channels, report.reliance, report.balanced_accuracy, report.leak)
