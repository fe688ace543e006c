"""What a run says at its end about the photos that it predicted."""

from __future__ import annotations

import pandas as pd

__all__ = ["summary_lines"]


def summary_lines(table: pd.DataFrame) -> list[str]:
    """How many photos were predicted, as what, and how many were refused, why; nothing of one photo alone.

    Args:
        table: table ``photo_predictions``.
    """
    if len(table) == 1:
        return []
    kept = table[table["status"] == "kept"]
    refused = table.loc[table["status"] == "refused", "reason"].value_counts()
    reasons = ", ".join(f"{str(reason).replace('_', ' ')} {count}" for reason, count in refused.items())
    counts = f"{len(table)} photos = {len(kept)} predicted + {int(refused.sum())} refused"
    lines = [f"{counts} ({reasons})" if reasons else counts]
    if len(kept):
        classes = ", ".join(f"{name} {count}" for name, count in kept["predicted"].value_counts().items())
        lines.append(f"Named: {classes}")
    return lines
