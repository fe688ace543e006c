"""Nodes of the weights pipeline."""

from pathlib import Path

import pandas as pd

from looks_kedro.pipelines.acquisition.parameters import Acquisition

from .parameters import Weights


def fetch_weights(weights: Weights, acquisition: Acquisition, weights_folder: Path) -> pd.DataFrame:
    """Bring the weights of published networks into the folder of weights; what is there is only checked.

    Args:
        weights: which ones, and from where.
        acquisition: of which ``web`` says how politely other machines are asked.
        weights_folder: where they go.

    Returns:
        Table ``weights_table``: file, size, sha256 and origin of each.

    Raises:
        BadInputError: a file cannot be had, or is not what it should be.
    """
    from looks_kedro.sources import weights as source
    from looks_kedro.sources.web import WebClient

    with WebClient(acquisition.web) as client:
        return source.fetch_weights(weights.names, weights_folder, client, local=weights.local, mirrors=weights.mirrors)
