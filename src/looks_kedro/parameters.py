"""Refuses parameters that nothing knows, before a run starts.

The models of the parameters stand with the pipelines that use them; which exist is read from the pipelines themselves,
so that there is no second list to keep.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from looks_kedro.errors import BadParameterError
from looks_kedro.parameter_groups import unknown_message

STUDY = "study"
"""``--params study=NAME`` moves a study to data/NAME; the catalog reads it, and no pipeline."""
FOLDERS = {"celebrities": "path", "ordinary": "path", "labels": "labels"}
"""Short forms that ``--env folders`` puts into ``acquisition``, and the field where they arrive."""


def check_parameters(
    parameters: Mapping[str, Any], models: Mapping[str, type[BaseModel]], given: Mapping[str, Any]
) -> None:
    """Check every parameter against the model of its group.

    Args:
        parameters: all parameters, those of the run merged over those of the configuration.
        models: model of each group, by dotted name such as ``training`` or ``backbones.custom``.
        given: those of the run alone; a short form that the environment's configuration does not read is an error,
            because it would be ignored.

    Raises:
        BadParameterError: names each parameter that is unknown, of the wrong type or out of range.
    """
    known = {name.partition(".")[0] for name in models} | {STUDY}
    problems = [unknown_message(name, known) for name in sorted(parameters) if name not in known | FOLDERS.keys()]
    problems += [
        f"Parameter {name} means nothing in this environment; `--env folders` reads celebrities, ordinary and labels."
        for name, field in FOLDERS.items()
        if name in given and given[name] not in _arrived(parameters, field)
    ]
    for name, model in sorted(models.items()):
        problems += _group_problems(name, model, parameters)
    if problems:
        raise BadParameterError("\n".join(problems))


def check_group(name: str, model: type[BaseModel], parameters: Mapping[str, Any]) -> None:
    """Check one group of the parameters, ahead of the others.

    Args:
        name: of the group.
        model: what it must be.
        parameters: all parameters.

    Raises:
        BadParameterError: as ``check_parameters``.
    """
    problems = _group_problems(name, model, parameters)
    if problems:
        raise BadParameterError("\n".join(problems))


def _arrived(parameters: Mapping[str, Any], field: str) -> list[Any]:
    sources = parameters.get("acquisition", {})
    return [source.get(field) for source in sources.values() if isinstance(source, Mapping)]


def _group_problems(name: str, model: type[BaseModel], parameters: Mapping[str, Any]) -> list[str]:
    group, _, member = name.partition(".")
    if group not in parameters:
        return [f"Parameter {group} is missing; restore it in conf/base/parameters_{group}.yml."]
    value = parameters[group]
    if member:
        if not isinstance(value, Mapping) or member not in value:
            return [f"Parameter {name} is missing; expected a mapping for {member} below {group}."]
        value = value[member]
    try:
        model.model_validate(value)
    except ValidationError as error:
        return [_told(name, model, problem) for problem in error.errors(include_url=False)]
    return []


def _told(name: str, model: type[BaseModel], problem: Any) -> str:
    path = ".".join([name, *(str(part) for part in problem["loc"])])
    if problem["type"] == "extra_forbidden":
        return unknown_message(
            path, {f"{path.rpartition('.')[0]}.{field}" for field in _fields_at(model, problem["loc"][:-1])}
        )
    # What does not go together is told by the model; the whole group would say nothing more.
    untold = problem["type"] == "missing" or (problem["type"] == "value_error" and not problem["loc"])
    found = "" if untold else f"; found {problem['input']!r}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"Parameter {path}: {message[:1].lower()}{message[1:]}{found}."


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    named = False
    for part in path:
        if named:  # a key of a mapping whose values are models
            named = False
            continue
        field = model.model_fields.get(str(part))
        inner = _model_of(field.annotation) if field is not None else None
        if inner is None:
            return []
        model, named = inner
    return [] if named else list(model.model_fields)


def _model_of(annotation: Any) -> tuple[type[BaseModel], bool] | None:
    """The model of a field, alone or None beside it, and whether the field maps names to such models."""
    given = [one for one in get_args(annotation) if one is not NoneType]
    if get_origin(annotation) in (Union, UnionType) and len(given) == 1:
        annotation = given[0]
        given = list(get_args(annotation))
    named = get_origin(annotation) is dict
    inner = given[1] if named else annotation
    return (inner, named) if isinstance(inner, type) and issubclass(inner, BaseModel) else None
