"""Known answers: the audit on trial, with portraits in which we planted what a network goes by.

Each case draws a study, trains a network on it, asks the true generator what the network relies on (the key), and
shows the audit only what a user would have. No Kedro here; the audit is known only as a callable.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from looks_kedro.known_answers.settings import CaseSizes, KnownAnswers

if TYPE_CHECKING:
    from looks_kedro.known_answers.cases import Case, cases_of, grid
    from looks_kedro.known_answers.judging import Exhibit, Judge, Judgement
    from looks_kedro.known_answers.running import read_results, run_cases
    from looks_kedro.known_answers.scoring import case_table, confusion, score_table, wrong_cases

_HOMES = {
    "Case": "cases",
    "cases_of": "cases",
    "grid": "cases",
    "Exhibit": "judging",
    "Judge": "judging",
    "Judgement": "judging",
    "read_results": "running",
    "run_cases": "running",
    "case_table": "scoring",
    "confusion": "scoring",
    "score_table": "scoring",
    "wrong_cases": "scoring",
}

__all__ = [
    "Case",
    "CaseSizes",
    "Exhibit",
    "Judge",
    "Judgement",
    "KnownAnswers",
    "case_table",
    "cases_of",
    "confusion",
    "grid",
    "read_results",
    "run_cases",
    "score_table",
    "wrong_cases",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
