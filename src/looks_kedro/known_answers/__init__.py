"""Known answers: the audit on trial, with portraits in which we planted what a network goes by.

Each case draws a study, trains a network on it, asks the true generator what the network relies on (the key), and
shows the audit only what a user would have. No Kedro here; the audit is known only as a callable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from looks_kedro.known_answers.cases import Case, cases_of, grid
    from looks_kedro.known_answers.judging import Exhibit, Judge, Judgement
    from looks_kedro.known_answers.running import read_results, run_cases
    from looks_kedro.known_answers.scoring import case_table, confusion, score_table, wrong_cases
    from looks_kedro.known_answers.settings import CaseSizes, KnownAnswers

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cases": ["Case", "cases_of", "grid"],
        "judging": ["Exhibit", "Judge", "Judgement"],
        "running": ["read_results", "run_cases"],
        "scoring": ["case_table", "confusion", "score_table", "wrong_cases"],
        "settings": ["CaseSizes", "KnownAnswers"],
    },
)

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
