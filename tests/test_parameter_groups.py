"""A group of parameters that does not exist is seen in the configuration's files alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from looks_kedro.errors import BadParameterError
from looks_kedro.parameter_groups import check_groups, group_names

CONF = Path(__file__).parents[1] / "conf"


def test_every_group_of_the_files_is_known_and_nothing_below_it(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/parameters_a.yml").write_text("# no: comment\ntraining:\n  epochs: 3\nlabels_of: {a: 1}\n")
    (tmp_path / "base/catalog.yml").write_text("faces:\n")
    assert group_names(tmp_path, ["base", "missing"]) == {"training", "labels_of"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"nonsense": 1}, "Parameter nonsense is unknown; known are acquisition, "),
        ({"trainin": {"epochs": 1}}, r"Parameter trainin is unknown; did you mean training\?"),
        ({"trainin": 1, "ausit": 2}, r"ausit is unknown; did you mean audit\?\nParameter trainin"),
    ],
)
def test_parameters_of_no_group_are_refused(given, told):
    with pytest.raises(BadParameterError, match=told):
        check_groups(given, CONF, ["base"])


@pytest.mark.parametrize("given", [{}, {"training": {"epoch": 1}}, {"study": "mine"}, {"training": {}, "nonsense": 1}])
def test_what_may_be_right_is_left_to_the_full_check(given):
    check_groups(given, CONF, ["base"])
