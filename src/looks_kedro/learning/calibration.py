"""Whether a probability of 0.8 is right in 8 of 10 cases: reliability by bins, Brier score, and the temperature.

Bins hold equally many images, because a trained network puts most probabilities next to 0 and 1, where bins of equal
width would leave the others nearly empty. Images of one probability stay together, so there may be fewer bins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from looks_kedro.errors import BadInputError
from looks_kedro.intervals import DRAWS, Interval, People, cluster_weights, mean_interval, people_of, share_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["calibration_summary", "calibration_table", "fit_temperature", "reliability_figure"]

Floats = npt.NDArray[np.float64]

_COLDEST, _HOTTEST = 0.05, 20.0


def calibration_table(predictions: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Predicted probability against the share of celebrities, bin by bin.

    Args:
        predictions: columns ``looks``, ``identity``, ``probability`` (of celebrity, 0..1).
        bins: how many at most.

    Returns:
        Columns ``bin`` (from 1), ``low`` and ``high`` (least and largest probability in it), ``images``,
        ``mean_probability``, ``celebrity_share``, ``share_low``, ``share_high`` (95 % interval over people; NaN where
        one person fills the bin).

    Raises:
        BadInputError: there are no predictions.
    """
    probability, looks, identity = _columns(predictions)
    places = _bins(probability, bins)
    rows = []
    for place in range(int(places.max()) + 1):
        inside = places == place
        share = share_interval(looks[inside], people_of(identity[inside]))
        part = probability[inside]
        head = (place + 1, part.min(), part.max(), int(inside.sum()), part.mean())
        rows.append((*head, share.value, share.low, share.high))
    names = ["bin", "low", "high", "images", "mean_probability", "celebrity_share", "share_low", "share_high"]
    return pd.DataFrame(rows, columns=names)


