"""The cells of label files as text: CSV as spreadsheets write it, and Parquet as the Hugging Face hub has it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.errors import BadInputError
from looks_kedro.tables import AGES, GENDERS

HUB_CLASSES: Mapping[str, tuple[str, ...]] = {
    "age": AGES,
    "gender": GENDERS,
    "race": ("East Asian", "Indian", "Black", "White", "Middle Eastern", "Latino_Hispanic", "Southeast Asian"),
}
"""What the class numbers of ``HuggingFaceM4/FairFace`` stand for; its races are not in the order of the network."""

PARQUET_SUFFIXES = (".parquet", ".pq")


def read_cells(path: Path) -> pd.DataFrame:
    """Read a label file as text.

    Args:
        path: a CSV file in UTF-8 with commas or semicolons, or a Parquet file. In Parquet, class numbers become
            words by the file's own list of class names, or by ``HUB_CLASSES`` where it has none, and a missing
            column ``file`` is taken from the names inside its images.

    Returns:
        The file's columns (of Parquet those that matter), "" for what is missing; the index counts rows as a
        spreadsheet does: the header is row 1, so the first image is row 2, in Parquet too.

    Raises:
        BadInputError: there is no such file, it is no table, a column is there twice, or a row is too long.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such label file. Correct the path, or leave the labels out.")
    return _read_parquet(path) if path.suffix.lower() in PARQUET_SUFFIXES else _read_csv(path)


def words_of_numbers(values: Sequence[Any], names: Sequence[str]) -> list[str]:
    """Words of class numbers.

    Args:
        values: numbers from 0; missing ones, and the hub's -1, are unknown.
        names: word of each number.

    Returns:
        One text a value: the word, "" where unknown, the number itself where no class has it.
    """
    words = []
    for value in values:
        number = -1 if value is None or value != value else int(value)  # NaN is not itself
        words.append("" if number == -1 else names[number] if 0 <= number < len(names) else str(number))
    return words


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            separator = ";" if header.count(";") > header.count(",") else ","
            rows = list(csv.reader(file, delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(
            f"{path}: not a CSV table in UTF-8 ({error}). If a spreadsheet wrote it, save it again as 'CSV UTF-8'."
        ) from error
    if not rows or not any(rows[0]):
        raise BadInputError(f"{path}: not a CSV table: its first row names no column. Add file, age, gender, race.")
    names = [name.strip() for name in rows[0]]
    while names and not names[-1]:
        names.pop()
    _check_names(names, path)
    cells = {number: _fitted(row, len(names), path, number) for number, row in enumerate(rows[1:], 2) if any(row)}
    return pd.DataFrame(cells.values(), columns=names, index=list(cells), dtype=str)


def _fitted(row: list[str], width: int, path: Path, number: int) -> list[str]:
    """The row at the table's width; spreadsheets drop empty cells at the end of a row, or add some."""
    if any(row[width:]):
        raise BadInputError(
            f"{path}, row {number}: found {len(row)} cells; expected {width}, one a column. Quote texts that hold "
            f"the separator, or take the row out."
        )
    return [*row, *[""] * width][:width]


def _check_names(names: Sequence[str], path: Path) -> None:
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise BadInputError(f"{path}: column {', '.join(map(repr, twice))} is there twice; remove one of them.")


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            _check_names(schema.names, path)
            wanted = [name for name in ("file", "age", "gender", "race", "identity") if name in schema.names]
            # The images themselves are most of such a file, and are not read for the sake of their names.
            inside = "file" not in wanted and "image" in schema.names
            inside = inside and pa.types.is_struct(schema.field("image").type)
            inside = inside and schema.field("image").type.get_field_index("path") >= 0
            table = file.read(columns=[*wanted, *(["image.path"] if inside else [])])
    except (pa.ArrowException, OSError) as error:
        with path.open("rb") as content:
            pointer = content.read(40).startswith(b"version https://git-lfs")
        found = "a Git LFS pointer; fetch it with git lfs pull" if pointer else str(error).splitlines()[0]
        raise BadInputError(f"{path}: not a Parquet table: found {found}. Download the file again.") from error
    named = class_names(schema.metadata)
    cells = {name: _texts(table.column(name), named.get(name, HUB_CLASSES.get(name))) for name in wanted}
    if inside:
        paths = [str(image["path"] or "") for image in table.column("image").to_pylist()]
        if any(paths):
            cells = {"file": paths} | cells
    return pd.DataFrame(cells, index=range(2, table.num_rows + 2), dtype=str)


def _texts(column: Any, names: Sequence[str] | None) -> list[str]:
    import pyarrow as pa

    values = column.to_pylist()
    kind = column.type
    if names is not None and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return words_of_numbers(values, names)
    return ["" if value is None else str(value) for value in values]


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The class names that the ``datasets`` library writes into a file; other copies have other orders."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {
        name: [str(word) for word in feature["names"]]
        for name, feature in features.items()
        if isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }
