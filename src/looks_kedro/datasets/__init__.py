"""Kedro datasets of our own: versioned image folders, schema-checked tables, network checkpoints.

How things lie on disk is decided here; nothing here knows what a face, a model or a pipeline is. ``figures`` is not
among the exports, because it loads matplotlib.
"""

from __future__ import annotations

from looks_kedro.datasets.arrays import ArraysDataset
from looks_kedro.datasets.bytes_file import BytesFileDataset
from looks_kedro.datasets.checkpoint import CheckpointDataset
from looks_kedro.datasets.image_folder import ImageFolderDataset
from looks_kedro.datasets.images import ImageFolder, Images, Keyed
from looks_kedro.datasets.place import PlaceDataset
from looks_kedro.datasets.table import TableDataset

__all__ = [
    "ArraysDataset",
    "BytesFileDataset",
    "CheckpointDataset",
    "ImageFolder",
    "ImageFolderDataset",
    "Images",
    "Keyed",
    "PlaceDataset",
    "TableDataset",
]
