"""Label tables in FairFace's format, and the mending of what spreadsheets did to them."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.errors import BadInputError
from looks_kedro.sources.label_files import read_cells
from looks_kedro.sources.listing import table as make_table
from looks_kedro.tables import AGES, GENDERS, RACES

logger = logging.getLogger(__name__)

FAIRFACE_COLUMNS = ("file", "age", "gender", "race")
"""Columns that a label table must have; ``service_test``, ``identity`` and others may follow."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OLDEST = AGES[-1]
_INTERVALS = {tuple(int(bound) for bound in age.split("-")): age for age in AGES[:-1]}
_EMPTY = ("", "nan", "none", "null", "n/a", "na", "?", "unknown")


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Labels as read from a file.

    Args:
        table: columns ``file, age, gender, race`` and, where the file has it, ``identity``; all text, "" where
            unknown; the values are FairFace's.
        mended: ages as found -> (age group, number of rows), for those that had to be mended.
        path: the file.
        rejected: table ``label_rejections``, one row a cell that means nothing; in ``table`` it is unknown.
    """

    table: pd.DataFrame
    mended: dict[str, tuple[str, int]]
    path: Path
    rejected: pd.DataFrame


def mend_age(value: str) -> str | None:
    """The FairFace age group that a value stands for.

    Spreadsheets take ``3-9`` and ``10-19`` for dates and write ``03-Sep``, ``9-Mar``, ``Oct-19``, ``2019-10-01``
    and the like; other copies have spaces, long dashes or leading zeros.

    Args:
        value: a cell.

    Returns:
        One of ``AGES``, or None where the value stands for none of them.
    """
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", value.strip().lower())
    text = re.sub(r"[t ]\d\d:\d\d(:\d\d(\.\d+)?)?z?$", "", text)
    if re.fullmatch(r"(more than|over|>) ?70|70 ?(\+|and over|or more|- ?)", text):
        return _OLDEST
    parts = [part for part in re.split(r"[-/.,\s]+|\bto\b", text) if part]
    numbers = [_number(part) for part in parts]
    if not 2 <= len(numbers) <= 3 or None in numbers:
        return None
    return _interval([number for number in numbers if number is not None])


def read_labels(path: Path, *, allow_empty: bool = True) -> LabelTable:
    """Read a table of labels: ``file, age, gender, race`` and perhaps ``identity``.

    Ages are mended (see ``mend_age``), genders and races may be in any letter case. A cell that means nothing
    becomes unknown and is listed; its image stays. How many ages were mended and how many cells mean nothing is
    logged.

    Args:
        path: a CSV file in UTF-8, with commas or semicolons, or a Parquet file with words or with the class numbers
            of the Hugging Face hub (see ``label_files``).
        allow_empty: whether an empty age, gender or race is a plain unknown; otherwise it is listed as well.

    Raises:
        BadInputError: the file cannot be read, lacks a column, or names a file twice or not at all; the message
            names file, row (the header is row 1) and remedy.
    """
    raw = read_cells(path)
    missing = [name for name in FAIRFACE_COLUMNS if name not in raw.columns]
    if missing:
        raise BadInputError(
            f"{path}: column {', '.join(repr(name) for name in missing)} is missing; found "
            f"{', '.join(map(str, raw.columns)) or 'no column'}; expected {', '.join(FAIRFACE_COLUMNS)}. "
            f"Add the column (its cells may be empty where you do not know), or leave the labels file out."
        )
    table = pd.DataFrame({"file": _files(raw["file"], path)})
    mended: Counter[tuple[str, str]] = Counter()
    rejected = []
    for column, words in (("age", AGES), ("gender", GENDERS), ("race", RACES)):
        found = raw[column]
        meanings = {cell: meaning(cell, words) for cell in found.unique()}
        empty = "" if allow_empty else "; the cell is empty"
        nothing = found.map({cell: meant is None or (meant == "" and not allow_empty)
                             for cell, meant in meanings.items()})  # fmt: skip
        rejected += [
            {"table": path.name, "row": row, "column": column, "file": table.at[row, "file"], "value": cell.strip(),
             "detail": f"expected one of {', '.join(words)}{'' if cell.strip() else empty}"}
            for row, cell in found[nothing.astype(bool)].items()
        ]  # fmt: skip
        if words is AGES:
            mended.update((cell, meant) for cell in found if (meant := meanings[cell]) and meant != cell)
        table[column] = found.map({cell: meant or "" for cell, meant in meanings.items()}).astype("str")
    if "identity" in raw.columns:
        table["identity"] = raw["identity"].str.normalize("NFC").str.strip()
    rejected.sort(key=lambda cell: cell["row"])
    ages = {found: (meant, count) for (found, meant), count in sorted(mended.items())}
    _tell(path, ages, rejected)
    return LabelTable(table.reset_index(drop=True), ages, path, make_table("label_rejections", rejected))


def read_fairface_labels(path: Path) -> LabelTable:
    """Read one of FairFace's own label files, in which no label is missing."""
    return read_labels(path, allow_empty=False)


