"""What the images tell about the classes before any network is trained.

Cheap classifiers that cannot recognise a face are tried on the labels: on properties of the picture, on pictures of
which little is left, on halves of one class, on copies and neighbours. Nothing here knows Kedro, a network, or the
learning package. The names below load scikit-learn, OpenCV and matplotlib only when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from looks_kedro.audit.companions.evidence import Evidence, gather_evidence
    from looks_kedro.audit.companions.ladder import RUNGS, background_only, degraded, face_only
    from looks_kedro.audit.companions.near_copies import copies_across_classes
    from looks_kedro.audit.companions.permutations import Units, exchanged_labels, family_p_values, units_of
    from looks_kedro.audit.companions.picture import companions_figure
    from looks_kedro.audit.companions.properties import measure_properties
    from looks_kedro.audit.companions.screening import (
        COMPANION_COLUMNS,
        Companions,
        find_companions,
        judge_evidence,
    )

_HOMES = {
    "Units": "permutations",
    "family_p_values": "permutations",
    "exchanged_labels": "permutations",
    "units_of": "permutations",
    "RUNGS": "ladder",
    "background_only": "ladder",
    "degraded": "ladder",
    "face_only": "ladder",
    "copies_across_classes": "near_copies",
    "companions_figure": "picture",
    "measure_properties": "properties",
    "COMPANION_COLUMNS": "screening",
    "Companions": "screening",
    "Evidence": "evidence",
    "find_companions": "screening",
    "gather_evidence": "evidence",
    "judge_evidence": "screening",
}

__all__ = [
    "COMPANION_COLUMNS",
    "RUNGS",
    "Companions",
    "Evidence",
    "Units",
    "background_only",
    "companions_figure",
    "copies_across_classes",
    "degraded",
    "exchanged_labels",
    "face_only",
    "family_p_values",
    "find_companions",
    "gather_evidence",
    "judge_evidence",
    "measure_properties",
    "units_of",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
