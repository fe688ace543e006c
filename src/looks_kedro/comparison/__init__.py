"""Two or more runs side by side: what differed in what went in, and what came of it.

Runs are read from what they left on disk (manifest, tables of the models); nothing here knows Kedro or trains anything.
"""

from looks_kedro.comparison.inputs import input_table, runs_table
from looks_kedro.comparison.outcomes import result_table
from looks_kedro.comparison.runs import Run, find_runs

__all__ = ["Run", "find_runs", "input_table", "result_table", "runs_table"]
