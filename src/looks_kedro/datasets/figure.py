"""One matplotlib figure that can be seen again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from kedro_datasets.matplotlib import MatplotlibDataset

from looks_kedro.datasets.errors import UnusableDataError


class FigureDataset(MatplotlibDataset):  # type: ignore[misc]  # kedro-datasets has no types
    """A figure, saved as PNG; it loads as a picture."""

    def __init__(self, *, filepath: str | os.PathLike[str], optional: bool = False, **options: Any) -> None:
        """A figure.

        Args:
            filepath: the PNG file; versioned: the folder of its versions.
            optional: load None where there is no file yet; a version asked for by name must be there.
            options: as of ``MatplotlibDataset``.
        """
        super().__init__(filepath=filepath, **options)
        self._optional = optional

    def load(self) -> npt.NDArray[np.uint8] | None:
        """The saved figure: uint8 (H, W, 3) RGB; None where an optional one has not been drawn.

        Raises:
            UnusableDataError: the file is no picture, or not there.
        """
        from PIL import Image, UnidentifiedImageError

        pinned = self._version is not None and self._version.load is not None
        if self._optional and not pinned and not self.exists():
            return None
        path = Path(str(self._get_load_path()))
        try:
            return np.asarray(Image.open(path).convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise UnusableDataError(f"{path}: not a picture ({error}). Run the pipeline that draws it anew.") from error
