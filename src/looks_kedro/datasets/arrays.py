"""Versioned NumPy arrays by name, in one file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from kedro.io.core import AbstractVersionedDataset, Version

from looks_kedro.datasets.errors import UnusableDataError
from looks_kedro.datasets.versions import Versions

Arrays = dict[str, npt.NDArray[Any]]

# A fixed date inside the file: the same arrays give the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


class ArraysDataset(Versions, AbstractVersionedDataset[Arrays, Arrays]):
    """Arrays by name in NumPy's ``.npz`` format, compressed; local files only."""

    def __init__(
        self,
        *,
        filepath: str | os.PathLike[str],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Arrays in one file.

        Args:
            filepath: the file, such as ``maps.npz``; versioned: the folder of its versions.
            version: given by Kedro when the catalog entry says ``versioned: true``.
            metadata: ignored by Kedro; Kedro-Viz reads the layer from it.
        """
        super().__init__(filepath=PurePosixPath(os.fspath(filepath)), version=version, glob_function=self._glob)
        self.metadata = metadata

    def load(self) -> Arrays:
        """Read all arrays into memory.

        Raises:
            UnusableDataError: the file is cut off, no ``.npz``, or holds Python objects.
        """
        path = self._existing_path()
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise UnusableDataError(
                f"{path}: no readable .npz file ({error}). Run the pipeline that makes it."
            ) from error

    def save(self, data: Arrays) -> None:
        """Write the arrays; readers see the old file or the whole new one.

        Raises:
            UnusableDataError: an array holds Python objects.
        """
        path = Path(self._get_save_path())
        for name, array in data.items():
            if array.dtype.hasobject:
                raise UnusableDataError(f"{path}: array {name!r} holds Python objects; expected numbers or text.")
        with self._written_whole(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, array in data.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy", _DATE), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "version": self._version}
