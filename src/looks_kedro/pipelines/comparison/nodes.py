"""Nodes of the comparison pipeline."""

from pathlib import Path

import pandas as pd

from .parameters import Comparison


def compare_runs(comparison: Comparison, results_folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Find the runs and hold them against the first.

    Args:
        comparison: which runs.
        results_folder: folder of results whose runs may be named without it.

    Returns:
        Tables ``comparison_runs``, ``comparison_parameters`` and ``comparison_results``.
    """
    from looks_kedro.comparison import find_runs, input_table, result_table, runs_table

    runs = find_runs(comparison.runs, results_folder)
    return runs_table(runs), input_table(runs), result_table(runs)


def write_comparison(
    comparison: Comparison,
    comparison_runs: pd.DataFrame,
    comparison_parameters: pd.DataFrame,
    comparison_results: pd.DataFrame,
) -> str:
    """Put the runs side by side on one page.

    Args:
        comparison: title.
        comparison_runs: the runs.
        comparison_parameters: what went into them.
        comparison_results: what came of them.

    Returns:
        The HTML text.
    """
    from looks_kedro.comparison.page import render_comparison

    return render_comparison(comparison.title, comparison_runs, comparison_parameters, comparison_results)
