"""The names of parameters, read from the configuration's files and the package's source as they stand.

Which parameters there are within a group is known for certain from the pipelines; that a whole group does not exist, or
that nothing at all is called so, is seen without building them, so that a slip of the pen is told at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from looks_kedro.errors import BadParameterError

SHORT_FORMS = ("celebrities", "labels", "ordinary", "runs", "study")
"""Given on the command line alone; the configuration puts them where they belong."""
OPEN_GROUPS = ("backbones", "variants")
"""Their members have names of the user's own."""


def check_groups(given: Mapping[str, Any], conf: Path, environments: Iterable[str]) -> None:
    """Refuse parameters of a run when none of them exists.

    Where one of them may, the full check tells what is wrong with all of them at once.

    Args:
        given: parameters of the run.
        conf: folder of the configuration.
        environments: folders in it that the run reads.

    Raises:
        BadParameterError: names each.
    """
    shown = shown_parameters(conf, environments)
    known = {*SHORT_FORMS, *shown}
    problems = [unknown_message(str(name), known) for name in sorted(given) if name not in known]
    for group in sorted(known & given.keys()):
        fields, value = shown.get(group, set()), given[group]
        if group in OPEN_GROUPS or not fields or not isinstance(value, Mapping) or not value:
            return
        if not fields.isdisjoint(value) or not annotated_names().isdisjoint(value):
            return
        problems += [unknown_message(f"{group}.{name}", {f"{group}.{field}" for field in fields}) for name in value]
    if problems:
        raise BadParameterError("\n".join(problems))


def shown_parameters(conf: Path, environments: Iterable[str]) -> dict[str, set[str]]:
    """Top-level names of all ``parameters*.yml``, with the names directly below each.

    Args:
        conf: folder of the configuration.
        environments: folders in it.
    """
    shown: dict[str, set[str]] = {}
    for path in [path for name in environments for path in (conf / name).glob("**/parameters*.yml")]:
        fields: set[str] = set()
        for indent, name in re.findall(r"^(  )?([A-Za-z]\w*):", path.read_text("utf-8"), re.MULTILINE):
            if indent:
                fields.add(name)
            else:
                fields = shown.setdefault(name, set())
    return shown


def annotated_names() -> set[str]:
    """Every name that the package's source annotates where fields of a class stand.

    A user's files need not show every parameter, and to ask the models takes all pipelines. But what is not among these
    names is certainly a field of no model.
    """
    sources = (path.read_text("utf-8") for path in Path(__file__).parent.rglob("*.py"))
    return {name for source in sources for name in re.findall(r"^    (\w+)\s*:", source, re.MULTILINE)}


def unknown_message(path: str, known: Iterable[str]) -> str:
    """What is said of a parameter that does not exist.

    Args:
        path: its dotted name.
        known: names that would have been right.
    """
    candidates = sorted(known)
    near = get_close_matches(path, candidates, n=1)
    if not candidates:
        return f"Parameter {path} is unknown."
    advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(candidates)}."
    return f"Parameter {path} is unknown; {advice}"