def calibration_summary(
    predictions: pd.DataFrame, bins: int = 10, folds: int = 5, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """Brier score, calibration error, and what one temperature mends of it.

    ``brier = mean (p - looks)^2``; ``calibration_error = sum_b n_b / n |mean p - mean looks|`` over the bins (Naeini
    et al., 2015). A temperature T divides the difference of the logits (Guo et al., 2017); ``temperature`` is fitted
    on all images, ``calibrated_error`` measured on probabilities of temperatures fitted without the image's person.

    Args:
        predictions: columns ``looks``, ``identity``, ``logit_ordinary``, ``logit_celebrity``, ``probability``.
        bins: how many at most.
        folds: parts of the people, each scaled by the temperature of the others.
        draws: bootstrap draws over people, for the interval of the calibration error.
        seed: of the draws and the folds.

    Returns:
        One row: ``images``, ``brier``, ``calibration_error`` (each with ``_low`` and ``_high``), ``temperature``,
        ``calibrated_error`` (NaN where a class has fewer than two people).

    Raises:
        BadInputError: there are no predictions.
    """
    probability, looks, identity = _columns(predictions)
    people = people_of(identity, looks)
    brier = mean_interval((probability - looks) ** 2, people, within=(0.0, 1.0))
    error = _error_interval(probability, looks, people, bins, draws, seed)
    difference = predictions["logit_celebrity"].to_numpy(np.float64) - predictions["logit_ordinary"].to_numpy()
    scaled = _cross_fitted(difference, looks, people, folds, seed)
    row = {
        "images": len(looks),
        **_limits("brier", brier),
        **_limits("calibration_error", error),
        "temperature": fit_temperature(difference, looks),
        "calibrated_error": _error(scaled, looks, _bins(scaled, bins)) if np.isfinite(scaled).all() else np.nan,
    }
    return pd.DataFrame([row])


def fit_temperature(difference: npt.ArrayLike, classes: npt.ArrayLike) -> float:
    """The temperature of the least cross-entropy of sigmoid(difference / T).

    Args:
        difference: (N,) logit of class 1 less that of class 0.
        classes: 0 or 1 (N,).

    Returns:
        Above 1 for a network that is too sure; between 0.05 and 20, also where no temperature is the best one because
        all or none of the images are right.
    """
    from scipy.optimize import minimize_scalar

    signed = np.asarray(difference, dtype=np.float64) * np.where(np.asarray(classes) == 1, 1.0, -1.0)
    bounds = (1 / _HOTTEST, 1 / _COLDEST)
    found = minimize_scalar(lambda sharpness: np.logaddexp(0, -sharpness * signed).mean(), bounds=bounds)
    return float(1 / found.x)


def reliability_figure(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Share of celebrities against predicted probability, a panel a model.

    Args:
        tables: title of each panel to its ``calibration_table``.

    Returns:
        A figure with an Agg canvas; bars are 95 % intervals over people, the diagonal is a network whose
        probabilities are right.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = max(min(len(tables), 3), 1)
    down = max(-(-len(tables) // across), 1)
    figure = Figure(figsize=(3.1 * across + 0.4, 3.1 * down + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
    for axis, (title, table) in zip(axes, tables.items(), strict=False):
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--")
        x, y = table["mean_probability"], table["celebrity_share"]
        reach = np.stack([(y - table["share_low"]).fillna(0), (table["share_high"] - y).fillna(0)]).clip(0)
        axis.errorbar(x, y, yerr=reach, color="#1f5a94", marker="o", markersize=4, linewidth=1, capsize=2)
        axis.set(title=title, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    for axis in axes[len(tables) :]:
        axis.set_visible(False)
    figure.supxlabel("predicted probability of celebrity")
    figure.supylabel("share of celebrities")
    return figure


def _columns(predictions: pd.DataFrame) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.str_]]:
    if predictions.empty:
        raise BadInputError("There are no predictions to measure; the test part has no images.")
    identity = predictions["identity"].to_numpy().astype(str)
    return predictions["probability"].to_numpy(np.float64), predictions["looks"].to_numpy(np.int64), identity


def _limits(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _bins(probability: Floats, bins: int) -> npt.NDArray[np.int64]:
    """The bin of each image, from 0, without gaps."""
    last = np.arange(1, bins) * len(probability) // bins - 1
    edges = np.sort(probability)[last[last >= 0]]
    places = np.searchsorted(np.unique(edges), probability, side="left")
    return np.unique(places, return_inverse=True)[1].astype(np.int64)


def _error(probability: Floats, looks: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> float:
    return float(np.abs(np.bincount(places, weights=probability - looks)).sum() / len(looks))


def _error_interval(
    probability: Floats, looks: npt.NDArray[np.int64], people: People, bins: int, draws: int, seed: int
) -> Interval:
    """The basic bootstrap interval, which takes off the error that chance alone adds; it always holds the estimate."""
    places = _bins(probability, bins)
    error = _error(probability, looks, places)
    if any(len(members) < 2 for members in people.strata()):
        return Interval(error, np.nan, np.nan)
    inside = np.zeros((len(looks), int(places.max()) + 1))
    inside[np.arange(len(looks)), places] = 1
    weights = cluster_weights(people, draws, seed)
    gaps = weights @ people.sums(inside * (probability - looks)[:, None]).astype(np.float32)
    drawn = np.abs(gaps).sum(axis=1) / (weights @ people.sizes.astype(np.float32))
    low, high = 2 * error - np.quantile(drawn, [0.975, 0.025])
    return Interval(error, float(np.clip(low, 0, error)), float(np.clip(high, error, 1)))


def _cross_fitted(difference: Floats, looks: npt.NDArray[np.int64], people: People, folds: int, seed: int) -> Floats:
    """Probabilities with the temperature of the other folds' people; NaN where a class has one person only."""
    fold = np.zeros(len(people), dtype=np.int64)
    generator = np.random.default_rng(seed)
    strata = people.strata()
    if min(len(members) for members in strata) < 2:
        return np.full(len(looks), np.nan)
    for members in strata:
        fold[generator.permutation(members)] = np.arange(len(members)) % folds
    scaled = np.empty(len(looks))
    for one in range(folds):
        inside = fold[people.index] == one
        if inside.any():
            scaled[inside] = difference[inside] / fit_temperature(difference[~inside], looks[~inside])
    return np.asarray(np.exp(-np.logaddexp(0, -scaled)))
