"""What must hold of a table beyond its single cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    import pandera.pandas as pa

UNIQUE: dict[str, list[str]] = {
    "people": ["identity"],
    "source_labels": ["looks", "file"],
    "attributions": ["looks", "file"],
    "weights_table": ["name"],
    "corrections": ["file"],
    "decisions": ["file"],
    "label_corrections": ["file"],
    "face_table": ["file"],
    "labels": ["file"],
    "matte_quality": ["file"],
    "split_table": ["file"],
    "balance_table": ["looks", "part", "attribute", "value"],
    "leak_table": ["looks", "unit"],
    "model_input": ["file"],
    "history": ["epoch"],
    "fairface_history": ["epoch"],
    "fairface_accuracy": ["attribute", "value"],
    "cost_table": ["setting"],
    "savings_table": ["option"],
    "performance": ["attribute", "value"],
    "calibration": ["bin"],
    "region_attention": ["region", "class"],
    "padding": ["class"],
    "sanity": ["layer"],
    "reliance": ["channel"],
    "companions": ["companion", "input"],
    "controls": ["backbone", "control"],
    "repair": ["backbone", "repair", "channel"],
    "known_cases": ["case"],
    "known_scores": ["method", "score"],
    "known_confusion": ["truth", "verdict"],
    "funnel": ["class", "step", "reason"],
    "study_table": ["variant", "backbone", "epoch"],
    "summary": ["variant", "backbone"],
    "comparison_runs": ["run"],
    "comparison_parameters": ["part", "name", "run"],
    "comparison_results": ["variant", "backbone", "measure", "detail", "run"],
    "predictions": ["file"],
    "photo_predictions": ["file"],
    "attention": ["file"],
}
"""Columns that together are different in every row of a table."""


def table_checks(name: str) -> list[pa.Check]:
    """Checks across the columns of a table."""
    import pandera.pandas as pa

    def once_kept(table: pd.DataFrame) -> pd.Series[bool]:
        return ~(
            table["kept"] & table[table["kept"]].duplicated(["looks", "file"]).reindex(table.index, fill_value=False)
        )

    rules: dict[str, list[tuple[Any, str]]] = {
        "acquisition_log": [
            (lambda t: t["kept"] == (t["reason"] == ""), "a reason for each image that was not kept, and no other"),
            (lambda t: ~t["kept"] | (t["file"] != ""), "a file name for each image that was kept"),
            (once_kept, "each file once a class among the kept images"),
        ],
        "matte_quality": [
            (lambda t: t["passed"] == (t["reason"] == ""), "a reason for each that failed, and for no other")
        ],
        "face_table": [
            (lambda t: (t["box_right"] > t["box_left"]) & (t["box_bottom"] > t["box_top"]), "a box that is not empty")
        ],
        "photo_predictions": [
            (lambda t: (t["status"] == "kept") == (t["reason"] == ""), "a reason for each refused photo, and no other"),
            (lambda t: (t["status"] == "kept") == (t["predicted"] != ""), "a class for each kept photo, and no other"),
        ],
        "split_table": [(_copied, _COPIED)],
        "model_input": [(_copied, _COPIED)],
    }
    return [pa.Check(rule, error=told) for rule, told in rules.get(name, [])]


_COPIED = "a file other than its parent exactly where mirrored is true, rotation is not 0 or brightness is not 1"


def _copied(table: pd.DataFrame) -> pd.Series[bool]:
    copied = table["mirrored"] | (table["rotation"] != 0) | (table["brightness"] != 1)
    return copied == (table["file"] != table["parent"])


def check_no_leak(split_table: pd.DataFrame) -> None:
    """See that no person, no group of like pictures and no face is in both parts.

    Apart from the schema, because the published protocol leaks and is still a valid table.

    Args:
        split_table: table ``split_table`` or ``model_input``.

    Raises:
        BadInputError: a ``group``, ``parent`` or ``identity`` has rows in both parts; the message names up to three.
    """
    for column in ("group", "parent", "identity"):
        parts = split_table.groupby(column, sort=False)["part"].nunique()
        leaking = [str(value) for value in parts.index[parts > 1]]
        if leaking:
            raise BadInputError(
                f"The split leaks: {len(leaking)} value(s) of '{column}' are in both train and test, among them "
                f"{', '.join(leaking[:3])}. Run balancing again with balancing.protocol: identity."
            )
