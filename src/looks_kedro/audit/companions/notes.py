"""What a row of the table of companions means, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["note_on"]

_LEFT = {
    "patches shuffled": "small patches in any order: colours and texture without a face",
    "pixels shuffled": "the picture's colours in any order",
    "mean colour": "one colour",
    "background only": "the picture without the head or the person",
}


def note_on(row: Mapping[str, Any], importances: pd.DataFrame) -> str:
    """Say what a row means.

    Args:
        row: of the table, with ``crossing`` and ``pairs`` where pairs were counted.
        importances: of the image properties, the most important first.
    """
    if row["companion"] == "pseudo-split":
        return _on_pseudo_split(row)
    if row["companion"] == "copies":
        if not row["pairs"]:
            return "no picture lies with two people"
        told = f"{row['crossing']} of {row['pairs']} copies between people lie in both classes"
        return f"{told}: more than chance brings; see the list" if row["flagged"] else told
    if row["companion"] == "neighbours":
        told = f"{row['pairs']} pairs of pictures of two people that are nearest to each other"
        return f"{told} share their class more often than chance brings" if row["flagged"] else told
    if np.isnan(row["p_value"]):
        return "not tried: it needs landmarks"
    if row["companion"] == "image properties":
        return _on_properties(row, importances)
    if row["input"] == "intact":
        return "for comparison: all there is to see" + _limit(row)
    if row["input"] == "face only":
        return "for comparison: the face alone, where the classes may differ" + _limit(row)
    left = _LEFT[row["input"]]
    return f"the classes are told from {left}" if row["flagged"] else f"{left}: no better than chance{_limit(row)}"


def _on_properties(row: Mapping[str, Any], importances: pd.DataFrame) -> str:
    if not row["flagged"]:
        return f"no better than chance{_limit(row)}"
    carried = importances[importances["drop_low"] > 0].head(3)
    if carried.empty:
        return "the classes are told without looking at a face, by several properties that say the same"
    names = [
        f"{str(name).replace('_', ' ')} (alone: AUC {alone:.2f})"
        for name, alone in zip(carried["property"], carried["alone"], strict=True)
    ]
    return f"the classes are told without looking at a face, most by {', '.join(names)}"


def _on_pseudo_split(row: Mapping[str, Any]) -> str:
    if np.isnan(row["p_value"]):
        return "not tried: too few people to halve"
    if row["flagged"]:
        return "random halves of one class are told apart: people are mixed between the parts, trust no other row"
    return "random halves of one class, at chance as they must be"


def _limit(row: Mapping[str, Any]) -> str:
    """A word on rows that were sure of a difference too small to be flagged, or reached an AUC without being sure."""
    if row["flagged"] or row["input"] in ("intact", "face only"):
        return ""
    if row["p_value"] <= 0.01:
        return " to speak of: the difference is sure, but small"
    return ""
