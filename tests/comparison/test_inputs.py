"""What went into runs is compared thing by thing."""

from __future__ import annotations

from looks_kedro.comparison import find_runs, input_table, runs_table

FIRST, SECOND = "2026-01-01T10.00.00.000Z", "2026-01-02T10.00.00.000Z"


def rows(table, name):
    return table[table["name"] == name].set_index("run")


def compared(tmp_path, write_run, first, second):
    write_run(tmp_path, FIRST, **first)
    write_run(tmp_path, SECOND, **second)
    return find_runs([FIRST, SECOND], tmp_path)


def test_each_parameter_has_its_value_in_each_run_and_whether_it_differs(tmp_path, write_run):
    runs = compared(
        tmp_path,
        write_run,
        {"parameters": {"training": {"epochs": 3, "seed": 0}, "cells": {"variants": ["white", "original"]}}},
        {
            "parameters": {
                "training": {"epochs": 5, "seed": 0, "fresh": None},
                "cells": {"variants": ["white", "original"]},
            }
        },
    )
    table = input_table(runs)
    assert rows(table, "training.epochs")["value"].to_dict() == {FIRST: "3", SECOND: "5"}
    assert rows(table, "cells.variants")["value"].tolist() == ["white+original"] * 2
    assert rows(table, "training.fresh")["value"].tolist() == ["", "null"]
    assert set(table.loc[table["changed"], "name"]) == {"training.epochs", "training.fresh"}


def test_a_number_is_the_same_with_and_without_its_point(tmp_path, write_run):
    degrees = [{"parameters": {"balancing": {"max_degrees": value}}} for value in (10, 10.0)]
    assert not rows(input_table(compared(tmp_path, write_run, *degrees)), "balancing.max_degrees")["changed"].any()


def test_data_are_the_same_where_their_content_is_whatever_their_version(tmp_path, write_run):
    runs = compared(
        tmp_path,
        write_run,
        {"datasets_read": {"faces": "a", "labels": "a"}, "contents": {"faces": "1" * 64, "labels": "2" * 64}},
        {"datasets_read": {"faces": "b", "labels": "a"}, "contents": {"faces": "1" * 64, "labels": "3" * 64}},
    )
    table = input_table(runs)
    assert not rows(table, "faces")["changed"].any()
    assert rows(table, "labels")["changed"].all()
    assert rows(table, "labels").at[SECOND, "value"] == "a, sha256 333333333333"


def test_data_that_one_run_did_not_read_do_not_count_as_different(tmp_path, write_run):
    runs = compared(tmp_path, write_run, {"datasets_read": {"faces": "a"}}, {})
    assert not rows(input_table(runs), "faces")["changed"].any()


def test_data_of_runs_that_wrote_no_content_down_are_compared_by_version(tmp_path, write_run):
    runs = compared(tmp_path, write_run, {"datasets_read": {"faces": "a"}}, {"datasets_read": {"faces": "b"}})
    assert rows(input_table(runs), "faces")["changed"].all()


def test_code_and_packages_are_compared(tmp_path, write_run):
    runs = compared(
        tmp_path, write_run, {}, {"code": {"commit": "abc", "clean": False}, "packages": {"numpy": "3"}, "machine": {}}
    )
    table = input_table(runs)
    changed = set(table.loc[table["changed"], "name"])
    assert changed == {"changes since the commit", "numpy", "device"}
    facts = runs_table(runs)
    assert facts["changes"].tolist() == [False, True]
    assert facts["seconds"].tolist() == [60.0, 60.0]


def test_a_run_without_parameters_has_none(tmp_path, write_run):
    table = input_table(compared(tmp_path, write_run, {}, {"parameters": {"variants": {}}}))
    assert table.loc[table["part"] == "parameter", "name"].unique().tolist() == ["variants"]


def test_data_of_one_version_are_the_same_where_only_one_run_wrote_their_content_down(tmp_path, write_run):
    runs = compared(
        tmp_path,
        write_run,
        {"datasets_read": {"faces": "a", "labels": "a"}},
        {"datasets_read": {"faces": "a", "labels": "b"}, "contents": {"faces": "1" * 64, "labels": "2" * 64}},
    )
    table = input_table(runs)
    assert not rows(table, "faces")["changed"].any()
    assert rows(table, "labels")["changed"].all()
