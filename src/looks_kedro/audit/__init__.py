"""The audit: what a classifier's decisions rest on, shown by exchanging one thing at a time.

``audit(model, faces, labels, identities)`` is all of it. A model is known here only as a callable from images to
logits; nothing here imports Kedro or the learning package. The names below are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from looks_kedro.audit.auditing import audit
    from looks_kedro.audit.classifier import Classifier, as_classifier
    from looks_kedro.audit.evaluation import chosen_channels, chosen_rows, evaluate_channels, evaluate_unedited
    from looks_kedro.audit.interventions.channels import CHANNELS
    from looks_kedro.audit.interventions.portrait_set import PortraitSet
    from looks_kedro.audit.leak import LeakGap, feature_leak_gap, leak_gap
    from looks_kedro.audit.reliance import Decisions, UndefinedRelianceError, reliance_table
    from looks_kedro.audit.report import Report, report_of
    from looks_kedro.audit.settings import Rules
    from looks_kedro.audit.verdict import Finding, Verdict, decide

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "auditing": ["audit"],
        "classifier": ["Classifier", "as_classifier"],
        "evaluation": ["chosen_channels", "chosen_rows", "evaluate_channels", "evaluate_unedited"],
        "interventions.channels": ["CHANNELS"],
        "interventions.portrait_set": ["PortraitSet"],
        "leak": ["LeakGap", "feature_leak_gap", "leak_gap"],
        "reliance": ["Decisions", "UndefinedRelianceError", "reliance_table"],
        "report": ["Report", "report_of"],
        "settings": ["Rules"],
        "verdict": ["Finding", "Verdict", "decide"],
    },
)

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