def _tell(path: Path, ages: Mapping[str, tuple[str, int]], rejected: Sequence[Mapping[str, Any]]) -> None:
    if ages:
        told = ", ".join(f"{found!r} -> {meant} ({count} rows)" for found, (meant, count) in ages.items())
        logger.warning("%s: mended ages that a spreadsheet had changed: %s.", path, told)
    if rejected:
        told = "; ".join(f"row {cell['row']}, {cell['column']} {cell['value']!r}" for cell in rejected[:3])
        logger.warning(
            "%s: %d cells mean nothing and count as unknown (%s%s); they are listed in label_rejections.",
            path, len(rejected), told, f" and {len(rejected) - 3} more" if len(rejected) > 3 else "",
        )  # fmt: skip


def _files(column: pd.Series[str], path: Path) -> pd.Series[str]:
    files = column.str.strip().str.replace("\\", "/", regex=False).str.removeprefix("./")
    for rule, told in ((files == "", "is empty"), (files.duplicated(), "is there a second time")):
        if rule.any():
            first = int(rule.to_numpy().argmax())
            raise BadInputError(
                f"{path}, row {files.index[first]}: file {files.iloc[first]!r} {told}; expected each image once. "
                f"Remove the row."
            )
    return files


def meaning(found: str, words: tuple[str, ...]) -> str | None:
    """The word that a cell stands for.

    Args:
        found: the cell, in any letter case; ages may be spoilt by a spreadsheet.
        words: ``AGES``, ``GENDERS`` or ``RACES``.

    Returns:
        One of the words, "" where the cell says that it is unknown, None where it stands for nothing.
    """
    plain = re.sub(r"[\s_-]+", " ", found.strip().lower())
    if plain in _EMPTY:
        return ""
    for word in words:
        if plain == re.sub(r"[\s_-]+", " ", word.lower()):
            return word
    return mend_age(found) if words is AGES else None


def _number(part: str) -> int | None:
    if part[:3] in _MONTHS and part.isalpha():
        return _MONTHS.index(part[:3]) + 1
    return int(part) if part.isascii() and part.isdigit() else None


def _interval(numbers: list[int]) -> str | None:
    """The age group of two numbers in any order, or of a date with its year."""
    # A year may be written out (2019, 2009) or be the second bound itself (10-19 read as October 2019).
    small = [number for number in numbers if number < 1900]
    years = [number - 2000 for number in numbers if number >= 1900]
    if len(years) > 1:
        return None
    candidates = [small] if len(small) == 2 else []
    candidates += [[number, years[0]] for number in small if years and (len(small) == 1 or 1 in small)]
    if len(small) == 3:
        # 1-Oct-19, 09/03/24: one of the three is the first of the month, or the year.
        candidates += [small[:2], [number for number in small if number != 1]]
    for candidate in candidates:
        age = _INTERVALS.get(tuple(sorted(candidate)))
        if age:
            return age
    return None
