"""A versioned CSV file that is checked against its schema whenever it is saved or loaded."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from kedro.io.core import AbstractVersionedDataset, Version
from kedro_datasets._typing import TablePreview

from looks_kedro import tables
from looks_kedro.datasets.csv_files import read_table, write_table
from looks_kedro.datasets.errors import MissingVersionError
from looks_kedro.datasets.versions import Versions
from looks_kedro.errors import BadParameterError


class TableDataset(Versions, AbstractVersionedDataset[pd.DataFrame, pd.DataFrame]):
    """A table of ``looks_kedro.tables`` as a CSV file in UTF-8; local files only.

    Text stays text ("0012", "NA" and "" come back as they were), flags and floats come back exactly.
    """

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        schema: str | None = None,
        optional: bool = False,
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """A table.

        Args:
            filepath: the CSV file; versioned: the folder of its versions.
            schema: name of the schema in ``looks_kedro.tables``; None checks nothing.
            optional: where there is no file yet, load an empty table with the schema's columns.
            version: given by Kedro when the catalog entry says ``versioned: true``.
            metadata: ignored by Kedro; Kedro-Viz reads the layer from it.

        Raises:
            BadInputError: the schema is unknown, or an optional table has none.
        """
        if schema is not None:
            tables.schema(schema)
        elif optional:
            raise BadParameterError(f"{filepath}: an optional table needs a schema, which gives it its columns.")
        super().__init__(filepath=PurePosixPath(os.fspath(filepath)), version=version, glob_function=self._glob)
        self._schema, self._optional, self.metadata = schema, optional, metadata

    def load(self) -> pd.DataFrame:
        """Read and check the table."""
        try:
            path = self._existing_path()
        except MissingVersionError:
            if self._optional and not self._pinned():
                return tables.empty_table(str(self._schema))
            raise
        return read_table(path, self._schema)

    def save(self, data: pd.DataFrame) -> None:
        """Check the table and write it; readers see the old file or the whole new one."""
        path = Path(self._get_save_path())
        with self._written_whole(path) as partial:
            write_table(data, partial, self._schema, told=path)

    def preview(self, nrows: int = 8) -> TablePreview:
        """The first rows, for Kedro-Viz."""
        table = self.load().head(nrows).astype(object)
        return TablePreview(table.where(table.notna(), None).to_dict(orient="split"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "schema": self._schema, "version": self._version}
