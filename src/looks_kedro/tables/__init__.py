"""The tables of the study: the one place where their columns are defined.

Each table has a name, a pandera schema (``schema("face_table")``) and an order of columns. Text that is not known
is the empty string, never a missing value; numbers may be missing only where the schema says so.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from looks_kedro.errors import BadInputError
from looks_kedro.tables.images import image_tables
from looks_kedro.tables.results import result_tables
from looks_kedro.tables.rules import UNIQUE, check_no_leak, table_checks
from looks_kedro.tables.vocabulary import AGES, CROP_LANDMARKS, GENDERS, LANDMARKS, RACES, Kind

if TYPE_CHECKING:
    import pandera.pandas as pa

__all__ = [
    "AGES",
    "CROP_LANDMARKS",
    "GENDERS",
    "LANDMARKS",
    "NAMES",
    "RACES",
    "Kind",
    "check_no_leak",
    "columns",
    "empty_table",
    "kinds",
    "schema",
]

NAMES = (
    "people",
    "acquisition_log",
    "source_labels",
    "attributions",
    "weights_table",
    "corrections",
    "face_table",
    "decisions",
    "rejections",
    "label_corrections",
    "label_rejections",
    "labels",
    "matte_quality",
    "split_table",
    "balance_table",
    "leak_table",
    "model_input",
    "history",
    "fairface_history",
    "fairface_accuracy",
    "cost_table",
    "savings_table",
    "predictions",
    "performance",
    "calibration",
    "calibration_summary",
    "photo_predictions",
    "attention",
    "region_attention",
    "padding",
    "sanity",
    "reliance",
    "companions",
    "controls",
    "repair",
    "known_cases",
    "known_scores",
    "known_confusion",
    "funnel",
    "study_table",
    "summary",
    "comparison_runs",
    "comparison_parameters",
    "comparison_results",
)
"""Names that ``schema`` knows."""


@cache
def schema(name: str) -> pa.DataFrameSchema:
    """The pandera schema of a table.

    Args:
        name: one of ``NAMES``.

    Returns:
        A strict, ordered schema; coercion is left to ``check_table``, which names the offending row.

    Raises:
        BadInputError: no table has this name.
    """
    import pandera.pandas as pa

    if name not in NAMES:
        raise BadInputError(f"There is no table schema {name!r}; expected one of {', '.join(NAMES)}.")
    columns = (image_tables() | result_tables())[name]
    return pa.DataFrameSchema(
        columns, checks=table_checks(name), strict=True, ordered=True, unique=UNIQUE.get(name), name=name
    )


def columns(name: str) -> list[str]:
    """Names of a table's columns, in order."""
    return list(schema(name).columns)


def kinds(name: str) -> dict[str, Kind]:
    """What each column of a table holds: text, whole (int64), number (float64) or flag (bool)."""
    return {column: part.metadata["kind"] for column, part in schema(name).columns.items()}


def empty_table(name: str) -> pd.DataFrame:
    """A table without rows, with the schema's columns and types."""
    dtypes: dict[Kind, str] = {"text": "str", "whole": "int64", "number": "float64", "flag": "bool"}
    return pd.DataFrame({column: pd.Series([], dtype=dtypes[kind]) for column, kind in kinds(name).items()})
