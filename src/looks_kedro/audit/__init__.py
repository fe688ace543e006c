"""The audit: what a classifier's decisions rest on, shown by exchanging one thing at a time.

``audit(model, faces, labels, identities)`` is all of it. A model is known here only as a callable from images to
logits; nothing here imports Kedro or the learning package. The names below are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from looks_kedro.audit.settings import Rules

if TYPE_CHECKING:
    from looks_kedro.audit.auditing import audit
    from looks_kedro.audit.classifier import Classifier, as_classifier
    from looks_kedro.audit.evaluation import chosen_channels, chosen_rows, evaluate_channels, evaluate_unedited
    from looks_kedro.audit.interventions.channels import CHANNELS
    from looks_kedro.audit.interventions.portrait_set import PortraitSet
    from looks_kedro.audit.leak import LeakGap, feature_leak_gap, leak_gap
    from looks_kedro.audit.reliance import Decisions, UndefinedRelianceError, reliance_table
    from looks_kedro.audit.report import Report, report_of
    from looks_kedro.audit.verdict import Finding, Verdict, decide

_HOMES = {
    "audit": "auditing",
    "Classifier": "classifier",
    "as_classifier": "classifier",
    "chosen_channels": "evaluation",
    "chosen_rows": "evaluation",
    "evaluate_channels": "evaluation",
    "evaluate_unedited": "evaluation",
    "CHANNELS": "interventions.channels",
    "PortraitSet": "interventions.portrait_set",
    "LeakGap": "leak",
    "feature_leak_gap": "leak",
    "leak_gap": "leak",
    "Decisions": "reliance",
    "UndefinedRelianceError": "reliance",
    "reliance_table": "reliance",
    "Report": "report",
    "report_of": "report",
    "Finding": "verdict",
    "Verdict": "verdict",
    "decide": "verdict",
}

__all__ = [
    "CHANNELS",
    "Classifier",
    "Decisions",
    "Finding",
    "LeakGap",
    "PortraitSet",
    "Report",
    "Rules",
    "UndefinedRelianceError",
    "Verdict",
    "as_classifier",
    "audit",
    "chosen_channels",
    "chosen_rows",
    "decide",
    "evaluate_channels",
    "evaluate_unedited",
    "feature_leak_gap",
    "leak_gap",
    "reliance_table",
    "report_of",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
