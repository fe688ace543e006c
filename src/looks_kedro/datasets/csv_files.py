"""Tables as CSV files: exact reading and writing, with errors that name row, column and value."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from looks_kedro import tables
from looks_kedro.datasets.errors import UnusableDataError

_FLAGS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_EXPECTED = {"whole": "a whole number", "number": "a number", "flag": "True or False", "text": "a text"}
_RESTORE = "Correct the value, or run the pipeline that makes this table again"


def check_table(table: pd.DataFrame, schema: str | None, where: str) -> pd.DataFrame:
    """Settle the types of a table and check it against its schema.

    Args:
        table: the rows; numbers and flags may still be text.
        schema: a name of ``looks_kedro.tables``; None leaves the table as it is.
        where: the file, for messages.

    Returns:
        The table with the schema's column order and types (text as ``str`` without missing values, int64, float64,
        bool) and a fresh index.

    Raises:
        UnusableDataError: a column is missing or unknown, or a value breaks a rule. The row is counted as in the
            file, where the header is row 1.
    """
    if schema is None:
        return table
    kinds = tables.kinds(schema)
    _check_columns([str(name) for name in table.columns], list(kinds), where)
    table = table.reset_index(drop=True)
    settled = pd.DataFrame({name: _settle(table[name], kind, where) for name, kind in kinds.items()})
    for name, kind in kinds.items():
        if kind == "number" and not tables.schema(schema).columns[name].nullable and settled[name].isna().any():
            raise _bad_value(where, int(settled[name].isna().to_numpy().argmax()), name, "", "a number")
    _check_rules(settled, schema, where)
    return settled


def read_table(path: Path, schema: str | None = None) -> pd.DataFrame:
    """Read a CSV file (UTF-8, with or without a byte order mark).

    Without a schema the types are pandas' guess, except that texts such as ``NA`` stay texts.

    Raises:
        UnusableDataError: the file is no CSV table in UTF-8, or breaks its schema.
    """
    remedy = "If a spreadsheet wrote it, save it again as 'CSV UTF-8'."
    try:
        if schema is None:
            return pd.read_csv(path, encoding="utf-8-sig", keep_default_na=False)
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
    except pd.errors.EmptyDataError as error:
        raise UnusableDataError(f"{path}: the file is empty; expected at least a row of column names.") from error
    except (pd.errors.ParserError, csv.Error, UnicodeDecodeError) as error:
        raise UnusableDataError(f"{path}: not a CSV table in UTF-8 ({error}). {remedy}") from error
    if not header:
        raise UnusableDataError(f"{path}: the file is empty; expected at least a row of column names.")
    _check_columns(header, tables.columns(schema), str(path))
    return check_table(pd.DataFrame(_complete(rows, header, path), columns=header, dtype=str), schema, str(path))


def _complete(rows: list[list[str]], header: list[str], path: Path) -> list[list[str]]:
    """The rows without the blank ones at the end; a row with too few or too many cells is an error."""
    while rows and not any(rows[-1]):
        rows.pop()
    for row, cells in enumerate(rows):
        if len(cells) != len(header):
            raise UnusableDataError(
                f"{path}, row {row + 2}: found {len(cells)} cells; expected {len(header)}, one a column. "
                f"Complete or remove the row, and quote texts that hold commas."
            )
    return rows


def write_table(table: pd.DataFrame, path: Path, schema: str | None = None, told: Path | None = None) -> None:
    """Check a table and write it as CSV (UTF-8, no index, line feeds); the write is not atomic.

    Args:
        table: the rows.
        path: the file.
        schema: a name of ``looks_kedro.tables``; None checks nothing.
        told: the name for messages, when it differs.

    Raises:
        UnusableDataError: the table breaks its schema, or holds text that UTF-8 cannot hold.
    """
    where = str(told or path)
    table = check_table(table, schema, where)
    # The csv module leaves a lone carriage return bare, and readers take it for the end of the row.
    texts = [table[name] for name in table if pd.api.types.is_string_dtype(table[name].dtype)]
    bare = any(column.astype(str).str.contains("\r", regex=False).any() for column in texts)
    try:
        table.to_csv(path, index=False, lineterminator="\n", encoding="utf-8",
                     quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL)  # fmt: skip
    except UnicodeEncodeError as error:
        raise _not_unicode(where, error) from error


def _not_unicode(where: str, error: UnicodeEncodeError) -> UnusableDataError:
    return UnusableDataError(f"{where}: a text cannot be written as UTF-8 ({error}); rename the file that it names.")


def _check_columns(found: list[str], expected: list[str], where: str) -> None:
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    twice = sorted({name for name in found if found.count(name) > 1})
    if not (missing or unknown or twice):
        return
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"unknown {', '.join(unknown)}"] if unknown else []
    parts += [f"twice {', '.join(twice)}"] if twice else []
    raise UnusableDataError(
        f"{where}: the columns are not as expected: {'; '.join(parts)}. Found {', '.join(found) or 'none'}; "
        f"expected {', '.join(expected)}. Restore the columns, or run the pipeline that makes this table again."
    )


def _settle(column: pd.Series[Any], kind: tables.Kind, where: str) -> pd.Series[Any]:
    """Bring one column to its type; empty numbers become NaN."""
    name = str(column.name)
    if kind == "text":
        try:
            return column.astype(object).where(column.notna(), "").map(str).astype("str")
        except UnicodeEncodeError as error:  # where Arrow holds the texts
            raise _not_unicode(where, error) from error
    dtype = {"whole": "int64", "number": "float64", "flag": "bool"}[kind]
    if str(column.dtype) == dtype:
        return column
    values = column.astype(object).to_numpy()
    if kind == "number":
        # Python's own float() reads the text: exact, where the parser of pandas may miss the last digit.
        with contextlib.suppress(ValueError, TypeError):
            return pd.Series(np.where(values == "", "nan", values).astype("float64"), name=name)
    cells = [_parse_cell(cell, kind, where, row, name) for row, cell in enumerate(values)]
    return pd.Series(np.array(cells, dtype=dtype), name=name)


def _parse_cell(cell: Any, kind: tables.Kind, where: str, row: int, name: str) -> float | int | bool:
    try:
        return _parse(cell, kind)
    except (ValueError, TypeError, KeyError) as error:
        raise _bad_value(where, row, name, cell, _EXPECTED[kind]) from error


def _parse(value: Any, kind: tables.Kind) -> float | int | bool:
    text = "" if pd.isna(value) else str(value).strip()
    if kind == "number":
        return float(text) if text else float("nan")
    if kind == "flag":
        return _FLAGS[text.lower()]
    # A spreadsheet may have written 3 as 3.0.
    number = int(text) if text.lstrip("+-").isdigit() else float(text)
    if not abs(number) < 2**63 or number != int(number):
        raise ValueError(text)
    return int(number)


def _check_rules(table: pd.DataFrame, schema: str, where: str) -> None:
    import pandera.errors

    try:
        tables.schema(schema).validate(table, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        rows = cases["index"].dropna()
        if rows.empty:
            raise UnusableDataError(f"{where}: {cases.iloc[0]['check']}. {_RESTORE}.") from errors
        first = cases.loc[rows.astype(int).idxmin()]
        row = int(first["index"])
        others = len(set(rows)) - 1
        more = f" ({others} more row(s) break a rule.)" if others else ""
        raise _broken_rule(table, first, row, where, more) from errors


def _broken_rule(table: pd.DataFrame, case: Any, row: int, where: str, more: str) -> UnusableDataError:
    column, check = str(case["column"]), str(case["check"])
    if case["schema_context"] == "Column":
        return _bad_value(where, row, column, table.loc[row, column], check, more)
    if check == "multiple_fields_uniqueness":
        found = f"{column} is {table.loc[row, column]!r}, which another row has too"
        return UnusableDataError(f"{where}, row {row + 2}: {found}; expected it once. Remove the other row.{more}")
    return UnusableDataError(f"{where}, row {row + 2}: expected {check}. {_RESTORE}.{more}")


def _bad_value(where: str, row: int, column: str, value: Any, expected: str, more: str = "") -> UnusableDataError:
    plain: Any = value.item() if isinstance(value, np.generic) else value
    found = "empty" if bool(pd.isna(plain)) or plain == "" else repr(plain)
    return UnusableDataError(f"{where}, row {row + 2}: {column} is {found}; expected {expected}. {_RESTORE}.{more}")
