"""Nodes of the known-answers pipeline."""

from pathlib import Path
from typing import Any

import pandas as pd

from looks_kedro.errors import BadInputError

from .parameters import KnownAnswers


def try_cases(known_answers: KnownAnswers, case_files: Path) -> list[dict[str, Any]]:
    """Try the cases; those that a killed run has finished are not tried again.

    Args:
        known_answers: which cases, and how large.
        case_files: where each case's file is kept.

    Returns:
        One record a case.

    Raises:
        BadInputError: only what is done was to be scored, and nothing is.
    """
    from looks_kedro.known_answers import cases_of, read_results, run_cases
    from looks_kedro.known_answers.auditing import audited

    cases = cases_of(known_answers.cases)
    if known_answers.cases == "done":
        records = read_results(cases, known_answers.sizes, case_files, audited)
        if not records:
            raise BadInputError(
                f"{case_files}: expected cases that were tried with these known_answers.sizes; found none. "
                "Run with known_answers.cases=tenth or whole first; it may be stopped at any time."
            )
        return records
    return run_cases(cases, known_answers.sizes, case_files, audited, known_answers.processes)


def score_cases(records: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, Any]:
    """Choose thresholds on one half of the cases and score the other.

    Args:
        records: of the cases that were tried.

    Returns:
        Tables ``known_cases``, ``known_scores``, ``known_confusion`` and ``known_wrong``, and the figure.
    """
    from looks_kedro.known_answers import case_table, confusion, grid, score_table, wrong_cases
    from looks_kedro.known_answers.figure import known_answers_figure
    from looks_kedro.known_answers.scoring import frozen_rules, frozen_thresholds, read_tried

    tried = read_tried(grid(), records)
    rules = frozen_rules(tried)
    scores = score_table(tried, rules, frozen_thresholds(tried))
    table = case_table(tried, rules)
    return table, scores, confusion(table), wrong_cases(table), known_answers_figure(tried, scores)
