"""The configuration shows a user every parameter there is, and says nothing that nothing reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel

from looks_kedro.cells import Cells
from looks_kedro.learning import Training
from looks_kedro.pipeline_registry import every_pipeline


def configured(project, env: str) -> dict[str, Any]:
    bootstrap_project(project)
    with KedroSession.create(project, env=env) as session:
        return session.load_context().config_loader["parameters"]


def models() -> dict[str, type[BaseModel]]:
    return {"cells": Cells, **TypeExtractor(every_pipeline()).extract_types_from_pipelines()}


def names(value: Any, path: str = "") -> set[str]:
    """Dotted names of all leaves of nested mappings."""
    if not isinstance(value, Mapping):
        return {path}
    return {name for key, inner in value.items() for name in names(inner, f"{path}.{key}".lstrip("."))}


def at(parameters: Mapping[str, Any], path: str) -> Any:
    for part in path.split("."):
        parameters = parameters[part]
    return parameters


@pytest.mark.parametrize("name", sorted(models()))
def test_base_shows_every_parameter(project, name):
    value, model = at(configured(project, "base"), name), models()[name]
    complete = model.model_validate(value).model_dump()
    if name == "hyperparameters":
        # A setting names what it changes, and nothing else.
        complete["settings"] = value["settings"]
    if name.startswith("variants."):
        # The colour means something for one kind alone.
        complete = {key: complete[key] for key in value}
    assert names(value) == names(complete)


@pytest.mark.parametrize("env", ["base", "demo", "folders", "hyper", "test"])
def test_every_environment_is_valid(project, env):
    parameters = configured(project, env)
    for name, model in models().items():
        model.model_validate(at(parameters, name))
    assert parameters.keys() == {name.partition(".")[0] for name in models()}


def test_base_and_hyper_are_the_published_settings(project):
    base, hyper = (Training.model_validate(configured(project, env)["training"]) for env in ("base", "hyper"))
    assert base == Training()
    assert (base.optimizer, base.learning_rate, base.epochs, base.batch_size, base.workers) == ("adam", 1e-4, 10, 32, 2)
    assert (hyper.epochs, hyper.batch_size, hyper.workers, hyper.image_size) == (5, 64, 4, 224)
