"""Runs are found by their versions, by words and by folders."""

from __future__ import annotations

import numpy as np
import pytest

from looks_kedro.comparison import find_runs
from looks_kedro.errors import BadInputError, BadParameterError

FIRST, SECOND, THIRD = (f"2026-01-0{day}T10.00.00.000Z" for day in (1, 2, 3))
RIGHT = np.ones(8, dtype=bool)


def test_last_and_previous_are_the_newest_runs_with_results(tmp_path, write_run):
    write_run(tmp_path, FIRST, correct=RIGHT)
    write_run(tmp_path, SECOND, correct=RIGHT)
    write_run(tmp_path, THIRD)
    write_run(tmp_path, "2026-01-04T10.00.00.000Z", outcome="failed: OSError: no room")
    assert [run.version for run in find_runs(["previous", "last"], tmp_path)] == [FIRST, SECOND]


def test_a_run_may_be_named_by_the_beginning_of_its_version(tmp_path, write_run):
    for version in (FIRST, SECOND):
        write_run(tmp_path, version)
    assert [run.name for run in find_runs(["2026-01-02", "2026-01-01"], tmp_path)] == [SECOND, FIRST]
    with pytest.raises(BadParameterError, match="beginning of 2 runs"):
        find_runs(["2026-01", "2026-01-01"], tmp_path)


def test_another_folder_is_its_last_run_and_its_name_is_told(tmp_path, write_run):
    here, there = tmp_path / "here", tmp_path / "there"
    write_run(here, FIRST, correct=RIGHT)
    for version in (FIRST, SECOND):
        write_run(there, version, correct=RIGHT)
    runs = find_runs(["last", str(there), f"{there}@{FIRST}"], here)
    assert [run.version for run in runs] == [FIRST, SECOND, FIRST]
    assert runs[2].name == f"{there}@{FIRST}"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["last"], "expected two runs or more"),
        (["last", FIRST], "names the run 2026-01-01T10.00.00.000Z twice"),
        (["last", "lats"], "there is no run 'lats'; did you mean last"),
        (["previous", "last"], "has 1; runs of"),
    ],
)
def test_names_that_mean_no_two_runs_are_told_with_what_there_is(tmp_path, write_run, names, told):
    write_run(tmp_path, FIRST, correct=RIGHT)
    with pytest.raises(BadParameterError, match=told) as error:
        find_runs(names, tmp_path)
    assert "comparison.runs" in str(error.value)


def test_a_folder_without_runs_says_where_they_would_be(tmp_path):
    with pytest.raises(BadInputError, match="no run has left a manifest"):
        find_runs(["previous", "last"], tmp_path)


def test_a_damaged_manifest_is_set_aside_and_told(tmp_path, write_run, caplog):
    for version in (FIRST, SECOND):
        write_run(tmp_path, version, correct=RIGHT)
    (tmp_path / "08_reporting/run_manifest.json" / THIRD).mkdir()
    (tmp_path / "08_reporting/run_manifest.json" / THIRD / "run_manifest.json").write_text("{")
    assert find_runs(["previous", "last"], tmp_path)[1].version == SECOND
    assert THIRD in caplog.text


def test_results_that_an_earlier_run_gathered_belong_to_the_run_that_read_them(tmp_path, write_run):
    write_run(tmp_path, FIRST, datasets_read={"white.resnet18.verdict": "earlier", "grey.resnet18.verdict": "earlier"})
    write_run(tmp_path, SECOND, datasets_read={"white.results": FIRST})
    run = find_runs([FIRST, SECOND], tmp_path)[1]
    assert run.versions["white.resnet18.verdict"] == "earlier"
    assert "grey.resnet18.verdict" not in run.versions
