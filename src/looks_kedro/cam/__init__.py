"""Class activation maps: closed form, derivatives at any layer, averages, attention, controls, and their figures.

A network is known here only as a torch module or a callable; nothing here imports Kedro, the learning package, or a
data set's layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from looks_kedro.cam.attention import attention_on
    from looks_kedro.cam.averages import average_maps, enlarge, group_averages
    from looks_kedro.cam.closed_form import Evidence, class_maps, evidence_maps, maps_of, normalise_each
    from looks_kedro.cam.evidence import network_evidence
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

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": ["attention_on"],
        "averages": ["average_maps", "enlarge", "group_averages"],
        "closed_form": ["Evidence", "class_maps", "evidence_maps", "maps_of", "normalise_each"],
        "evidence": ["network_evidence"],
        "figures": ["AverageMap", "average_figure", "averages_grid", "maps_sheet", "padding_figure", "sections_sheet"],
        "layers": ["last_grid", "layer_evidence", "layer_maps", "token_grid"],
        "mean_portraits": ["MeanFaces", "mean_faces"],
        "overlay": ["contact_sheet", "jet_overlay", "signed_overlay"],
        "package": ["METHODS", "package_evidence", "package_maps"],
        "padding": ["mirror_control", "padding_table"],
        "regions": ["attention_by_region", "region_table"],
        "sanity": ["sanity_table"],
        "selection": ["select_images"],
        "styles": ["drawn_maps", "full_colour"],
    },
)

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
    "network_evidence",
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
