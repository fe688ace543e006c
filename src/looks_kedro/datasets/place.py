"""A place on disk that a node works with itself: a cache of results, a store of downloads, a folder of weights."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from kedro.io.core import AbstractDataset, DatasetError
from kedro.utils import load_obj


class PlaceDataset(AbstractDataset[NoReturn, Any]):
    """Gives a node the handle of a place, so that the catalog says where it is.

    Loading opens the handle; the place itself is made when something is written. Nodes cannot save to it by Kedro:
    what is in it is not a result, and may be deleted between runs.
    """

    def __init__(self, *, filepath: str | os.PathLike[str], opens: str, metadata: dict[str, Any] | None = None) -> None:
        """A place.

        Args:
            filepath: the file or folder.
            opens: dotted name of what is made from the path, such as ``pathlib.Path`` or a class of ours.
            metadata: ignored by Kedro; Kedro-Viz reads the layer from it.
        """
        self._filepath, self._opens, self.metadata = PurePosixPath(os.fspath(filepath)), opens, metadata

    def load(self) -> Any:
        """The handle."""
        return load_obj(self._opens)(Path(self._filepath))

    def save(self, data: NoReturn) -> NoReturn:  # noqa: ARG002 - the name is the base class's
        """Refused: a place is worked with, not saved."""
        raise DatasetError(f"{self._filepath} is a place that nodes work with; it cannot be an output of a node.")

    def _exists(self) -> bool:
        # A place that is not there yet is empty, which is all a node needs.
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath, "opens": self._opens}
