from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
import pytest
from kedro.io import DatasetError
from matplotlib.figure import Figure
from PIL import Image

from looks_kedro.datasets.figures import FiguresDataset


def test_figures_load_as_pictures_and_the_preview_shows_them_side_by_side(tmp_path):
    dataset = FiguresDataset(filepath=str(tmp_path / "figures"))
    sizes = {"a.png": (2, 1), "b.png": (1, 2)}
    dataset.save({name: Figure(figsize=size, dpi=50) for name, size in sizes.items()})
    pictures = dataset.load()
    assert {name: picture.shape[:2] for name, picture in pictures.items()} == {"a.png": (50, 100), "b.png": (100, 50)}
    with Image.open(BytesIO(base64.b64decode(dataset.preview()))) as sheet:
        assert sheet.size == (150, 100)
        assert np.asarray(sheet).min() == 255


def test_a_folder_without_figures_is_named(tmp_path):
    (tmp_path / "figures").mkdir()
    with pytest.raises(DatasetError, match="there is no figure"):
        FiguresDataset(filepath=str(tmp_path / "figures")).load()
