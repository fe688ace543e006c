"""Parameters that do not exist are seen in the configuration's files and the source alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel

from looks_kedro.cells import Cells
from looks_kedro.errors import BadParameterError
from looks_kedro.parameter_groups import OPEN_GROUPS, annotated_names, check_groups, shown_parameters
from looks_kedro.parameters import check_group
from looks_kedro.pipeline_registry import every_pipeline

CONF = Path(__file__).parents[1] / "conf"


@pytest.fixture(scope="module")
def models() -> dict[str, type[BaseModel]]:
    return {"cells": Cells, **TypeExtractor(every_pipeline()).extract_types_from_pipelines()}


def nested(annotation: Any) -> Iterator[type[BaseModel]]:
    """A model and all models within it, also those within lists and alternatives."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from nested(field.annotation)
    for part in get_args(annotation):
        yield from nested(part)


def test_every_group_of_the_files_is_known_with_the_names_directly_below_it(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/parameters_a.yml").write_text(
        "# no: comment\ntraining:\n  epochs: 3\n  # a: comment\n  augmentation:\n    mirror: 0\n\n  seed: 0\n"
        "labels_of: {a: 1}\n"
    )
    (tmp_path / "base/catalog.yml").write_text("faces:\n")
    shown = {"training": {"epochs", "augmentation", "seed"}, "labels_of": set()}
    assert shown_parameters(tmp_path, ["base", "missing"]) == shown


def test_the_names_of_the_base_files_are_those_that_yaml_reads():
    read = {}
    for file in (CONF / "base").glob("parameters*.yml"):
        read |= yaml.safe_load(file.read_text("utf-8"))
    assert shown_parameters(CONF, ["base"]) == {group: set(value) for group, value in read.items()}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"nonsense": 1}, "Parameter nonsense is unknown; known are acquisition, "),
        ({"trainin": {"epochs": 1}}, r"Parameter trainin is unknown; did you mean training\?"),
        ({"trainin": 1, "ausit": 2}, r"ausit is unknown; did you mean audit\?\nParameter trainin"),
        ({"training": {"epoch": 1}}, r"Parameter training.epoch is unknown; did you mean training.epochs\?"),
        ({"training": {"epoch": 1}, "nonsense": 1}, r"nonsense is unknown; .*\nParameter training.epoch is unknown"),
        ({"training": {"epoch": 1}, "audit": {"drawz": 1}}, r"audit.drawz is .*\nParameter training.epoch is unknown"),
    ],
)
def test_parameters_that_do_not_exist_are_refused(given, told):
    with pytest.raises(BadParameterError, match=told):
        check_groups(given, CONF, ["base"])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"study": "mine"},
        {"training": {}},
        {"training": 3},
        {"training": {}, "nonsense": 1},
        {"training": {"epoch": 1, "seed": 1}},
        {"training": {"epoch": 1}, "audit": {"draws": 1}},
        {"training": {"augmentation": {"mirow": 1}}},
        {"variants": {"mine": {"kind": "original"}}},
        {"backbones": {"vgg11": {"name": "vgg11"}}},
    ],
)
def test_what_may_be_right_is_left_to_the_full_check(given):
    check_groups(given, CONF, ["base"])


def test_a_field_that_the_files_of_a_user_do_not_show_is_no_slip(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/parameters_training.yml").write_text("training:\n  seed: 0\n")
    check_groups({"training": {"epochs": 3}}, tmp_path, ["base"])
    with pytest.raises(BadParameterError, match=r"training.sed is unknown; did you mean training.seed\?"):
        check_groups({"training": {"sed": 3}}, tmp_path, ["base"])


def test_every_field_of_every_model_is_found_in_the_source(models):
    fields = {name for model in models.values() for one in nested(model) for name in one.model_fields}
    assert {"epochs", "mirror", "delta"} <= fields
    assert fields <= annotated_names()
    assert "epoch" not in annotated_names()


def test_the_groups_whose_members_a_user_names_are_open(models):
    assert {name.partition(".")[0] for name in models if "." in name} == set(OPEN_GROUPS)


def test_a_slip_in_any_group_is_told_in_the_words_of_the_full_check(models):
    for file in (CONF / "base").glob("parameters*.yml"):
        for group, value in yaml.safe_load(file.read_text("utf-8")).items():
            if group in OPEN_GROUPS:
                continue
            for slip in ("nonexistent", f"{min(value)}zz"):
                with pytest.raises(BadParameterError) as early:
                    check_groups({group: {slip: 1}}, CONF, ["base"])
                with pytest.raises(BadParameterError) as full:
                    check_group(group, models[group], {group: value | {slip: 1}})
                assert f"{early.value}" in f"{full.value}".splitlines()
