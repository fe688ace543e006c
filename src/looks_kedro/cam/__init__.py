"""Class activation maps: closed form, derivatives at any layer, averages, attention, controls, and their figures.

A network is known here only as a torch module or a callable; nothing here imports Kedro, the learning package, or a
data set's layout.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from looks_kedro.cam.attention import attention_on
    from looks_kedro.cam.averages import average_maps, enlarge, group_averages
    from looks_kedro.cam.closed_form import Evidence, class_maps, evidence_maps, maps_of, normalise_each
    from looks_kedro.cam.figures import (
        AverageMap,
        average_figure,
        averages_grid,
        maps_sheet,
        padding_figure,
        sections_sheet,
    )
    from looks_kedro.cam.layers import last_grid, layer_evidence, layer_maps, token_grid
    from looks_kedro.cam.mean_portraits import MeanFaces, mean_faces
    from looks_kedro.cam.overlay import contact_sheet, jet_overlay, signed_overlay
    from looks_kedro.cam.package import METHODS, package_evidence, package_maps
    from looks_kedro.cam.padding import mirror_control, padding_table
    from looks_kedro.cam.regions import attention_by_region, region_table
    from looks_kedro.cam.sanity import sanity_table
    from looks_kedro.cam.selection import select_images
    from looks_kedro.cam.styles import drawn_maps, full_colour

_HOMES = {
    "attention_on": "attention",
    "average_maps": "averages",
    "enlarge": "averages",
    "group_averages": "averages",
    "Evidence": "closed_form",
    "class_maps": "closed_form",
    "evidence_maps": "closed_form",
    "maps_of": "closed_form",
    "normalise_each": "closed_form",
    "AverageMap": "figures",
    "average_figure": "figures",
    "averages_grid": "figures",
    "maps_sheet": "figures",
    "padding_figure": "figures",
    "sections_sheet": "figures",
    "last_grid": "layers",
    "layer_evidence": "layers",
    "layer_maps": "layers",
    "token_grid": "layers",
    "MeanFaces": "mean_portraits",
    "mean_faces": "mean_portraits",
    "contact_sheet": "overlay",
    "jet_overlay": "overlay",
    "signed_overlay": "overlay",
    "METHODS": "package",
    "package_evidence": "package",
    "package_maps": "package",
    "mirror_control": "padding",
    "padding_table": "padding",
    "attention_by_region": "regions",
    "region_table": "regions",
    "sanity_table": "sanity",
    "select_images": "selection",
    "drawn_maps": "styles",
    "full_colour": "styles",
}

__all__ = [
    "METHODS",
    "AverageMap",
    "Evidence",
    "MeanFaces",
    "attention_by_region",
    "attention_on",
    "average_figure",
    "average_maps",
    "averages_grid",
    "class_maps",
    "contact_sheet",
    "drawn_maps",
    "enlarge",
    "evidence_maps",
    "full_colour",
    "group_averages",
    "jet_overlay",
    "last_grid",
    "layer_evidence",
    "layer_maps",
    "maps_of",
    "maps_sheet",
    "mean_faces",
    "mirror_control",
    "normalise_each",
    "package_evidence",
    "package_maps",
    "padding_figure",
    "padding_table",
    "region_table",
    "sanity_table",
    "sections_sheet",
    "select_images",
    "signed_overlay",
    "token_grid",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
