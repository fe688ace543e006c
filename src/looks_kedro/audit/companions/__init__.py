"""What the images tell about the classes before any network is trained.

Cheap classifiers that cannot recognise a face are tried on the labels: on properties of the picture, on pictures of
which little is left, on halves of one class, on copies and neighbours. Nothing here knows Kedro, a network, or the
learning package. The names below load scikit-learn, OpenCV and matplotlib only when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

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

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "evidence": ["Evidence", "gather_evidence"],
        "ladder": ["RUNGS", "background_only", "degraded", "face_only"],
        "near_copies": ["copies_across_classes"],
        "permutations": ["Units", "exchanged_labels", "family_p_values", "units_of"],
        "picture": ["companions_figure"],
        "properties": ["measure_properties"],
        "screening": ["COMPANION_COLUMNS", "Companions", "find_companions", "judge_evidence"],
    },
)

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
