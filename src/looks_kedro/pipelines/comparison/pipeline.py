"""Wiring of the comparison pipeline."""

from kedro.pipeline import Node, Pipeline

from .nodes import compare_runs, write_comparison


def create_pipeline() -> Pipeline:
    """What runs left in a folder of results to tables and a page."""
    tables = ["comparison_runs", "comparison_parameters", "comparison_results"]
    return Pipeline(
        [
            Node(compare_runs, ["params:comparison", "results_folder"], tables, name="compare_runs"),
            Node(write_comparison, ["params:comparison", *tables], "comparison", name="write_comparison"),
        ],
        tags="comparison",
    )
