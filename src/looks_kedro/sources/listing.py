"""What every source gives: its images, a row in the log for each one that it tried, and what it says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.tables import Kind, empty_table, kinds

Content = Path | bytes | Callable[[], bytes]
"""An image as an image folder takes it: a file, its bytes, or what gives its bytes when they are needed."""

_UNKNOWN: dict[Kind, Any] = {"text": "", "whole": 0, "number": float("nan"), "flag": False}


@dataclass(frozen=True, eq=False)
class Listing:
    """What a source has for one class.

    Attributes:
        items: name in the raw folder, content, origin of each image that was kept. May be gone through several
            times, and gives the same each time; large sources stream.
        log: table ``acquisition_log``, the kept images first, in the order of ``items``.
        labels: table ``source_labels``.
        attributions: table ``attributions``; empty where the source names no licences.
        label_rejections: table ``label_rejections``: cells of label files that mean nothing.
    """

    items: Iterable[tuple[str, Content, str]]
    log: pd.DataFrame
    labels: pd.DataFrame
    attributions: pd.DataFrame = field(default_factory=lambda: empty_table("attributions"))
    label_rejections: pd.DataFrame = field(default_factory=lambda: empty_table("label_rejections"))


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A table with the columns and types of its schema.

    Args:
        name: a name of ``looks_kedro.tables``.
        rows: mappings of columns to values; columns that are left out are unknown ("", missing, 0 or false).

    Raises:
        KeyError: a row has a column that the table does not have.
    """
    known = kinds(name)
    strange = {column for row in rows for column in row} - known.keys()
    if strange:
        raise KeyError(f"table {name} has no column {', '.join(sorted(strange))}")
    if not rows:
        return empty_table(name)
    filled = [{column: row.get(column, _UNKNOWN[kind]) for column, kind in known.items()} for row in rows]
    dtypes: dict[Kind, str] = {"text": "str", "whole": "int64", "number": "float64", "flag": "bool"}
    return pd.DataFrame(filled).astype({column: dtypes[kind] for column, kind in known.items()})
