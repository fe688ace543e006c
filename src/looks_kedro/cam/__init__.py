"""Class activation maps: closed-form evidence, averages, attention on masks, overlays and figures.

A network is known here only as a callable that gives features and the weights of its linear head; nothing here
imports Kedro, the learning package, or a data set's layout.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from looks_kedro.cam.attention import attention_on
    from looks_kedro.cam.averages import average_maps, enlarge
    from looks_kedro.cam.closed_form import Evidence, class_maps, evidence_maps, maps_of, normalise_each
    from looks_kedro.cam.figures import average_figure, maps_sheet
    from looks_kedro.cam.overlay import contact_sheet, jet_overlay, signed_overlay

_HOMES = {
    "attention_on": "attention",
    "average_maps": "averages",
    "enlarge": "averages",
    "Evidence": "closed_form",
    "class_maps": "closed_form",
    "evidence_maps": "closed_form",
    "maps_of": "closed_form",
    "normalise_each": "closed_form",
    "average_figure": "figures",
    "maps_sheet": "figures",
    "contact_sheet": "overlay",
    "jet_overlay": "overlay",
    "signed_overlay": "overlay",
}

__all__ = [
    "Evidence",
    "attention_on",
    "average_figure",
    "average_maps",
    "class_maps",
    "contact_sheet",
    "enlarge",
    "evidence_maps",
    "jet_overlay",
    "maps_of",
    "maps_sheet",
    "normalise_each",
    "signed_overlay",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
