"""Groups of class x value of a channel, among which a repair evens things out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from looks_kedro.audit.interventions.channels import channel_named
from looks_kedro.errors import BadInputError

if TYPE_CHECKING:
    from looks_kedro.audit.interventions.portrait import Portrait
    from looks_kedro.audit.interventions.portrait_set import PortraitSet

__all__ = ["around_in_words", "channel_values", "shortcut_groups", "towards_classes"]

Floats = npt.NDArray[np.float64]


def shortcut_groups(
    labels: npt.ArrayLike, values: npt.ArrayLike, parts: int = 2, seed: int = 0
) -> npt.NDArray[np.str_]:
    """Groups of class x value of the channel that the model relies on.

    Texts are taken as they are (an attribute such as gender). Numbers of one dimension (sharpness, JPEG quality) are
    cut at their quantiles *within each class, averaged*: at the plain quantiles, a shortcut that follows the class
    perfectly would leave half of the groups empty, and at each class's own it would not be balanced. Features of a
    channel (N, k), such as the colours of the surround, are clustered (k-means).

    Args:
        labels: 0 or 1 (N,).
        values: (N,) texts or numbers, or (N, k) numbers.
        parts: number of values that numbers are cut into.
        seed: of the clusters.

    Returns:
        (N,) texts such as ``class 1, value 0``.

    Raises:
        BadInputError: a class lacks a value that the other has: groups cannot be balanced. Fewer parts may help;
            where the channel tells the classes perfectly, images must be made (``swapped_backgrounds``).
    """
    marks, given = np.asarray(labels).astype(np.int64), np.asarray(values)
    if given.ndim == 2:
        named = _clusters(given.astype(np.float64), parts, seed).astype(str)
    elif np.issubdtype(given.dtype, np.number):
        shares = np.arange(1, parts) / parts
        cuts = np.mean([np.quantile(given[marks == one], shares) for one in (0, 1)], axis=0)
        named = np.searchsorted(cuts, given, side="right").astype(str)
    else:
        named = given.astype(str)
    groups = np.array([f"class {mark}, {'value ' if given.dtype.kind not in 'UO' else ''}{value}"
                       for mark, value in zip(marks, named, strict=True)])  # fmt: skip
    for one in (0, 1):
        lacking = sorted(set(named) - set(named[marks == one]))
        if lacking:
            raise BadInputError(
                f"class {one} has no image with the value {lacking[0]} of the channel: groups of class x value cannot "
                "be balanced. Take fewer parts, add such images, or train on exchanged backgrounds instead."
            )
    return groups


def channel_values(portraits: PortraitSet, channel: str) -> Floats:
    """What a channel is like on each image, in a few numbers.

    Of a channel with a place the mean colour there (CIELAB) and how much its lightness varies; of ``crop_scale`` the
    face's size, place and tilt; of ``jpeg_quality`` the quality that the pixels show (100 where they show none); of
    ``resolution`` the logarithm of the sharpness; of ``colour`` mean colour and contrast of the whole image.

    Args:
        portraits: the images; those of ``background`` without a matte have that of the surround.
        channel: one of ``interventions.CHANNELS``.

    Returns:
        (N, k).

    Raises:
        BadParameterError: there is no channel of that name.
    """
    channel_named(channel)
    return np.array([_value(portraits.portrait(row), channel) for row in range(len(portraits))], dtype=np.float64)


def towards_classes(labels: npt.ArrayLike, values: npt.ArrayLike) -> Floats:
    """Where a channel lies between the two classes: linear discriminant scores, larger towards class 1 (N,).

    Cut into two, this is what a model by the channel alone would say.

    Args:
        labels: 0 or 1 (N,).
        values: (N, k), from :func:`channel_values`.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    given = np.asarray(values, dtype=np.float64)
    varies = given.std(axis=0) > 1e-9
    if not varies.any():
        return np.zeros(len(given))
    scaled = (given[:, varies] - given[:, varies].mean(axis=0)) / given[:, varies].std(axis=0)
    fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5]).fit(scaled, labels)
    return np.asarray(fitted.decision_function(scaled), dtype=np.float64)


def around_in_words(portraits: PortraitSet, parts: int = 2, seed: int = 0) -> npt.NDArray[np.str_] | None:
    """Images by what is around the head: clusters of its colour, each named by its mean.

    Args:
        portraits: the images.
        parts: number of clusters.
        seed: of the clusters.

    Returns:
        (N,) texts such as ``surround near #7f8a90``; None where all surrounds are alike.
    """
    import cv2

    values = channel_values(portraits, "surround")
    if len(values) < parts or values[:, :3].std(axis=0).max() < 1:
        return None
    found = _clusters(values, parts, seed)
    means = np.stack([values[found == part, :3].mean(axis=0) for part in range(parts)]).astype(np.float32)
    colours = np.rint(255 * np.clip(cv2.cvtColor(means[None], cv2.COLOR_LAB2RGB)[0], 0, 1)).astype(int)
    words = ["surround near #{:02x}{:02x}{:02x}".format(*colour) for colour in colours]
    return np.array(words)[found]


def _value(portrait: Portrait, channel: str) -> list[float]:
    from looks_kedro.audit.companions.properties import measured
    from looks_kedro.audit.interventions.jpeg_traces import traced_quality

    if channel == "jpeg_quality":
        quality = traced_quality(portrait.pixels)
        return [100.0 if quality is None else float(quality)]
    if channel in ("crop_scale", "resolution"):
        told = measured(portrait.pixels, portrait.landmarks)
        if channel == "resolution":
            return [float(np.log(told["sharpness"] + 1))]
        return [told[name] for name in ("face_size", "face_across", "face_down", "face_tilt")]
    if channel_named(channel).needs_matte and portrait.matte is None:
        channel = "surround"
    return _colour(portrait.pixels, channel_named(channel).mask(portrait))


def _colour(pixels: npt.NDArray[np.uint8], weight: npt.NDArray[np.floating]) -> list[float]:
    """Mean L, a and b where the weight is, and the standard deviation of L."""
    import cv2

    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    share = weight.ravel() / max(float(weight.sum()), 1e-9)
    mean = share @ lab
    return [*mean.tolist(), float(np.sqrt(share @ (lab[:, 0] - mean[0]) ** 2))]


def _clusters(values: Floats, parts: int, seed: int) -> npt.NDArray[np.int64]:
    from sklearn.cluster import KMeans

    scale = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(scale > 1e-9, scale, 1.0)
    return np.asarray(KMeans(parts, n_init=10, random_state=seed).fit_predict(scaled), dtype=np.int64)
