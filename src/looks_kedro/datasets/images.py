"""A set of images on its way to disk (``Images``), and one that lies there (``ImageFolder``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from looks_kedro.datasets.csv_files import read_table


@dataclass(frozen=True)
class Keyed:
    """Content of an image with a key that names everything it depends on.

    Where the store holds what was made under this key before, it is linked, and the content is not even looked at: a
    run that was killed while saving, or that changes little, makes only what is missing.

    Args:
        key: such as a fingerprint of settings and code, and the sha256 of the photo that it is made from.
        content: what would be made.
    """

    key: str
    content: Any


@dataclass(frozen=True, eq=False)
class Images:
    """Images to save: what a node returns for an ``ImageFolderDataset``.

    Args:
        items: tuples ``(name, content)`` or ``(name, content, source)``. ``content`` is bytes or a file (stored as
            they are), a uint8 array or PIL image (encoded), or a callable without arguments that gives one of these
            and is run in the saving threads, so that only a few images are in memory at a time; or one of these as
            ``Keyed``. ``source`` is noted in the manifest. May be a generator, which is used up by the saving.
        table: one row an image or as the node likes; saved beside the images.
    """

    items: Iterable[tuple[Any, ...]]
    table: pd.DataFrame | None = None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.items)


@dataclass(frozen=True)
class ImageFolder:
    """A saved set of images: cheap to hold, to copy and to send to other processes; opens files on demand.

    Args:
        root: the folder that the names are relative to.
        names: names of the images, in the order of saving.
        version: version of the dataset, None where it is not versioned.
        schema: schema of the table in ``looks_kedro.tables``.
    """

    root: Path
    names: tuple[str, ...]
    version: str | None = None
    schema: str | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __repr__(self) -> str:
        return f"ImageFolder({self.root.as_posix()!r}, {len(self)} images, version={self.version!r})"

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files of the images, in the order of the names."""
        return tuple(self.root / name for name in self.names)

    def path(self, name: str) -> Path:
        """File of one image; nothing is checked, reading a name that is not there fails."""
        return self.root / name

    def array(self, name: str) -> NDArray[np.uint8]:
        """One image decoded: uint8 (H, W, 3) RGB, (H, W, 4) RGBA where it has alpha, (H, W) where it is grey."""
        from PIL import Image

        with Image.open(self.path(name)) as picture:
            mode = picture.mode if picture.mode in ("RGB", "RGBA", "L") else "RGB"
            return np.asarray(picture.convert(mode))

    @property
    def manifest(self) -> pd.DataFrame:
        """Columns ``name, sha256, bytes, source``, read anew each time."""
        return read_manifest(self.root)

    @property
    def table(self) -> pd.DataFrame | None:
        """The table saved beside the images, read and checked anew each time; None where there is none."""
        path = self.root / "table.csv"
        return read_table(path, self.schema) if path.exists() else None


def read_manifest(root: Path) -> pd.DataFrame:
    """The manifest of a folder: ``name, sha256, source`` text, ``bytes`` int64."""
    kinds = {"name": "str", "sha256": "str", "bytes": "int64", "source": "str"}
    return pd.read_csv(root / "manifest.csv", dtype=kinds, keep_default_na=False, encoding="utf-8")
