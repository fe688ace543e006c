"""A dataset that may not be there yet, of a kind that cannot say so itself, and that no node makes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NoReturn

from kedro.io.core import AbstractDataset, DatasetError, Version


class OptionalDataset(AbstractDataset[NoReturn, Any]):
    """Loads what another dataset would load, or None where that has not been made; it saves nothing."""

    def __init__(self, *, dataset: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """A dataset that may be missing.

        Args:
            dataset: the catalog entry of what may be there; ``versioned: true`` takes the newest version.
            metadata: ignored by Kedro; Kedro-Viz reads the layer from it.
        """
        self._dataset = AbstractDataset.from_config("_optional", deepcopy(dataset))
        self.metadata = metadata

    @property
    def _version(self) -> Version | None:
        version: Version | None = getattr(self._dataset, "_version", None)
        return version

    def load(self) -> Any:
        """What is there; None where nothing is. What is there but damaged is an error, as always."""
        self._dataset.release()  # a version may have been written since the last look
        return self._dataset.load() if self._dataset.exists() else None

    def save(self, data: NoReturn) -> NoReturn:  # noqa: ARG002
        """Refused: this entry is for reading.

        Raises:
            DatasetError: always.
        """
        raise DatasetError(f"{self}: an optional entry is read only; save to the entry of the pipeline that makes it.")

    def _exists(self) -> bool:
        return self._dataset.exists()

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self._dataset._describe()}
