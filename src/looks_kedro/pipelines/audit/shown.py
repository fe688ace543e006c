"""Images of a variant as networks see them, with their landmarks and mattes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.balancing.copies import copied_image
from looks_kedro.datasets import ImageFolder
from looks_kedro.mattes.compositing import without_alpha
from looks_kedro.pipelines.background.nodes import matte_file
from looks_kedro.tables import CROP_LANDMARKS

if TYPE_CHECKING:
    from looks_kedro.audit import PortraitSet

__all__ = ["ShownImages", "ShownMattes", "cut_out_well", "landmarks_in"]

Image = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ShownImages:
    """Some images of a variant, at their full size; each is read when it is looked at.

    Attributes:
        model_input: the images.
        rows: of its table.
        colour: RGB behind transparent pixels.
        cuts: mattes of the faces.
        quality: which of them are good.
        cut_out: whether mattes are wanted.
    """

    model_input: ImageFolder
    rows: pd.DataFrame
    colour: tuple[int, ...]
    cuts: ImageFolder
    quality: pd.DataFrame
    cut_out: bool = True

    dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: Any) -> Image:
        """One image (S, S, 3), or those of several row numbers (n, S, S, 3)."""
        if np.ndim(row):
            return np.stack([self[one] for one in row])
        return without_alpha(self.model_input.array(self.rows["file"].iloc[row]), self.colour)

    def chosen(self, rows: npt.NDArray[Any]) -> ShownImages:
        """Those of some row numbers."""
        return replace(self, rows=self.rows.iloc[rows].reset_index(drop=True))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """(N, S, S, 3)."""
        return (len(self), *self[0].shape)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) 0 or 1."""
        return self.rows["looks"].to_numpy(np.int64)

    @property
    def identities(self) -> npt.NDArray[np.str_]:
        """(N,) who is shown."""
        return self.rows["identity"].to_numpy(dtype=str)

    @property
    def landmarks(self) -> npt.NDArray[np.float64]:
        """(N, 5, 2) in pixels of the images."""
        return landmarks_in(self.rows)

    @cached_property
    def good(self) -> Flags:
        """(N,) which were cut out well."""
        return cut_out_well(self.rows, self.quality)

    @cached_property
    def mattes(self) -> ShownMattes:
        """Their mattes, good or not."""
        return ShownMattes(self)

    @cached_property
    def portraits(self) -> PortraitSet:
        """The images with their landmarks and, where they are wanted and good, their mattes."""
        from looks_kedro.audit import PortraitSet

        if not self.cut_out:
            return PortraitSet(self, self.landmarks)
        return PortraitSet(self, self.landmarks, self.mattes, self.good)


@dataclass(frozen=True, eq=False)
class ShownMattes:
    """The matte of each image; of a copy it is changed as the image was."""

    images: ShownImages
    dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, S, S)."""
        return self.images.shape[:3]

    def __getitem__(self, row: int) -> Image:
        record = self.images.rows.iloc[row].to_dict()
        return copied_image(record, self.images.cuts.array(matte_file(record["parent"])))


def landmarks_in(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The five landmarks of each row of a model input's table, (N, 5, 2) in pixels of its images."""
    return rows[list(CROP_LANDMARKS)].to_numpy(float).reshape(-1, 5, 2)


def cut_out_well(rows: pd.DataFrame, quality: pd.DataFrame) -> Flags:
    """(N,) which rows' faces have a good matte."""
    good: Flags = rows["parent"].isin(quality.loc[quality["passed"], "file"]).to_numpy()
    return good
