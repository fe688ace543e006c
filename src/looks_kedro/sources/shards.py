"""Parquet files that are larger than memory, read a few rows at a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from looks_kedro.errors import BadInputError
from looks_kedro.sources.media_types import ENOUGH, describe

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_BATCH = 64


def count_rows(path: Path) -> int:
    """Number of rows.

    Raises:
        BadInputError: the file is missing, damaged, or no Parquet file.
    """
    with _open(path) as file:
        return int(file.metadata.num_rows)


def read_header(path: Path) -> tuple[list[str], Mapping[bytes, bytes]]:
    """Names of the columns, and the metadata that its writer put there.

    Raises:
        BadInputError: the file is missing, damaged, or no Parquet file.
    """
    with _open(path) as file:
        schema = file.schema_arrow
        return list(schema.names), schema.metadata or {}


def read_rows(path: Path, wanted: Sequence[int], columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Go through some rows; what lies between them is passed over as far as the file allows.

    Args:
        path: the file.
        wanted: numbers of rows, from 0, ascending.
        columns: which columns to read.

    Yields:
        The number of the row, and its cells by column.

    Raises:
        BadInputError: the file is missing, damaged, or no Parquet file.
    """
    import pyarrow as pa

    first = 0
    with _open(path) as file:
        try:
            for group in range(file.num_row_groups):
                end = first + file.metadata.row_group(group).num_rows
                mine = wanted[bisect_left(wanted, first) : bisect_left(wanted, end)]
                if mine:
                    yield from _group_rows(file, group, first, mine, columns)
                first = end
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error


def _open(path: Path) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without a buffer, a whole row group is read at once, and some copies have one for the whole file.
        return pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _group_rows(
    file: pq.ParquetFile, group: int, first: int, wanted: Sequence[int], columns: Sequence[str]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The wanted rows of one row group, whose own first row is ``first``."""
    left = iter(wanted)
    row: int | None = next(left)
    for batch in file.iter_batches(_BATCH, row_groups=[group], columns=list(columns), use_threads=False):
        while row is not None and row < first + batch.num_rows:
            yield row, {name: batch.column(name)[row - first].as_py() for name in columns}
            row = next(left, None)
        if row is None:
            return
        first += batch.num_rows


def _damaged(path: Path, error: Exception) -> BadInputError:
    try:
        size = path.stat().st_size
        with path.open("rb") as content:
            start = content.read(ENOUGH)
    except OSError as unreadable:
        return BadInputError(f"{path}: the shard cannot be read: {unreadable}.")
    found = f"{size:,} bytes that are damaged or cut off" if start[:4] == b"PAR1" else describe(start)
    reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    return BadInputError(
        f"{path}: expected a Parquet shard, found {found} ({reason}). Remove it and download it again."
    )
