"""The comparison as a user runs it: the short form of the parameter, the page, the lines at the end."""

from __future__ import annotations

import numpy as np

FIRST, SECOND = "2026-01-01T10.00.00.000Z", "2026-01-02T10.00.00.000Z"


def test_two_runs_are_compared_by_one_command(project, kedro, write_run):
    good, poor = np.ones(40, dtype=bool), np.arange(40) % 2 == 0
    write_run(project / "data/test", FIRST, correct=good)
    write_run(project / "data/test", SECOND, correct=poor)
    done = kedro(project, "run", "--env", "test", "--pipelines", "comparison", "--params", f"runs={SECOND}+previous")
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert f"A: {SECOND}" in told
    assert "balanced accuracy differs by more than chance for 1 of 1 models" in told
    assert "WARNING" not in told
    pages = list((project / "data/test/08_reporting/comparison.html").rglob("*.html"))
    assert len(pages) == 1
    assert pages[0].name in told.splitlines()[-1]
    # The comparison is no run to compare: the last two are as before.
    again = kedro(project, "run", "--env", "test", "--pipelines", "comparison")
    assert f"B: {SECOND}" in again.stdout + again.stderr


def test_a_run_that_does_not_exist_is_told_in_one_message(project, kedro, write_run):
    write_run(project / "data/test", FIRST, correct=np.ones(8, dtype=bool))
    done = kedro(project, "run", "--env", "test", "--pipelines", "comparison", "--params", "comparison.runs=last+2031")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "there is no run '2031'" in " ".join(done.stderr.split())
