"""One matplotlib figure that can be seen again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from kedro_datasets.matplotlib import MatplotlibDataset

from looks_kedro.datasets.errors import UnusableDataError


class FigureDataset(MatplotlibDataset):  # type: ignore[misc]  # kedro-datasets has no types
    """A figure, saved as PNG; it loads as a picture."""

    def load(self) -> npt.NDArray[np.uint8]:
        """The saved figure: uint8 (H, W, 3) RGB.

        Raises:
            UnusableDataError: the file is no picture.
        """
        from PIL import Image, UnidentifiedImageError

        path = Path(str(self._get_load_path()))
        try:
            return np.asarray(Image.open(path).convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
            raise UnusableDataError(f"{path}: not a picture ({error}). Run the pipeline that draws it anew.") from error
