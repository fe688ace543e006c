"""Versioned NumPy arrays by name, in one file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from kedro.io.core import AbstractVersionedDataset

from looks_kedro.datasets.errors import UnusableDataError
from looks_kedro.datasets.versions import VersionedFile

Arrays = dict[str, npt.NDArray[Any]]

# A fixed date inside the file: the same arrays give the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


class ArraysDataset(VersionedFile, AbstractVersionedDataset[Arrays, Arrays]):
    """Arrays by name in NumPy's ``.npz`` format, compressed; local files only."""

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
