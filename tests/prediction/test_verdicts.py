"""The audit's verdict in a few words: what was shown, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.audit import Finding
from looks_kedro.audit.report import report_of_few
from looks_kedro.prediction.verdicts import NOT_AUDITED, audit_note

SHORTCUT = {
    "verdict": "SHORTCUT",
    "channels": ["surround", "background", "background_right", "crop_scale"],
    "sentence": "This model's decisions depend on the surround.",
    "balanced_accuracy": 0.956,
    "low": 0.747,
    "high": 0.985,
    "identities": 29,
}


def test_a_shortcut_is_named_without_saying_the_same_twice() -> None:
    note = audit_note(SHORTCUT)
    assert note.warning == "This model relies on the surround, the background and the crop scale."
    assert note.accuracy == "balanced accuracy 96 % (75-98 %) on 29 people"
    one_side = audit_note(SHORTCUT | {"channels": ["background_right"]})
    assert one_side.warning == "This model relies on the background right of the head."


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_model_that_was_not_audited_is_called_so(nothing) -> None:
    note = audit_note(nothing)
    assert note.verdict == NOT_AUDITED
    assert "has not been audited" in note.warning
    assert note.accuracy == ""


@pytest.mark.parametrize("finding", list(Finding))
def test_every_finding_of_the_audit_has_its_words(finding: Finding) -> None:
    note = audit_note({"verdict": str(finding), "channels": ["background"], "sentence": "Measured."})
    assert (note.warning == "") == (finding == Finding.FACE)
    assert note.told.startswith(("This model", "What this model", "The audit found"))
    assert note.sentence == "Measured."


def test_a_verdict_of_another_version_is_told_in_its_own_words() -> None:
    note = audit_note({"verdict": "SOMETHING NEW", "sentence": "It was so."})
    assert (note.verdict, note.warning) == ("SOMETHING NEW", "It was so.")


def test_what_the_audit_saves_is_understood() -> None:
    labels = np.array([0, 1] * 10)
    report = report_of_few(np.ones(20, dtype=bool), labels, labels)
    assert report is not None
    note = audit_note(report.as_dict())
    assert note.verdict == "CANNOT TELL"
    assert note.accuracy.startswith("balanced accuracy 100 %")
