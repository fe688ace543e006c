"""How the evidence of a map is spread over the parts of the image, against how large the parts are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.cam.averages import enlarge
from looks_kedro.errors import BadInputError
from looks_kedro.intervals import Interval, mean_interval, people_of

__all__ = ["REGION_COLUMNS", "RegionShares", "attention_by_region", "region_table"]

REGION_COLUMNS = (
    "region",
    "class",
    "images",
    "identities",
    "share",
    "share_low",
    "share_high",
    "area",
    "ratio",
    "ratio_low",
    "ratio_high",
)


@dataclass(frozen=True)
class RegionShares:
    """The evidence of each image on each region.

    Attributes:
        regions: names.
        share: float64 (N, regions), shares of the positive evidence; a row sums to 1, and is NaN where the image has
            no positive evidence.
        area: float64 (N, regions), shares of the image; a row sums to 1.
    """

    regions: tuple[str, ...]
    share: npt.NDArray[np.float64]
    area: npt.NDArray[np.float64]

    @property
    def ratio(self) -> npt.NDArray[np.float64]:
        """Share by area of each image: 1 where the evidence lies as if by chance, NaN where a region is empty."""
        ratio: npt.NDArray[np.float64] = np.full(self.share.shape, np.nan)
        return np.divide(self.share, self.area, out=ratio, where=self.area > 0)


def attention_by_region(
    maps: npt.NDArray[np.floating],
    masks: Iterable[Mapping[str, npt.NDArray[np.bool_]]],
    toward: npt.NDArray[np.integer] | None = None,
) -> RegionShares:
    """Shares of the positive evidence on regions that make up the image.

    ``share = sum_{region} max(m, 0) / sum max(m, 0)`` over the map enlarged to the masks' size.

    Args:
        maps: signed (N, h, w), positive for class 1.
        masks: for each image the regions by name, square and of one size, read one image at a time; each pixel
            belongs to exactly one.
        toward: (N,) classes 0 or 1 that the evidence must speak for; a 0 turns the sign of that map.

    Raises:
        BadInputError: the regions of an image overlap or leave pixels out, or are not those of the first.
        ValueError: there are not as many images' masks as maps.
    """
    signs = np.ones(len(maps)) if toward is None else np.where(np.asarray(toward) == 0, -1.0, 1.0)
    names: tuple[str, ...] = ()
    shares, areas = [], []
    for number, (one, regions, sign) in enumerate(zip(maps, masks, signs, strict=True)):
        names = names or tuple(regions)
        numbers = _numbered(regions, names, number)
        positive = np.maximum(enlarge(one * sign, numbers.shape[0]), 0).astype(np.float64)
        sums = np.bincount(numbers.ravel(), weights=positive.ravel(), minlength=len(names))
        total = sums.sum()
        shares.append(sums / total if total > 0 else np.full(len(names), np.nan))
        areas.append(np.bincount(numbers.ravel(), minlength=len(names)) / numbers.size)
    shape = (len(shares), len(names))
    return RegionShares(names, np.array(shares).reshape(shape), np.array(areas).reshape(shape))


def region_table(shares: RegionShares, looks: npt.ArrayLike, identities: npt.ArrayLike) -> pd.DataFrame:
    """Shares by region and class, with intervals over people.

    The ratio is that of the means, ``mean(share) / mean(area)``: a mean of ratios would hang on images where a region
    is only a few pixels. Its interval is that of the linearised ratio.

    Args:
        shares: of N images.
        looks: (N,), 1 celebrity, 0 ordinary.
        identities: (N,) whom each image shows.

    Returns:
        Columns ``REGION_COLUMNS``: for each region a row for each class that has images and one for all. ``images``
        counts those with positive evidence. ``ratio`` is NaN where the region is empty in all of them.
    """
    kinds, names = np.asarray(looks), np.asarray(identities).astype(str)
    known = np.isfinite(shares.share).all(axis=1)
    classes = {"celebrities": known & (kinds == 1), "ordinary": known & (kinds == 0), "all": known}
    rows = []
    for number, region in enumerate(shares.regions):
        for name, chosen in classes.items():
            if not chosen.any():
                continue
            people = people_of(names[chosen], kinds[chosen])
            share, area = shares.share[chosen, number], shares.area[chosen, number]
            mean = mean_interval(share, people, within=(0, 1))
            size = float(area.mean())
            ratio = Interval(np.nan, np.nan, np.nan)
            if size > 0:
                whole = mean.value / size
                ratio = mean_interval(whole + (share - whole * area) / size, people, within=(0, np.inf))
            head = (region, name, int(chosen.sum()), len(people))
            rows.append((*head, mean.value, mean.low, mean.high, size, ratio.value, ratio.low, ratio.high))
    return pd.DataFrame(rows, columns=list(REGION_COLUMNS))


def _numbered(
    regions: Mapping[str, npt.NDArray[np.bool_]], names: tuple[str, ...], image: int
) -> npt.NDArray[np.int64]:
    """The number of each pixel's region."""
    if set(regions) != set(names):
        raise BadInputError(f"image {image} has the regions {', '.join(regions)}; expected {', '.join(names)}")
    stack = np.stack([np.asarray(regions[name], dtype=bool) for name in names])
    covered = stack.sum(axis=0)
    if covered.min() != 1 or covered.max() != 1:
        raise BadInputError(
            f"image {image}: {int((covered == 0).sum())} pixels belong to no region and {int((covered > 1).sum())} to "
            f"several; expected each in exactly one"
        )
    numbers: npt.NDArray[np.int64] = stack.argmax(axis=0)
    return numbers
