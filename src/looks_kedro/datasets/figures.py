"""A versioned folder of matplotlib figures that Kedro-Viz can show."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

from kedro_datasets._typing import ImagePreview
from kedro_datasets.matplotlib import MatplotlibDataset


class FiguresDataset(MatplotlibDataset):  # type: ignore[misc]  # kedro-datasets has no types
    """Figures by file name, saved into one folder; the preview shows them side by side."""

    def preview(self) -> ImagePreview:
        """The saved figures in the order of their names, side by side, as a PNG in base64.

        Raises:
            FileNotFoundError: no figure was saved.
        """
        from PIL import Image

        folder = Path(str(self._get_load_path()))
        figures = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))]
        if not figures:
            raise FileNotFoundError(f"{folder}: no figure; run the explainability pipeline.")
        sheet = Image.new("RGB", (sum(one.width for one in figures), max(one.height for one in figures)), "white")
        left = 0
        for one in figures:
            sheet.paste(one, (left, 0))
            left += one.width
        stream = BytesIO()
        sheet.save(stream, "PNG")
        return ImagePreview(base64.b64encode(stream.getvalue()).decode("ascii"))
