"""Do maps depend on what the network has learnt? Its weights are randomised, and the maps compared.

The cascading test of Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018, section 3): from the top down,
layer after layer loses its weights, and the rank correlation of the maps with those of the trained network is told
for each. Maps that stay alike show the image or the architecture rather than the network.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from looks_kedro.intervals import People, mean_interval

__all__ = ["SANITY_COLUMNS", "cascade", "rank_correlation", "sanity_table", "stages"]

SANITY_COLUMNS = ("layer", "images", "correlation", "low", "high")

Explain = Callable[[nn.Module], npt.NDArray[np.floating]]
"""A network to the maps (N, h, w) of some images."""

_WHOLE = 0.9


def sanity_table(model: nn.Module, explain: Explain, people: People, draws: int = 3, seed: int = 0) -> pd.DataFrame:
    """Rank correlation of the maps before and after the weights are randomised, layer by layer from the top.

    Args:
        model: a trained network; it stays as it is.
        explain: gives the signed maps of N images by a network.
        people: whom the N images show.
        draws: random networks for each layer. A random network turns the maps of all images alike, and they have few
            places: one draw can be far from 0 by chance, in either direction.
        seed: of the random weights.

    Returns:
        Columns ``SANITY_COLUMNS``: ``layer``, which has lost its weights with all above it, the uppermost first;
        ``images``, with maps that can be ranked; ``correlation``, Spearman's, of an image's two maps, the mean over
        draws and images; ``low`` and ``high``, over people, for these draws.
    """
    trained = explain(model)
    layers = [names[0] for names in stages(model)[::-1]]
    found = np.full((draws, len(layers), len(trained)), np.nan)
    for draw in range(draws):
        for number, (_, network) in enumerate(cascade(model, seed + draw)):
            found[draw, number] = rank_correlation(trained, explain(network))
    rows = []
    for number, layer in enumerate(layers):
        known = np.isfinite(found[:, number])
        counts = known.sum(axis=0)
        total = np.where(known, found[:, number], 0).sum(axis=0)
        values = np.divide(total, counts, out=np.full(len(trained), np.nan), where=counts > 0)
        interval = mean_interval(values, people, within=(-1, 1))
        rows.append((layer, int((counts > 0).sum()), interval.value, interval.low, interval.high))
    return pd.DataFrame(rows, columns=list(SANITY_COLUMNS))


def stages(model: nn.Module) -> list[tuple[str, ...]]:
    """The layers that are randomised one after another, from the input on.

    These are the network's own children with weights; one that holds nearly all of them gives way to its children, as
    ``features`` does in an EfficientNet. A layer that only normalises goes with the one before it.

    Args:
        model: any network.

    Returns:
        Names of the layers of each stage; together they hold all weights but those that belong to no child.
    """
    found: list[tuple[str, ...]] = []
    whole = _size(model)

    def look_into(module: nn.Module, above: str) -> None:
        for name, child in module.named_children():
            path = f"{above}{name}"
            if _size(child) > _WHOLE * whole and any(_size(one) for one in child.children()):
                look_into(child, f"{path}.")
            elif found and _size(child) and all(weight.ndim == 1 for weight in child.parameters()):
                found[-1] += (path,)
            elif _size(child):
                found.append((path,))

    look_into(model, "")
    return found


def cascade(model: nn.Module, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Networks that lose their weights from the top down.

    Layers draw new weights as they did when they were built; other weights are exchanged among themselves at random.

    Args:
        model: a network; it stays as it is, and so does torch's random state.
        seed: of the random weights.

    Yields:
        The name of the stage that lost its weights last, and the network: the same object each time.
    """
    network = copy.deepcopy(model)
    for number, names in enumerate(stages(network)[::-1]):
        devices = list({weight.device.index or 0 for weight in network.parameters() if weight.is_cuda})
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            torch.manual_seed(seed * 1000 + number)
            for name in names:
                _randomise(network.get_submodule(name))
        yield names[0], network


def rank_correlation(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Spearman's correlation of each pair of maps.

    Args:
        one: (N, h, w).
        other: (N, h, w).

    Returns:
        (N,), -1..1; NaN where a map is constant.
    """
    from scipy.stats import rankdata

    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (one, other)]
    first, second = (values - values.mean(axis=1, keepdims=True) for values in ranks)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    found: npt.NDArray[np.float64] = np.full(len(one), np.nan)
    np.divide((first * second).sum(axis=1), scale, out=found, where=scale > 0)
    return found


def _randomise(module: nn.Module) -> None:
    for part in module.modules():
        reset = getattr(part, "reset_parameters", None)
        if callable(reset):
            reset()
            continue
        for weight in part.parameters(recurse=False):
            weight.copy_(weight.flatten()[torch.randperm(weight.numel(), device=weight.device)].view_as(weight))


def _size(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())
