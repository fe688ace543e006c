"""A versioned file of bytes that another program made or will read, such as an ONNX file."""

from __future__ import annotations

from pathlib import Path

from kedro.io.core import AbstractVersionedDataset

from looks_kedro.datasets.errors import UnusableDataError
from looks_kedro.datasets.versions import VersionedFile


class BytesFileDataset(VersionedFile, AbstractVersionedDataset[bytes, bytes]):
    """The bytes of one file, as they are; local files only."""

    def load(self) -> bytes:
        """Read the whole file."""
        return self._existing_path().read_bytes()

    def save(self, data: bytes) -> None:
        """Write the file; readers see the old one or the whole new one.

        Raises:
            UnusableDataError: there are no bytes, or the data are something else.
        """
        path = Path(self._get_save_path())
        if not isinstance(data, bytes) or not data:
            found = "none" if isinstance(data, bytes) else type(data).__name__
            raise UnusableDataError(f"{path}: expected the bytes of a file, found {found}.")
        with self._written_whole(path) as partial:
            partial.write_bytes(data)
