"""Training images with exchanged backgrounds, made when they are read."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from looks_kedro.learning.portrait_arrays import PortraitRows, Portraits, Rows, content_key, read_rows
from looks_kedro.pipelines.audit.shown import ShownImages

__all__ = ["ExchangedBackgrounds"]

Image = npt.NDArray[np.uint8]


class ExchangedBackgrounds(PortraitRows):
    """Portraits of which half of each class stand before a background of the other class.

    The exchange is made at the size that the network sees, from images that are decoded already.

    Args:
        portraits: uint8 (N, S, S, 3), of the same rows as ``shown``.
        shown: the same images with landmarks and mattes; the head's ellipse stands for a matte that is not good.
        seed: of the exchange.
    """

    def __init__(self, portraits: Portraits, shown: ShownImages, seed: int) -> None:
        from looks_kedro.audit.repair import exchanged_donors

        super().__init__(len(portraits), portraits.shape[1])
        self._portraits, self._shown, self._seed = portraits, shown, seed
        self._donors = exchanged_donors(shown.labels, seed)
        scale = portraits.shape[1] / shown.shape[1]
        self._landmarks = (shown.landmarks + 0.5) * scale - 0.5

    def __reduce__(self) -> tuple[type[ExchangedBackgrounds], tuple[Any, ...]]:
        return ExchangedBackgrounds, (self._portraits, self._shown, self._seed)

    @property
    def key(self) -> str:
        """Names the content: the images, whose background each gets, and which have a matte."""
        parts = (content_key(self._portraits).encode(), self._donors.tobytes(), self._shown.good.tobytes())
        return hashlib.sha256(b"".join((b"exchanged backgrounds", *parts))).hexdigest()

    def read_into(self, rows: Rows, out: Image) -> None:
        """Read the rows, and lay those that are exchanged before their donor's background."""
        from looks_kedro.audit.mixed_backgrounds import on_ground_of

        read_rows(self._portraits, rows, out)
        places = np.flatnonzero(self._donors[rows] != rows)
        if not len(places):
            return
        given = np.empty((len(places), *self.shape[1:]), dtype=np.uint8)
        read_rows(self._portraits, self._donors[rows[places]], given)
        for place, ground in zip(places, given, strict=True):
            row, donor = int(rows[place]), int(self._donors[rows[place]])
            landmarks = self._landmarks[row], self._landmarks[donor]
            out[place] = on_ground_of(out[place], ground, *landmarks, self._matte(row), self._matte(donor))

    def _matte(self, row: int) -> Image | None:
        """The matte at the network's size; None where it is not good."""
        if not self._shown.good[row]:
            return None
        import cv2

        side = self.shape[1]
        return np.asarray(cv2.resize(self._shown.mattes[row], (side, side), interpolation=cv2.INTER_AREA), np.uint8)
