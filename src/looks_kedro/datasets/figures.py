"""A versioned folder of matplotlib figures that can be seen again."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from kedro_datasets._typing import ImagePreview
from kedro_datasets.matplotlib import MatplotlibDataset

from looks_kedro.datasets.errors import UnusableDataError


class FiguresDataset(MatplotlibDataset):  # type: ignore[misc]  # kedro-datasets has no types
    """Figures by file name, saved as PNG into one folder; they load as pictures."""

    def load(self) -> dict[str, npt.NDArray[np.uint8]]:
        """The saved figures by name, in the order of the names: uint8 (H, W, 3) RGB.

        Raises:
            UnusableDataError: there is no figure.
        """
        from PIL import Image

        folder = Path(str(self._get_load_path()))
        paths = sorted(folder.glob("*.png"))
        if not paths:
            raise UnusableDataError(f"{folder}: there is no figure. Run the pipeline that draws them.")
        return {path.name: np.asarray(Image.open(path).convert("RGB")) for path in paths}

    def preview(self) -> ImagePreview:
        """The saved figures side by side, as a PNG in base64."""
        from PIL import Image

        figures = list(self.load().values())
        height = max(figure.shape[0] for figure in figures)
        padded = [np.pad(one, ((0, height - len(one)), (0, 0), (0, 0)), constant_values=255) for one in figures]
        stream = BytesIO()
        Image.fromarray(np.concatenate(padded, axis=1)).save(stream, "PNG")
        return ImagePreview(base64.b64encode(stream.getvalue()).decode("ascii"))
